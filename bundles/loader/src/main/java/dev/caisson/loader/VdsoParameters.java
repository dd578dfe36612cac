package dev.caisson.loader;

import dev.caisson.abi.Layouts;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The page that the vDSO reads ({@code [vvar]}): how the time stamp counter becomes time. A sequence lock: odd while it is being
 * written.
 * <pre>
 *  off size field
 *    0    8 sequence
 *    8    8 usable         0: ask the kernel
 *   16    8 tscBase        counter at the base
 *   24    8 monotonicBase  CLOCK_MONOTONIC at the base, nanoseconds
 *   32    8 multiplier     nanoseconds per tick, times 2 to the power of 32
 *   40    8 realtime       CLOCK_REALTIME minus CLOCK_MONOTONIC
 *   48    8 boottime       CLOCK_BOOTTIME minus CLOCK_MONOTONIC
 *   56    8 tai            CLOCK_TAI minus CLOCK_MONOTONIC
 *   64    8 zero           CLOCK_MONOTONIC minus itself
 *   72    8 processors     how many processors guests see; 0: ask the kernel. Not under the sequence lock
 * </pre>
 */
public final class VdsoParameters {
    static final int SEQUENCE = 0;
    static final int USABLE = 8;
    static final int TSC_BASE = 16;
    static final int MONOTONIC_BASE = 24;
    static final int MULTIPLIER = 32;
    static final int REALTIME = 40;
    static final int BOOTTIME = 48;
    static final int TAI = 56;
    static final int ZERO = 64;
    static final int PROCESSORS = 72;

    private final MemorySegment page;

    VdsoParameters(MemorySegment page) {
        this.page = page;
    }

    /**
     * Says how many processors guests see, so that they learn from RDTSCP which one they run on.
     *
     * @param count how many; 0 when the processor cannot tell
     */
    public void processors(int count) {
        page.set(Layouts.U64, PROCESSORS, count);
    }

    /**
     * Publishes new parameters; guests that read meanwhile read again.
     *
     * @param usable whether guests may compute the time themselves
     * @param tscBase counter at the base
     * @param monotonicBaseNs CLOCK_MONOTONIC at the base
     * @param multiplier nanoseconds per tick as a fixed-point number of 32 fraction bits
     * @param realtimeOffsetNs CLOCK_REALTIME minus CLOCK_MONOTONIC
     * @param boottimeOffsetNs CLOCK_BOOTTIME minus CLOCK_MONOTONIC
     * @param taiOffsetNs CLOCK_TAI minus CLOCK_MONOTONIC
     */
    public synchronized void publish(boolean usable, long tscBase, long monotonicBaseNs, long multiplier, long realtimeOffsetNs,
            long boottimeOffsetNs, long taiOffsetNs) {
        long sequence = page.get(Layouts.U64, SEQUENCE);
        page.set(Layouts.U64, SEQUENCE, sequence + 1);
        VarHandle.storeStoreFence();
        page.set(Layouts.U64, USABLE, usable ? 1 : 0);
        page.set(Layouts.U64, TSC_BASE, tscBase);
        page.set(Layouts.U64, MONOTONIC_BASE, monotonicBaseNs);
        page.set(Layouts.U64, MULTIPLIER, multiplier);
        page.set(Layouts.U64, REALTIME, realtimeOffsetNs);
        page.set(Layouts.U64, BOOTTIME, boottimeOffsetNs);
        page.set(Layouts.U64, TAI, taiOffsetNs);
        VarHandle.storeStoreFence();
        page.set(Layouts.U64, SEQUENCE, sequence + 2);
    }
}
