package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.overlay.OverlayFileSystem;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
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
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** An overlay whose lower layer the gofer serves keeps the contract. */
class OverlayContractTest extends FileSystemContractTest {
    private static final int TREES = 40;
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

    @Override
    protected FileSystem newFileSystem() throws ErrnoException {
        ServerOptions options = new ServerOptions(ServerAddress.of(server.address()), "tree" + USED.getAndIncrement(), "root", 0, 64 << 10,
                10_000, true);
        FileSystem lower = new NinepFileSystem(options, CachePolicy.EXCLUSIVE, true, MEMORY);
        return new OverlayFileSystem(new TmpfsFileSystem(MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, "")), List.of(lower), "");
    }

    /** As any overlay. */
    @Override
    protected Set<Feature> missing() {
        return EnumSet.of(Feature.WHITEOUT, Feature.DIRECTORY_LINKS, Feature.ZERO_RANGE, Feature.MOVE_RANGES);
    }
}
