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
    /** Guarded by this. */
    private boolean isLosingName;

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
        synchronized (this) {
            if (pin != null && (pin.isWritable || !writable)) {
                return fileSystem.handles().again(pin);
            }
        }
        return open(writable, 0);
    }

    /**
     * A descriptor that nobody else uses; the caller releases it.
     *
     * @param writable whether it will be written
     * @param flags what makes it special: {@code O_NOATIME}
     */
    HandleCache.Handle ownHandle(boolean writable, int flags) throws ErrnoException {
        if (inode.name() == null) {
            return handle(writable); // what is open already is all there is
        }
        return open(writable, flags);
    }

    private HandleCache.Handle open(boolean writable, int more) throws ErrnoException {
        HostNames.Name name = inode.name();
        if (name == null) {
            throw ESTALE.error("the file has no name any more and was not open");
        }
        HandleCache.Handle at = name.directory().directoryHandle();
        boolean isShareable = more == 0;
        long opened;
        try {
            opened = HostInode.open(at.fd, name.text(), (writable ? Fcntl.O_RDWR : Fcntl.O_RDONLY) | OPEN_FLAGS | more);
            if (opened == -Errno.EPERM.number() && more != 0) {
                opened = HostInode.open(at.fd, name.text(), (writable ? Fcntl.O_RDWR : Fcntl.O_RDONLY) | OPEN_FLAGS); // not ours on the host
            }
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
        return isShareable ? fileSystem.handles().offer(inode, fd, writable) : new HandleCache.Handle(inode, fd, writable);
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

    /** Whether a name is going at the moment, or the last one is gone: who opens the file cannot put it off. */
    synchronized boolean isLosingName() {
        return isLosingName || inode.name() == null;
    }

    /** Opens the file on the host for one that was just opened; ESTALE when it is too late, and the caller looks the name up again. */
    void openAtOnce(boolean writable) throws ErrnoException {
        try {
            HandleCache.Handle open = handle(writable);
            if (!inode.isSameFile(HostStatus.of(open.fd))) {
                fileSystem.handles().discard(open);
                throw ESTALE.error("replaced meanwhile");
            }
            keepOpen(open);
        } catch (ErrnoException e) {
            closed();
            throw e.errno() == Errno.ENOENT ? ESTALE.error("removed meanwhile") : e;
        }
    }

    /** The name is gone, or stays after all. */
    synchronized void nameSettled() {
        isLosingName = false;
    }

    /** Before a name goes: an open file keeps its content by a descriptor, which it may not have needed so far. */
    void pin() {
        boolean writable;
        synchronized (this) {
            isLosingName = true;
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
            inode.recount();
            PageCache cache = pages();
            if (cache != null) {
                cache.resize(sizeBytes);
            }
        } finally {
            lock().unlock();
            fileSystem.handles().release(open);
        }
    }

    /**
     * Writes to the host, as far as the layer's limit allows.
     *
     * @return bytes written, or a negated error number
     */
    long store(int fd, long address, long bytes, long position) {
        HostBudget budget = fileSystem.budget();
        if (budget == null) {
            return HostFile.pwrite(fd, address, bytes, position);
        }
        long length = bytes;
        long room = HostBudget.roomFor(bytes);
        if (!budget.tryTake(room)) {
            room = 0;
            // What is allocated already can be written whatever the limit is.
            long hole = HostFile.seek(fd, position, Fcntl.SEEK_HOLE);
            length = hole > position ? Math.min(bytes, hole - position) : budget.fitting(bytes);
            if (length <= 0) {
                return -Errno.ENOSPC.number();
            }
        }
        long written = HostFile.pwrite(fd, address, length, position);
        budget.give(room);
        try {
            inode.recount();
        } catch (ErrnoException e) {
            return written > 0 ? written : -e.errno().number();
        }
        return written;
    }

    /** Allocates or frees space on the host, within the layer's limit. */
    void allocate(int fd, int mode, long position, long lengthBytes) throws ErrnoException {
        HostBudget budget = fileSystem.budget();
        long room = budget == null || (mode & Fcntl.FALLOC_FL_PUNCH_HOLE) != 0 ? 0 : HostBudget.roomFor(lengthBytes);
        if (room < 0) {
            throw Errno.ENOSPC.error();
        }
        fileSystem.takeRoom(room);
        try {
            Errno.check(HostFile.allocate(fd, mode, position, lengthBytes));
        } finally {
            fileSystem.giveRoom(room);
        }
        inode.recount();
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
