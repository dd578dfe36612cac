package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.ESPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.wait.WaitQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * An open file description, open(2): an {@link OpenFile} with place, offset, status flags, owner for SIGIO, and a count of references
 * (descriptors, calls in progress, messages in flight). Made with one reference.
 */
public final class FileDescription {
    /** An updater rather than a variable handle, and no compareAndExchange: C1 makes instructions of these, and calls of the others. */
    private static final AtomicIntegerFieldUpdater<FileDescription> REFERENCES =
            AtomicIntegerFieldUpdater.newUpdater(FileDescription.class, "references");

    /** Status flags that fcntl(2) F_SETFL changes. */
    public static final int SETTABLE_FLAGS =
            Fcntl.O_APPEND | Fcntl.O_ASYNC | Fcntl.O_DIRECT | Fcntl.O_NOATIME | Fcntl.O_NONBLOCK;

    private static final int NO_ATIME = 0;
    private static final int RELATIVE_ATIME = 1;
    private static final int STRICT_ATIME = 2;

    /** This and {@link #inode} change only while all tasks are at their safe points: {@link #follow}. */
    private OpenFile file;
    private final Location location;
    private Inode inode;
    private final Watches watches;
    private final Credentials openedBy;
    private final boolean seekable;
    private final boolean readable;
    private final boolean writable;
    private final boolean regular;
    /** The offset is the file's own business: {@link OpenFile#keepsOffset}. */
    private final boolean offsetInFile;
    private final int accessTimes;
    private volatile int flags;
    private volatile int references = 1;

    private final RankedLock offsetLock = RankedLock.of(LockRank.FILE_OFFSET);
    /** Guarded by {@link #offsetLock}. */
    private long offset;

    private volatile FileOwner owner = FileOwner.NONE;
    private volatile CopyOnWriteArrayList<Runnable> closeActions;
    private volatile Object waitingSigio;
    private boolean countsAsWriter;
    private boolean madeFile;
    private final int listNumber;
    /** Neighbours in the list of {@link OpenDescriptions}, which guards them. */
    FileDescription nextOpen;
    FileDescription previousOpen;

    /**
     * Makes a description with one reference; keeps the mount busy until that is gone.
     *
     * @param file the open file
     * @param location where it was found
     * @param flags {@code O_*} as for open(2); O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC and O_CLOEXEC are dropped
     * @param openedBy who opened it
     * @param watches where its events go, or null
     */
    public FileDescription(OpenFile file, Location location, int flags, Credentials openedBy, Watches watches) {
        this.file = file;
        this.location = location;
        this.inode = location.inode();
        this.listNumber = location.dentry().name().hashCode();
        this.watches = watches;
        this.openedBy = openedBy;
        this.flags = flags & ~(Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_NOCTTY | Fcntl.O_TRUNC | Fcntl.O_CLOEXEC);
        boolean path = (flags & Fcntl.O_PATH) != 0;
        int access = flags & Fcntl.O_ACCMODE;
        this.readable = !path && (access == Fcntl.O_RDONLY || access == Fcntl.O_RDWR);
        this.writable = !path && (access == Fcntl.O_WRONLY || access == Fcntl.O_RDWR);
        this.seekable = file.isSeekable();
        this.offsetInFile = seekable && file.keepsOffset();
        int type = inode.mode() & Stat.S_IFMT;
        this.regular = type == Stat.S_IFREG;
        this.accessTimes = accessTimes(location.mount(), flags, type);
        location.retain();
        location.dentry().opened(1);
        if (isListed()) {
            location.dentry().tree().open().add(this);
        }
    }

    /** Pipes, sockets and the like are on no filesystem that could give way to another. */
    private boolean isListed() {
        return !(inode instanceof AnonymousFiles.Node);
    }

    /** Which list of {@link OpenDescriptions} it is in. */
    int listNumber() {
        return listNumber;
    }

