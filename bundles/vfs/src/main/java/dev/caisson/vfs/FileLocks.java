package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EDEADLK;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.ForeignLock;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.InodeAttachment;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.spi.wait.Waiter;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Locks on one file: record locks of processes and of open file descriptions, fcntl(2), and whole-file locks, flock(2). Hangs on
 * the inode. The monitor is a leaf lock.
 *
 * <p>Where others may lock the file, too ({@link Inode#locksElsewhere}), all who have locks here stand there as one: a lock is first had
 * here, then there, where it is asked for again and again while somebody else's is in the way, as Linux's 9P client does; the strongest
 * lock that anybody here has on a byte is the one that is had there. A lock that cannot be had there is given back here.
 */
public final class FileLocks implements InodeAttachment {
    private static final Logger log = LoggerFactory.getLogger(FileLocks.class);

    /** How long to wait before asking elsewhere again: twice as long each time. */
    private static final long FIRST_PAUSE_NS = 2_000_000, LONGEST_PAUSE_NS = 500_000_000;

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
    /** One change elsewhere at a time. The outermost lock here; only messages to where the file is kept are waited for under it. */
    private final ReentrantLock changingElsewhere = new ReentrantLock();
    private volatile Inode inode;

    private FileLocks(Inode inode) {
        this.inode = inode;
    }

    /**
     * The locks of a file.
     *
     * @param inode the file
     * @return its locks
     */
    public static FileLocks of(Inode inode) {
        return inode.attachment(FileLocks.class, () -> new FileLocks(inode));
    }

    /**
     * F_GETLK, F_OFD_GETLK.
     *
     * @param owner who would lock
     * @param exclusive whether for writing
     * @param start first byte
     * @param end last byte
     * @return the lock that stands in the way, or null
     * @throws ErrnoException ENOLCK, EIO when it cannot be told
     */
    public Range test(Object owner, boolean exclusive, long start, long end) throws ErrnoException {
        Range found;
        synchronized (this) {
            found = conflict(owner, exclusive, start, end);
        }
        if (found != null || !inode.locksElsewhere()) {
            return found;
        }
        ForeignLock foreign = inode.testElsewhere(exclusive, start, end);
        return foreign == null ? null : new Range(foreign, foreign.process(), foreign.isExclusive(), foreign.start(), foreign.end());
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
     * @throws ErrnoException EAGAIN, EDEADLK, ERESTARTSYS, and where others may lock the file ENOLCK, EIO
     */
    public void lock(Object owner, int pid, boolean exclusive, long start, long end, Blocker blocker) throws ErrnoException {
        Range wanted = new Range(owner, pid, exclusive, start, end);
        if (!inode.locksElsewhere()) {
            lockHere(wanted, blocker);
            return;
        }
        List<Range> before = ownIn(wanted);
        lockHere(wanted, blocker);
        boolean isTaken = false;
        try {
            takeElsewhere(start, end, blocker);
            isTaken = true;
        } finally {
            if (!isTaken) {
                restore(wanted, before);
            }
        }
    }

    /** What an owner has in a range, cut to it. */
    private synchronized List<Range> ownIn(Range wanted) {
        List<Range> own = new ArrayList<>();
        for (Range range : ranges) {
            if (range.owner == wanted.owner && range.overlaps(wanted.start, wanted.end)) {
                own.add(new Range(range.owner, range.pid, range.exclusive, Math.max(range.start, wanted.start),
                        Math.min(range.end, wanted.end)));
            }
        }
        return own;
    }

    private void restore(Range wanted, List<Range> before) {
        synchronized (this) {
            carve(wanted.owner, wanted.start, wanted.end);
            before.forEach(this::merge);
        }
        queue.notify(1);
        releaseElsewhere(wanted.start, wanted.end);
    }

    private void lockHere(Range wanted, Blocker blocker) throws ErrnoException {
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
                if (wanted.pid >= 0) {
                    waitFor(wanted.owner, inTheWay.owner);
                }
                blocker.block(Blocker.FOREVER);
            }
        } finally {
            queue.remove(waiter);
            WAITS_FOR.remove(wanted.owner);
        }
    }

    // ---- elsewhere

    private void takeElsewhere(long start, long end, Blocker blocker) throws ErrnoException {
        for (long pauseNs = FIRST_PAUSE_NS; !bringElsewhere(start, end); pauseNs = Math.min(2 * pauseNs, LONGEST_PAUSE_NS)) {
            if (blocker == null) {
                throw EAGAIN.error();
            }
            blocker.block(System.nanoTime() + pauseNs);
        }
    }

    /** Makes the lock there what those here amount to; false when somebody else's is in the way. */
    private boolean bringElsewhere(long start, long end) throws ErrnoException {
        changingElsewhere.lock();
        try {
            for (Span span : spans(start, end)) {
                if (!inode.lockElsewhere(span.type, span.start, span.end)) {
                    return false;
                }
            }
            return true;
        } finally {
            changingElsewhere.unlock();
        }
    }

    private void releaseElsewhere(long start, long end) {
        if (inode.locksElsewhere()) {
            try {
                bringElsewhere(start, end);
            } catch (ErrnoException e) {
                log.debug("locks could not be given back elsewhere: inode={} errno={}", inode.number(), e.errno());
            }
        }
    }

    /** A part of a file with one kind of lock, {@code F_RDLCK}, {@code F_WRLCK} or {@code F_UNLCK}. */
    private record Span(int type, long start, long end) {}

    /** The strongest lock on each part of a range. */
    private synchronized List<Span> spans(long start, long end) {
        TreeSet<Long> starts = new TreeSet<>();
        starts.add(start);
        for (Range range : ranges) {
            if (range.start > start && range.start <= end) {
                starts.add(range.start);
            }
            if (range.end >= start && range.end < end) {
                starts.add(range.end + 1);
            }
        }
        int whole = Fcntl.F_UNLCK;
        for (Whole one : wholes) {
            whole = one.exclusive ? Fcntl.F_WRLCK : whole == Fcntl.F_WRLCK ? whole : Fcntl.F_RDLCK;
        }
        List<Span> spans = new ArrayList<>();
        for (long at : starts) {
            int type = whole;
            for (Range range : ranges) {
                if (range.overlaps(at, at) && type != Fcntl.F_WRLCK) {
                    type = range.exclusive ? Fcntl.F_WRLCK : Fcntl.F_RDLCK;
                }
            }
            Long next = starts.higher(at);
            long to = next == null ? end : next - 1;
            Span last = spans.isEmpty() ? null : spans.getLast();
            if (last != null && last.type == type) {
                spans.set(spans.size() - 1, new Span(type, last.start, to));
            } else {
                spans.add(new Span(type, at, to));
            }
        }
        return spans;
    }

    @Override
    public void movedTo(Inode next) {
        Inode before = inode;
        if (before.locksElsewhere()) {
            try {
                before.lockElsewhere(Fcntl.F_UNLCK, 0, TO_END);
            } catch (ErrnoException e) {
                log.debug("locks could not be given back elsewhere: inode={} errno={}", before.number(), e.errno());
            }
        }
        inode = next;
        if (next.locksElsewhere()) {
            try {
                if (!bringElsewhere(0, TO_END)) {
                    log.warn("locks were lost to somebody else when their file moved: inode={}", next.number());
                }
            } catch (ErrnoException e) {
                log.warn("locks could not be taken where their file is now: inode={} errno={}", next.number(), e.errno());
            }
        }
    }

    // ---- here

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
            releaseElsewhere(start, end);
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
            releaseElsewhere(0, TO_END);
        }
    }

    /**
     * flock(2).
     *
     * @param owner the description
     * @param pid the calling process
     * @param operation LOCK_SH, LOCK_EX or LOCK_UN
     * @param blocker waits; null to fail instead (LOCK_NB)
     * @throws ErrnoException EAGAIN, ERESTARTSYS, and where others may lock the file ENOLCK, EIO
     */
    public void flock(FileDescription owner, int pid, int operation, Blocker blocker) throws ErrnoException {
        if (operation == Fcntl.LOCK_UN) {
            unlockWhole(owner);
            return;
        }
        flockHere(owner, pid, operation == Fcntl.LOCK_EX, blocker);
        if (!inode.locksElsewhere()) {
            return;
        }
        boolean isTaken = false;
        try {
            takeElsewhere(0, TO_END, blocker);
            isTaken = true;
        } finally {
            if (!isTaken) {
                unlockWhole(owner);
            }
        }
    }

    private void unlockWhole(FileDescription owner) {
        boolean any;
        synchronized (this) {
            any = wholes.removeIf(whole -> whole.owner == owner);
        }
        if (any) {
            queue.notify(1);
            releaseElsewhere(0, TO_END);
        }
    }

    private void flockHere(FileDescription owner, int pid, boolean exclusive, Blocker blocker) throws ErrnoException {
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
