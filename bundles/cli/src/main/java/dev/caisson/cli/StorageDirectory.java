package dev.caisson.cli;

import dev.caisson.control.SandboxException;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;

/** The framework's directory of one process. What a killed process left behind is removed by the next one of the same user. */
final class StorageDirectory {
    private static final String PREFIX = "caisson-";
    private static final String SUFFIX = "-framework";

    private StorageDirectory() {}

    /**
     * Makes a directory that only this user can enter.
     *
     * <p>Files.createTempDirectory would do, but its random names cost a cold JVM 60 ms for security providers; the process id is unique
     * among living processes, and a name that somebody else took is skipped.
     */
    static Path make() throws SandboxException {
        File parent = new File(System.getProperty("java.io.tmpdir"));
        String[] names = parent.list();
        if (names != null) {
            for (String name : names) {
                if (name.startsWith(PREFIX) && name.endsWith(SUFFIX) && isDead(name)) {
                    delete(parent.toPath().resolve(name));
                }
            }
        }
        FileAttribute<?> privately = PosixFilePermissions.asFileAttribute(EnumSet.of(PosixFilePermission.OWNER_READ,
                PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE));
        for (int attempt = 0; ; attempt++) {
            Path directory = parent.toPath().resolve(PREFIX + ProcessHandle.current().pid() + "-" + attempt + SUFFIX);
            try {
                return Files.createDirectory(directory, privately);
            } catch (IOException e) {
                if (!(e instanceof FileAlreadyExistsException) || attempt == 100) {
                    throw new SandboxException("cannot make " + directory + " for the framework: " + e.getMessage()
                            + "; set java.io.tmpdir in CAISSON_JAVA_OPTIONS to a directory that can be written", e);
                }
            }
        }
    }

    private static boolean isDead(String name) {
        int end = name.indexOf('-', PREFIX.length());
        return end > 0 && !new File("/proc/" + name.substring(PREFIX.length(), end)).exists();
    }

    /** Removes a directory; what belongs to others or vanishes meanwhile is left. */
    static void delete(Path directory) {
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
                    Files.deleteIfExists(dir);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            // Harmless: some kilobytes in the temporary directory, and the next process tries again.
        }
    }
}
