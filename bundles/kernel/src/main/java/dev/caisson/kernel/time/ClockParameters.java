package dev.caisson.kernel.time;

/**
 * How the time stamp counter becomes time: {@code monotonic = monotonicBaseNs + ((tsc - tscBase) * multiplier >>> shift)}, the
 * product having 128 bits.
 *
 * @param usable whether the counter may be used; when not, guests must ask the kernel
 * @param tscBase counter at the base
 * @param monotonicBaseNs CLOCK_MONOTONIC at the base
 * @param multiplier nanoseconds per tick, times two to the power of shift
 * @param shift 32
 * @param realtimeOffsetNs CLOCK_REALTIME minus CLOCK_MONOTONIC
 * @param boottimeOffsetNs CLOCK_BOOTTIME minus CLOCK_MONOTONIC
 */
public record ClockParameters(boolean usable, long tscBase, long monotonicBaseNs, long multiplier, int shift, long realtimeOffsetNs,
        long boottimeOffsetNs) {
    /** The shift that {@link Clocks} uses. */
    public static final int SHIFT = 32;

    /**
     * CLOCK_MONOTONIC at a counter value.
     *
     * @param tsc the counter; a little before the base counts as the base, as in the vDSO
     * @return nanoseconds
     */
    public long monotonicNs(long tsc) {
        long ticks = tsc - tscBase;
        if (ticks <= 0) {
            return monotonicBaseNs;
        }
        long low = ticks * multiplier;
        long high = Math.multiplyHigh(ticks, multiplier);
        return monotonicBaseNs + (high << 64 - shift | low >>> shift);
    }
}
