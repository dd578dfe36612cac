package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import java.lang.foreign.MemorySegment;

/** The time stamp counter of the processor, for a clock that guests read without asking (the vDSO). */
public final class HostTsc {
    private static final int EXTENDED_POWER = 0x8000_0007;
    private static final int INVARIANT = 1 << 8;

    private HostTsc() {}

    /** {@return the counter; about 20 ns, not serialised against other instructions} */
    public static long read() {
        return HostCalls.rdtsc();
    }

    /**
     * Whether the counter runs at one rate in all processor states (CPUID 0x80000007, EDX bit 8). Some virtual machines do
     * not say so although it does; then compare it with the host's clock source
     * ({@code /sys/devices/system/clocksource/clocksource0/current_clocksource}).
     *
     * @return whether the processor promises it
     */
    public static boolean isInvariant() {
        Scratch scratch = Scratch.mine();
        MemorySegment out = scratch.structure();
        HostCalls.cpuid(0x8000_0000, 0, scratch.structureAddress());
        if (Integer.compareUnsigned(out.get(Layouts.U32, 0), EXTENDED_POWER) < 0) {
            return false;
        }
        HostCalls.cpuid(EXTENDED_POWER, 0, scratch.structureAddress());
        return (out.get(Layouts.U32, 12) & INVARIANT) != 0;
    }
}
