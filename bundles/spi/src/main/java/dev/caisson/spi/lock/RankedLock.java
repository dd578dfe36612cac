package dev.caisson.spi.lock;

import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongPredicate;

/**
 * A reentrant lock with a place in {@link LockRank}. Under {@code -ea}, acquiring out of order throws and names both locks.
 */
public final class RankedLock {
    private static final boolean CHECKING = assertionsEnabled();
    private static final ThreadLocal<ArrayDeque<RankedLock>> HELD =
            CHECKING ? ThreadLocal.withInitial(ArrayDeque::new) : null;

    /** How often who waits looks whether to give up. */
    private static final long LOOK_MS = 20;

    private final LockRank rank;
    private final ReentrantLock lock = new ReentrantLock();

    private RankedLock(LockRank rank) {
        this.rank = rank;
    }

    /**
     * Makes a lock.
     *
     * @param rank its place in the order
     * @return the lock
     */
    public static RankedLock of(LockRank rank) {
        return new RankedLock(rank);
    }

    /** Acquires; waits without being interruptible, since nobody sleeps for long under a ranked lock. */
    public void lock() {
        if (CHECKING) {
            checkOrder(false);
        }
        lock.lock();
        if (CHECKING) {
            HELD.get().push(this);
        }
    }

    /**
     * Acquires, unless the caller gives up. For locks whose holders may wait for somebody outside of the sandbox.
     *
     * @param givesUp is told now and then for how many nanoseconds the caller has waited, and says whether that is enough
     * @return whether the lock was acquired
     */
    public boolean lockUnless(LongPredicate givesUp) {
        if (CHECKING) {
            checkOrder(false);
        }
        if (!acquireUnless(lock, givesUp)) {
            return false;
        }
        if (CHECKING) {
            HELD.get().push(this);
        }
        return true;
    }

    /**
     * As {@link #lockUnless}, for a lock that has no place in the order.
     *
     * @param lock which one
     * @param givesUp as there
     * @return whether the lock was acquired
     */
    public static boolean acquireUnless(ReentrantLock lock, LongPredicate givesUp) {
        if (lock.tryLock()) {
            return true;
        }
        long since = System.nanoTime();
        boolean isInterrupted = false;
        try {
            while (true) {
                try {
                    if (lock.tryLock(LOOK_MS, TimeUnit.MILLISECONDS)) {
                        return true;
                    }
                } catch (InterruptedException e) {
                    isInterrupted = true;
                }
                if (givesUp.test(System.nanoTime() - since)) {
                    return false;
                }
            }
        } finally {
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Acquires a second lock of the same rank; the caller keeps an order of its own (ascending id, parent before child). */
    public void lockNested() {
        if (CHECKING) {
            checkOrder(true);
        }
        lock.lock();
        if (CHECKING) {
            HELD.get().push(this);
        }
    }

    /**
     * Acquires if nobody holds it; since it does not wait, any order is allowed.
     *
     * @return whether it was acquired
     */
    public boolean tryLock() {
        if (!lock.tryLock()) {
            return false;
        }
        if (CHECKING) {
            HELD.get().push(this);
        }
        return true;
    }

    /** Releases. */
    public void unlock() {
        if (CHECKING) {
            HELD.get().removeFirstOccurrence(this);
        }
        lock.unlock();
    }

    /** {@return whether the calling thread holds it} */
    public boolean isHeld() {
        return lock.isHeldByCurrentThread();
    }

    private void checkOrder(boolean nested) {
        if (lock.isHeldByCurrentThread()) {
            return;
        }
        for (RankedLock held : HELD.get()) {
            int order = held.rank.compareTo(rank);
            if (order > 0 || order == 0 && !nested) {
                throw new AssertionError("lock order: " + rank + " after " + held.rank);
            }
        }
    }

    private static boolean assertionsEnabled() {
        boolean enabled = false;
        assert enabled = true;
        return enabled;
    }
}
