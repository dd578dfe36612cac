package dev.caisson.mailbox;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.concurrent.locks.LockSupport;

/**
 * Who may spin, for all {@link Spinner}s of a platform. A guest thread takes two processors while its two sides spin for each other, so
 * there are as many that may as there are pairs of processors. When more want to, each has its turn for a while, first come first
 * served; the others stand still meanwhile. That gets more calls done than all of them together without spinning.
 */
public final class SpinPolicy {
    /** So long one may go on while others wait. */
    private static final long TURN_NS = 2_000_000;
    /** So long one waits at most, beyond what those before it may take: who holds a pair may be waiting for us in some other way. */
    private static final long PATIENCE_NS = 10_000_000;

    /** Pairs of processors that nobody has, by index. Guarded by this. */
    private final BitSet free = new BitSet();
    /** Guarded by this. */
    private final ArrayDeque<Spinner> waiting = new ArrayDeque<>();
    /** Size of {@link #waiting}. Written under the monitor. */
    private volatile int waiters;
    private final boolean hasPairs;

    /**
     * Makes a policy.
     *
     * @param processors how many processors the sandbox may use
     */
    public SpinPolicy(int processors) {
        free.set(0, processors / 2);
        hasPairs = processors > 1;
    }

    boolean hasPairs() {
        return hasPairs;
    }

    /** Whether a spinner that has had a pair since a time must let others have it. */
    boolean isTurnOver(long sinceNs) {
        return waiters > 0 && System.nanoTime() - sinceNs > TURN_NS;
    }

    /** Waits for a pair, for its index; negative if that took too long, or the spinner's task has something else to do. */
    int acquire(Spinner spinner) {
        long until;
        synchronized (this) {
            int pair = free.nextSetBit(0);
            if (pair >= 0) {
                free.clear(pair);
                return pair;
            }
            waiting.add(spinner);
            waiters = waiting.size();
            until = System.nanoTime() + PATIENCE_NS + 2L * waiters * TURN_NS;
        }
        while (true) {
            long left = until - System.nanoTime();
            if (spinner.granted() < 0 && left > 0 && !spinner.isCalledAway()) {
                LockSupport.parkNanos(this, left);
                continue;
            }
            synchronized (this) {
                if (spinner.granted() >= 0) {
                    return spinner.granted();
                }
                waiting.remove(spinner);
                waiters = waiting.size();
            }
            return -1;
        }
    }

    /** Gives a pair to who waits for it longest. */
    synchronized void release(int pair) {
        Spinner next = waiting.poll();
        if (next == null) {
            free.set(pair);
        } else {
            waiters = waiting.size();
            next.grant(pair);
        }
    }
}
