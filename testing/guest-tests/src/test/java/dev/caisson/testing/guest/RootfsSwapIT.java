package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Programs work on a root filesystem while an operator changes what serves it, and the platform below them; they do not notice. The root is a
 * small tree of the host, on which the providers agree; programs and libraries are volumes. The order and the time between changes come
 * from a seed; {@code -Dcaisson.swap.seed=N} asks for another one.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class RootfsSwapIT {
    private static final int SWAPS = Integer.getInteger("caisson.swap.rootfs", 100);
    private static final long SEED = Long.getLong("caisson.swap.seed", 4);
    private static final long LONGEST_GAP_NS = 100_000_000;
    private static final Path DIOD = Path.of("/usr/sbin/diod");
    private static final Pattern PAUSE = Pattern.compile("\"pauseMs\":\"([0-9.]+)\"");
    /** What programs need besides the root itself. */
    private static final List<String> SHARED = List.of("/usr", "/etc/alternatives", "/etc/ld.so.cache");

    private final Random random = new Random(SEED);
    private final List<Process> servers = new ArrayList<>();
    private SwappedSandbox sandbox;
    private Path root;
    private Path work;

    /** Where changes lead, by a name for messages: the rest of a request. */
    private final Map<String, String> targets = new LinkedHashMap<>();

    @BeforeEach
    void makeTree() throws IOException {
        sandbox = new SwappedSandbox();
        root = sandbox.directory.resolve("root");
        work = root.resolve("work");
        for (String directory : List.of("work", "tmp", "proc", "sys", "dev", "usr", "etc/alternatives")) {
            Files.createDirectories(root.resolve(directory));
        }
        Files.writeString(root.resolve("etc/passwd"), "root:x:0:0:root:/work:/bin/sh\n");
        Files.createFile(root.resolve("etc/ld.so.cache"));
        // As on the host: directories, or links into /usr.
        for (String name : List.of("bin", "sbin", "lib", "lib64")) {
            Path there = Path.of("/", name);
            if (Files.isSymbolicLink(there)) {
                Files.createSymbolicLink(root.resolve(name), Files.readSymbolicLink(there));
            } else if (Files.isDirectory(there, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectory(root.resolve(name));
            }
        }
        Files.createDirectory(sandbox.directory.resolve("empty"));
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        sandbox.close();
        for (Process server : servers) {
            Runner.end(server);
        }
    }

    private String volumes() {
        StringBuilder options = new StringBuilder();
        for (String path : SHARED) {
            options.append(" --volume ").append(path).append(':').append(path).append(":ro");
        }
        for (String name : List.of("bin", "sbin", "lib", "lib64")) {
            if (Files.isDirectory(root.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
                options.append(" --volume /").append(name).append(":/").append(name).append(":ro");
            }
        }
        return options.toString();
    }

    private String overlay() {
        return "--rootfs overlay --rootfs-source " + sandbox.directory + "/empty --rootfs-upper " + root;
    }

    private void serve(String name, Path socket, String command, String options) throws IOException, InterruptedException {
        servers.add(Runner.start(sandbox.directory, command));
        await(socket);
        targets.put(name, "\"name\":\"9p\",\"source\":\"unix:" + socket + "\"," + options);
    }

    private static void await(Path file) throws InterruptedException {
        for (int i = 0; !Files.exists(file); i++) {
            assertTrue(i < 3000, () -> "waited in vain for " + file);
            Thread.sleep(50);
        }
    }

    private void makeTargets() throws IOException, InterruptedException {
        targets.put("overlay", "\"name\":\"overlay\",\"source\":\"" + sandbox.directory + "/empty\",\"option.upperdir\":\"" + root + "\"");
        Path gofer = sandbox.directory.resolve("gofer.sock");
        serve("our gofer", gofer, "exec $CAISSON gofer --listen unix:" + gofer + " root=" + root, "\"options\":\"aname=root\"");
        targets.put("our gofer, exclusive", targets.get("our gofer").replace("aname=root", "aname=root,cache=exclusive"));
        if (Files.isExecutable(DIOD) && "root".equals(System.getProperty("user.name"))) {
            Path diod = sandbox.directory.resolve("diod.sock");
            serve("diod", diod, "trap '' PIPE; exec " + DIOD + " -f -n -N -c /dev/null -e " + root + " -l " + diod + " -L /dev/null",
                    "\"options\":\"aname=" + root + "\"");
        }
    }

    private String swap(String target) throws IOException {
        return swap("rootfs", target);
    }

    private String swap(String kind, String target) throws IOException {
        return sandbox.request("{\"command\":\"swap\",\"kind\":\"" + kind + "\"," + targets.get(target) + "}");
    }

    // ---- programs

    @Test
    void gitDatabaseCompilerAndLogSurviveChangesOfTheRootAndThePlatform() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v git && command -v sqlite3 && command -v gcc").status() == 0, "needs git, sqlite3 and gcc");
        survivesChanges();
    }

    /** Of the full tests: what it found last, a fid of diod's that led to another file, showed once in four runs on a crowded machine only. */
    @Test
    @EnabledIfSystemProperty(named = "caisson.full", matches = "true")
    void openFilesOfAllKindsSurviveChangesOfTheRootAndThePlatform() throws IOException, InterruptedException {
        Path program = GuestCompiler.compiled(Path.of("swap/open_files.c"));
        Files.createDirectory(sandbox.directory.resolve("reference"));
        for (Path directory : List.of(work, sandbox.directory.resolve("reference"))) {
            Files.copy(program, directory.resolve("open_files"));
        }
        survivesChanges();
    }

    /** Executable, linker and libraries are on the root itself, as are a working directory and another process's root. */
    @Test
    void whatIsMappedFromTheRootAndWhatIsLoadedLaterWork() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v gcc").status() == 0, "needs gcc");
        Outcome built = Runner.shell("sh " + Runner.MODULE.resolve("swap/mapped_root.sh") + " " + work + " /work");
        assertEquals(0, built.status(), built::toString);
        makeTargets();
        BufferedReader output = sandbox.start(overlay() + " --cwd /work", "/work/mapped_root");
        assertEquals("running", output.readLine());
        List<String> names = new ArrayList<>(targets.keySet());
        names.add("overlay");
        int round = 0;
        for (String target : names.subList(1, names.size())) {
            String answer = swap(target);
            assertTrue(PAUSE.matcher(answer).find() && !answer.contains("/work"), () -> "to " + target + ": " + answer);
            sandbox.process().outputWriter().append("go\n").flush();
            assertEquals("round " + ++round, output.readLine());
        }
        sandbox.process().outputWriter().close();
        assertEquals("end", output.readLine());
        assertEquals(0, sandbox.status());
    }

    @Test
    void aVolumeChangesUnderLoadAndTheRootDoesNot() throws IOException, InterruptedException {
        Files.copy(GuestCompiler.compiled(Path.of("swap/open_files.c")), work.resolve("open_files"));
        makeTargets();
        targets.remove("overlay");
        targets.put("directory", "\"name\":\"hostdir\",\"source\":\"" + root + "\"");
        BufferedReader output = sandbox.start("--volume " + root + ":/work --cwd /work/work", "/work/work/open_files");
        assertEquals("running", output.readLine());
        changeAtRandom("volume:/work", "directory", Math.min(SWAPS, 25));
        swap("volume:/work", "directory"); // who owns the tree alone does not look for files that others make
        assertTrue(sandbox.request("{\"command\":\"swap\",\"kind\":\"volume:/work/work\"," + targets.get("directory") + "}")
                .contains("nothing of its own is mounted"));
        Files.createFile(work.resolve("stop"));
        StringBuilder seen = new StringBuilder();
        sandbox.finish(seen);
        assertEquals("offsets\nnames\ndirectories\nlocks\npipes\nmappings\nwatches\ncrowd\n", seen.toString());
        assertEquals(0, sandbox.status());
    }

    /** Without an answer, the volume's server would be waited for much longer than a change is ready to wait. */
    @Test
    void whoAsksAServerThatDoesNotAnswerKeepsNoChangeWaiting() throws IOException, InterruptedException {
        makeTargets();
        Path data = Files.createDirectory(sandbox.directory.resolve("data"));
        Files.writeString(data.resolve("file"), "told in the end\n");
        Path socket = sandbox.directory.resolve("data.sock");
        serve("data", socket, "exec $CAISSON gofer --listen unix:" + socket + " data=" + data, "\"options\":\"aname=data,timeout=3600000\"");
        Process server = servers.getLast();
        BufferedReader output = sandbox.start(overlay() + volumes() + " --volume " + data + ":/tmp --cwd /",
                "sh -c 'echo running; read line; for i in 1 2 3; do (: >/work/asks$i; cat /tmp/file) & done; wait'");
        assertEquals("running", output.readLine());
        String answer = swap("volume:/tmp", "data");
        assertTrue(PAUSE.matcher(answer).find(), answer);
        signal(server, "STOP");
        try {
            sandbox.process().outputWriter().append("go\n").close();
            for (String name : List.of("asks1", "asks2", "asks3")) {
                await(work.resolve(name));
            }
            for (String target : List.of("our gofer", "overlay", "our gofer")) {
                String changed = swap(target);
                assertTrue(PAUSE.matcher(changed).find(), () -> "to " + target + ": " + changed);
            }
        } finally {
            signal(server, "CONT");
        }
        for (int i = 0; i < 3; i++) {
            assertEquals("told in the end", output.readLine());
        }
        assertEquals(0, sandbox.status());
    }

    private static void signal(Process process, String name) throws IOException, InterruptedException {
        StringBuilder all = new StringBuilder().append(process.pid());
        process.descendants().forEach(each -> all.append(' ').append(each.pid()));
        Outcome outcome = Runner.shell("kill -" + name + " " + all);
        assertEquals(0, outcome.status(), outcome::toString);
    }

    private void survivesChanges() throws IOException, InterruptedException {
        Path script = Runner.MODULE.resolve("swap/rootfs.sh");
        Path reference = Files.createDirectories(sandbox.directory.resolve("reference"));
        Files.createFile(reference.resolve("stop"));
        Outcome expected = Runner.shell("sh " + script + " " + reference);
        assertEquals(0, expected.status(), expected::toString);

        Files.copy(script, root.resolve("rootfs.sh"));
        makeTargets();
        BufferedReader output = sandbox.start(overlay() + volumes() + " --cwd /work", "sh /rootfs.sh /work");
        StringBuilder seen = new StringBuilder(output.readLine()).append('\n');
        double[] pauses = changeAtRandom("rootfs", "overlay", SWAPS);
        String shared = swap("our gofer"); // who owns the tree alone does not look for files that others make
        assertTrue(PAUSE.matcher(shared).find(), shared);
        sandbox.swapToPtrace();
        Files.createFile(work.resolve("stop"));
        sandbox.finish(seen);
        assertEquals(expected.output(), seen.toString());
        assertEquals(0, sandbox.status());
        Arrays.sort(pauses);
        System.out.printf(Locale.ROOT, "%d changes of the root filesystem among %s, seed %d: pause median %.1f ms, 95 %% %.1f ms, longest %.1f ms;"
                + " rounds: %s%n", pauses.length, targets.keySet(), SEED, pauses[pauses.length / 2], pauses[pauses.length * 95 / 100],
                pauses[pauses.length - 1], Files.readString(work.resolve("rounds")).replace('\n', ' '));
    }

    private double[] changeAtRandom(String kind, String first, int count) throws IOException {
        double[] pauses = new double[count];
        List<String> names = List.copyOf(targets.keySet());
        String current = first;
        for (int i = 0; i < count; i++) {
            String next;
            do {
                next = names.get(random.nextInt(names.size()));
            } while (next.equals(current));
            String from = current;
            String to = next;
            String answer = swap(kind, to);
            Matcher pause = PAUSE.matcher(answer);
            assertTrue(pause.find(), () -> "to " + to + " from " + from + ": " + answer);
            pauses[i] = Double.parseDouble(pause.group(1));
            current = to;
            if (i % 5 == 4) {
                sandbox.swapPlatformOnce();
            }
            LockSupport.parkNanos(random.nextLong(LONGEST_GAP_NS));
        }
        return pauses;
    }

    // ---- what is refused, and told

    @Test
    void anotherTreeIsRefusedAndTheProgramGoesOn() throws IOException, InterruptedException {
        BufferedReader output = sandbox.start(overlay() + volumes() + " --cwd /", "sh -c 'echo running; read line; echo $line'");
        assertEquals("running", output.readLine());
        String answer = sandbox.request("{\"command\":\"swap\",\"kind\":\"rootfs\",\"name\":\"hostdir\",\"source\":\"" + sandbox.directory + "\"}");
        assertTrue(answer.contains("is not the directory that is mounted"), answer);
        assertTrue(sandbox.request("{\"command\":\"swap\",\"kind\":\"rootfs\",\"name\":\"nosuch\"}").contains("no rootfs named nosuch"));
        sandbox.process().outputWriter().append("still there\n").close();
        assertEquals("still there", output.readLine());
        assertEquals(0, sandbox.status());
    }

    @Test
    void changesInMemoryAreNotLost() throws IOException, InterruptedException {
        String memory = "--rootfs overlay --rootfs-source " + root;
        BufferedReader output = sandbox.start(memory + volumes() + " --cwd /", "sh -c 'echo new >/work/file; echo running; read line; cat /work/file'");
        assertEquals("running", output.readLine());
        String answer = sandbox.request("{\"command\":\"swap\",\"kind\":\"rootfs\",\"name\":\"hostdir\",\"source\":\"" + root + "\"}");
        assertTrue(answer.contains("\"error\"") && answer.contains("caisson diff"), answer);
        sandbox.process().outputWriter().append("\n").close();
        assertEquals("new", output.readLine());
        assertEquals(0, sandbox.status());
    }

    @Test
    void aFileWithoutANameStaysAndIsTold() throws IOException, InterruptedException {
        BufferedReader output = sandbox.start("--rootfs hostdir --rootfs-source " + root + volumes() + " --cwd /",
                "sh -c 'exec 3<>/work/gone; rm /work/gone; echo kept >&3; echo running; read line; cat /proc/self/fd/3; echo on >/work/after'");
        assertEquals("running", output.readLine());
        String answer = sandbox.request("{\"command\":\"swap\",\"kind\":\"rootfs\"," + "\"name\":\"overlay\",\"source\":\"" + sandbox.directory
                + "/empty\",\"option.upperdir\":\"" + root + "\"}");
        assertTrue(PAUSE.matcher(answer).find() && answer.contains("/work/gone (deleted) (pid 1 fd 3): its name is gone"), answer);
        sandbox.process().outputWriter().append("\n").close();
        assertEquals("kept", output.readLine());
        assertEquals(0, sandbox.status());
        assertEquals("on\n", Files.readString(work.resolve("after")));
    }

    @Test
    void anOverlayIsTakenAgainWhileAFileOfItIsOpen() throws IOException, InterruptedException {
        makeTargets();
        BufferedReader output = sandbox.start(overlay() + volumes() + " --cwd /", "sh -c 'exec 3<>/work/gone; rm /work/gone; echo kept >&3;"
                + " echo running; read line; cat /work/other /proc/self/fd/3; echo more >&3; read line; cat /proc/self/fd/3; echo on >/work/after'");
        assertEquals("running", output.readLine());
        String answer = swap("our gofer");
        assertTrue(PAUSE.matcher(answer).find() && answer.contains("/work/gone (deleted) (pid 1 fd 3)"), answer);
        Files.writeString(work.resolve("other"), "made by others\n");
        String refused = sandbox.request("{\"command\":\"swap\",\"kind\":\"rootfs\",\"name\":\"overlay\",\"source\":\"" + sandbox.directory
                + "/empty\",\"option.upperdir\":\"" + root + "\",\"option.size\":\"1g\"}");
        assertTrue(refused.contains("in use") && refused.contains("/work/gone (deleted) (pid 1 fd 3)"), refused);
        answer = swap("overlay");
        assertTrue(PAUSE.matcher(answer).find() && !answer.contains("/work/gone"), answer);
        sandbox.process().outputWriter().append("\n").flush();
        assertEquals("made by others", output.readLine());
        assertEquals("kept", output.readLine());
        assertTrue(swap("our gofer").contains("/work/gone"));
        sandbox.process().outputWriter().append("\n").close();
        assertEquals("kept", output.readLine());
        assertEquals("more", output.readLine());
        assertEquals(0, sandbox.status());
        assertEquals("on\n", Files.readString(work.resolve("after")));
    }
}