    private static int accessTimes(Mount mount, int flags, int type) {
        if (type != Stat.S_IFREG && type != Stat.S_IFDIR || (flags & (Fcntl.O_NOATIME | Fcntl.O_PATH)) != 0) {
            return NO_ATIME;
        }
        long none = dev.caisson.abi.Mount.MS_RDONLY | dev.caisson.abi.Mount.MS_NOATIME
                | (type == Stat.S_IFDIR ? dev.caisson.abi.Mount.MS_NODIRATIME : 0);
        if (mount.has(none)) {
            return NO_ATIME;
        }
        return mount.has(dev.caisson.abi.Mount.MS_STRICTATIME) ? STRICT_ATIME : RELATIVE_ATIME;
    }

    /** The close ends what {@link Writers#beginWrite} began. Before anybody else sees the description. */
    void countAsWriter() {
        countsAsWriter = true;
        location.mount().writing(1);
    }

    /** The open made the file. Before anybody else sees the description. */
    void madeFile() {
        madeFile = true;
    }

    /** {@return whether the open that made this description made the file as well: F_CREATED_QUERY} */
    public boolean hasMadeFile() {
        return madeFile;
    }

    /**
     * Another filesystem serves the file. All tasks are at their safe points.
     *
     * @param nextFile the file as opened there, or the same object for a file that the filesystem does not implement itself (a pipe)
     * @param nextInode what stands for the file there
     * @return the open file before, which the caller closes if it is another one
     */
    OpenFile follow(OpenFile nextFile, Inode nextInode) {
        OpenFile before = file;
        offsetLock.lock();
        try {
            file = nextFile;
            inode = nextInode;
        } finally {
            offsetLock.unlock();
        }
        return before;
    }

    /** {@return the open file} */
    public OpenFile file() {
        return file;
    }

    /** {@return where it was found when it was opened} */
    public Location location() {
        return location;
    }

    /** {@return the file itself} */
    public Inode inode() {
        return inode;
    }

    /** {@return access mode and status flags, as F_GETFL tells them, with O_PATH and O_DIRECTORY and the like} */
    public int flags() {
        return flags;
    }

    /** {@return whether O_NONBLOCK is set} */
    public boolean isNonBlocking() {
        return (flags & Fcntl.O_NONBLOCK) != 0;
    }

    /** {@return whether it was opened with O_PATH} */
    public boolean isPath() {
        return (flags & Fcntl.O_PATH) != 0;
    }

    /** {@return whether it is open for reading} */
    public boolean isReadable() {
        return readable;
    }

    /** {@return whether it is open for writing} */
    public boolean isWritable() {
        return writable;
    }

    /** {@return whether it has positions} */
    public boolean isSeekable() {
        return seekable;
    }

    /** {@return who opened it} */
    public Credentials openedBy() {
        return openedBy;
    }

    /** {@return where changes of its readiness are announced; null when it is always ready} */
    public WaitQueue waitQueue() {
        return file.waitQueue();
    }

    /**
     * Changes status flags: F_SETFL, FIONBIO, FIOASYNC.
     *
     * @param newFlags new values for {@link #SETTABLE_FLAGS}; other bits are ignored
     * @throws ErrnoException EINVAL when the file refuses
     */
    public synchronized void statusFlags(int newFlags) throws ErrnoException {
        int changed = flags & ~SETTABLE_FLAGS | newFlags & SETTABLE_FLAGS;
        if (changed != flags) {
            file.statusChanged(changed);
            flags = changed;
        }
    }

    /** {@return who gets SIGIO} */
    public FileOwner owner() {
        return owner;
    }

    /**
     * Sets who gets SIGIO.
     *
     * @param newOwner the owner
     */
    public void owner(FileOwner newOwner) {
        owner = newOwner;
    }

    /** {@return what the kernel keeps here for O_ASYNC: its registered waiter; null when there is none} */
    public Object asyncWaiter() {
        return waitingSigio;
    }

    /**
     * Keeps the kernel's registered waiter for O_ASYNC.
     *
     * @param waiter the waiter, or null
     */
    public void asyncWaiter(Object waiter) {
        waitingSigio = waiter;
    }

    /**
     * Adds an action for the time when the last reference goes (epoll removes its entries so).
     *
     * @param action runs once, without locks of the VFS
     */
    public void onClose(Runnable action) {
        CopyOnWriteArrayList<Runnable> list;
        synchronized (this) {
            list = closeActions;
            if (list == null) {
                list = new CopyOnWriteArrayList<>();
                closeActions = list;
            }
        }
        list.add(action);
    }

