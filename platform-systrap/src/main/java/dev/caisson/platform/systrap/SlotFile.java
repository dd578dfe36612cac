package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * The memory file of all slots, in chunks; each chunk belongs to one process, which alone maps it. The JVM maps all of it. Chunk 0 is
 * never used.
 */
final class SlotFile {
    private static final int CHUNKS = 16384;

    private final int chunkBytes;
    private final int fd;
    private final MemorySegment memory;
    /** Guarded by this. */
    private final BitSet used = new BitSet();
    /** Chunks that have been used before, and may hold something. Guarded by this. */
    private final BitSet dirty = new BitSet();

    SlotFile(int chunkBytes) throws ErrnoException {
        this.chunkBytes = chunkBytes;
        fd = (int) Errno.check(HostMemory.createFile("caisson-slots", 1));
        Errno.check(HostMemory.resize(fd, (long) CHUNKS * chunkBytes));
        memory = HostMemory.mapFile(fd, 0, (long) CHUNKS * chunkBytes, true);
        if (memory == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("slots");
        }
    }

    int fd() {
        return fd;
    }

    /** Takes a chunk; which of its slots hold something, the caller does not know: see {@link #isDirty}. */
    synchronized int allocate() throws ErrnoException {
        int chunk = used.nextClearBit(1);
        if (chunk >= CHUNKS) {
            throw Errno.EAGAIN.error("too many guest threads");
        }
        used.set(chunk);
        return chunk;
    }

    synchronized void free(int chunk) {
        used.clear(chunk);
        dirty.set(chunk);
    }

    /** Whether slots of a chunk must be zeroed before they are used. */
    synchronized boolean isDirty(int chunk) {
        return dirty.get(chunk);
    }

    /** Offset of a chunk in the file. */
    long offset(int chunk) {
        return (long) chunk * chunkBytes;
    }

    MemorySegment memory(int chunk) {
        return memory.asSlice(offset(chunk), chunkBytes);
    }

    void close() {
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(fd);
    }
}
