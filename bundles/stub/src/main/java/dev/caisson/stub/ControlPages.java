package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.BitSet;

/**
 * A memory file with one page for each stub process: orders to its control thread, and answers. The JVM maps all of it writable,
 * a stub only its own page, and that read-only.
 *
 * <pre>
 *  0 u64 sequence  number of the latest order; the control thread sleeps on its low half (futex)
 *  8 u64 done      number of the latest order that is done; the JVM sleeps on its low half
 * 16 s32 result    of the last call of that order: low 32 bits, or a negated error number
 * 24 u32 park      always 0; new threads sleep on it
 * 32 u64 count     calls in the order
 * 40 u64 parent    process id of the JVM, as the stub sees it
 * 48 u64 extra[2]  what the profile of the platform says
 * 64 call[48]      number[8] arguments[6*8] kind[8]
 * 3136 data        for what calls point at
 * </pre>
 */
public final class ControlPages {
    /** See above. */
    public static final int SEQUENCE = 0;
    /** See above. */
    public static final int DONE = 8;
    static final int RESULT = 16;
    /** See above. */
    public static final int PARK = 24;
    static final int COUNT = 32;
    static final int PARENT = 40;
    /** Two words for the code of a profile. */
    public static final int EXTRA = 48;
    static final int CALLS = 64;
    static final int CALL_BYTES = 64;
    static final int MAX_CALLS = 48;
    /** Where data begins that calls point at. */
    public static final int DATA = CALLS + MAX_CALLS * CALL_BYTES;
    /** Size of a page. */
    public static final int PAGE = 4096;

    /** As many as there can be process ids in a default pid namespace. */
    private static final int SLOTS = 32768;
    /** So many pages given back wait: a process that is killed while it is being made may write to its page a moment later. */
    private static final int RESTING = 64;

    private final int fd;
    private final MemorySegment memory;
    /** Guarded by this. */
    private final BitSet used = new BitSet();
    /** Slots given back that are not free yet. Guarded by this. */
    private final ArrayDeque<Integer> resting = new ArrayDeque<>(RESTING + 1);

    /**
     * Makes the file.
     *
     * @throws ErrnoException when the host has no memory for it
     */
    public ControlPages() throws ErrnoException {
        fd = (int) Errno.check(HostMemory.createFile("caisson-control", 1));
        Errno.check(HostMemory.resize(fd, (long) SLOTS * PAGE));
        memory = HostMemory.mapFile(fd, 0, (long) SLOTS * PAGE, true);
        if (memory == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("control pages");
        }
    }

    /** {@return the descriptor of the file} */
    public int fd() {
        return fd;
    }

    /**
     * Takes a page.
     *
     * @return its offset in the file
     * @throws ErrnoException EAGAIN when there is none left
     */
    public synchronized long allocate() throws ErrnoException {
        int slot = used.nextClearBit(0);
        if (slot >= SLOTS) {
            throw Errno.EAGAIN.error("too many address spaces");
        }
        used.set(slot);
        return (long) slot * PAGE;
    }

    /**
     * Gives a page back.
     *
     * @param offset its offset in the file
     */
    public synchronized void free(long offset) {
        resting.add((int) (offset / PAGE));
        if (resting.size() > RESTING) {
            used.clear(resting.remove());
        }
    }

    /**
     * Memory of a page.
     *
     * @param offset what {@link #allocate} gave
     * @return the page
     */
    public MemorySegment page(long offset) {
        return memory.asSlice(offset, PAGE);
    }

    /** Gives the file back; no stub is left. */
    public void close() {
        HostMemory.unmap(memory.address(), memory.byteSize());
        HostFile.close(fd);
    }
}
