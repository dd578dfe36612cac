package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A directory of the host's filesystem, which lacks nothing that the kit asks for where it is ext4 or the like. */
public final class HostSubject implements CaseSubject {
    private final Path directory;

    /**
     * Takes a directory.
     *
     * @param directory empty; others may search it afterwards
     * @throws IOException when that cannot be arranged
     */
    public HostSubject(Path directory) throws IOException {
        this.directory = directory;
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Override
    public FileCalls freshDirectory() throws ErrnoException {
        try {
            Path fresh = Files.createTempDirectory(directory, "case");
            Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rwxrwxrwx"));
            return new HostFileCalls(fresh.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One after the other, since both would live on this thread. */
    @Override
    public FileCalls age(FileCalls calls) throws ErrnoException {
        String place = ((HostFileCalls) calls).directory();
        calls.close();
        return new HostFileCalls(place);
    }

    @Override
    public boolean lacks(Feature feature) {
        return false;
    }
}
