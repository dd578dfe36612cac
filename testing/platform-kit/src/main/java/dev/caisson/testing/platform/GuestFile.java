package dev.caisson.testing.platform;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.code.Assembler;
import java.lang.foreign.MemorySegment;

/** A memory file of guests, which the test sees, too. */
public final class GuestFile implements AutoCloseable {
    private final int descriptor;
    private final MemorySegment memory;

    /**
     * Makes a file of zeros.
     *
     * @param bytes its size, whole pages
     * @throws ErrnoException when the host has no memory for it
     */
    public GuestFile(long bytes) throws ErrnoException {
        descriptor = (int) Errno.check(HostMemory.createFile("guest-of-a-test", 1));
        Errno.check(HostMemory.resize(descriptor, bytes));
        memory = HostMemory.mapFile(descriptor, 0, bytes, true);
    }

    /** {@return the file} */
    public int descriptor() {
        return descriptor;
    }

    /** {@return all of it} */
    public MemorySegment memory() {
        return memory;
    }

    /**
     * Writes a program.
     *
     * @param offset where to
     * @param code the program
     * @return one past its end
     */
    public long write(long offset, Assembler code) {
        byte[] bytes = code.toBytes();
        memory.asSlice(offset, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
        return offset + bytes.length;
    }

    @Override
    public void close() {
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(descriptor);
    }
}
