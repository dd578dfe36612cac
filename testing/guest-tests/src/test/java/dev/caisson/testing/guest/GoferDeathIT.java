package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The server of the root filesystem is ended by kill -9 while programs work on it, again and again: another gofer is started, or diod is by
 * somebody else, and programs notice nothing but time. And the sandbox itself is: what fsync promised is there.
 */
@Timeout(900)
final class GoferDeathIT {
    private static final int SOURCES = 12;
    private static final int SEED = Integer.getInteger("caisson.death.seed", 9);
    private static final int LEAST_PAUSE_MS = 500;
    /** Longer than a gofer takes to start on a crowded machine: one that never gets to work is not what is tested. */
    private static final int LEAST_AGE_MS = 3_000;
    private static final int MOST_KILLS = 8;
    private static final Path DIOD = Path.of("/usr/sbin/diod");

    private Path directory;
    private Path work;
    private final List<Process> servers = new ArrayList<>();

    @BeforeEach
    void directory() throws IOException {
        directory = Files.createTempDirectory("caisson-death");
        work = Files.createDirectory(directory.resolve("work"));
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        for (Process server : servers) {
            Runner.end(server);
        }
        Runner.deleteTree(directory);
    }

    private static String sandbox(String source, String command) {
        return "exec $CAISSON do --rootfs 9p " + source + " -- " + command;
    }

    /** Gofers that descend from a process. */
    private static List<ProcessHandle> gofers(Process sandbox) {
        return sandbox.descendants().filter(one -> one.info().commandLine().orElse("").contains("dev.caisson.gofer.Gofer")
                || one.info().arguments().map(words -> List.of(words).contains("dev.caisson.gofer.Gofer")).orElse(false)).toList();
    }

    /**
     * Kills what serves a sandbox once its program prints something and until it has ended, but not for ever: on a slow machine nothing
     * would get done between two kills. A program that wants to be hit reads a line first, which it gets after the first kill.
     *
     * @return how often
     */
    private static int killWhileItRuns(Process sandbox, Path output, Killer killer) throws IOException, InterruptedException {
        Random random = new Random(SEED);
        int kills = 0;
        while (!text(output).contains("started")) {
            assertTrue(!sandbox.waitFor(5, TimeUnit.MILLISECONDS), () -> text(output));
        }
        while (kills < MOST_KILLS && !sandbox.waitFor(LEAST_PAUSE_MS + random.nextInt(LEAST_PAUSE_MS), TimeUnit.MILLISECONDS)) {
            if (killer.kill() && kills++ == 0) {
                tell(sandbox);
            }
        }
        sandbox.waitFor();
        return kills;
    }

    private static void tell(Process program) throws IOException {
        try {
            program.getOutputStream().write('\n');
            program.getOutputStream().flush();
        } catch (IOException e) {
            assertTrue(!program.isAlive(), e::toString);
        }
    }

    private interface Killer {
        boolean kill() throws IOException, InterruptedException;
    }

    private static boolean killGofer(Process sandbox) {
        Instant young = Instant.now().minusMillis(LEAST_AGE_MS);
        List<ProcessHandle> found = gofers(sandbox).stream()
                .filter(one -> one.info().startInstant().map(start -> start.isBefore(young)).orElse(true)).toList();
        found.forEach(ProcessHandle::destroyForcibly);
        return !found.isEmpty();
    }

    /** Starts a script; what it prints goes to a file, so that nobody has to read along. */
    private Process start(Path home, String script, Path output) throws IOException {
        return Runner.start(home, script + " >" + output + " 2>&1");
    }

