package dev.caisson.kernel.futex;

import dev.caisson.kernel.time.Clocks;
import dev.caisson.spi.wait.Blocker;

/**
 * When a wait ends by itself.
 *
 * @param clocks the clocks; null when there is no deadline
 * @param realtime whether the moment is one of CLOCK_REALTIME, else of CLOCK_MONOTONIC
 * @param atNs the moment
 */
public record FutexDeadline(Clocks clocks, boolean realtime, long atNs) {
    /** No deadline. */
    public static final FutexDeadline NONE = new FutexDeadline(null, false, Long.MAX_VALUE);

    /** {@return the host deadline for {@link Blocker#block}} */
    long hostNs() {
        if (clocks == null || atNs == Long.MAX_VALUE) {
            return Blocker.FOREVER;
        }
        return clocks.hostDeadlineNs(realtime ? atNs - clocks.parameters().realtimeOffsetNs() : atNs);
    }

    /** {@return whether the moment has come on its own clock} */
    boolean hasPassed() {
        return clocks != null && (realtime ? clocks.realtimeNs() : clocks.monotonicNs()) >= atNs;
    }

    /** {@return whether there is a deadline} */
    boolean isSet() {
        return clocks != null;
    }
}
