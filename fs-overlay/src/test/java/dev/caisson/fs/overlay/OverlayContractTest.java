package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
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
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** An overlay keeps the contract, over memory and over a directory of the host. */
class OverlayContractTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    static Path directory;

    private static TmpfsFileSystem memory() {
        return new TmpfsFileSystem(MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, ""));
    }

    /** Whiteouts are the overlay's own, and merged directories do not count their subdirectories. */
    private static Set<Feature> lacking() {
        return EnumSet.of(Feature.WHITEOUT, Feature.DIRECTORY_LINKS);
    }

    @Nested
    class OverMemory extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            TmpfsFileSystem lower = memory();
            TmpfsFileSystem upper = memory();
            // What is below a whiteout must make no difference.
            lower.root().create("covered", new NewNode(Stat.S_IFREG | 0600, 0, 0, 0));
            upper.root().create("covered", new NewNode(Stat.S_IFCHR, 0, 0, 0));
            return new OverlayFileSystem(upper, List.of(lower), "");
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }
    }

    @Nested
    class OverHost extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            try {
                Path own = Files.createTempDirectory(directory, "fs");
                Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
                FileSystem lower = new HostDirectoryProvider(MEMORY)
                        .mount(new MountRequest(own.toString(), Mount.MS_RDONLY, Map.of(), Credentials.ROOT));
                return new OverlayFileSystem(memory(), List.of(lower), "");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }
    }
}
