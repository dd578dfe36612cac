package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.testing.fs.Feature;
import dev.caisson.testing.fs.FileSystemContractTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** The filesystem contract over Caisson's own gofer: with the extension in both cache policies, and by the public protocol alone. */
class GoferContractTest {
    private static final int TREES = 120;
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private static final AtomicInteger USED = new AtomicInteger();

    @TempDir
    static Path directory;
    private static ServerProcess server;

    @BeforeAll
    static void start() throws IOException {
        List<Path> trees = new ArrayList<>();
        for (int i = 0; i < TREES; i++) {
            Path tree = Files.createDirectory(directory.resolve("tree" + i));
            Files.setPosixFilePermissions(tree, PosixFilePermissions.fromString("rwxr-xr-x"));
            trees.add(tree);
        }
        server = ServerProcess.gofer(trees, directory.resolve("socket"));
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    private static FileSystem mount(CachePolicy policy, boolean isExtended) throws ErrnoException {
        ServerOptions options = new ServerOptions(ServerAddress.of(server.address()), "tree" + USED.getAndIncrement(), "root", 0, 64 << 10,
                10_000, isExtended);
        return new NinepFileSystem(options, policy, false, MEMORY);
    }

    private static Set<Feature> lacking(Feature... more) {
        Set<Feature> missing = EnumSet.of(Feature.DEVICE_NODES, Feature.TRUSTED_XATTRS, Feature.SECURITY_XATTRS, Feature.WHITEOUT);
        missing.addAll(List.of(more));
        if (!"root".equals(System.getProperty("user.name"))) {
            missing.add(Feature.CHOWN);
        }
        return missing;
    }

    @Nested
    class Exclusive extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CachePolicy.EXCLUSIVE, true);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking(Feature.ACCESS_TIMES); // the server is not asked when the cache has the content
        }
    }

    @Nested
    class Shared extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CachePolicy.SHARED, true);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }

        @Override
        protected Map<String, String> deviations() {
            return Map.of("symlink: access time follows reading and following", "targets of links are cached",
                    "open: O_NOATIME leaves the access time alone", "the server's descriptor is shared by all who read the file");
        }
    }

    @Nested
    class PublicProtocol extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CachePolicy.EXCLUSIVE, false);
        }

        @Override
        protected Set<Feature> missing() {
            // 9P2000.L has no message for these
            return lacking(Feature.UNNAMED_FILES, Feature.EXCHANGE, Feature.HOLES, Feature.PUNCH_HOLE, Feature.ZERO_RANGE,
                    Feature.MOVE_RANGES, Feature.ALLOCATE, Feature.ACCESS_TIMES);
        }
    }
}
