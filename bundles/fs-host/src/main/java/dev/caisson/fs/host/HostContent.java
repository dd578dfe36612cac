package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.memory.CachedContent;
import dev.caisson.memory.PageCache;
import dev.caisson.memory.PageSource;

/** The content of a regular file: descriptors, open files, cached pages. */
final class HostContent extends CachedContent {
    private static final int OPEN_FLAGS = Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_NOCTTY;
    private final HostInode inode;
    private final HostFileSystem fileSystem;

    /** Keeps the content of an open file that has lost its name. Guarded by this. */
    private HandleCache.Handle pin;

    HostContent(HostInode inode) {
        super(inode, inode.host().contents());
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

    /** An open file was closed. */
    void closed() {
        boolean isLast;
        HandleCache.Handle unused = null;
        synchronized (this) {
            isLast = isLastClosed();
            if (isLast) {
                unused = pin;
                pin = null;
            }
        }
        if (unused != null) {
            fileSystem.handles().release(unused);
        }
        if (isLast && inode.name() == null) {
            fileSystem.forget(inode);
        }
    }

    /** Before a name goes: an open file keeps its content by a descriptor, which it may not have needed so far. */
    void pin() {
        boolean writable;
        synchronized (this) {
            if (!isInUse()) {
                return;
            }
            writable = isOpenForWriting();
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

    void truncate(long sizeBytes) throws ErrnoException {
        HandleCache.Handle open = handle(true);
        lock().lock();
        try {
            Errno.check(HostFile.truncate(open.fd, sizeBytes));
            PageCache cache = pages();
            if (cache != null) {
                cache.resize(sizeBytes);
            }
        } finally {
            lock().unlock();
            fileSystem.handles().release(open);
        }
    }

    @Override
    protected PageSource source() {
        return new HostPages(inode);
    }

    @Override
    protected void changed() {
        inode.changed();
    }
}
