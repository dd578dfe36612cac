package dev.caisson.cli.setup;

import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * A configuration file of another program: read, kept as it was beside itself, and replaced as a whole, with the rights it had.
 *
 * @param path the file itself; links have been followed
 */
record ConfigurationFile(Path path) {
    private static final String BACKUP = ".before-caisson";
    private static final String NEW_RIGHTS = "rw-r--r--";

    static ConfigurationFile of(Path named) throws SandboxException {
        try {
            return new ConfigurationFile(Files.exists(named) ? named.toRealPath() : named.toAbsolutePath());
        } catch (IOException e) {
            throw failure("read", named, e);
        }
    }

    Path backup() {
        return path.resolveSibling(path.getFileName() + BACKUP);
    }

    /** {@return what is in it; null when there is no such file} */
    String read() throws SandboxException {
        try {
            return Files.readString(path, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            return null;
        } catch (CharacterCodingException e) {
            throw new SandboxException(path + " is not written in UTF-8", e);
        } catch (IOException e) {
            throw failure("read", path, e);
        }
    }

    /**
     * Replaces it: who reads it sees the old text or the new one.
     *
     * @param text the new one; null to remove the file
     * @throws SandboxException when that is not allowed; nothing has changed then
     */
    void write(String text) throws SandboxException {
        Path next = path.resolveSibling("." + path.getFileName() + ".caisson-" + ProcessHandle.current().pid());
        try {
            boolean isThere = Files.exists(path);
            if (isThere) {
                copyRights(path, Files.copy(path, backup(), StandardCopyOption.REPLACE_EXISTING));
            }
            if (text == null) {
                Files.deleteIfExists(path);
                return;
            }
            Files.createDirectories(path.getParent());
            try (FileChannel channel = FileChannel.open(next, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE)) {
                ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            if (isThere) {
                copyRights(path, next);
            } else {
                Files.setPosixFilePermissions(next, PosixFilePermissions.fromString(NEW_RIGHTS));
            }
            Files.move(next, path, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            try {
                Files.deleteIfExists(next);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw failure("write", path, e);
        }
    }

    private static void copyRights(Path from, Path to) throws IOException {
        Object owner = Files.getAttribute(from, "unix:uid");
        Object group = Files.getAttribute(from, "unix:gid");
        if (!owner.equals(Files.getAttribute(to, "unix:uid")) || !group.equals(Files.getAttribute(to, "unix:gid"))) {
            Files.setAttribute(to, "unix:uid", owner);
            Files.setAttribute(to, "unix:gid", group);
        }
        Files.setPosixFilePermissions(to, Files.getPosixFilePermissions(from));
    }

    private static SandboxException failure(String what, Path path, IOException e) {
        return new SandboxException("cannot " + what + " " + path + ": " + e + "; run this as a user who may, or name another file with --config", e);
    }
}
