package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.memory.HostBacking;
import java.lang.foreign.MemorySegment;

/** Guest memory in one memfd: sparse, of fixed size, mapped once as a whole. */
public final class MemfdBacking implements HostBacking {
    private static final int MFD_CLOEXEC = 1;

    private final int fd;
    private final MemorySegment segment;

    /**
     * Makes the file.
     *
     * @param sizeBytes its size; only touched pages take memory
     * @throws ErrnoException ENOMEM, EMFILE, ENFILE as the host says
     */
    public MemfdBacking(long sizeBytes) throws ErrnoException {
        fd = (int) Errno.check(HostMemory.createFile("caisson-memory", MFD_CLOEXEC));
        Errno.check(HostMemory.resize(fd, sizeBytes));
        segment = HostMemory.mapFile(fd, 0, sizeBytes, true);
        if (segment == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("cannot map the memory file");
        }
    }

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public int fd() {
        return fd;
    }

    @Override
    public void punch(long offset, long lengthBytes) {
        HostMemory.punchHole(fd, offset, lengthBytes);
    }

    @Override
    public void storeNew(MemorySegment source, long offset, long lengthBytes) {
        long stored = Math.max(0, HostFile.pwrite(fd, source.address(), lengthBytes, offset)); // half the price of faults
        if (stored < lengthBytes) {
            MemorySegment.copy(source, stored, segment, offset + stored, lengthBytes - stored);
        }
    }

    @Override
    public void close() {
        HostMemory.unmap(segment.address(), segment.byteSize());
        HostFile.truncate(fd, 0); // a platform may still have the file mapped
        HostFile.close(fd);
    }
}
