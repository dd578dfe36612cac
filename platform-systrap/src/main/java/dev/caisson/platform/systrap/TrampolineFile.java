package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** The memory file of all trampolines, in pieces of {@link Trampolines#BYTES}. The JVM alone can write it. */
final class TrampolineFile {
    private static final int PIECES = 4096;

    private final int fd;
    private final MemorySegment memory;
    /** Guarded by this. */
    private final BitSet used = new BitSet();
    private volatile long entry;

    TrampolineFile() throws ErrnoException {
        fd = (int) Errno.check(HostMemory.createFile("caisson-sites", 1));
        Errno.check(HostMemory.resize(fd, (long) PIECES * Trampolines.BYTES));
        memory = HostMemory.mapFile(fd, 0, (long) PIECES * Trampolines.BYTES, true);
        if (memory == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("trampolines");
        }
    }

    int fd() {
        return fd;
    }

    /** Says where the stub takes calls over: the same in all stubs. */
    void entry(long address) {
        entry = address;
    }

    long entry() {
        return entry;
    }

    /** {@return a piece, or -1 when there is none left} */
    synchronized int allocate() {
        int piece = used.nextClearBit(0);
        if (piece >= PIECES) {
            return -1;
        }
        used.set(piece);
        return piece;
    }

    synchronized void free(int piece) {
        used.clear(piece);
    }

    /** Where a piece lies in the file. */
    static long offset(int piece) {
        return (long) piece * Trampolines.BYTES;
    }

    MemorySegment memory(int piece) {
        return memory.asSlice(offset(piece), Trampolines.BYTES);
    }

    void close() {
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(fd);
    }
}
