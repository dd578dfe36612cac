package dev.caisson.kernel.time;

import dev.caisson.abi.Time;

/** A clock that runs whether or not anybody computes, as timers need it. */
public enum WallClock {
    /** CLOCK_REALTIME and CLOCK_REALTIME_ALARM. */
    REALTIME {
        @Override
        public long nowNs(Clocks clocks) {
            return clocks.realtimeNs();
        }
    },
    /** CLOCK_MONOTONIC. */
    MONOTONIC {
        @Override
        public long nowNs(Clocks clocks) {
            return clocks.monotonicNs();
        }
    },
    /** CLOCK_BOOTTIME and CLOCK_BOOTTIME_ALARM. */
    BOOTTIME {
        @Override
        public long nowNs(Clocks clocks) {
            return clocks.boottimeNs();
        }
    },
    /** CLOCK_TAI. */
    TAI {
        @Override
        public long nowNs(Clocks clocks) {
            return clocks.taiNs();
        }
    };

    /**
     * The clock of an id.
     *
     * @param id {@code CLOCK_*}
     * @return the clock, or null when timers cannot use it
     */
    public static WallClock of(int id) {
        return switch (id) {
            case Time.CLOCK_REALTIME, Time.CLOCK_REALTIME_ALARM -> REALTIME;
            case Time.CLOCK_MONOTONIC -> MONOTONIC;
            case Time.CLOCK_BOOTTIME, Time.CLOCK_BOOTTIME_ALARM -> BOOTTIME;
            case Time.CLOCK_TAI -> TAI;
            default -> null;
        };
    }

    /**
     * The time.
     *
     * @param clocks the sandbox's clocks
     * @return nanoseconds on this clock
     */
    public abstract long nowNs(Clocks clocks);

    /**
     * When a moment of this clock comes on the host's.
     *
     * @param clocks the sandbox's clocks
     * @param deadlineNs the moment on this clock
     * @return the host deadline, {@link Long#MAX_VALUE} for never
     */
    public long hostDeadlineNs(Clocks clocks, long deadlineNs) {
        if (deadlineNs == Long.MAX_VALUE) {
            return Long.MAX_VALUE;
        }
        return clocks.hostDeadlineNs(deadlineNs - (nowNs(clocks) - clocks.monotonicNs()));
    }
}
