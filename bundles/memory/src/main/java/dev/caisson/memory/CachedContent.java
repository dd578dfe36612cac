package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The content of a regular file that is kept elsewhere, on the host or on a server: how many have it open, and its pages once somebody
 * needs them. Where nobody else changes files, one that is read again and again gets pages, too.
 */
public abstract class CachedContent {
    private static final Logger log = LoggerFactory.getLogger(CachedContent.class);

    /** Larger files are not kept in memory for the sake of reading. */
    private static final long MOST_KEPT_BYTES = 16 << 20;
    private static final long FIRST_LOOK_BYTES = 16 << 10;

    private final Inode inode;
    private final CachedContents all;
    private final RankedLock lock = RankedLock.of(LockRank.INODE);

    /** The pages, once somebody needed them. Set under {@link #lock}. */
    private volatile PageCache pages;
    /** Bytes that were read around the pages: an estimate, counted without a lock. */
    private long readBytes;
    /** At how many of them to look whether pages would pay. */
    private long nextLookBytes = FIRST_LOOK_BYTES;
    /** Open files. Guarded by this. */
    private int opens;
    /** Whether one of them may write. Guarded by this. */
    private boolean isOpenForWriting;

    /**
     * Makes the content of a file that nobody has open.
     *
     * @param inode the file
     * @param all those of its filesystem
     */
    protected CachedContent(Inode inode, CachedContents all) {
        this.inode = inode;
        this.all = all;
    }

    /** {@return how pages are filled and written back} */
    protected abstract PageSource source();

    /** The file's attributes may be others now. */
    protected abstract void changed();

    /** {@return when what is written to the pages reaches the source; asked when they are made} */
    protected PageCache.WritePolicy writePolicy() {
        return PageCache.WritePolicy.THROUGH;
    }

    /** {@return whether the pages have something that the source has not, and so must stay} */
    protected boolean hasUnwritten() {
        return false;
    }

    /** {@return what serialises changes of content and size} */
    public final RankedLock lock() {
        return lock;
    }

    // ---- open files

    /**
     * The file was opened.
     *
     * @param writable whether it may be written
     */
    public final synchronized void opened(boolean writable) {
        opens++;
        isOpenForWriting |= writable;
    }

    /** {@return whether nobody has the file open any more} An open file was closed. */
    protected final synchronized boolean isLastClosed() {
        if (--opens > 0) {
            return false;
        }
        isOpenForWriting = false;
        return true;
    }

    /** {@return whether somebody has the file open} */
    public final synchronized boolean isInUse() {
        return opens > 0;
    }

    /** {@return whether one of those who have the file open may write} */
    protected final synchronized boolean isOpenForWriting() {
        return isOpenForWriting;
    }

    // ---- pages

    /** {@return the page cache, or null when nobody needed one} */
    public final PageCache pages() {
        return pages;
    }

    /**
     * The page cache, made if there is none.
     *
     * @return it
     * @throws ErrnoException what the source cannot tell its size for
     */
    public final PageCache makePages() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            return cache;
        }
        lock.lock();
        try {
            cache = pages;
            if (cache == null) {
                cache = new PageCache(all.memory(), source(), writePolicy(), inode);
                pages = cache;
            }
        } finally {
            lock.unlock();
        }
        all.hasPages(this);
        return cache;
    }

    /**
     * Bytes were read around the pages. Where nobody else changes files, one that is read the third time is kept in memory from now on.
     *
     * @param bytes how many
     */
    public final void wasRead(long bytes) {
        readBytes += bytes;
        if (readBytes < nextLookBytes) {
            return;
        }
        nextLookBytes = 2 * readBytes;
        if (!all.isExclusive()) {
            return;
        }
        try {
            long size = inode.attributes().sizeBytes();
            if (size <= MOST_KEPT_BYTES && readBytes >= 2 * size) {
                makePages();
            }
        } catch (ErrnoException e) {
            log.debug("no pages for a file that is read often: inode={} errno={}", inode.number(), e.errno());
        }
    }

    /**
     * Somebody else changed the file: cached pages are read again.
     *
     * @param sizeBytes its size now
     */
    public final void follow(long sizeBytes) {
        PageCache cache = pages;
        if (cache == null) {
            return;
        }
        lock.lock();
        try {
            if (cache.sizeBytes() != sizeBytes) {
                cache.resize(sizeBytes);
            }
            cache.refresh();
        } catch (ErrnoException e) {
            changed(); // the next look tries again
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes changed pages back.
     *
     * @throws ErrnoException what the source fails with
     */
    public void writeBack() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            cache.writeBack();
            changed();
        }
    }

    /**
     * As {@link #writeBack}, with what guests change through mappings: they touch those pages anew before they change them again.
     *
     * @return whether somebody has changed pages meanwhile
     */
    final boolean writeBackMapped() throws ErrnoException {
        PageCache cache = pages;
        if (cache == null) {
            return false;
        }
        lock.lock();
        try {
            cache.writeBackMapped();
            changed();
            return cache.dirtyPages() > 0;
        } finally {
            lock.unlock();
        }
    }

    /** Lets go of the pages; false when the file is open or mapped. */
    final boolean dropPages() {
        lock.lock();
        try {
            PageCache cache = pages;
            if (cache == null) {
                return true;
            }
            if (isInUse() || cache.isMapped() || hasUnwritten()) {
                return false;
            }
            pages = null;
            cache.close();
            return true;
        } catch (ErrnoException e) {
            return true; // all is released; what could not be written had its fsync to tell
        } finally {
            lock.unlock();
        }
    }

    /** Returns how many pages were let go. */
    final long evictPages() {
        PageCache cache = pages;
        return cache == null ? 0 : cache.evict();
    }

    final long residentPages() {
        PageCache cache = pages;
        return cache == null ? 0 : cache.residentPages();
    }

    final long number() {
        return inode.number();
    }
}
