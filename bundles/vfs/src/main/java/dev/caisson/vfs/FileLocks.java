package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EDEADLK;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.spi.wait.Waiter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Locks on one file: record locks of processes and of open file descriptions, fcntl(2), and whole-file locks, flock(2). Hangs on
 * the inode. The monitor is a leaf lock.
 */
public final class FileLocks {
    /** The end of a lock that reaches to the end of the file, whatever that becomes. */
    public static final long TO_END = Long.MAX_VALUE;

    /**
     * One record lock.
     *
     * @param owner the descriptor table (record locks of a process) or the description (open file description locks)
     * @param pid process id to report; -1 for open file description locks
     * @param exclusive F_WRLCK
     * @param start first byte
     * @param end last byte, inclusive; {@link #TO_END}
     */
    public record Range(Object owner, int pid, boolean exclusive, long start, long end) {
        boolean overlaps(long otherStart, long otherEnd) {
            return start <= otherEnd && otherStart <= end;
        }
    }

    /**
     * One flock(2) lock.
     *
     * @param owner the description
     * @param pid process that took it
     * @param exclusive LOCK_EX
     */
    public record Whole(FileDescription owner, int pid, boolean exclusive) {}

    /** Whose record lock each waiting process waits for; of all files, since deadlocks span files. */
    private static final ConcurrentHashMap<Object, Object> WAITS_FOR = new ConcurrentHashMap<>();

    private final WaitQueue queue = new WaitQueue();
    private final List<Range> ranges = new ArrayList<>();
    private final List<Whole> wholes = new ArrayList<>();

    private FileLocks() {}

    /**
     * The locks of a file.
     *
     * @param inode the file
     * @return its locks
     */
    public static FileLocks of(Inode inode) {
        return inode.attachment(FileLocks.class, FileLocks::new);
    }

    /**
     * F_GETLK, F_OFD_GETLK.
     *
     * @param owner who would lock
     * @param exclusive whether for writing
     * @param start first byte
     * @param end last byte
     * @return the lock that stands in the way, or null
     */
    public synchronized Range test(Object owner, boolean exclusive, long start, long end) {
        return conflict(owner, exclusive, start, end);
    }

    private Range conflict(Object owner, boolean exclusive, long start, long end) {
        for (Range range : ranges) {
            if (range.owner != owner && (exclusive || range.exclusive) && range.overlaps(start, end)) {
                return range;
            }
        }
        return null;
    }

    /**
     * Takes a record lock, replacing the owner's locks in the range.
     *
     * @param owner the descriptor table or the description
     * @param pid process id to report, or -1
     * @param exclusive whether for writing
     * @param start first byte
     * @param end last byte
     * @param blocker waits until the lock can be had; null to fail instead
     * @throws ErrnoException EAGAIN, EDEADLK, ERESTARTSYS
     */
    public void lock(Object owner, int pid, boolean exclusive, long start, long end, Blocker blocker) throws ErrnoException {
        Range wanted = new Range(owner, pid, exclusive, start, end);
        if (tryLock(wanted) == null) {
            return;
        }
        if (blocker == null) {
            throw EAGAIN.error();
        }
        Waiter waiter = blocker.waiter();
        queue.add(waiter, 1);
        try {
            while (true) {
                Range inTheWay = tryLock(wanted);
                if (inTheWay == null) {
                    return;
                }
                if (pid >= 0) {
                    waitFor(owner, inTheWay.owner);
                }
                blocker.block(Blocker.FOREVER);
            }
        } finally {
            queue.remove(waiter);
            WAITS_FOR.remove(owner);
        }
    }

    private static void waitFor(Object owner, Object other) throws ErrnoException {
        synchronized (WAITS_FOR) {
            Object next = other;
            for (int depth = 0; next != null && depth < 1000; depth++) {
                if (next == owner) {
                    throw EDEADLK.error();
                }
                next = WAITS_FOR.get(next);
            }
            WAITS_FOR.put(owner, other);
        }
    }

    private Range tryLock(Range wanted) {
        boolean weaker;
        synchronized (this) {
            Range inTheWay = conflict(wanted.owner, wanted.exclusive, wanted.start, wanted.end);
            if (inTheWay != null) {
                return inTheWay;
            }
            weaker = carve(wanted.owner, wanted.start, wanted.end);
            merge(wanted);
        }
        if (weaker && !wanted.exclusive) {
            queue.notify(1);
        }
        return null;
    }

