package dev.caisson.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/** Writes the small programs of the installation that Java has assembled. */
final class HomeProgram {
    private HomeProgram() {}

    /**
     * Writes one. Who runs the one before goes on with that.
     *
     * @param file where
     * @param image the program
     * @throws IOException when it cannot be written
     */
    static void write(Path file, byte[] image) throws IOException {
        Path next = file.resolveSibling(file.getFileName() + ".new");
        Files.write(next, image);
        Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