    /**
     * Removes an action that {@link #onClose} added.
     *
     * @param action the action, by equality
     */
    public void removeOnClose(Runnable action) {
        CopyOnWriteArrayList<Runnable> list = closeActions;
        if (list != null) {
            list.remove(action);
        }
    }

    /** Adds a reference to a description that the caller knows to be alive. */
    public void retain() {
        int before = REFERENCES.getAndIncrement(this);
        if (before <= 0) {
            throw new IllegalStateException("file description was closed");
        }
    }

    /**
     * Adds a reference unless the last one is gone.
     *
     * @return whether there is one more now
     */
    public boolean tryRetain() {
        int seen = references;
        while (seen > 0) {
            if (REFERENCES.compareAndSet(this, seen, seen + 1)) {
                return true;
            }
            seen = references;
        }
        return false;
    }

    /** {@return how many references there are now; for the search for descriptions that only messages in flight hold} */
    public int references() {
        return references;
    }

    /** Gives a reference back; the last one closes the file. */
    public void release() {
        if (REFERENCES.decrementAndGet(this) == 0) {
            close();
        }
    }

    private void close() {
        CopyOnWriteArrayList<Runnable> actions = closeActions;
        if (actions != null) {
            for (Runnable action : actions) {
                action.run();
            }
        }
        if (!isPath()) {
            FileLocks locks = inode.attachment(FileLocks.class, null);
            if (locks != null) {
                locks.releaseDescription(this);
            }
            if (watches != null && watches.isActive()) {
                watches.tell(location.dentry(), writable ? Poll.IN_CLOSE_WRITE : Poll.IN_CLOSE_NOWRITE);
            }
            if (countsAsWriter) {
                location.mount().writing(-1);
                Writers.of(inode).endWrite();
            }
        }
        file.close();
        if (location.dentry().opened(-1) == 0 && location.dentry().isDeleted() && watches != null) {
            watches.tellRemoved(inode);
        }
        if (isListed()) {
            location.dentry().tree().open().remove(this);
        }
        location.release();
    }

    /**
     * Reads at the offset and moves it.
     *
     * @param target where to
     * @return bytes read, 0 at the end, or {@link OpenFile#WOULD_BLOCK}
     * @throws ErrnoException EBADF, EISDIR, EINVAL, EIO, EFAULT
     */
    public long read(IoBuffer target) throws ErrnoException {
        if (!readable) {
            throw EBADF.error();
        }
        long count;
        if (!seekable || offsetInFile) {
            count = file.read(target, OpenFile.NO_POSITION);
        } else {
            JobControl.acquire(offsetLock);
            try {
                count = file.read(target, offset);
                if (count > 0) {
                    offset += count;
                }
            } finally {
                offsetLock.unlock();
            }
        }
        if (count >= 0) {
            wasRead(count);
        }
        return count;
    }

    /**
     * Reads at a position.
     *
     * @param target where to
     * @param position not negative
     * @return as {@link #read}
     * @throws ErrnoException ESPIPE, and as {@link #read}
     */
    public long readAt(IoBuffer target, long position) throws ErrnoException {
        if (position < 0) {
            throw EINVAL.error();
        }
        if (!seekable) {
            throw ESPIPE.error();
        }
        if (!readable) {
            throw EBADF.error();
        }
        long count = file.read(target, position);
        if (count >= 0) {
            wasRead(count);
        }
        return count;
    }

    /** The file was read or mapped, which mmap(2) counts as an access. */
    public void wasAccessed() {
        if (accessTimes != NO_ATIME) {
            inode.accessed(accessTimes == RELATIVE_ATIME);
        }
    }

    private void wasRead(long count) {
        wasAccessed();
        if (count > 0 && watches != null && watches.isActive()) {
            watches.tell(location.dentry(), Poll.IN_ACCESS);
        }
    }

