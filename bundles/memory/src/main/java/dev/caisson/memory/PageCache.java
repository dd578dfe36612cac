package dev.caisson.memory;

import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.memory.FrameIndex.DIRTY;
import static dev.caisson.memory.FrameIndex.FILLED;
import static dev.caisson.memory.FrameIndex.FRAME;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.JobControl;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pages of one regular file of some other place, kept in the memory file: read through, mapped by guests, written back.
 *
 * <p>One per inode. The filesystem serialises calls that change the size (its INODE lock); all others may overlap.
 *
 * <p>Pages written through a shared mapping are written back by msync(2), fsync(2), the last munmap of a writable mapping and close; by
 * their age only where the source asks for that ({@link PageSource#dirtied}, {@link #writeBackMapped}).
 */
public final class PageCache extends PagedContent {
    private static final Logger log = LoggerFactory.getLogger(PageCache.class);

    /** Pages read at once for a single one, and when a file is read in order. */
    private static final int READ_AHEAD = 32;
    private static final int SEQUENTIAL_READ_AHEAD = 128;
    /** Neighbouring frames are reserved for so much of a file, so that it can be mapped in one step. */
    private static final int REGION = 512;

    /** When written data reaches the source. */
    public enum WritePolicy {
        /** At once: others see it, and the cache never holds the only copy, except of what was written through shared mappings. */
        THROUGH,
        /** By {@link #writeBack} and {@link #close}. */
        BACK
    }

    private final PageSource source;
    private final WritePolicy policy;
    private boolean hasDirtyPages;
    /** Not null during {@link #writeBackMapped}: pages that guests have asked to write to meanwhile. Guarded by {@link #lock}. */
    private Set<Long> touched;

    /**
     * Makes an empty cache.
     *
     * @param frames where pages live
     * @param source the file
     * @param policy when writes reach the source
     * @param identity what mappings are known by: the inode
     * @throws ErrnoException EIO when the source cannot tell its size
     */
    public PageCache(MemoryFile frames, PageSource source, WritePolicy policy, Object identity) throws ErrnoException {
        super(frames, identity);
        this.source = source;
        this.policy = policy;
        size = source.sizeBytes();
        frames.register(this);
    }

    // ---- file I/O ----

    @Override
    long readRun(IoBuffer target, long position, long wanted) throws ErrnoException {
        long page = position >>> Pages.SHIFT;
        long inPage = position & Pages.MASK;
        int frame;
        long length = Pages.SIZE - inPage;
        JobControl.acquire(lock);
        try {
            if (!contains(page)) {
                return 0; // Truncated meanwhile.
            }
            frame = fillLocked(page) & FRAME;
            for (int i = 1; length < wanted; i++) {
                if (filledFrame(page + i) != frame + i) {
                    break;
                }
                length += Pages.SIZE;
            }
        } finally {
            lock.unlock();
        }
        return target.put(frames.segment(), ((long) frame << Pages.SHIFT) + inPage, Math.min(length, wanted));
    }

    @Override
    long writeRun(MemorySegment run, long position) throws ErrnoException {
        JobControl.acquire(lock);
        try {
            long length = policy == WritePolicy.THROUGH ? writeThroughLocked(run, position) : writeBackLocked(run, position);
            size = Math.max(size, position + length);
            return length;
        } finally {
            lock.unlock();
        }
    }

    /** Cached pages are changed and stored from the cache; others are stored straight from the guest's memory. */
    private long writeThroughLocked(MemorySegment run, long position) throws ErrnoException {
        long page = position >>> Pages.SHIFT;
        long inPage = position & Pages.MASK;
        long length = Math.min(Pages.SIZE - inPage, run.byteSize());
        int entry = index.get(page);
        boolean cached = (entry & FILLED) != 0;
        for (int i = 1; length < run.byteSize(); i++) {
            int next = index.get(page + i);
            if (cached ? (next & FILLED) == 0 || (next & FRAME) != (entry & FRAME) + i : (next & FILLED) != 0) {
                break;
            }
            length = Math.min(length + Pages.SIZE, run.byteSize());
        }
        MemorySegment stored = run.asSlice(0, length);
        if (cached) {
            stored = frames.segment().asSlice(((long) (entry & FRAME) << Pages.SHIFT) + inPage, length);
            MemorySegment.copy(run, 0, stored, 0, length);
        }
        source.write(position, stored);
        return length;
    }

    private long writeBackLocked(MemorySegment run, long position) throws ErrnoException {
        long page = position >>> Pages.SHIFT;
        long inPage = position & Pages.MASK;
        long length = Math.min(Pages.SIZE - inPage, run.byteSize());
        boolean whole = length == Pages.SIZE || !contains(page);
        int entry = whole ? emptyLocked(page) : fillLocked(page);
        MemorySegment.copy(run, 0, frames.segment(), ((long) (entry & FRAME) << Pages.SHIFT) + inPage, length);
        index.set(page, entry | FILLED | DIRTY);
        hasDirtyPages = true;
        return length;
    }

    /** A page whose old content does not matter. */
    private int emptyLocked(long page) throws ErrnoException {
        int entry = index.get(page);
        if ((entry & FILLED) == 0) {
            entry = reserveLocked(page);
            frames.charge((long) (entry & FRAME) << Pages.SHIFT, 1);
            entry |= FILLED;
            index.set(page, entry);
        }
        return entry;
    }

    // ---- filling ----

    private int fillLocked(long page) throws ErrnoException {
        int entry = index.get(page);
        if ((entry & FILLED) != 0) {
            return entry;
        }
        boolean sequential = page > 0 && (index.get(page - 1) & FILLED) != 0;
        int ahead = sequential ? SEQUENTIAL_READ_AHEAD : READ_AHEAD;
        long first = page & -READ_AHEAD;
        long end = Math.min(first + ahead, (size - 1 >>> Pages.SHIFT) + 1);
        return fillRangeLocked(page, first, end);
    }

    /** Fills a page and those around it that are not filled and lie in neighbouring frames, with one read. */
    private int fillRangeLocked(long page, long low, long high) throws ErrnoException {
        int frame = reserveLocked(page) & FRAME;
        long first = page;
        while (first > low && reserveLocked(first - 1) == frame - (int) (page - first + 1)) {
            first--;
        }
        long end = page + 1 + (high > page + 1 ? index.reservedRun(page, (int) (high - page - 1)) : 0);
        while (end < high && reserveLocked(end) == frame + (int) (end - page)) {
            end++;
        }
        try {
            frames.charge(frame - (page - first) << Pages.SHIFT, (int) (end - first));
        } catch (ErrnoException full) {
            first = page;
            end = page + 1;
            frames.charge((long) frame << Pages.SHIFT, 1);
        }
        int firstFrame = frame - (int) (page - first);
        MemorySegment target = frames.segment().asSlice((long) firstFrame << Pages.SHIFT, end - first << Pages.SHIFT);
        try {
            source.read(first << Pages.SHIFT, target);
        } catch (ErrnoException | RuntimeException e) {
            frames.uncharge((long) firstFrame << Pages.SHIFT, (int) (end - first));
            // What was read in part must not be taken for zeros later.
            int[] removed = index.remove(first, end);
            FrameIndex.release(frames, removed);
            throw e;
        }
        clearBehindEnd(target, first << Pages.SHIFT);
        index.setRun(first, end, firstFrame | FILLED);
        return index.get(page);
    }

    /** The source may have grown since the size was asked for: nothing behind the size that guests know may show. */
    private void clearBehindEnd(MemorySegment target, long position) {
        long content = size - position;
        if (content >= 0 && content < target.byteSize()) {
            target.asSlice(content).fill((byte) 0);
        }
    }

    /** The entry of a page, for which a frame is reserved if there is none, with frames for its whole part of the file. */
    private int reserveLocked(long page) throws ErrnoException {
        int entry = index.get(page);
        if (entry != 0) {
            return entry;
        }
        long regionStart = page & -REGION;
        return reserveAroundLocked(page, regionStart, Math.min(regionStart + REGION, Math.max(page + 1, endPage())));
    }

    // ---- writing back, forgetting ----

    /**
     * Writes changed pages back.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    public void writeBack() throws ErrnoException {
        writeBack(0, Long.MAX_VALUE);
    }

    @Override
    public void writeBack(long firstPage, long pageCount) throws ErrnoException {
        lock.lock();
        try {
            if (!hasDirtyPages || size == 0) {
                return;
            }
            long fileEnd = endPage();
            long end = pageCount > fileEnd - firstPage ? fileEnd : firstPage + pageCount;
            long page = firstPage;
            while ((page = index.next(page, end)) < end) {
                if ((index.get(page) & DIRTY) == 0) {
                    page++;
                    continue;
                }
                page = writeRunLocked(page, end);
            }
            // A page that a guest can write to stays dirty.
            hasDirtyPages = mappings.isWritable() || firstPage > 0 || end < fileEnd;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes changed pages back, those that guests change through mappings as well, and makes guests touch these anew before they change
     * them again; so what is changed now is known, and need not be written over and over. The caller holds the filesystem's lock.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    public void writeBackMapped() throws ErrnoException {
        lock.lock();
        try {
            if (!hasDirtyPages || size == 0) {
                return;
            }
            touched = new HashSet<>();
        } finally {
            lock.unlock();
        }
        try {
            mappings.invalidate(0, Long.MAX_VALUE, false);
        } finally {
            lock.lock();
            Set<Long> kept = touched;
            touched = null;
            try {
                storeAllLocked(kept);
            } finally {
                lock.unlock();
            }
        }
    }

    private void storeAllLocked(Set<Long> kept) throws ErrnoException {
        long end = endPage();
        long page = 0;
        while ((page = index.next(page, end)) < end) {
            if ((index.get(page) & DIRTY) == 0) {
                page++;
                continue;
            }
            long next = storeRunLocked(page, end);
            for (; page < next; page++) {
                if (!kept.contains(page)) {
                    index.set(page, index.get(page) & ~DIRTY);
                }
            }
        }
        hasDirtyPages = !kept.isEmpty();
    }

    private long writeRunLocked(long page, long end) throws ErrnoException {
        long next = storeRunLocked(page, end);
        if (!mappings.isWritable()) {
            for (long p = page; p < next; p++) {
                index.set(p, index.get(p) & ~DIRTY);
            }
        }
        return next;
    }

    /** Stores changed pages in neighbouring frames; returns the page behind them. */
    private long storeRunLocked(long page, long end) throws ErrnoException {
        int entry = index.get(page);
        long next = page;
        while (next < end && next - page < REGION && (index.get(next) & DIRTY) != 0
                && (index.get(next) & FRAME) == (entry & FRAME) + (int) (next - page)) {
            next++;
        }
        long position = page << Pages.SHIFT;
        long length = Math.min(next << Pages.SHIFT, size) - position;
        source.write(position, frames.segment().asSlice((long) (entry & FRAME) << Pages.SHIFT, length));
        return next;
    }

    /**
     * Forgets pages, since the source has changed: they are read again when next used. Changed pages are written back first.
     *
     * @param position first byte
     * @param lengthBytes length; {@link Long#MAX_VALUE} for all
     * @throws ErrnoException EIO, ENOSPC
     */
    public void invalidate(long position, long lengthBytes) throws ErrnoException {
        long first = position >>> Pages.SHIFT;
        long end = lengthBytes > Long.MAX_VALUE - Pages.SIZE - position ? PAGES_END
                : Pages.up(position + lengthBytes) >>> Pages.SHIFT;
        writeBack(first, end - first);
        drop(first, end);
    }

    /**
     * As {@link #invalidate} for the whole file, but a page that a guest may be writing to stays as the guest has it: it does not stand
     * still while its page is written back, and what it stores meanwhile must not be lost.
     *
     * @throws ErrnoException EIO, ENOSPC
     */
    public void refresh() throws ErrnoException {
        writeBack();
        int[] removed;
        lock.lock();
        try {
            removed = index.removeWithout(DIRTY, PAGES_END);
        } finally {
            lock.unlock();
        }
        mappings.invalidate(0, Long.MAX_VALUE, false);
        release(removed);
    }

    /** Drops clean pages if nobody maps the file and nobody is busy with it. Returns how many pages were dropped. */
    public long evict() {
        if (!lock.tryLock()) {
            return 0;
        }
        long count = 0;
        try {
            if (!mappings.isEmpty()) {
                return 0;
            }
            for (long page = 0; (page = index.next(page, PAGES_END)) < PAGES_END; page++) {
                int entry = index.get(page);
                if ((entry & (FILLED | DIRTY)) == FILLED) {
                    index.set(page, 0);
                    frames.release((long) (entry & FRAME) << Pages.SHIFT, 1);
                    count++;
                }
            }
        } finally {
            lock.unlock();
        }
        return count;
    }

    /** {@return pages held} */
    public long residentPages() {
        return index.filled();
    }

    /** {@return pages that the source does not have as they are; those that a guest has mapped for writing count once it touched them} */
    public long dirtyPages() {
        return index.dirty();
    }

    /** {@return whether anybody maps the file} */
    public boolean isMapped() {
        lock.lock();
        try {
            return !mappings.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes changed pages back and releases all. The inode is gone: nobody maps or reads it any more.
     *
     * @throws ErrnoException EIO, ENOSPC; everything is released all the same
     */
    public void close() throws ErrnoException {
        frames.unregister(this);
        try {
            writeBack();
        } finally {
            drop(0, PAGES_END);
        }
    }

    // ---- mappings ----

    @Override
    public long frame(long page, boolean write) throws ErrnoException {
        JobControl.acquire(lock);
        try {
            if (!contains(page)) {
                return BEYOND_END;
            }
            int entry = fillLocked(page);
            if (write && touched != null) {
                touched.add(page);
            }
            if (write && (entry & DIRTY) == 0) {
                index.set(page, entry | DIRTY);
                hasDirtyPages = true;
                source.dirtied();
            }
            return (long) (entry & FRAME) << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void readAhead(long firstPage, long pageCount) {
        lock.lock();
        try {
            if (index.filled() >= endPage()) {
                return;
            }
            long end = Math.min(endPage(), firstPage + Math.min(pageCount, REGION));
            for (long page = Math.max(0, firstPage); page < end; page++) {
                if ((index.get(page) & FILLED) == 0) {
                    fillRangeLocked(page, page, end);
                }
            }
        } catch (ErrnoException e) {
            log.debug("read-ahead failed: errno={}", e.errno() == ENOMEM ? "ENOMEM" : e.errno());
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void addMapping(Mapping mapping, boolean writableShared) {
        lock.lock();
        try {
            mappings.addLocked(mapping, writableShared);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void removeMapping(Mapping mapping, boolean writableShared) {
        boolean store;
        lock.lock();
        try {
            mappings.removeLocked(mapping, writableShared);
            store = writableShared && !mappings.isWritable() && hasDirtyPages && policy == WritePolicy.THROUGH;
        } finally {
            lock.unlock();
        }
        if (store) {
            try {
                writeBack();
            } catch (ErrnoException e) {
                log.warn("pages of a mapping that ended could not be written back: errno={}", e.errno());
            }
        }
    }
}
