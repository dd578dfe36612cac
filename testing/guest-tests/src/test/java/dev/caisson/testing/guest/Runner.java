package dev.caisson.testing.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a command natively or in a sandbox of the assembled distribution, in a directory of its own. */
public final class Runner {
    /** The root of the repository, from the module's folder. */
    public static final Path ROOT = Path.of("..", "..").toAbsolutePath().normalize();
    /** This module. */
    public static final Path MODULE = Path.of("").toAbsolutePath();
    /** The command under test. */
    public static final Path CAISSON =
            Path.of(System.getProperty("caisson.home", ROOT.resolve("distribution/target/caisson").toString()), "bin/caisson");

    /** For a program that hangs: what takes seconds on an idle machine may take minutes on a crowded one. */
    private static final long TIMEOUT_SECONDS = Boolean.getBoolean("caisson.full") ? 1800 : 900;

    /** What scripts find as {@code $CAISSON}. */
    private static volatile Path caisson = CAISSON;

    private Runner() {}

    /** {@return the command that scripts find as {@code $CAISSON}} */
    static Path caisson() {
        return caisson;
    }

    /**
     * Changes what scripts find as {@code $CAISSON}.
     *
     * @param command bin/caisson of some home
     */
    static void use(Path command) {
        caisson = command;
    }

    /**
     * Runs on the host.
     *
     * @param command the command
     * @return what it showed
     */
    static Outcome natively(List<String> command) throws IOException, InterruptedException {
        return run(command);
    }

    /**
     * Runs in a sandbox.
     *
     * @param platform which platform
     * @param command the command
     * @return what it showed
     */
    static Outcome inCaisson(String platform, List<String> command) throws IOException, InterruptedException {
        List<String> full = new ArrayList<>(List.of(CAISSON.toString(), "do", "--platform", platform, "--"));
        full.addAll(command);
        return run(full);
    }

    /**
     * Runs a script of the host's shell; {@code $CAISSON} in it is the command under test. What a test says about standard streams
     * is best said in the language that everybody uses for it.
     *
     * @param script text for {@code sh -c}
     * @return what it showed
     */
    public static Outcome shell(String script) throws IOException, InterruptedException {
        return shell(script, TIMEOUT_SECONDS);
    }

    /**
     * As {@link #shell(String)}, with another limit.
     *
     * @param script text for {@code sh -c}
     * @param timeoutSeconds after so long it is ended
     * @return what it showed
     */
    public static Outcome shell(String script, long timeoutSeconds) throws IOException, InterruptedException {
        return run(List.of("/bin/sh", "-c", script), timeoutSeconds);
    }

    /**
     * Starts a script of the host's shell and does not wait; its output goes to pipes.
     *
     * @param directory where
     * @param script text for {@code sh -c}
     * @return the shell
     */
    static Process start(Path directory, String script) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(withDefaultSignals(List.of("/bin/sh", "-c", script))).directory(directory.toFile());
        environment(builder);
        return builder.start();
    }

    /** Whoever started the build may ignore signals (nohup, a background job); programs that test signals must not inherit that. */
    private static List<String> withDefaultSignals(List<String> command) {
        List<String> full = new ArrayList<>(List.of("env", "--default-signal"));
        full.addAll(command);
        return full;
    }

    private static Outcome run(List<String> command) throws IOException, InterruptedException {
        return run(command, TIMEOUT_SECONDS);
    }

    private static Outcome run(List<String> command, long timeoutSeconds) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("caisson-guest");
        Path output = Files.createTempFile("caisson-guest", ".out");
        Path errors = Files.createTempFile("caisson-guest", ".err");
        try {
            ProcessBuilder builder = new ProcessBuilder(withDefaultSignals(command)).directory(directory.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile()).redirectError(errors.toFile());
            environment(builder);
            Process process = builder.start();
            if (!process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
                end(process);
                return new Outcome(-1, Files.readString(output, StandardCharsets.ISO_8859_1),
                        "no exit within " + timeoutSeconds + " s\n" + Files.readString(errors, StandardCharsets.ISO_8859_1));
            }
            return new Outcome(process.exitValue(), Files.readString(output, StandardCharsets.ISO_8859_1),
                    Files.readString(errors, StandardCharsets.ISO_8859_1));
        } finally {
            Files.deleteIfExists(output);
            Files.deleteIfExists(errors);
            deleteTree(directory);
        }
    }

    /** Ends a process and what it started. */
    static void end(Process process) throws InterruptedException {
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly().waitFor();
        all.forEach(ProcessHandle::destroyForcibly);
    }

    private static void environment(ProcessBuilder builder) {
        Map<String, String> environment = builder.environment();
        String java = environment.get("CAISSON_JAVA_HOME");
        environment.clear();
        environment.putAll(Map.of("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME", "/tmp", "LC_ALL", "C",
                "CAISSON", caisson.toString()));
        if (java != null) {
            environment.put("CAISSON_JAVA_HOME", java);
        }
    }

    /** Removes a directory with all it holds. */
    public static void deleteTree(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
