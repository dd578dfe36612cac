package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct timespec} (and {@code struct timeval}) on amd64: 16 bytes.
 * <pre>
 *  off size field
 *    0    8 tv_sec
 *    8    8 tv_nsec   (tv_usec in a timeval)
 * </pre>
 * Source: include/uapi/linux/time.h, include/uapi/linux/time_types.h.
 *
 * @param seconds {@code tv_sec}
 * @param nanoseconds {@code tv_nsec}; may be anything when it comes from a guest, see {@link #isValid}
 */
public record Timespec(long seconds, long nanoseconds) {
    /** Nanoseconds of a second. */
    public static final long SECOND_NS = 1_000_000_000L;
    /** The longest time the kernel handles in seconds (KTIME_SEC_MAX); longer ones are as good as forever. */
    public static final long MAX_SECONDS = Long.MAX_VALUE / SECOND_NS;

    /** Reads and writes {@code struct timespec}. */
    public static final StructCodec<Timespec> CODEC = StructCodec.of(16,
            (seg, at) -> new Timespec(seg.get(U64, at), seg.get(U64, at + 8)),
            (seg, at, time) -> {
                seg.set(U64, at, time.seconds);
                seg.set(U64, at + 8, time.nanoseconds);
            });

    /** Reads and writes {@code struct timeval}: microseconds in memory, nanoseconds in the value (saturated, sign kept). */
    public static final StructCodec<Timespec> TIMEVAL = StructCodec.of(16,
            (seg, at) -> new Timespec(seg.get(U64, at), microsToNanos(seg.get(U64, at + 8))),
            (seg, at, time) -> {
                seg.set(U64, at, time.seconds);
                seg.set(U64, at + 8, time.nanoseconds / 1000);
            });

    private static long microsToNanos(long micros) {
        // A value out of range stays out of range, so that isValid refuses it.
        return micros < 0 || micros >= 1_000_000 ? micros < 0 ? -1 : SECOND_NS : micros * 1000;
    }

    /**
     * From nanoseconds.
     *
     * @param totalNs nanoseconds, may be negative
     * @return the same time with nanoseconds from 0 to 999999999
     */
    public static Timespec ofNanos(long totalNs) {
        return new Timespec(Math.floorDiv(totalNs, SECOND_NS), Math.floorMod(totalNs, SECOND_NS));
    }

    /** {@return whether this is a time the kernel accepts as a timeout (timespec64_valid): seconds from 0, nanoseconds in range} */
    public boolean isValid() {
        return seconds >= 0 && nanoseconds >= 0 && nanoseconds < SECOND_NS;
    }

    /** {@return whether both fields are 0} */
    public boolean isZero() {
        return seconds == 0 && nanoseconds == 0;
    }

    /** {@return nanoseconds, {@link Long#MAX_VALUE} when they do not fit} */
    public long toNanos() {
        if (seconds >= MAX_SECONDS) {
            return Long.MAX_VALUE;
        }
        return seconds * SECOND_NS + nanoseconds;
    }
}
