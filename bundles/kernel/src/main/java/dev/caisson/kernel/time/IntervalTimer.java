package dev.caisson.kernel.time;

import dev.caisson.abi.IntervalTime;

/**
 * A timer that a program sets to a first expiration and a period. It fires once, and goes on when its owner has consumed the
 * expiration, which counts those that were missed: an unread timer costs nothing.
 *
 * <p>The object's monitor is a leaf, but for the timers' own lock.
 */
public abstract class IntervalTimer {
    /** Faster periodic timers would only keep the machine busy. */
    private static final long LEAST_DELAY_NS = 20_000;

    private long deadlineNs;
    private long intervalNs;
    private boolean armed;
    /** Fired, and not yet consumed. */
    private boolean fired;
    private boolean closed;

    /** For subclasses. */
    protected IntervalTimer() {}

    /** {@return the time on the timer's clock} */
    protected abstract long nowNs();

    /**
     * Asks for {@link #ring} at a moment; replaces an earlier request. Called under the monitor.
     *
     * @param atNs on the timer's clock
     */
    protected abstract void schedule(long atNs);

    /** Takes the request back. Called under the monitor. */
    protected abstract void unschedule();

    /** The timer has expired: somebody should {@link #consume}. Called without the monitor. */
    protected abstract void expired();

    /**
     * Sets the timer.
     *
     * @param absolute whether the value is a moment of the clock, else a duration
     * @param valueNs first expiration; 0 disarms
     * @param newIntervalNs period, 0 for a single expiration
     * @return what it was set to, as {@link #get}
     */
    public final synchronized IntervalTime set(boolean absolute, long valueNs, long newIntervalNs) {
        IntervalTime old = get();
        if (closed) {
            return old;
        }
        unschedule();
        fired = false;
        armed = valueNs != 0;
        intervalNs = newIntervalNs;
        if (armed) {
            long deadline = absolute ? valueNs : nowNs() + valueNs;
            deadlineNs = deadline < 0 && valueNs > 0 ? Long.MAX_VALUE : deadline;
            schedule(deadlineNs);
        }
        return old;
    }

    /** {@return the period, and the time to the next expiration (1 ns at least while armed)} */
    public final synchronized IntervalTime get() {
        if (!armed || fired && intervalNs == 0) {
            return IntervalTime.ofNanos(intervalNs, 0);
        }
        long left = deadlineNs - nowNs();
        if (left <= 0) {
            left = intervalNs > 0 ? intervalNs - Math.floorMod(-left, intervalNs) : 1;
        }
        return IntervalTime.ofNanos(intervalNs, left);
    }

    /** The moment that was asked for may have come. */
    protected final void ring() {
        synchronized (this) {
            if (!armed || fired || closed) {
                return;
            }
            if (nowNs() < deadlineNs) {
                schedule(deadlineNs);
                return;
            }
            fired = true;
        }
        expired();
    }

    /** {@return whether there is an expiration to consume} */
    public final synchronized boolean hasFired() {
        // The alarm may be a little late.
        return fired || armed && !closed && nowNs() >= deadlineNs;
    }

    /**
     * Takes the expirations so far and lets the timer go on.
     *
     * @return how many, 0 when it has not expired
     */
    public final synchronized long consume() {
        if (!armed || closed) {
            return 0;
        }
        long now = nowNs();
        if (!fired && now < deadlineNs) {
            return 0;
        }
        if (intervalNs == 0) {
            armed = false;
            fired = false;
            unschedule();
            return 1;
        }
        long count = 1 + Math.max(0, now - deadlineNs) / intervalNs;
        long next = deadlineNs + count * intervalNs;
        deadlineNs = next < 0 ? Long.MAX_VALUE : next;
        fired = false;
        schedule(Math.max(deadlineNs, now + LEAST_DELAY_NS));
        return count;
    }

    /** Ends the timer for good. */
    public final synchronized void close() {
        closed = true;
        armed = false;
        unschedule();
    }
}
