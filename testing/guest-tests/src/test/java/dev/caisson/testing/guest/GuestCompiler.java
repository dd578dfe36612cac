package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Compiles guest programs with the machine's gcc. */
final class GuestCompiler {
    private static final Path BINARIES = Runner.MODULE.resolve("target/programs");

    private GuestCompiler() {}

    /**
     * Compiles one program.
     *
     * @param source path of a C file, from the module's folder or absolute
     * @return the binary
     */
    static Path compiled(Path source) throws IOException, InterruptedException {
        return compiled(source, "-pthread");
    }

    /**
     * Compiles one program that needs no libraries where it runs.
     *
     * @param source path of a C file, from the module's folder or absolute
     * @return the binary
     */
    static Path compiledAlone(Path source) throws IOException, InterruptedException {
        return compiled(source, "-static");
    }

    private static Path compiled(Path source, String option) throws IOException, InterruptedException {
        Files.createDirectories(BINARIES);
        Path binary = BINARIES.resolve(source.getFileName().toString().replace(".c", ""));
        Process compiler = new ProcessBuilder("gcc", "-O1", "-g", "-Wall", "-Werror", "-Wno-unused-result", "-D_GNU_SOURCE", option,
                "-o", binary.toString(), Runner.MODULE.resolve(source).toString(), "-lrt", "-ldl").redirectErrorStream(true).start();
        String messages = new String(compiler.getInputStream().readAllBytes());
        assertEquals(0, compiler.waitFor(), () -> "gcc: " + messages);
        return binary;
    }
}
