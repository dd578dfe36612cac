package dev.caisson.fs.overlay;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Stat;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.fs.tmpfs.TmpfsProvider;
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
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** An overlay keeps the contract: with the upper layer in memory and in a directory of the host, over memory and over the host. */
class OverlayContractTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    static Path directory;

    private static TmpfsFileSystem memory() {
        return new TmpfsFileSystem(MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, ""));
    }

    /** An empty directory of the host. */
    private static Path fresh(String name) {
        try {
            Path own = Files.createTempDirectory(directory, name);
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
            return own;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whiteouts are the overlay's own, merged directories do not count their subdirectories, and no layer moves or zeroes ranges. */
    private static Set<Feature> lacking(Feature... more) {
        Set<Feature> missing = EnumSet.of(Feature.WHITEOUT, Feature.DIRECTORY_LINKS, Feature.ZERO_RANGE, Feature.MOVE_RANGES);
        missing.addAll(List.of(more));
        return missing;
    }

    @Nested
    class OverMemory extends FileSystemContractTest {
        private final List<FileSystem> layers = new ArrayList<>();

        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            TmpfsFileSystem lower = memory();
            TmpfsFileSystem upper = memory();
            // What is below a whiteout must make no difference.
            lower.root().create("covered", new NewNode(Stat.S_IFREG | 0600, 0, 0, 0));
            upper.root().create("covered", new NewNode(Stat.S_IFCHR, 0, 0, 0));
            layers.addAll(List.of(upper, lower));
            return new OverlayFileSystem(upper, List.of(lower), "");
        }

        @Override
        protected FileSystem aged(FileSystem used) throws ErrnoException {
            return again(layers);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }
    }

    /** Another upper layer over all layers so far. */
    private static FileSystem again(List<FileSystem> layers) throws ErrnoException {
        TmpfsFileSystem upper = memory();
        FileSystem overlay = new OverlayFileSystem(upper, layers, "");
        layers.addFirst(upper);
        return overlay;
    }

    @Nested
    class OverHost extends FileSystemContractTest {
        private final List<FileSystem> layers = new ArrayList<>();

        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            layers.add(new HostDirectoryProvider(MEMORY)
                    .mount(new MountRequest(fresh("lower").toString(), Mount.MS_RDONLY, Map.of(), Credentials.ROOT)));
            return again(layers);
        }

        @Override
        protected FileSystem aged(FileSystem used) throws ErrnoException {
            return again(layers);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }
    }

    @Nested
    class HostUpper extends FileSystemContractTest {
        private final OverlayProvider provider = new OverlayProvider(new TmpfsProvider(MEMORY), new HostDirectoryProvider(MEMORY));
        private final List<Path> layers = new ArrayList<>(List.of(fresh("lower")));

        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return aged(null);
        }

        @Override
        protected FileSystem aged(FileSystem used) throws ErrnoException {
            Path upper = fresh("upper");
            Map<String, String> options = Map.of("lowerdir", layers.stream().map(Path::toString).collect(Collectors.joining(":")), "upperdir",
                    upper.toString(), "workdir", fresh("work").toString());
            layers.addFirst(upper);
            return provider.mount(new MountRequest("overlay", 0, options, Credentials.ROOT));
        }

        @Override
        protected Set<Feature> missing() {
            return lacking(Feature.ACCESS_TIMES); // as the directory of the host without the overlay
        }
    }
}
