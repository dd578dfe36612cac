package dev.caisson.testing.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a command natively or in a sandbox of the assembled distribution, in a directory of its own. */
final class Runner {
    /** The root of the repository, from the module's folder. */
    static final Path ROOT = Path.of("..", "..").toAbsolutePath().normalize();

    private static final Path CAISSON = ROOT.resolve("distribution/target/caisson/bin/caisson");
    private static final long TIMEOUT_SECONDS = 120;

    private Runner() {}

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

    private static Outcome run(List<String> command) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("caisson-guest");
        Path output = Files.createTempFile("caisson-guest", ".out");
        Path errors = Files.createTempFile("caisson-guest", ".err");
        try {
            ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile()).redirectError(errors.toFile());
            Map<String, String> environment = builder.environment();
            String java = environment.get("CAISSON_JAVA_HOME");
            environment.clear();
            environment.putAll(Map.of("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME", "/tmp", "LC_ALL", "C"));
            if (java != null) {
                environment.put("CAISSON_JAVA_HOME", java);
            }
            Process process = builder.start();
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                return new Outcome(-1, Files.readString(output, StandardCharsets.ISO_8859_1),
                        "no exit within " + TIMEOUT_SECONDS + " s\n" + Files.readString(errors, StandardCharsets.ISO_8859_1));
            }
            return new Outcome(process.exitValue(), Files.readString(output, StandardCharsets.ISO_8859_1),
                    Files.readString(errors, StandardCharsets.ISO_8859_1));
        } finally {
            Files.deleteIfExists(output);
            Files.deleteIfExists(errors);
            deleteTree(directory);
        }
    }

    private static void deleteTree(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