    private String run(Path home, String script) throws IOException, InterruptedException {
        Path output = directory.resolve("native.out");
        Process process = start(home, script, output);
        tell(process);
        assertEquals(0, process.waitFor(), () -> text(output));
        return text(output);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private void sources(Path home) throws IOException {
        StringBuilder makefile = new StringBuilder("OBJECTS =");
        for (int i = 0; i < SOURCES; i++) {
            makefile.append(" part").append(i).append(".o");
            Files.writeString(home.resolve("part" + i + ".c"), "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
                    + "int part" + i + "(int n) { char text[64]; snprintf(text, sizeof text, \"%d\", n * " + (i + 3) + "); return atoi(text) + "
                    + "(int) strlen(text); }\n");
        }
        makefile.append("\nall: program\n\tsync\nprogram: main.o $(OBJECTS)\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O1 -c -o $@ $<\n");
        StringBuilder main = new StringBuilder("#include <stdio.h>\n");
        for (int i = 0; i < SOURCES; i++) {
            main.append("int part").append(i).append("(int);\n");
        }
        main.append("int main(void) { int sum = 0;\n");
        for (int i = 0; i < SOURCES; i++) {
            main.append("sum += part").append(i).append("(sum);\n");
        }
        Files.writeString(home.resolve("main.c"), main.append("printf(\"%d\\n\", sum); return 0; }\n"));
        Files.writeString(home.resolve("Makefile"), makefile);
    }

    /** A transaction a round, each of which must be there as a whole or not at all; the sum at the end tells. */
    private static final String SQLITE = """
            import sqlite3, sys, os
            base = sqlite3.connect(sys.argv[1])
            base.execute("pragma synchronous=full")
            base.execute("create table t(a integer, b text)")
            for i in range(int(sys.argv[2])):
                if i == 30:
                    sys.stdin.readline()
                with base:
                    for j in range(20):
                        base.execute("insert into t values(?, ?)", (i * j, str(i) * 20))
                    if i % 7 == 3:
                        base.execute("delete from t where a % 5 = 4")
            print(base.execute("select count(*), sum(a), sum(length(b)) from t").fetchone())
            print(base.execute("pragma integrity_check").fetchone())
            """;

    @Test
    void makeAndSqliteGoOnWhenTheGoferIsKilled() throws Exception {
        Path model = Files.createDirectory(directory.resolve("model"));
        sources(work);
        sources(model);
        Files.writeString(work.resolve("base.py"), SQLITE);
        Files.writeString(model.resolve("base.py"), SQLITE);
        String script = "'echo started; make -s -j2 && ./program && python3 base.py base.db 60'";
        String expected = run(model, "exec sh -c " + script);
        Path output = directory.resolve("sandbox.out");
        long start = System.nanoTime();
        Process sandbox = start(work, sandbox("", "sh -c " + script), output);
        int kills = killWhileItRuns(sandbox, output, () -> killGofer(sandbox));
        System.out.println("make and sqlite with " + kills + " gofers killed: " + (System.nanoTime() - start) / 1_000_000 + " ms");
        assertEquals(expected, withoutLog(output));
        assertEquals(0, sandbox.exitValue());
        assertTrue(kills > 0, "the gofer was killed at least once");
        assertEquals(run(model, "exec ./program"), run(work, "exec ./program"));
    }

    private static String withoutLog(Path output) {
        StringBuilder rest = new StringBuilder();
        text(output).lines().filter(line -> !line.contains(" INFO ") && !line.contains("SignalForwarder")
                && !line.contains("caisson gofer: goes without"))
                .forEach(line -> rest.append(line).append('\n'));
        return rest.toString();
    }

    private Process diod(Path socket) throws IOException, InterruptedException {
        Files.deleteIfExists(socket);
        Process server = new ProcessBuilder("/bin/sh", "-c", "trap '' PIPE; exec \"$@\"", "sh", DIOD.toString(), "-f", "-n", "-N", "-c",
                "/dev/null", "-e", "/", "-l", socket.toString(), "-L", "stderr").redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        servers.add(server);
        while (!Files.exists(socket)) {
            assertTrue(!server.waitFor(5, TimeUnit.MILLISECONDS), "diod runs");
        }
        return server;
    }

    @Test
    void aFileWorkloadGoesOnWhenDiodIsKilledAndStartedAgain() throws Exception {
        assumeTrue(Files.isExecutable(DIOD), "needs diod (apt-get install diod)");
        assumeTrue("root".equals(System.getProperty("user.name")), "diod serves other users for root only");
        String script = "'echo started; i=0; mkdir d; while [ $i -lt 100 ]; do echo line $i >>all; echo $i >d/f$i; mv d/f$i d/g$i; "
                + "[ $((i % 3)) = 0 ] && rm d/g$i; i=$((i+1)); done; sync; cat all d/g* | cksum; ls d | wc -l'";
        Path model = Files.createDirectory(directory.resolve("model"));
        String expected = run(model, "exec sh -c " + script);
        for (String policy : List.of("shared", "exclusive")) {
            Path home = Files.createDirectory(work.resolve(policy));
            Path socket = directory.resolve("diod");
            Process[] server = {diod(socket)};
            Path output = directory.resolve(policy + ".out");
            Process sandbox = start(home, sandbox("--9p-server unix:" + socket + ",aname=/,cache=" + policy, "sh -c " + script), output);
            int kills = killWhileItRuns(sandbox, output, () -> {
                server[0].destroyForcibly().waitFor();
                server[0] = diod(socket);
                return true;
            });
            System.out.println("files with diod, " + policy + ", killed " + kills + " times");
            assertEquals(expected, withoutLog(output), policy);
            assertEquals(0, sandbox.exitValue());
            server[0].destroyForcibly().waitFor();
        }
    }

    @Test
    void aSandboxThatDiesHasLostNothingThatFsyncPromised() throws Exception {
        assumeTrue(Files.isExecutable(DIOD), "needs diod (apt-get install diod)");
        assumeTrue("root".equals(System.getProperty("user.name")), "diod serves other users for root only");
        Path socket = directory.resolve("diod");
        diod(socket);
        Files.writeString(work.resolve("promise.py"), """
                import os
                file = os.open("journal", os.O_CREAT | os.O_RDWR)
                number = 0
                while True:
                    for part in range(5):
                        os.write(file, b"%08d\\n" % number)
                        number += 1
                    os.fsync(file)
                    print(number, flush=True)
                """);
        Path output = directory.resolve("promise.out");
        Process sandbox = start(work, sandbox("--9p-server unix:" + socket + ",aname=/,cache=exclusive", "python3 promise.py"), output);
        while (text(output).lines().count() < 40) {
            assertTrue(!sandbox.waitFor(5, TimeUnit.MILLISECONDS), () -> text(output));
        }
        sandbox.destroyForcibly().waitFor();
        List<String> promised = new ArrayList<>(text(output).lines().filter(line -> line.matches("\\d+")).toList());
        int numbers = Integer.parseInt(promised.getLast());
        List<String> journal = Files.readAllLines(work.resolve("journal"));
        assertTrue(journal.size() >= numbers, () -> journal.size() + " of " + numbers);
        for (int i = 0; i < numbers; i++) {
            assertEquals(String.format("%08d", i), journal.get(i));
        }
    }
}
