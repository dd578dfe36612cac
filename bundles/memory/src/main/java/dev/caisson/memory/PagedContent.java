package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.memory.FrameIndex.FILLED;
import static dev.caisson.memory.FrameIndex.FRAME;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.lang.foreign.MemorySegment;

/**
 * Content whose pages lie in frames of the memory file, found by page index: what {@link AnonymousMemory} and {@link PageCache} have in
 * common. They differ in where the content of a page comes from and in what becomes of it.
 *
 * <p>Thread-safe; the filesystem serialises calls that change the size (its INODE lock).
 */
abstract sealed class PagedContent implements Mappable permits AnonymousMemory, PageCache {
    /** Behind every page that content can have. */
    static final long PAGES_END = Long.MAX_VALUE >>> Pages.SHIFT;

    final RankedLock lock = RankedLock.of(LockRank.PAGE_CACHE);
    final MemoryFile frames;
    /** Guarded by {@link #lock}. */
    final FrameIndex index = new FrameIndex();
    /** Guarded by {@link #lock}. */
    final MappingSet mappings = new MappingSet(lock);
    /** Size in bytes. */
    volatile long size;
    private final Object identity;

    PagedContent(MemoryFile frames, Object identity) {
        this.frames = frames;
        this.identity = identity != null ? identity : this;
    }

    /** {@return the size} */
    public final long sizeBytes() {
        return size;
    }

    @Override
    public final Object identity() {
        return identity;
    }

    // ---- file I/O ----

    /**
     * Reads.
     *
     * @param target where to
     * @param position offset, not negative
     * @return bytes read; 0 at or beyond the end
     * @throws ErrnoException EFAULT, EIO
     */
    public final long read(IoBuffer target, long position) throws ErrnoException {
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
                } catch (ErrnoException e) {
                    if (done > 0) {
                        return done;
                    }
                    throw e;
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

    /** Copies what lies in neighbouring frames: at least a byte, unless the content has become shorter meanwhile. */
    abstract long readRun(IoBuffer target, long position, long wanted) throws ErrnoException;

    /**
     * Writes; grows the content when it ends behind the end.
     *
     * @param source what to write
     * @param position offset, not negative
     * @return bytes written, short when an error came later
     * @throws ErrnoException EFAULT, EIO, ENOSPC, ENOMEM, EFBIG
     */
    public final long write(IoBuffer source, long position) throws ErrnoException {
        FrameReader reader = frames.reader();
        reader.enter();
        try {
            long done = 0;
            while (source.remaining() > 0) {
                try {
                    long at = position + done;
                    if (at < 0 || at == Long.MAX_VALUE) {
                        throw EFBIG.error();
                    }
                    MemorySegment run = source.run(); // EFAULT before anything is allocated
                    long length = 0;
                    try {
                        do {
                            length += writeRun(length == 0 ? run : run.asSlice(length), at + length);
                        } while (length < run.byteSize());
                    } finally {
                        source.advance(length);
                        done += length;
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

    /** Stores the start of a run, and moves the end when it is passed. Returns how many bytes, not 0. */
    abstract long writeRun(MemorySegment run, long position) throws ErrnoException;

    // ---- frames ----

    /** Whether a page lies before the end. */
    final boolean contains(long page) {
        long end = size;
        return page >= 0 && end != 0 && page <= end - 1 >>> Pages.SHIFT;
    }

    /** The page behind the last one. */
    final long endPage() {
        long end = size;
        return end == 0 ? 0 : (end - 1 >>> Pages.SHIFT) + 1;
    }

    /** The frame of a page that has content, or 0. */
    final int filledFrame(long page) {
        int entry = index.get(page);
        return (entry & FILLED) != 0 ? entry & FRAME : 0;
    }

    /**
     * Reserves neighbouring frames for a page that has none, and for those around it that have none either.
     *
     * @param page the page
     * @param low first page to reserve for
     * @param high page behind the last one
     * @return the page's entry
     */
    final int reserveAroundLocked(long page, long low, long high) throws ErrnoException {
        long first = page;
        while (first > low && index.get(first - 1) == 0) {
            first--;
        }
        long stop = page + 1;
        while (stop < high && index.get(stop) == 0) {
            stop++;
        }
        int frame = (int) (frames.reserve((int) (stop - first)) >>> Pages.SHIFT);
        index.setRun(first, stop, frame);
        return frame + (int) (page - first);
    }

    /** Clears bytes within one page, if it has content. */
    final void clearLocked(long position, long length) {
        int frame = length > 0 ? filledFrame(position >>> Pages.SHIFT) : 0;
        if (frame != 0) {
            frames.segment().asSlice(((long) frame << Pages.SHIFT) + (position & Pages.MASK), length).fill((byte) 0);
        }
    }

    /** Gives the frames of removed entries back, which nobody uses any more. */
    void release(int[] removed) {
        FrameIndex.release(frames, removed);
    }

    // ---- size ----

    /**
     * Changes the size, or follows a change that the filesystem has made or seen: pages behind the end go, the rest of the last page is
     * cleared, mappings are told.
     *
     * @param bytes new size
     */
    public final void resize(long bytes) {
        long firstGone = bytes > Long.MAX_VALUE - Pages.MASK ? PAGES_END : Pages.up(bytes) >>> Pages.SHIFT;
        int[] removed;
        lock.lock();
        try {
            long old = size;
            size = bytes;
            if (bytes >= old) {
                return;
            }
            clearLocked(bytes, Pages.SIZE - (bytes & Pages.MASK) & Pages.MASK);
            removed = index.remove(firstGone, PAGES_END);
        } finally {
            lock.unlock();
        }
        mappings.invalidate(firstGone, Long.MAX_VALUE, true);
        release(removed);
    }

    /** Takes pages out, tells mappings, and gives the frames back. */
    final void drop(long first, long end) {
        int[] removed;
        lock.lock();
        try {
            removed = index.remove(first, end);
        } finally {
            lock.unlock();
        }
        mappings.invalidate(first, end == PAGES_END ? Long.MAX_VALUE : end - first, false);
        release(removed);
    }

    // ---- mappings ----

    @Override
    public final long frameIfCached(long page) {
        lock.lock();
        try {
            int frame = contains(page) ? filledFrame(page) : 0;
            return frame == 0 ? BEYOND_END : (long) frame << Pages.SHIFT;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final int cachedRun(long page, int most, boolean forward) {
        lock.lock();
        try {
            int frame = contains(page) ? filledFrame(page) : 0;
            int limit = frame == 0 ? 0 : (int) Math.min(most, forward ? endPage() - 1 - page : page);
            if (forward) {
                return limit <= 0 ? 0 : index.filledRun(page, limit);
            }
            int count = 0;
            while (count < limit && filledFrame(page - (count + 1)) == frame - (count + 1)) {
                count++;
            }
            return count;
        } finally {
            lock.unlock();
        }
    }
}
