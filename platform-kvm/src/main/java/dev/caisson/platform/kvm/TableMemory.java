package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostKvm;
import dev.caisson.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The monitor's own memory inside the machine: page tables and supervisor pages, handed out a page at a time by offset. No page table
 * lets user code reach it.
 *
 * <p>KVM may keep shadows of pages that are page tables, without a way to be told that one is something else now. So pages that come
 * back wait until there are many; then a memory slot is taken away and made again, which makes KVM forget all shadows there are, and
 * all waiting pages are free.
 */
final class TableMemory {
    private static final int PAGE = 4096;
    /** Sparse; enough for tables of 4 TiB of mapped addresses. */
    private static final long BYTES = 8L << 30;
    private static final long CHUNK_BYTES = 64L << 20;
    private static final int WAITING_PAGES = 8192;
    private static final int MFD_CLOEXEC = 1;

    private final int machine;
    private final int fd;
    private final PhysicalFile file;
    private final MemorySegment memory;
    private final int flushSlot;
    private final long flushPhysical;
    /** Guarded by this: pages that are free, by number, as a stack. */
    private int[] free = new int[256];
    private int freeCount;
    private int[] waiting = new int[256];
    private int waitingCount;
    private int nextFresh = 1;

    /**
     * Makes the memory.
     *
     * @param machine the virtual machine
     * @param base guest-physical address
     * @param firstSlot first slot number; {@link #slots} of them are taken
     * @throws ErrnoException ENOMEM when the host refuses
     */
    TableMemory(int machine, long base, int firstSlot) throws ErrnoException {
        this.machine = machine;
        fd = (int) Errno.check(HostMemory.createFile("caisson-kvm", MFD_CLOEXEC));
        Errno.check(HostMemory.resize(fd, BYTES));
        file = new PhysicalFile(machine, fd, BYTES, base, firstSlot, CHUNK_BYTES);
        memory = file.memory();
        flushSlot = firstSlot + file.slots();
        flushPhysical = base + BYTES;
        makeFlushSlot();
    }

    /** {@return how many slot numbers this takes} */
    int slots() {
        return file.slots() + 1;
    }

    /** {@return all pages, by offset} */
    MemorySegment memory() {
        return memory;
    }

    /** {@return the guest-physical address of a page} */
    long physical(long offset) {
        return file.physical(offset);
    }

    /**
     * Hands out a page of zeros.
     *
     * @return its offset
     * @throws ErrnoException ENOMEM
     */
    synchronized long allocate() throws ErrnoException {
        if (freeCount > 0) {
            long offset = (long) free[--freeCount] * PAGE;
            memory.asSlice(offset, PAGE).fill((byte) 0);
            return offset;
        }
        long offset = (long) nextFresh * PAGE;
        if (offset >= BYTES) {
            throw Errno.ENOMEM.error("page tables");
        }
        file.require(offset, PAGE);
        nextFresh++;
        return offset;
    }

    /**
     * Takes a page back.
     *
     * @param offset its offset
     */
    synchronized void release(long offset) {
        if (waitingCount == waiting.length) {
            waiting = Arrays.copyOf(waiting, waitingCount * 2);
        }
        waiting[waitingCount++] = (int) (offset / PAGE);
        if (waitingCount >= WAITING_PAGES) {
            forgetAll();
        }
    }

    /** Makes KVM forget all shadows and translations. */
    synchronized void forgetAll() {
        HostKvm.setMemory(machine, flushSlot, flushPhysical, 0, memory.address());
        makeFlushSlot();
        if (free.length < freeCount + waitingCount) {
            free = Arrays.copyOf(free, freeCount + waitingCount + 256);
        }
        System.arraycopy(waiting, 0, free, freeCount, waitingCount);
        freeCount += waitingCount;
        waitingCount = 0;
    }

    private void makeFlushSlot() {
        HostKvm.setMemory(machine, flushSlot, flushPhysical, PAGE, memory.address());
    }

    /** Gives everything back, after the machine is gone. */
    void close() {
        file.close();
        HostFile.close(fd);
    }
}
