package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.testing.fs.Feature;
import dev.caisson.testing.fs.FileSystemContractTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The filesystem contract over Debian's 9P server, which knows nothing of Caisson, in both cache policies. */
class DiodContractTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    static Path directory;
    private static ServerProcess server;

    @BeforeAll
    static void start() throws IOException {
        server = ServerProcess.diod(Files.createDirectory(directory.resolve("export")), directory.resolve("socket"));
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    private static FileSystem mount(CachePolicy policy) throws ErrnoException {
        try {
            Path own = Files.createTempDirectory(directory.resolve("export"), "fs");
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
            ServerOptions options = new ServerOptions(ServerAddress.of(server.address()), own.toString(), "root", 0, 64 << 10, 10_000, true);
            return new NinepFileSystem(options, policy, false, MEMORY);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final Map<String, String> DEVIATIONS = Map.of(
            "xattr: values are kept, listed and removed", "diod tells empty values from missing ones not",
            "removed: a new directory of the same name is another one", "to diod a fid is a path",
            "acl: default lists are handed down", "diod changes the mode of what it creates",
            "open: O_NOATIME leaves the access time alone", "9P2000.L has no such flag for diod",
            "symlink: access time follows reading and following", "targets of links are cached");

    /**
     * 9P2000.L has no messages for exchanging names, unnamed files, holes and allocation, and no flag for O_NOATIME; device nodes and
     * attributes that count on the host are kept away from every server. To diod a fid is a path, so that a file without names is only
     * what its open descriptor can do.
     */
    private static Set<Feature> lacking(Feature... more) {
        Set<Feature> missing = EnumSet.of(Feature.DEVICE_NODES, Feature.TRUSTED_XATTRS, Feature.SECURITY_XATTRS, Feature.WHITEOUT,
                Feature.EXCHANGE, Feature.UNNAMED_FILES, Feature.HOLES, Feature.PUNCH_HOLE, Feature.ZERO_RANGE, Feature.MOVE_RANGES,
                Feature.ALLOCATE, Feature.UNLINKED_FILES);
        missing.addAll(List.of(more));
        return missing;
    }

    @Nested
    class Exclusive extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CachePolicy.EXCLUSIVE);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking(Feature.ACCESS_TIMES);
        }

        @Override
        protected Map<String, String> deviations() {
            return DEVIATIONS;
        }
    }

    @Nested
    class Shared extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CachePolicy.SHARED);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking(Feature.ATOMIC_OPEN); // a walk, and then an open of what has the name by then: a number that is used again fits both
        }

        @Override
        protected Map<String, String> deviations() {
            return DEVIATIONS;
        }
    }
}