    /**
     * Writes at the offset and moves it, or at the end with O_APPEND.
     *
     * @param source where from
     * @param caller whose limit on file sizes and capabilities count
     * @return bytes written, or {@link OpenFile#WOULD_BLOCK}
     * @throws ErrnoException EBADF, EFBIG (with {@link #isBeyondLimit}: send SIGXFSZ), EPIPE (send SIGPIPE), ENOSPC, EFAULT, EIO
     */
    public long write(IoBuffer source, Caller caller) throws ErrnoException {
        if (!writable) {
            throw EBADF.error();
        }
        long count;
        if (!seekable) {
            count = file.write(source, OpenFile.NO_POSITION);
        } else if (offsetInFile && !appends()) {
            beforeChange(caller);
            count = file.write(limit(source, file.offset(), caller), OpenFile.NO_POSITION);
        } else {
            JobControl.acquire(offsetLock);
            try {
                if (appends()) {
                    beforeChange(caller);
                    IoBuffer limited = limit(source, file.sizeBytes(), caller);
                    long wanted = limited.remaining();
                    long end = file.append(limited);
                    if (end < 0) {
                        return end;
                    }
                    count = wanted - limited.remaining();
                    offset = end;
                } else {
                    count = writeLimited(source, offset, caller);
                    if (count > 0) {
                        offset += count;
                    }
                }
            } finally {
                offsetLock.unlock();
            }
        }
        if (count > 0) {
            wasWritten();
        }
        return count;
    }

    /**
     * Writes at a position; O_APPEND writes at the end nevertheless, as Linux does.
     *
     * @param source where from
     * @param position not negative
     * @param caller as for {@link #write}
     * @return as {@link #write}
     * @throws ErrnoException ESPIPE, and as {@link #write}
     */
    public long writeAt(IoBuffer source, long position, Caller caller) throws ErrnoException {
        return writeAt(source, position, appends(), caller);
    }

    /** O_APPEND means something for files that have an end; a device takes what it is given. */
    private boolean appends() {
        return regular && (flags & Fcntl.O_APPEND) != 0;
    }

    /**
     * Writes at a position or at the end, leaving the offset alone.
     *
     * @param source where from
     * @param position not negative
     * @param append whether to write at the end instead
     * @param caller as for {@link #write}
     * @return as {@link #write}
     * @throws ErrnoException ESPIPE, and as {@link #write}
     */
    public long writeAt(IoBuffer source, long position, boolean append, Caller caller) throws ErrnoException {
        if (position < 0) {
            throw EINVAL.error();
        }
        if (!seekable) {
            throw ESPIPE.error();
        }
        if (!writable) {
            throw EBADF.error();
        }
        long count;
        if (append && regular) {
            beforeChange(caller);
            IoBuffer limited = limit(source, file.sizeBytes(), caller);
            long wanted = limited.remaining();
            long end = file.append(limited);
            if (end < 0) {
                return end;
            }
            count = wanted - limited.remaining();
        } else {
            count = writeLimited(source, position, caller);
        }
        if (count > 0) {
            wasWritten();
        }
        return count;
    }

    private long writeLimited(IoBuffer source, long position, Caller caller) throws ErrnoException {
        if (!regular) {
            return file.write(source, position);
        }
        beforeChange(caller);
        IoBuffer limited = limit(source, position, caller);
        return file.write(limited, position);
    }

    /** Clips to RLIMIT_FSIZE and to the largest offset. */
    private IoBuffer limit(IoBuffer source, long position, Caller caller) throws ErrnoException {
        if (!regular) {
            return source;
        }
        long largest = caller == null ? Long.MAX_VALUE : caller.fileSizeLimit();
        if (position >= largest) {
            throw EFBIG.error();
        }
        return largest - position < source.remaining() ? new LimitedBuffer(source, largest - position) : source;
    }

    /**
     * Whether EFBIG came from RLIMIT_FSIZE, which SIGXFSZ accompanies.
     *
     * @param position where was to be written; negative for the current offset
     * @param caller whose limit
     * @return whether the position is at or beyond the limit
     */
    public boolean isBeyondLimit(long position, Caller caller) {
        if (!regular || caller.fileSizeLimit() == Long.MAX_VALUE) {
            return false;
        }
        try {
            long at = (flags & Fcntl.O_APPEND) != 0 ? file.sizeBytes() : position < 0 ? offset() : position;
            return at >= caller.fileSizeLimit();
        } catch (ErrnoException e) {
            return false;
        }
    }

