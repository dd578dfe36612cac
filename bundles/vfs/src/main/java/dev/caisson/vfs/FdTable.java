package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMFILE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The descriptors of a process (Linux: files_struct). Finding a description takes no lock. The table owns one reference per
 * descriptor; every method that gives a description away says whether it comes with a reference.
 */
public final class FdTable {
    /** Largest table: /proc/sys/fs/nr_open. */
    public static final int MAXIMUM = 1 << 20;

    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(FileDescription[].class);

    private final RankedLock lock = RankedLock.of(LockRank.FD_TABLE);
    /** Replaced when it grows; elements change under {@link #lock} and are read without it. */
    private volatile FileDescription[] slots;
    /** Bit per descriptor: taken, or reserved by {@link #reserve}. Guarded by {@link #lock}. */
    private long[] used;
    /** Bit per descriptor: closed by execve(2). Guarded by {@link #lock}. */
    private long[] closeOnExec;
    /** No free descriptor below this one. Guarded by {@link #lock}. */
    private int firstFree;
    /** Tasks that share the table. */
    private final TaskCount users = new TaskCount();
    private volatile int limit;

    /** An empty table with the usual limit of 1024. */
    public FdTable() {
        this(1024);
    }

    /**
     * An empty table.
     *
     * @param limit RLIMIT_NOFILE
     */
    public FdTable(int limit) {
        this.limit = Math.min(limit, MAXIMUM);
        this.slots = new FileDescription[64];
        this.used = new long[1];
        this.closeOnExec = new long[1];
    }

    /**
     * Sets RLIMIT_NOFILE.
     *
     * @param newLimit descriptors must be below
     */
    public void limit(long newLimit) {
        limit = newLimit < 0 || newLimit > MAXIMUM ? MAXIMUM : (int) newLimit;
    }

    /** {@return RLIMIT_NOFILE} */
    public int limit() {
        return limit;
    }

    /**
     * How many descriptors the table has room for: it grows as that of Linux does, because select(2) looks at no descriptor behind it, and
     * shrinks only when it is copied.
     *
     * @return a multiple of 64; FDSize in /proc/PID/status
     */
    public int capacity() {
        return slots.length;
    }

    /**
     * Whether a descriptor is open or about to be.
     *
     * @param fd descriptor
     * @return whether no other file can get it
     */
    public boolean isTaken(int fd) {
        lock.lock();
        try {
            return fd >= 0 && fd < slots.length && (used[fd >> 6] & 1L << fd) != 0;
        } finally {
            lock.unlock();
        }
    }

    /**
     * The description of a descriptor, without a reference: for a look at it, not for use across something that blocks.
     *
     * @param fd descriptor
     * @return the description, or null
     */
    public FileDescription peek(int fd) {
        FileDescription[] array = slots;
        return fd >= 0 && fd < array.length ? (FileDescription) SLOT.getAcquire(array, fd) : null;
    }

    /**
     * The description of a descriptor, with a reference that the caller {@linkplain FileDescription#release gives back}. O_PATH
     * descriptors count as not open.
     *
     * @param fd descriptor
     * @return the description
     * @throws ErrnoException EBADF
     */
    public FileDescription borrow(int fd) throws ErrnoException {
        FileDescription description = borrowAny(fd);
        if (description.isPath()) {
            description.release();
            throw EBADF.error();
        }
        return description;
    }

    /**
     * As {@link #borrow}, for calls that also take O_PATH descriptors.
     *
     * @param fd descriptor
     * @return the description
     * @throws ErrnoException EBADF
     */
    public FileDescription borrowAny(int fd) throws ErrnoException {
        while (true) {
            FileDescription description = peek(fd);
            if (description == null) {
                throw EBADF.error();
            }
            if (description.tryRetain()) {
                if (peek(fd) == description) {
                    return description;
                }
                description.release();
            }
        }
    }

    /**
     * Installs a description at the lowest free descriptor. The table takes over the caller's reference when it succeeds; when it
     * fails the reference is released.
     *
     * @param description the description
     * @param cloexec whether execve(2) closes it
     * @return the descriptor
     * @throws ErrnoException EMFILE
     */
    public int install(FileDescription description, boolean cloexec) throws ErrnoException {
        try {
            return install(description, 0, cloexec);
        } catch (ErrnoException e) {
            description.release();
            throw e;
        }
    }

