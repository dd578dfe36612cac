package dev.caisson.fs.host;

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
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** A directory of the host keeps the contract, in both cache modes, as far as the host lets it. */
class HostContractTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    static Path directory;

    private static FileSystem mount(CacheMode mode) throws ErrnoException {
        try {
            Path own = Files.createTempDirectory(directory, "fs");
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
            return new HostFileSystem(own.toString(), mode, false, MEMORY);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Links are read once, so that their access times stay. */
    private static final Map<String, String> DEVIATIONS =
            Map.of("symlink: access time follows reading and following", "targets of links are cached");

    /** Nothing that would count on the host: device nodes, capabilities of files, marks of overlays. */
    private static Set<Feature> lacking(Feature... more) {
        Set<Feature> missing = EnumSet.of(Feature.DEVICE_NODES, Feature.TRUSTED_XATTRS, Feature.SECURITY_XATTRS, Feature.WHITEOUT);
        missing.addAll(List.of(more));
        if (!"root".equals(System.getProperty("user.name"))) {
            missing.add(Feature.CHOWN);
        }
        try {
            if (!Files.getFileStore(directory).supportsFileAttributeView("user")) {
                missing.add(Feature.USER_XATTRS);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return missing;
    }

    @Nested
    class Exclusive extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CacheMode.EXCLUSIVE);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking(Feature.ACCESS_TIMES); // the host is not asked when the cache has the content
        }
    }

    @Nested
    class Shared extends FileSystemContractTest {
        @Override
        protected FileSystem newFileSystem() throws ErrnoException {
            return mount(CacheMode.SHARED);
        }

        @Override
        protected Set<Feature> missing() {
            return lacking();
        }

        @Override
        protected Map<String, String> deviations() {
            return DEVIATIONS;
        }
    }
}
