package dev.caisson.memory;

import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.memory.FrameIndex.FILLED;
import static dev.caisson.memory.FrameIndex.FRAME;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * Memory with no file behind it, by page index: the content of a tmpfs file or memfd, a shared anonymous mapping, a SysV segment.
 * Pages that were never written are holes and take no room.
 *
 * <p>Thread-safe; the filesystem serialises calls that change the size (its INODE lock).
 */
public final class AnonymousMemory extends PagedContent {
    /** Frames are reserved in runs of so many pages, so that neighbours can be mapped in one step. */
    private static final int RUN = 32;
    private static final int MOST_PAGES_PER_STEP = 256;
    /** So many new pages are cheaper to store by a call of the host than by a fault for each. */
    private static final int LEAST_STORED_PAGES = 4;
    private static final MemorySegment ZEROS = Arena.global().allocate(1 << 16);

    private final PageBudget budget;
    private boolean sealed;
    private boolean ownedByMappings;
    private Runnable mappedWrite;

    /**
     * Makes empty memory of size 0.
     *
     * @param frames where pages live
     * @param budget counts its pages
     * @param identity what mappings are known by: the inode; null for the object itself
     */
    public AnonymousMemory(MemoryFile frames, PageBudget budget, Object identity) {
        super(frames, identity);
        this.budget = budget;
    }

    /**
     * Makes memory without a budget of its own.
     *
     * @param frames where pages live
     * @param sizeBytes size
     */
    public AnonymousMemory(MemoryFile frames, long sizeBytes) {
        this(frames, PageBudget.UNLIMITED, null);
        size = sizeBytes;
    }

    /**
     * Says what happens when the content is written through shared mappings: its file has a modification time. It is called when a page is
     * mapped for writing, as Linux does, and at msync(2) while it can be written, as POSIX wants.
     *
     * @param action takes no lock but leaves
     */
    public void whenWrittenByMappings(Runnable action) {
        mappedWrite = action;
    }

    /** {@return pages that take room, for {@code st_blocks}} */
    public long allocatedPages() {
        return index.filled();
    }

    // ---- file I/O ----

    /** Holes read as zeros. */
    @Override
    long readRun(IoBuffer target, long position, long wanted) throws ErrnoException {
        long page = position >>> Pages.SHIFT;
        long inPage = position & Pages.MASK;
        int frame;
        long length = Pages.SIZE - inPage;
        lock.lock();
        try {
            frame = filledFrame(page);
            for (int i = 1; length < wanted && i < MOST_PAGES_PER_STEP; i++) {
                int next = filledFrame(page + i);
                if (frame == 0 ? next != 0 || length + Pages.SIZE > ZEROS.byteSize() : next != frame + i) {
                    break;
                }
                length += Pages.SIZE;
            }
        } finally {
            lock.unlock();
        }
        length = Math.min(length, wanted);
        if (frame == 0) {
            return target.put(ZEROS, 0, length);
        }
        return target.put(frames.segment(), ((long) frame << Pages.SHIFT) + inPage, length);
    }

    @Override
    long writeRun(MemorySegment run, long at) throws ErrnoException {
        long inPage = at & Pages.MASK;
        long wanted = Math.min(run.byteSize(), Long.MAX_VALUE - at);
        int most = (int) Math.min(MOST_PAGES_PER_STEP, inPage + wanted + Pages.MASK >>> Pages.SHIFT);
        int entry;
        int count;
        boolean isNew;
        lock.lock();
        try {
            long page = at >>> Pages.SHIFT;
            isNew = (index.get(page) & FILLED) == 0;
            entry = fillLocked(page, at + run.byteSize());
            count = isNew ? fillBehindLocked(page, entry, most) : filledRunLocked(page, entry, most);
        } finally {
            lock.unlock();
        }
        long length = Math.min(((long) count << Pages.SHIFT) - inPage, wanted);
        long target = ((long) (entry & FRAME) << Pages.SHIFT) + inPage;
        if (isNew && count >= LEAST_STORED_PAGES) {
            frames.storeNew(run, target, length);
        } else {
            MemorySegment.copy(run, 0, frames.segment(), target, length);
        }
        if (at + length > size) {
            size = at + length;
        }
        return length;
    }

