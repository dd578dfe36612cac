package dev.caisson.fs.ninep;

import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.testing.kit.Await;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A 9P server of somebody else's, started for a test on a socket of its own. */
final class ServerProcess implements AutoCloseable {
    private static final Path DIOD = Path.of("/usr/sbin/diod");

    private final List<String> command;
    private final Path socket;
    /** What it says, or null. */
    private final Path errors;
    private Process process;

    private ServerProcess(List<String> command, Path socket, Path errors) {
        this.command = command;
        this.socket = socket;
        this.errors = errors;
    }

    /**
     * Debian's diod.
     *
     * @param directory what it exports
     * @param socket where it listens
     * @return the server, which answers
     */
    static ServerProcess diod(Path directory, Path socket) {
        Assumptions.assumeTrue(Files.isExecutable(DIOD), "needs diod (apt-get install diod)");
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "diod serves other users for root only");
        ServerProcess server = new ServerProcess(List.of("/bin/sh", "-c", "trap '' PIPE; exec \"$@\"", "sh", DIOD.toString(), "-f",
                "-n", "-N", "-c", "/dev/null", "-e", directory.toString(),
                "-l", socket.toString(), "-L", "stderr"), socket, null);
        server.start();
        return server;
    }

    /**
     * Caisson's own gofer.
     *
     * @param trees what it exports: directories, each called by its own name
     * @param socket where it listens
     * @return the server, which answers
     */
    static ServerProcess gofer(List<Path> trees, Path socket) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow", "-cp", goferPath(), "dev.caisson.gofer.GoferLauncher"));
        trees.forEach(tree -> command.add(tree.getFileName() + "=" + tree));
        command.addAll(List.of("--listen", "unix:" + socket));
        ServerProcess server = new ServerProcess(command, socket, socket.resolveSibling(socket.getFileName() + ".errors"));
        server.start();
        return server;
    }

    /** Where the gofer's classes are, and what they need; the class path of a test is often hidden in the runner's. */
    private static String goferPath() {
        return Stream.of("dev/caisson/gofer/GoferLauncher.class", "dev/caisson/ninep/Qid.class", "dev/caisson/host/HostFile.class",
                "dev/caisson/abi/Errno.class", "com/kenai/jffi/PageManager.class", "jni/x86_64-Linux/libjffi-1.2.so",
                "jnr/ffi/Runtime.class").map(ServerProcess::root).distinct().collect(Collectors.joining(File.pathSeparator));
    }

    /** The jar or directory that has a resource. */
    private static String root(String resource) {
        String url = String.valueOf(ServerProcess.class.getClassLoader().getResource(resource));
        return url.substring(url.indexOf("file:") + 5, url.length() - resource.length() - 1).replace("!", "");
    }

    void start() {
        try {
            Files.deleteIfExists(socket);
            process = new ProcessBuilder(new ArrayList<>(command)).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(errors == null ? ProcessBuilder.Redirect.DISCARD : ProcessBuilder.Redirect.appendTo(errors.toFile()))
                    .start();
            while (!listens()) {
                if (process.waitFor(2, TimeUnit.MILLISECONDS)) {
                    throw new AssertionError("the server ended: " + process.exitValue());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private boolean listens() {
        long probe = HostSocket.connectUnix(socket.toString());
        return probe >= 0 && HostFile.close((int) probe) == 0;
    }

    /** Ends it as kill -9 does. */
    void kill() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Stops it: from now on it answers nobody, until {@link #goOn} or {@link #kill}. */
    void stop() throws Exception {
        signal("STOP");
        Await.until(this::isStopped, "a server that stands still");
    }

    private boolean isStopped() {
        File[] threads = new File("/proc/" + process.pid() + "/task").listFiles();
        boolean isStopped = threads != null;
        for (File thread : threads == null ? new File[0] : threads) {
            isStopped &= line(thread.toPath().resolve("status")).contains("State:\tT");
        }
        return isStopped;
    }

    /** Lets it go on. */
    void goOn() throws Exception {
        signal("CONT");
    }

    private void signal(String name) throws Exception {
        if (new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor() != 0) {
            throw new AssertionError("kill -" + name);
        }
    }

    /** {@return whether it still runs} */
    boolean isAlive() {
        return process.isAlive();
    }

    /** {@return what it has said, of itself and of the gofers before it on this socket} */
    String errors() throws IOException {
        return errors == null ? "" : Files.readString(errors);
    }

    /** {@return where its threads are in the host's kernel: nobody can attach to a gofer} */
    String threads() {
        StringBuilder text = new StringBuilder("process " + process.pid() + (isAlive() ? "\n" : " has ended\n"));
        File[] threads = new File("/proc/" + process.pid() + "/task").listFiles();
        for (File thread : threads == null ? new File[0] : threads) {
            text.append(thread.getName());
            for (String file : List.of("comm", "wchan", "syscall", "stack")) {
                text.append(' ').append(file).append('=').append(line(thread.toPath().resolve(file)));
            }
            text.append('\n');
        }
        return text.toString();
    }

    private static String line(Path file) {
        try {
            return String.join(" ", Files.readAllLines(file, StandardCharsets.ISO_8859_1)).trim();
        } catch (IOException e) {
            return "?";
        }
    }

    /** {@return its address} */
    String address() {
        return "unix:" + socket;
    }

    @Override
    public void close() {
        kill();
    }
}
