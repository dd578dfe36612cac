package dev.caisson.kernel.time;

import dev.caisson.abi.Time;
import dev.caisson.loader.Vdso;
import dev.caisson.loader.VdsoImage;

/**
 * By how much the clocks of some processes differ from the sandbox's: what a time namespace is in Linux, time_namespaces(7). Only CLOCK_MONOTONIC and
 * CLOCK_BOOTTIME can; what programs say of them is theirs, what the kernel computes with is the sandbox's.
 *
 * <p>Deviation: it is made with a container; programs make none by themselves (EINVAL, as of a kernel without them).
 */
public final class TimeOffsets {
    /** No difference. */
    public static final TimeOffsets NONE = new TimeOffsets(0, 0, null);

    private final long monotonicNs;
    private final long boottimeNs;
    private final Vdso vdso;

    /**
     * Makes offsets.
     *
     * @param monotonicNs of CLOCK_MONOTONIC and its relatives
     * @param boottimeNs of CLOCK_BOOTTIME and its relatives
     * @param vdso shows programs these clocks; null when there is no difference
     */
    public TimeOffsets(long monotonicNs, long boottimeNs, Vdso vdso) {
        this.monotonicNs = monotonicNs;
        this.boottimeNs = boottimeNs;
        this.vdso = vdso;
    }

    /** {@return the offset of CLOCK_MONOTONIC} */
    public long monotonicNs() {
        return monotonicNs;
    }

    /** {@return the offset of CLOCK_BOOTTIME} */
    public long boottimeNs() {
        return boottimeNs;
    }

    /**
     * What programs get mapped.
     *
     * @param otherwise where there is no difference
     * @return the image
     */
    public VdsoImage vdso(VdsoImage otherwise) {
        return vdso == null ? otherwise : vdso;
    }

    /**
     * Shows programs the clocks.
     *
     * @param now the sandbox's
     * @param taiNs CLOCK_TAI minus CLOCK_REALTIME
     */
    public void publish(ClockParameters now, long taiNs) {
        if (vdso != null) {
            publish(vdso, now, taiNs);
        }
    }

    /**
     * Shows programs clocks with these offsets.
     *
     * @param image of the programs
     * @param now the sandbox's
     * @param taiNs CLOCK_TAI minus CLOCK_REALTIME
     */
    public void publish(Vdso image, ClockParameters now, long taiNs) {
        long realtimeNs = now.realtimeOffsetNs() - monotonicNs;
        image.parameters().publish(now.usable(), now.tscBase(), now.monotonicBaseNs() + monotonicNs, now.multiplier(), realtimeNs,
                now.boottimeOffsetNs() - monotonicNs + boottimeNs, realtimeNs + taiNs);
    }

    /**
     * The offset of a clock.
     *
     * @param clock {@code CLOCK_*}
     * @return nanoseconds, 0 for clocks that have none
     */
    public long of(int clock) {
        return switch (clock) {
            case Time.CLOCK_MONOTONIC, Time.CLOCK_MONOTONIC_RAW, Time.CLOCK_MONOTONIC_COARSE -> monotonicNs;
            case Time.CLOCK_BOOTTIME, Time.CLOCK_BOOTTIME_ALARM -> boottimeNs;
            default -> 0;
        };
    }

    /**
     * A moment that a program has named, on the sandbox's clock.
     *
     * @param clock the clock
     * @param atNs the moment on the program's clock
     * @return the moment; 0 stays, others are at least 1
     */
    public long toSandbox(WallClock clock, long atNs) {
        long offset = clock == WallClock.MONOTONIC ? monotonicNs : clock == WallClock.BOOTTIME ? boottimeNs : 0;
        if (offset == 0 || atNs <= 0 || atNs == Long.MAX_VALUE) {
            return atNs;
        }
        long at = atNs - offset;
        return offset < 0 && at < 0 ? Long.MAX_VALUE : Math.max(1, at);
    }
}
