package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.WaitQueue;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Leases, fcntl(2) F_SETLEASE: whoever opens the file in a way that the lease excludes waits until its holder, told by a signal, has
 * given it up, or the time for that is over.
 */
public final class Leases {
    private static final int LEASE_ENDED = 1;
    private static final long SECOND_NS = 1_000_000_000L;

    private static final class Lease {
        final FileDescription holder;
        final Runnable signal;
        int type;
        /** What it becomes; the same as {@link #type} while nobody wants it broken. */
        int target;
        long deadlineNs;

        Lease(FileDescription holder, int type, Runnable signal) {
            this.holder = holder;
            this.signal = signal;
            this.type = type;
            this.target = type;
        }
    }

    /** The leases of one file; its attachment. The monitor is a leaf. */
    private static final class OfFile {
        final List<Lease> leases = new ArrayList<>(1);
        final WaitQueue ended = new WaitQueue();
    }

    /** While there are none, opening a file costs one field read. */
    private final AtomicInteger count = new AtomicInteger();
    private volatile int breakSeconds = 45;

    Leases() {}

    /** {@return how long a holder has before its lease is taken from it; 0 for ever} */
    public int breakSeconds() {
        return breakSeconds;
    }

    /**
     * Sets how long a holder has.
     *
     * @param seconds not negative; 0 for ever
     */
    public void breakSeconds(int seconds) {
        breakSeconds = seconds;
    }

    /**
     * F_GETLEASE.
     *
     * @param description an open file
     * @return {@code F_RDLCK, F_WRLCK, F_UNLCK}; while it is being broken, what it must become
     */
    public int get(FileDescription description) {
        OfFile all = description.inode().attachment(OfFile.class, null);
        if (all == null) {
            return Fcntl.F_UNLCK;
        }
        synchronized (all) {
            expire(all);
            Lease own = find(all, description);
            return own == null ? Fcntl.F_UNLCK : own.target;
        }
    }

    /**
     * F_SETLEASE of a regular file.
     *
     * @param description who holds it
     * @param type {@code F_RDLCK, F_WRLCK, F_UNLCK}
     * @param signal tells the holder that the lease is being broken; runs without locks
     * @throws ErrnoException EAGAIN, EINVAL
     */
    public void set(FileDescription description, int type, Runnable signal) throws ErrnoException {
        switch (type) {
            case Fcntl.F_UNLCK -> {
                if (!end(description)) {
                    throw EAGAIN.error("no lease");
                }
            }
            case Fcntl.F_RDLCK, Fcntl.F_WRLCK -> take(description, type, signal);
            default -> throw EINVAL.error();
        }
    }

    private void take(FileDescription description, int type, Runnable signal) throws ErrnoException {
        OfFile all = description.inode().attachment(OfFile.class, OfFile::new);
        boolean fresh;
        synchronized (all) {
            expire(all);
            boolean isWanted = type == Fcntl.F_WRLCK ? description.location().dentry().opened(0) == 1
                    : !Writers.of(description.inode()).isOpenForWriting();
            Lease own = find(all, description);
            boolean others = all.leases.size() > (own == null ? 0 : 1);
            boolean ending = all.leases.stream().anyMatch(lease -> lease != own && lease.target == Fcntl.F_UNLCK);
            if (!isWanted || others && type == Fcntl.F_WRLCK || ending) {
                throw EAGAIN.error();
            }
            fresh = own == null;
            if (fresh) {
                all.leases.add(new Lease(description, type, signal));
                count.incrementAndGet();
            } else {
                own.type = type;
                own.target = type;
            }
        }
        if (fresh) {
            description.onClose(() -> end(description));
        } else {
            all.ended.notify(LEASE_ENDED);
        }
    }

    private boolean end(FileDescription description) {
        OfFile all = description.inode().attachment(OfFile.class, null);
        if (all == null) {
            return false;
        }
        synchronized (all) {
            Lease own = find(all, description);
            if (own == null) {
                return false;
            }
            all.leases.remove(own);
            count.decrementAndGet();
        }
        all.ended.notify(LEASE_ENDED);
        return true;
    }

    private static Lease find(OfFile all, FileDescription description) {
        for (Lease lease : all.leases) {
            if (lease.holder == description) {
                return lease;
            }
        }
        return null;
    }

    private void expire(OfFile all) {
        long now = System.nanoTime();
        all.leases.removeIf(lease -> {
            if (lease.target == lease.type || lease.deadlineNs == Blocker.FOREVER || lease.deadlineNs - now > 0) {
                return false;
            }
            lease.type = lease.target;
            if (lease.type == Fcntl.F_UNLCK) {
                count.decrementAndGet();
                return true;
            }
            return false;
        });
    }

    /**
     * Somebody opens or truncates the file: breaks the leases that this excludes.
     *
     * @param inode the file
     * @param writes whether it is to be changed
     * @param mayWait false with O_NONBLOCK
     * @param caller who waits
     * @throws ErrnoException EAGAIN when it may not wait, ERESTARTSYS
     */
    void breakFor(Inode inode, boolean writes, boolean mayWait, Blocker caller) throws ErrnoException {
        if (count.get() == 0) {
            return;
        }
        OfFile all = inode.attachment(OfFile.class, null);
        if (all == null) {
            return;
        }
        List<Runnable> signals = new ArrayList<>();
        long deadlineNs = demand(all, writes, signals);
        signals.forEach(Runnable::run);
        if (deadlineNs == 0) {
            return;
        }
        if (!mayWait || caller == null) {
            throw EAGAIN.error("leased");
        }
        all.ended.add(caller.waiter(), LEASE_ENDED);
        try {
            while ((deadlineNs = demand(all, writes, signals)) != 0) {
                caller.block(deadlineNs);
            }
        } finally {
            all.ended.remove(caller.waiter());
        }
    }

    /**
     * As the other one, for a file at a place that nothing else keeps: while the caller waits, another filesystem may come to serve it.
     *
     * @return the file's inode from now on
     */
    Inode breakFor(Location place, boolean writes, boolean mayWait, Blocker caller) throws ErrnoException {
        if (count.get() != 0) {
            place.dentry().pin();
            breakFor(place.inode(), writes, mayWait, caller);
        }
        return place.inode();
    }

    /** Asks for the end of what is in the way. Gives the time when the first of it ends by itself; 0 when nothing is in the way. */
    private long demand(OfFile all, boolean writes, List<Runnable> signals) {
        long first = 0;
        int target = writes ? Fcntl.F_UNLCK : Fcntl.F_RDLCK;
        synchronized (all) {
            expire(all);
            for (Lease lease : all.leases) {
                if (lease.type == Fcntl.F_RDLCK && !writes) {
                    continue;
                }
                if (lease.target == lease.type || lease.target == Fcntl.F_RDLCK && writes) {
                    lease.target = target;
                    int seconds = breakSeconds;
                    lease.deadlineNs = seconds == 0 ? Blocker.FOREVER : System.nanoTime() + seconds * SECOND_NS;
                    signals.add(lease.signal);
                }
                first = first == 0 ? lease.deadlineNs : Math.min(first, lease.deadlineNs);
            }
        }
        return first;
    }
}
