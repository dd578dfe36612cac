package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.memory.FrameIndex.FILLED;
import static dev.caisson.memory.FrameIndex.FRAME;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory with no file behind it, by page index: the content of a tmpfs file or memfd, a shared anonymous mapping, a SysV segment.
 * Pages that were never written are holes and take no room.
 *
 * <p>Thread-safe; the filesystem serialises calls that change the size (its INODE lock).
 */
public final class AnonymousMemory implements Mappable {
    /** Frames are reserved in runs of so many pages, so that neighbours can be mapped in one step. */
    private static final int RUN = 32;
    private static final int MOST_PAGES_PER_STEP = 256;
    private static final MemorySegment ZEROS = Arena.global().allocate(1 << 16);

    private final RankedLock lock = RankedLock.of(LockRank.PAGE_CACHE);
    private final MemoryFile frames;
    private final PageBudget budget;
    private final Object identity;
    private final FrameIndex index = new FrameIndex();
    private final MappingSet mappings = new MappingSet(lock);
    private volatile long size;
    private boolean sealed;

    /**
     * Makes empty memory of size 0.
     *
     * @param frames where pages live
     * @param budget counts its pages
     * @param identity what mappings are known by: the inode; null for the object itself
     */
    public AnonymousMemory(MemoryFile frames, PageBudget budget, Object identity) {
        this.frames = frames;
        this.budget = budget;
        this.identity = identity != null ? identity : this;
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

    /** {@return the size} */
    public long sizeBytes() {
        return size;
    }

    /** {@return pages that take room, for {@code st_blocks}} */
    public long allocatedPages() {
        return index.filled();
    }

    // ---- file I/O ----

    /**
     * Reads; holes read as zeros.
     *
     * @param target where to
     * @param position offset, not negative
     * @return bytes read; 0 at or beyond the end
     * @throws ErrnoException EFAULT
     */
    public long read(IoBuffer target, long position) throws ErrnoException {
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long done = 0;
            while (true) {
                long wanted = Math.min(target.remaining(), size - position - done);
                if (wanted <= 0) {
                    return done;
                }
                long copied;
                try {
                    copied = readRun(target, position + done, wanted);
                } catch (ErrnoException fault) {
                    if (done > 0) {
                        return done;
                    }
                    throw fault;
                }
                done += copied;
                if (copied == 0) {
                    return done;
                }
            }
        } finally {
            reader.leave();
        }
    }

    private long readRun(IoBuffer target, long position, long wanted) throws ErrnoException {
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

    private int filledFrame(long page) {
        int entry = index.get(page);
        return (entry & FILLED) != 0 ? entry & FRAME : 0;
    }

    /**
     * Writes; grows the memory when it ends behind the end.
     *
     * @param source what to write
     * @param position offset, not negative
     * @return bytes written, short when room ran out later
     * @throws ErrnoException EFAULT, ENOSPC, ENOMEM, EFBIG
     */
    public long write(IoBuffer source, long position) throws ErrnoException {
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long done = 0;
            while (source.remaining() > 0) {
                long at = position + done;
                try {
                    if (at < 0 || at == Long.MAX_VALUE) {
                        throw EFBIG.error();
                    }
                    MemorySegment run = source.run(); // EFAULT before anything is allocated
                    long inPage = at & Pages.MASK;
                    long length = Math.min(Math.min(run.byteSize(), Pages.SIZE - inPage), Long.MAX_VALUE - at);
                    int frame;
                    lock.lock();
                    try {
                        frame = fillLocked(at >>> Pages.SHIFT, at + run.byteSize()) & FRAME;
                    } finally {
                        lock.unlock();
                    }
                    MemorySegment.copy(run, 0, frames.segment(), ((long) frame << Pages.SHIFT) + inPage, length);
                    source.advance(length);
                    done += length;
                    if (at + length > size) {
                        size = at + length;
                    }
                } catch (ErrnoException e) {
                    if (done > 0) {
                        return done;
                    }
                    throw e;
                }
            }
            return done;
        } finally {
            reader.leave();
        }
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
        try {
            if (entry == 0) {
                entry = reserveLocked(page, Math.max(size, sizeSoon));
            }
            frames.charge(1);
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
        long end = first + run;
        while (first < page && index.get(first) != 0) {
            first++;
        }
        for (long p = first; p < page; p++) {
            if (index.get(p) != 0) {
                first = p + 1;
            }
        }
        long stop = page + 1;
        while (stop < end && index.get(stop) == 0) {
            stop++;
        }
        int frame = (int) (frames.reserve((int) (stop - first)) >>> Pages.SHIFT);
        for (long p = first; p < stop; p++) {
            index.set(p, frame + (int) (p - first));
        }
        return index.get(page);
    }

    // ---- size and holes ----

    /**
     * Changes the size: pages behind the end go, the rest of the last page is cleared, mappings are told.
     *
     * @param bytes new size
     */
    public void resize(long bytes) {
        long firstGone = Pages.up(bytes) >>> Pages.SHIFT;
        if (bytes > Long.MAX_VALUE - Pages.MASK) {
            firstGone = Long.MAX_VALUE >>> Pages.SHIFT;
        }
        int[] removed;
        lock.lock();
        try {
            long old = size;
            size = bytes;
            if (bytes >= old) {
                return;
            }
            clearLocked(bytes, Pages.SIZE - (bytes & Pages.MASK) & Pages.MASK);
            removed = index.remove(firstGone, Long.MAX_VALUE >>> Pages.SHIFT);
        } finally {
            lock.unlock();
        }
        mappings.invalidate(firstGone, Long.MAX_VALUE, true);
        release(removed);
    }

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

    private void clearLocked(long position, long length) {
        int frame = length > 0 ? filledFrame(position >>> Pages.SHIFT) : 0;
        if (frame != 0) {
            frames.segment().asSlice(((long) frame << Pages.SHIFT) + (position & Pages.MASK), length).fill((byte) 0);
        }
    }

    private void release(int[] removed) {
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
            java.util.BitSet added = new java.util.BitSet();
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

    /** Releases all pages. Nobody maps or reads it any more. */
    public void close() {
        int[] removed;
        lock.lock();
        try {
            size = 0;
            removed = index.remove(0, Long.MAX_VALUE >>> Pages.SHIFT);
        } finally {
            lock.unlock();
        }
        mappings.invalidate(0, Long.MAX_VALUE, false);
        release(removed);
    }

    @Override
    public long frame(long page, boolean write) throws ErrnoException {
        lock.lock();
        try {
            long end = size;
            if (page < 0 || end == 0 || page > end - 1 >>> Pages.SHIFT) {
                return BEYOND_END;
            }
            return (long) (fillLocked(page, end) & FRAME) << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long frameIfCached(long page) {
        lock.lock();
        try {
            long end = size;
            if (page < 0 || end == 0 || page > end - 1 >>> Pages.SHIFT) {
                return BEYOND_END;
            }
            int frame = filledFrame(page);
            return frame == 0 ? BEYOND_END : (long) frame << Pages.SHIFT;
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
            last = identity == this && mappings.isEmpty();
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

    private boolean ownedByMappings;

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

    @Override
    public Object identity() {
        return identity;
    }
}