    /**
     * Writing takes set-user-ID and set-group-ID away, unless the writer has CAP_FSETID.
     *
     * @param caller who writes; null for the kernel
     * @throws ErrnoException what changing the mode fails with
     */
    public void beforeChange(Caller caller) throws ErrnoException {
        if ((inode.mode() & (Stat.S_ISUID | Stat.S_ISGID)) != 0 && regular && caller != null) {
            Ownership.dropPrivilegeBits(inode, caller.credentials());
        }
    }

    private void wasWritten() {
        if (watches != null && watches.isActive()) {
            watches.tell(location.dentry(), Poll.IN_MODIFY);
        }
    }

    /** {@return the offset} */
    public long offset() {
        offsetLock.lock();
        try {
            return offsetInFile ? file.offset() : offset;
        } catch (ErrnoException e) {
            return offset; // nothing moved it
        } finally {
            offsetLock.unlock();
        }
    }

    /** {@return the offset, without waiting for a transfer that is moving it: for those who only show it} */
    public long offsetNow() {
        try {
            return offsetInFile ? file.offset() : offset;
        } catch (ErrnoException e) {
            return offset;
        }
    }

    /**
     * Sets the offset without asking the file; for open files that move to another provider, and for sendfile.
     *
     * @param position new offset
     */
    public void offset(long position) {
        offsetLock.lock();
        try {
            offset = offsetInFile ? file.seek(position) : position;
        } catch (ErrnoException e) {
            throw new IllegalArgumentException("offset " + position, e);
        } finally {
            offsetLock.unlock();
        }
    }

    /**
     * lseek(2).
     *
     * @param distance distance from the origin
     * @param whence {@code SEEK_*}
     * @return new offset
     * @throws ErrnoException ESPIPE, EINVAL, ENXIO
     */
    public long seek(long distance, int whence) throws ErrnoException {
        if (whence < Fcntl.SEEK_SET || whence > Fcntl.SEEK_HOLE) {
            throw EINVAL.error();
        }
        if (file.ignoresSeeks()) {
            return 0;
        }
        if (!seekable) {
            throw ESPIPE.error();
        }
        JobControl.acquire(offsetLock);
        try {
            long position;
            switch (whence) {
                case Fcntl.SEEK_SET -> position = distance;
                case Fcntl.SEEK_CUR -> {
                    long current = offsetInFile ? file.offset() : offset;
                    if (distance == 0) {
                        return current;
                    }
                    position = current + distance; // beyond the largest offset it is negative: EINVAL
                }
                case Fcntl.SEEK_END -> {
                    position = file.sizeBytes() + distance;
                }
                default -> {
                    if (distance < 0 || distance >= file.sizeBytes()) {
                        throw ENXIO.error();
                    }
                    position = file.seekExtent(distance, whence == Fcntl.SEEK_HOLE);
                }
            }
            offset = file.seek(position);
            return offset;
        } finally {
            offsetLock.unlock();
        }
    }

    /**
     * Reads directory entries at the offset and moves it.
     *
     * @param sink takes entries
     * @throws ErrnoException EBADF, ENOTDIR, ENOENT when the directory was removed
     */
    public void readDirectory(DirectorySink sink) throws ErrnoException {
        if ((inode.mode() & Stat.S_IFMT) != Stat.S_IFDIR && !isPath()) {
            throw dev.caisson.abi.Errno.ENOTDIR.error();
        }
        if (!readable) {
            throw EBADF.error();
        }
        JobControl.acquire(offsetLock);
        try {
            if (location.dentry().isDeleted()) {
                throw dev.caisson.abi.Errno.ENOENT.error();
            }
            offset = file.readDirectory(offset, sink);
        } finally {
            offsetLock.unlock();
        }
        wasRead(1);
    }

    /**
     * Checks that data can be read: for calls that do not read through this object (mmap, sendfile).
     *
     * @throws ErrnoException EBADF, EISDIR
     */
    public void checkReadableData() throws ErrnoException {
        if (!readable) {
            throw EBADF.error();
        }
        if ((inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
            throw EISDIR.error();
        }
    }
}