    /** Counts pages that follow a filled one, filled as well, in the neighbouring frames; and that one. */
    private int filledRunLocked(long page, int entry, int most) {
        int count = 1;
        while (count < most && index.get(page + count) == entry + count) {
            count++;
        }
        return count;
    }

    /** Fills pages that follow one just filled, as far as they are reserved in the neighbouring frames. Counts them, and that one. */
    private int fillBehindLocked(long page, int filled, int most) {
        int count = 1;
        while (count < most && index.get(page + count) == (filled & ~FILLED) + count) {
            count++;
        }
        if (count == 1 || !budget.take(count - 1)) {
            return 1;
        }
        try {
            frames.charge((long) (filled & FRAME) + 1 << Pages.SHIFT, count - 1);
        } catch (ErrnoException e) {
            budget.give(count - 1);
            return 1; // the next step says so, if there really is no room for one
        }
        index.setRun(page, page + count, filled);
        return count;
    }

    /** Makes a page present. {@code sizeSoon} says how far the content will reach, to choose how much to reserve. */
    private int fillLocked(long page, long sizeSoon) throws ErrnoException {
        int entry = index.get(page);
        if ((entry & FILLED) != 0) {
            return entry;
        }
        if (!budget.take(1)) {
            throw ENOSPC.error();
        }
        return fillTakenLocked(page, entry, sizeSoon);
    }

    /** Makes a page present that the budget has given. */
    private int fillTakenLocked(long page, int reserved, long sizeSoon) throws ErrnoException {
        int entry = reserved;
        try {
            if (entry == 0) {
                entry = reserveLocked(page, Math.max(size, sizeSoon));
            }
            frames.charge((long) (entry & FRAME) << Pages.SHIFT, 1);
        } catch (ErrnoException e) {
            budget.give(1);
            throw e;
        }
        entry |= FILLED;
        index.set(page, entry);
        return entry;
    }

    private int reserveLocked(long page, long sizeSoon) throws ErrnoException {
        long pageCount = (sizeSoon - 1 >>> Pages.SHIFT) + 1;
        long run = Math.min(RUN, Long.highestOneBit(Math.max(1, pageCount)));
        if (page > 0 && (index.get(page - 1) & FILLED) != 0) {
            run = Math.min(RUN, Math.max(run, Long.highestOneBit(page))); // being written in order: more will come
        }
        long first = page & -run;
        return reserveAroundLocked(page, first, first + run);
    }

    // ---- holes ----

    /**
     * Makes a hole; the size stays.
     *
     * @param position start
     * @param lengthBytes length
     */
    public void punchHole(long position, long lengthBytes) {
        long end = lengthBytes > Long.MAX_VALUE - Pages.SIZE - position ? Long.MAX_VALUE - Pages.MASK : position + lengthBytes;
        long first = Pages.up(position) >>> Pages.SHIFT;
        long last = end >>> Pages.SHIFT;
        int[] removed = new int[0];
        lock.lock();
        try {
            if (first > last) {
                clearLocked(position, end - position);
                return;
            }
            clearLocked(position, (first << Pages.SHIFT) - position);
            clearLocked(last << Pages.SHIFT, end & Pages.MASK);
            if (first < last) {
                removed = index.remove(first, last);
            }
        } finally {
            lock.unlock();
        }
        if (first < last) {
            mappings.invalidate(first, last - first, false);
            release(removed);
        }
    }

    @Override
    void release(int[] removed) {
        budget.give(FrameIndex.release(frames, removed));
    }

    /**
     * Allocates pages so that later writes cannot fail.
     *
     * @param position start
     * @param lengthBytes length
     * @throws ErrnoException ENOSPC, ENOMEM; nothing is allocated then
     */
    public void preallocate(long position, long lengthBytes) throws ErrnoException {
        long first = position >>> Pages.SHIFT;
        long last = position + lengthBytes - 1 >>> Pages.SHIFT;
        if (last - first >= frames.sizeBytes() >>> Pages.SHIFT) {
            throw ENOSPC.error();
        }
        int[] undo = new int[0];
        lock.lock();
        try {
            BitSet added = new BitSet();
            try {
                for (long page = first; page <= last; page++) {
                    if (filledFrame(page) == 0) {
                        fillLocked(page, position + lengthBytes);
                        added.set((int) (page - first));
                    }
                }
            } catch (ErrnoException e) {
                // Nobody can have seen the new pages but as zeros; they become mere reservations again.
                int[] entries = new int[added.cardinality()];
                int count = 0;
                for (int i = added.nextSetBit(0); i >= 0; i = added.nextSetBit(i + 1)) {
                    entries[count++] = index.get(first + i);
                    index.set(first + i, 0);
                }
                undo = entries;
                throw e;
            }
        } finally {
            lock.unlock();
            if (undo.length > 0) {
                mappings.invalidate(first, last - first + 1, false);
                release(undo);
            }
        }
    }

