package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.PageCache;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The content of a regular file: descriptors, open files, cached pages. */
final class HostContent {
    private static final int OPEN_FLAGS = Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_NOCTTY;

    private static final Logger log = LoggerFactory.getLogger(HostContent.class);

    /** Larger files are not kept in memory for the sake of reading. */
    private static final long MOST_KEPT_BYTES = 16 << 20;
    private static final long FIRST_LOOK_BYTES = 16 << 10;

    private final HostInode inode;
    private final HostFileSystem fileSystem;

    /** Serialises changes of content and size. */
    final RankedLock lock = RankedLock.of(LockRank.INODE);

    /** The pages, once somebody mapped the file. Set under {@link #lock}. */
    private volatile PageCache pages;
    /** Bytes that were read from the host: an estimate, counted without a lock. */
    private long hostReadBytes;
    /** At how many of them to look whether pages would pay. */
    private long nextLookBytes = FIRST_LOOK_BYTES;
    /** Open files. Guarded by this. */
    private int opens;
    /** Whether one of them may write. Guarded by this. */
    private boolean isOpenForWriting;
    /** Keeps the content of an open file that has lost its name. Guarded by this. */
    private HandleCache.Handle pin;

    HostContent(HostInode inode) {
        this.inode = inode;
        this.fileSystem = inode.host();
    }

    /**
     * A descriptor, opened if need be; the caller releases it.
     *
     * @param writable whether it will be written
     */
    HandleCache.Handle handle(boolean writable) throws ErrnoException {
        HandleCache.Handle known = fileSystem.handles().take(inode, writable);
        if (known != null) {
            return known;
        }
        HostNames.Name name = inode.name();
        if (name == null) {
            throw ESTALE.error("the file has no name any more and was not open");
        }
        HandleCache.Handle at = name.directory().directoryHandle();
        boolean isShareable = true;
        long opened;
        try {
            opened = HostInode.open(at.fd, name.text(), (writable ? Fcntl.O_RDWR : Fcntl.O_RDONLY) | OPEN_FLAGS);
            if (opened == -Errno.EACCES.number() && writable) {
                isShareable = false; // others could not read through it
                opened = HostInode.open(at.fd, name.text(), Fcntl.O_WRONLY | OPEN_FLAGS);
            }
        } finally {
            fileSystem.handles().release(at);
        }
        int fd = (int) Errno.check(opened);
        // Where nobody else changes files, a second look is not worth a quarter of the first read; only what is written needs it.
        if ((writable || !fileSystem.isExclusive()) && !inode.isSameFile(HostStatus.of(fd))) {
            HostFile.close(fd);
            throw ESTALE.error("the host has another file under the name");
        }
        return isShareable ? fileSystem.handles().offer(inode, fd, writable) : new HandleCache.Handle(inode, fd, true);
    }

    synchronized void opened(boolean writable) {
        opens++;
        isOpenForWriting |= writable;
    }

    /** An open file was closed. */
    void closed() {
        boolean isLast;
        HandleCache.Handle unused = null;
        synchronized (this) {
            isLast = --opens == 0;
            if (isLast) {
                unused = pin;
                pin = null;
                isOpenForWriting = false;
            }
        }
        if (unused != null) {
            fileSystem.handles().release(unused);
        }
        if (isLast && inode.name() == null) {
            fileSystem.forget(inode);
        }
    }

    synchronized boolean isInUse() {
        return opens > 0;
    }

    /** Before a name goes: an open file keeps its content by a descriptor, which it may not have needed so far. */
    void pin() {
        boolean writable;
        synchronized (this) {
            if (opens == 0) {
                return;
            }
            writable = isOpenForWriting;
        }
        HandleCache.Handle open = tryHandle(writable);
        if (open == null && writable) {
            open = tryHandle(false);
        }
        if (open != null) {
            keepOpen(open);
        }
    }

    private HandleCache.Handle tryHandle(boolean writable) {
        try {
            return handle(writable);
        } catch (ErrnoException e) {
            return null; // then using it would fail as well
        }
    }

    /** Keeps a descriptor open until the last open file is closed. */
    void keepOpen(HandleCache.Handle open) {
        synchronized (this) {
            if (pin == null) {
                pin = open;
                return;
            }
        }
        fileSystem.handles().release(open);
    }

    /** {@return the page cache, or null when nobody needed one} */
    PageCache pages() {
        return pages;
    }

    /** {@return the page cache, made if there is none} */
    PageCache makePages() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            return cache;
        }
        lock.lock();
        try {
            cache = pages;
            if (cache == null) {
                cache = new PageCache(fileSystem.memory(), new HostPages(inode), PageCache.WritePolicy.THROUGH, inode);
                pages = cache;
            }
        } finally {
            lock.unlock();
        }
        fileSystem.hasPages(inode);
        return cache;
    }

    /** Bytes were read from the host. Where nobody else changes files, one that is read the third time is kept in memory from now on. */
    void wasRead(long bytes) {
        hostReadBytes += bytes;
        if (hostReadBytes < nextLookBytes) {
            return;
        }
        nextLookBytes = 2 * hostReadBytes;
        if (!fileSystem.isExclusive()) {
            return;
        }
        try {
            long size = inode.attributes().sizeBytes();
            if (size <= MOST_KEPT_BYTES && hostReadBytes >= 2 * size) {
                makePages();
            }
        } catch (ErrnoException e) {
            log.debug("no pages for a file that is read often: inode={} errno={}", inode.number(), e.errno());
        }
    }

    /** Somebody else changed the file: cached pages are read again. */
    void followHost(long sizeBytes) {
        PageCache cache = pages;
        if (cache == null) {
            return;
        }
        lock.lock();
        try {
            if (cache.sizeBytes() != sizeBytes) {
                cache.resize(sizeBytes);
            }
            cache.invalidate(0, Long.MAX_VALUE);
        } catch (ErrnoException e) {
            inode.changed(); // the next look tries again
        } finally {
            lock.unlock();
        }
    }

    void truncate(long sizeBytes) throws ErrnoException {
        HandleCache.Handle open = handle(true);
        lock.lock();
        try {
            Errno.check(HostFile.truncate(open.fd, sizeBytes));
            PageCache cache = pages;
            if (cache != null) {
                cache.resize(sizeBytes);
            }
        } finally {
            lock.unlock();
            fileSystem.handles().release(open);
        }
    }

    /** Lets go of the pages; false when the file is open or mapped. */
    boolean dropPages() {
        lock.lock();
        try {
            PageCache cache = pages;
            if (cache == null) {
                return true;
            }
            if (isInUse() || cache.isMapped()) {
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

    void evictPages() {
        PageCache cache = pages;
        if (cache != null) {
            cache.evict();
        }
    }

    void writeBack() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            cache.writeBack();
            inode.changed();
        }
    }
}
