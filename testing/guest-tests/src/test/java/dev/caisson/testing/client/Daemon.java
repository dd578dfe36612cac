package dev.caisson.testing.client;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A daemon of a container engine, started for one test class with everything of its own, and ended with it. */
final class Daemon {
    private static final long PATIENCE_S = 180;
    private static final long STEP_MS = 50;

    /** Something that comes true by and by. */
    interface Condition {
        boolean holds() throws IOException, InterruptedException;
    }

    private final Process process;
    private final Path log;

    private Daemon(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /**
     * Starts one.
     *
     * @param log where its output goes
     * @param command the daemon
     * @return the running daemon
     */
    static Daemon start(Path log, List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile())
                .redirectInput(Path.of("/dev/null").toFile());
        builder.environment().put("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        builder.environment().put("LC_ALL", "C");
        return new Daemon(builder.start(), log);
    }

    /** {@return whether it runs} */
    boolean isAlive() {
        return process.isAlive();
    }

    /** {@return what it wrote} */
    String log() throws IOException {
        return Files.readString(log, StandardCharsets.ISO_8859_1);
    }

    /**
     * Waits; the end of the daemon, or a long time, fails the test.
     *
     * @param what is waited for
     * @param condition whether it is there
     */
    void await(String what, Condition condition) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!condition.holds()) {
            if (!isAlive() || System.nanoTime() > deadline) {
                fail((isAlive() ? "no " + what + " within " + PATIENCE_S + " s" : "the daemon ended before there was " + what) + "\n" + log());
            }
            Thread.sleep(STEP_MS);
        }
    }

    /** Ends it in its own way, and in the hard one when it does not. */
    void close() throws InterruptedException {
        List<ProcessHandle> all = process.descendants().toList();
        process.destroy();
        if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
        all.forEach(ProcessHandle::destroyForcibly);
    }
}