    /**
     * Finds data or a hole.
     *
     * @param position where to start
     * @param hole whether a hole is wanted
     * @return where it starts
     * @throws ErrnoException ENXIO beyond the end, or when no data follows
     */
    public long seekExtent(long position, boolean hole) throws ErrnoException {
        lock.lock();
        try {
            if (position < 0 || position >= size) {
                throw ENXIO.error();
            }
            long end = (size - 1 >>> Pages.SHIFT) + 1;
            long page = position >>> Pages.SHIFT;
            if (hole) {
                while (page < end && filledFrame(page) != 0) {
                    page++;
                }
            } else {
                while (page < end && filledFrame(page) == 0) {
                    page = index.next(page + 1, end);
                }
                if (page >= end) {
                    throw ENXIO.error();
                }
            }
            return Math.min(size, Math.max(position, page << Pages.SHIFT));
        } finally {
            lock.unlock();
        }
    }

    // ---- mappings ----

    /** {@return whether a mapping exists that can write to it (F_SEAL_WRITE needs to know)} */
    public boolean isMappedWritable() {
        lock.lock();
        try {
            return mappings.isWritable();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Refuses writable shared mappings from now on, for F_SEAL_WRITE.
     *
     * @return false when there are some already
     */
    public boolean sealAgainstWritableMappings() {
        lock.lock();
        try {
            if (mappings.isWritable()) {
                return false;
            }
            sealed = true;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Refuses writable shared mappings from now on, and leaves those that exist: F_SEAL_FUTURE_WRITE. */
    public void refuseWritableMappings() {
        lock.lock();
        try {
            sealed = true;
        } finally {
            lock.unlock();
        }
    }

    /** Releases all pages. Nobody maps or reads it any more. */
    public void close() {
        size = 0;
        drop(0, PAGES_END);
    }

    @Override
    public void writeBack(long firstPage, long pageCount) {
        if (mappedWrite != null && isMappedWritable()) {
            mappedWrite.run();
        }
    }

    @Override
    public long frame(long page, boolean write) throws ErrnoException {
        if (write && mappedWrite != null) {
            mappedWrite.run();
        }
        lock.lock();
        try {
            return contains(page) ? (long) (fillLocked(page, size) & FRAME) << Pages.SHIFT : BEYOND_END;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long frameAhead(long page) throws ErrnoException {
        lock.lock();
        try {
            int entry = contains(page) ? index.get(page) : 0;
            if ((entry & FILLED) == 0) {
                if (!contains(page) || !budget.takeAhead()) {
                    return BEYOND_END;
                }
                entry = fillTakenLocked(page, entry, size);
            }
            return (long) (entry & FRAME) << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void addMapping(Mapping mapping, boolean writableShared) throws ErrnoException {
        lock.lock();
        try {
            if (sealed && writableShared) {
                throw EPERM.error("sealed against writing");
            }
            mappings.addLocked(mapping, writableShared);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void removeMapping(Mapping mapping, boolean writableShared) {
        boolean last;
        lock.lock();
        try {
            mappings.removeLocked(mapping, writableShared);
            last = identity() == this && mappings.isEmpty();
        } finally {
            lock.unlock();
        }
        if (last) {
            lastMappingGone();
        }
    }

    /** Memory that only mappings know (a shared anonymous mapping) ends with the last of them. */
    private void lastMappingGone() {
        if (ownedByMappings) {
            close();
        }
    }

    /** Makes the memory of a shared anonymous mapping: released with its last mapping. */
    static AnonymousMemory ofMappings(MemoryFile frames, long sizeBytes) {
        AnonymousMemory memory = new AnonymousMemory(frames, sizeBytes);
        memory.ownedByMappings = true;
        return memory;
    }

    @Override
    public boolean tracksWrites() {
        return false;
    }
}
