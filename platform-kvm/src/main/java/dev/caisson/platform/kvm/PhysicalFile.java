package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostKvm;
import dev.caisson.host.HostMemory;
import java.lang.foreign.MemorySegment;

/**
 * A host file as guest-physical memory. Its slots are made when first needed, a chunk at a time, because KVM takes memory of its own
 * for every page of a slot. The file is mapped for KVM alone: dropping pages of that mapping is how rights are taken away.
 */
final class PhysicalFile {
    private static final int MADV_DONTNEED = 4;

    private final int machine;
    private final int firstSlot;
    private final long base;
    private final long chunkBytes;
    private final MemorySegment memory;
    private final boolean[] chunks;

    /**
     * Maps a file; the machine has no memory of it yet.
     *
     * @param machine the virtual machine
     * @param fd the file
     * @param bytes its size
     * @param base guest-physical address of its beginning
     * @param firstSlot number of its first slot
     * @param chunkBytes size of each slot
     * @throws ErrnoException ENOMEM when the host has no addresses for it
     */
    PhysicalFile(int machine, int fd, long bytes, long base, int firstSlot, long chunkBytes) throws ErrnoException {
        this.machine = machine;
        this.firstSlot = firstSlot;
        this.base = base;
        this.chunkBytes = chunkBytes;
        memory = HostMemory.mapFile(fd, 0, bytes, true);
        if (memory == null) {
            throw Errno.ENOMEM.error("mapping of guest memory");
        }
        chunks = new boolean[Math.toIntExact((bytes + chunkBytes - 1) / chunkBytes)];
    }

    /** {@return how many slots it may take} */
    int slots() {
        return chunks.length;
    }

    /** {@return the mapping} */
    MemorySegment memory() {
        return memory;
    }

    /** {@return the guest-physical address of an offset} */
    long physical(long offset) {
        return base + offset;
    }

    /** {@return the offset of a guest-physical address} */
    long offset(long physical) {
        return physical - base;
    }

    /**
     * Makes sure that the guest has the memory of a range.
     *
     * @param offset start in the file
     * @param bytes length
     * @throws ErrnoException ENOMEM when KVM refuses; EINVAL for a range beyond the file
     */
    synchronized void require(long offset, long bytes) throws ErrnoException {
        if (offset < 0 || bytes < 0 || offset > memory.byteSize() - bytes) {
            throw Errno.EINVAL.error("beyond the memory file");
        }
        for (int i = (int) (offset / chunkBytes); i <= (int) ((offset + bytes - 1) / chunkBytes); i++) {
            if (!chunks[i]) {
                long at = i * chunkBytes;
                long size = Math.min(chunkBytes, memory.byteSize() - at) & -4096;
                if (HostKvm.setMemory(machine, firstSlot + i, base + at, size, memory.address() + at) < 0) {
                    throw Errno.ENOMEM.error("memory slot");
                }
                chunks[i] = true;
            }
        }
    }

    /**
     * Makes KVM forget all its translations to a range; they come back by themselves where page tables have them still.
     *
     * @param offset start in the file
     * @param bytes length
     */
    void forget(long offset, long bytes) {
        HostMemory.advise(memory.address() + offset, bytes, MADV_DONTNEED);
    }

    /** Takes the mapping away, after the machine is gone. */
    void close() {
        HostMemory.unmap(memory.address(), memory.byteSize());
    }
}