    /** Takes a range out of the owner's locks; tells whether there was any. */
    private boolean carve(Object owner, long start, long end) {
        boolean any = false;
        for (int i = ranges.size() - 1; i >= 0; i--) {
            Range range = ranges.get(i);
            if (range.owner != owner || !range.overlaps(start, end)) {
                continue;
            }
            any = true;
            ranges.remove(i);
            if (range.start < start) {
                ranges.add(new Range(owner, range.pid, range.exclusive, range.start, start - 1));
            }
            if (range.end > end) {
                ranges.add(new Range(owner, range.pid, range.exclusive, end + 1, range.end));
            }
        }
        return any;
    }

    private void merge(Range wanted) {
        long start = wanted.start;
        long end = wanted.end;
        for (int i = ranges.size() - 1; i >= 0; i--) {
            Range range = ranges.get(i);
            if (range.owner == wanted.owner && range.exclusive == wanted.exclusive
                    && (range.end != TO_END && range.end + 1 == start || end != TO_END && end + 1 == range.start)) {
                start = Math.min(start, range.start);
                end = Math.max(end, range.end);
                ranges.remove(i);
            }
        }
        ranges.add(new Range(wanted.owner, wanted.pid, wanted.exclusive, start, end));
    }

    /**
     * F_UNLCK.
     *
     * @param owner the owner
     * @param start first byte
     * @param end last byte
     */
    public void unlock(Object owner, long start, long end) {
        boolean any;
        synchronized (this) {
            any = carve(owner, start, end);
        }
        if (any) {
            queue.notify(1);
        }
    }

    /**
     * Releases all record locks of an owner: it closed a descriptor of this file.
     *
     * @param owner the descriptor table
     */
    public void releaseOwner(Object owner) {
        unlock(owner, 0, TO_END);
    }

    /** Releases what a description holds: its last reference is gone. */
    void releaseDescription(FileDescription description) {
        boolean any;
        synchronized (this) {
            any = ranges.removeIf(range -> range.owner == description);
            any |= wholes.removeIf(whole -> whole.owner == description);
        }
        if (any) {
            queue.notify(1);
        }
    }

    /**
     * flock(2).
     *
     * @param owner the description
     * @param pid the calling process
     * @param operation LOCK_SH, LOCK_EX or LOCK_UN
     * @param blocker waits; null to fail instead (LOCK_NB)
     * @throws ErrnoException EAGAIN, ERESTARTSYS
     */
    public void flock(FileDescription owner, int pid, int operation, Blocker blocker) throws ErrnoException {
        if (operation == Fcntl.LOCK_UN) {
            boolean any;
            synchronized (this) {
                any = wholes.removeIf(whole -> whole.owner == owner);
            }
            if (any) {
                queue.notify(1);
            }
            return;
        }
        boolean exclusive = operation == Fcntl.LOCK_EX;
        if (tryFlock(owner, pid, exclusive)) {
            return;
        }
        if (blocker == null) {
            throw EAGAIN.error();
        }
        Waiter waiter = blocker.waiter();
        queue.add(waiter, 1);
        try {
            while (!tryFlock(owner, pid, exclusive)) {
                blocker.block(Blocker.FOREVER);
            }
        } finally {
            queue.remove(waiter);
        }
    }

    /** A conversion first gives up the old lock, as flock(2) warns. */
    private boolean tryFlock(FileDescription owner, int pid, boolean exclusive) {
        boolean released;
        boolean taken = true;
        synchronized (this) {
            for (Whole whole : wholes) {
                if (whole.owner == owner && whole.exclusive == exclusive) {
                    return true;
                }
            }
            released = wholes.removeIf(whole -> whole.owner == owner);
            for (Whole whole : wholes) {
                if (exclusive || whole.exclusive) {
                    taken = false;
                }
            }
            if (taken) {
                wholes.add(new Whole(owner, pid, exclusive));
            }
        }
        if (released) {
            queue.notify(1);
        }
        return taken;
    }

    /** {@return record locks, for /proc/locks} */
    public synchronized List<Range> ranges() {
        return List.copyOf(ranges);
    }

    /** {@return whole-file locks, for /proc/locks} */
    public synchronized List<Whole> wholes() {
        return List.copyOf(wholes);
    }
}
