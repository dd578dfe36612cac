package dev.caisson.fs.tmpfs;

import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.testing.fs.Feature;
import dev.caisson.testing.fs.FileSystemContractTest;
import java.util.EnumSet;
import java.util.Set;

/** tmpfs keeps the whole contract. */
class TmpfsContractTest extends FileSystemContractTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @Override
    protected FileSystem newFileSystem() {
        return new TmpfsFileSystem(MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, ""));
    }

    /** Neither does Linux's tmpfs move or zero ranges. */
    @Override
    protected Set<Feature> missing() {
        return EnumSet.of(Feature.ZERO_RANGE, Feature.MOVE_RANGES);
    }
}
