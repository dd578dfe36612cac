package dev.caisson.spi.fs;

import dev.caisson.abi.ErrnoException;
import java.lang.foreign.MemorySegment;

/** The calling task, as far as an ioctl(2) needs it. */
public interface IoctlMemory {
    /**
     * Copies from the guest.
     *
     * @param address guest address
     * @param target kernel bytes to fill
     * @throws ErrnoException EFAULT
     */
    void copyIn(long address, MemorySegment target) throws ErrnoException;

    /**
     * Copies to the guest.
     *
     * @param address guest address
     * @param source kernel bytes
     * @throws ErrnoException EFAULT
     */
    void copyOut(long address, MemorySegment source) throws ErrnoException;
}