    /**
     * Installs a description at the lowest free descriptor from a minimum on. The table takes over the caller's reference, but only when it
     * succeeds.
     *
     * @param description the description
     * @param minimum lowest descriptor
     * @param cloexec whether execve(2) closes it
     * @return the descriptor
     * @throws ErrnoException EMFILE
     */
    public int install(FileDescription description, int minimum, boolean cloexec) throws ErrnoException {
        lock.lock();
        try {
            int fd = takeLocked(minimum, cloexec);
            SLOT.setRelease(slots, fd, description);
            return fd;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the lowest free descriptor, to be filled with {@link #fill} or given back with {@link #unreserve}: for calls that must not fail
     * after they made their file.
     *
     * @param cloexec whether execve(2) closes it
     * @return the descriptor
     * @throws ErrnoException EMFILE
     */
    public int reserve(boolean cloexec) throws ErrnoException {
        lock.lock();
        try {
            return takeLocked(0, cloexec);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Checks, cheaply, that a descriptor is free: open(2) fails for want of one before it looks at its path.
     *
     * @throws ErrnoException EMFILE
     */
    public void checkRoom() throws ErrnoException {
        if (firstFree >= limit) {
            lock.lock();
            try {
                if (nextFreeLocked(firstFree) >= limit) {
                    throw EMFILE.error();
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /**
     * Fills a reserved descriptor; takes over the caller's reference.
     *
     * @param fd reserved descriptor
     * @param description the description
     */
    public void fill(int fd, FileDescription description) {
        lock.lock();
        try {
            SLOT.setRelease(slots, fd, description);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Gives a reserved descriptor back.
     *
     * @param fd reserved descriptor
     */
    public void unreserve(int fd) {
        lock.lock();
        try {
            freeLocked(fd);
        } finally {
            lock.unlock();
        }
    }

    private int takeLocked(int minimum, boolean cloexec) throws ErrnoException {
        int fd = nextFreeLocked(Math.max(minimum, firstFree));
        if (fd >= limit) {
            throw EMFILE.error();
        }
        growLocked(fd);
        used[fd >> 6] |= 1L << fd;
        markLocked(fd, cloexec);
        if (minimum <= firstFree) {
            firstFree = fd + 1;
        }
        return fd;
    }

    private int nextFreeLocked(int from) {
        for (int word = from >> 6; word < used.length; word++) {
            long free = ~used[word];
            if (word == from >> 6) {
                free &= -1L << from;
            }
            if (free != 0) {
                return (word << 6) + Long.numberOfTrailingZeros(free);
            }
        }
        return Math.max(from, used.length << 6);
    }

    private void growLocked(int fd) {
        if (fd >= slots.length) {
            int size = roomFor(fd);
            used = Arrays.copyOf(used, size >> 6);
            closeOnExec = Arrays.copyOf(closeOnExec, size >> 6);
            slots = Arrays.copyOf(slots, size);
        }
    }

    /** The size of a table with a descriptor behind the first 64: alloc_fdtable takes powers of two from 128 on. */
    private static int roomFor(int fd) {
        return Math.max(128, Integer.highestOneBit(fd) << 1);
    }

    private void markLocked(int fd, boolean cloexec) {
        if (cloexec) {
            closeOnExec[fd >> 6] |= 1L << fd;
        } else {
            closeOnExec[fd >> 6] &= ~(1L << fd);
        }
    }

    private void freeLocked(int fd) {
        used[fd >> 6] &= ~(1L << fd);
        closeOnExec[fd >> 6] &= ~(1L << fd);
        if (fd < firstFree) {
            firstFree = fd;
        }
    }

    /**
     * close(2).
     *
     * @param fd descriptor
     * @throws ErrnoException EBADF; or what writing back failed with, the descriptor being closed nevertheless
     */
    public void close(int fd) throws ErrnoException {
        FileDescription description;
        lock.lock();
        try {
            description = peek(fd);
            if (description == null) {
                throw EBADF.error();
            }
            SLOT.setRelease(slots, fd, null);
            freeLocked(fd);
        } finally {
            lock.unlock();
        }
        drop(description);
    }

    private void drop(FileDescription description) throws ErrnoException {
        try {
            if (!description.isPath()) {
                FileLocks locks = description.inode().attachment(FileLocks.class, null);
                if (locks != null) {
                    locks.releaseOwner(this);
                }
                description.file().flush();
            }
        } finally {
            description.release();
        }
    }

    private void dropQuietly(FileDescription description) {
        try {
            drop(description);
        } catch (ErrnoException e) {
            // nobody is left to be told: exit, execve and dup2 ignore it as Linux does
        }
    }

    /**
     * dup(2), F_DUPFD, F_DUPFD_CLOEXEC.
     *
     * @param fd descriptor
     * @param minimum lowest new descriptor
     * @param cloexec whether execve(2) closes the new one
     * @return the new descriptor
     * @throws ErrnoException EBADF, EINVAL, EMFILE
     */
    public int duplicate(int fd, int minimum, boolean cloexec) throws ErrnoException {
        FileDescription description = borrowAny(fd);
        boolean done = false;
        try {
            if (minimum < 0 || minimum >= limit) {
                throw EINVAL.error();
            }
            int result = install(description, minimum, cloexec);
            done = true;
            return result;
        } finally {
            if (!done) {
                description.release();
            }
        }
    }

    /**
     * dup2(2) and dup3(2) for different descriptors.
     *
     * @param oldFd what to duplicate
     * @param newFd where to; what is open there is closed
     * @param cloexec whether execve(2) closes the new one
     * @return newFd
     * @throws ErrnoException EBADF
     */
    public int duplicateOnto(int oldFd, int newFd, boolean cloexec) throws ErrnoException {
        FileDescription replaced;
        lock.lock();
        try {
            if (newFd < 0 || newFd >= limit) {
                throw EBADF.error();
            }
            FileDescription description = peek(oldFd);
            if (description == null) {
                throw EBADF.error();
            }
            growLocked(newFd);
            replaced = peek(newFd);
            if (replaced == null && (used[newFd >> 6] & 1L << newFd) != 0) {
                throw dev.caisson.abi.Errno.EBUSY.error("descriptor is being opened");
            }
            description.retain(); // the slot's own reference keeps it alive here
            used[newFd >> 6] |= 1L << newFd;
            markLocked(newFd, cloexec);
            SLOT.setRelease(slots, newFd, description);
        } finally {
            lock.unlock();
        }
        if (replaced != null) {
            dropQuietly(replaced);
        }
        return newFd;
    }

    /**
     * F_GETFD.
     *
     * @param fd descriptor
     * @return whether execve(2) closes it
     * @throws ErrnoException EBADF
     */
    public boolean isCloseOnExec(int fd) throws ErrnoException {
        lock.lock();
        try {
            if (peek(fd) == null) {
                throw EBADF.error();
            }
            return (closeOnExec[fd >> 6] & 1L << fd) != 0;
        } finally {
            lock.unlock();
        }
    }

    /**
     * F_SETFD, FIOCLEX, FIONCLEX.
     *
     * @param fd descriptor
     * @param cloexec whether execve(2) closes it
     * @throws ErrnoException EBADF
     */
    public void closeOnExec(int fd, boolean cloexec) throws ErrnoException {
        lock.lock();
        try {
            if (peek(fd) == null) {
                throw EBADF.error();
            }
            markLocked(fd, cloexec);
        } finally {
            lock.unlock();
        }
    }

    /** Closes what execve(2) closes. */
    public void closeForExec() {
        List<FileDescription> closed = new ArrayList<>();
        lock.lock();
        try {
            for (int word = 0; word < closeOnExec.length; word++) {
                while (closeOnExec[word] != 0) {
                    int fd = (word << 6) + Long.numberOfTrailingZeros(closeOnExec[word]);
                    takeOutLocked(fd, closed);
                }
            }
        } finally {
            lock.unlock();
        }
        closed.forEach(this::dropQuietly);
    }

    private void takeOutLocked(int fd, List<FileDescription> closed) {
        FileDescription description = peek(fd);
        if (description != null) {
            SLOT.setRelease(slots, fd, null);
            closed.add(description);
        }
        freeLocked(fd);
    }

    /**
     * close_range(2).
     *
     * @param first lowest descriptor, unsigned
     * @param last highest descriptor, unsigned
     * @param onlyMark whether to set close-on-exec instead of closing
     */
    public void closeRange(long first, long last, boolean onlyMark) {
        List<FileDescription> closed = new ArrayList<>();
        lock.lock();
        try {
            int end = (int) Math.min(last, slots.length - 1L);
            for (int fd = (int) Math.min(first, Integer.MAX_VALUE); fd <= end; fd++) {
                if (peek(fd) == null) {
                    continue;
                }
                if (onlyMark) {
                    markLocked(fd, true);
                } else {
                    takeOutLocked(fd, closed);
                }
            }
        } finally {
            lock.unlock();
        }
        closed.forEach(this::dropQuietly);
    }

    /** {@return open descriptors in ascending order, for /proc/PID/fd} */
    public int[] descriptors() {
        lock.lock();
        try {
            int[] all = new int[slots.length];
            int count = 0;
            for (int fd = 0; fd < all.length; fd++) {
                if (peek(fd) != null) {
                    all[count++] = fd;
                }
            }
            return Arrays.copyOf(all, count);
        } finally {
            lock.unlock();
        }
    }

    /** {@return a table of its own with the same descriptions, for clone(2) without CLONE_FILES} */
    public FdTable copy() {
        FdTable copy = new FdTable(limit);
        lock.lock();
        try {
            int length = slots.length;
            while (length > 64 && used[(length >> 6) - 1] == 0) {
                length -= 64;
            }
            if (length > 64) {
                length = roomFor(length - 1);
            }
            FileDescription[] array = new FileDescription[length];
            long[] bits = new long[length >> 6];
            for (int fd = 0; fd < length; fd++) {
                FileDescription description = peek(fd);
                if (description != null) {
                    description.retain();
                    array[fd] = description;
                    bits[fd >> 6] |= 1L << fd;
                }
            }
            copy.slots = array;
            copy.used = bits;
            copy.closeOnExec = Arrays.copyOf(closeOnExec, length >> 6);
            for (int word = 0; word < bits.length; word++) {
                copy.closeOnExec[word] &= bits[word];
            }
            copy.firstFree = 0;
            return copy;
        } finally {
            lock.unlock();
        }
    }

    /** Another task shares the table (CLONE_FILES). */
    public void retain() {
        users.add();
    }

    /** {@return whether more than one task uses the table} */
    public boolean isShared() {
        return users.isShared();
    }

    /** A task no longer uses the table; the last one closes everything. */
    public void release() {
        if (users.removeLast()) {
            closeRange(0, MAXIMUM, false);
        }
    }
}
