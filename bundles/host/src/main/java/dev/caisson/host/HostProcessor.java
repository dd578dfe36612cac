package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import java.lang.foreign.MemorySegment;

/** What the processor says of itself: CPUID (SDM volume 2, Intel's and AMD's alike). */
public final class HostProcessor {
    private static final int EAX = 0;
    private static final int EBX = 4;
    private static final int ECX = 8;
    private static final int EDX = 12;
    private static final int OSXSAVE = 1 << 27;
    private static final int XSAVE_LEAF = 0xd;

    private HostProcessor() {}

    /**
     * Executes cpuid.
     *
     * @param leaf eax
     * @param subleaf ecx
     * @return eax, ebx, ecx, edx
     */
    public static int[] cpuid(int leaf, int subleaf) {
        Scratch scratch = Scratch.mine();
        MemorySegment out = scratch.structure();
        HostCalls.cpuid(leaf, subleaf, scratch.structureAddress());
        return new int[] {
            out.get(Layouts.U32, EAX), out.get(Layouts.U32, EBX), out.get(Layouts.U32, ECX), out.get(Layouts.U32, EDX)};
    }

    /** {@return the size of an XSAVE image of all states the host has enabled; 0 without XSAVE} */
    public static int xsaveBytes() {
        return (cpuid(1, 0)[2] & OSXSAVE) == 0 ? 0 : cpuid(XSAVE_LEAF, 0)[1];
    }

    /** {@return the states the host has enabled for XSAVE: XCR0; 0 without XSAVE} */
    public static long xsaveStates() {
        return (cpuid(1, 0)[2] & OSXSAVE) == 0 ? 0 : HostCalls.xcr0();
    }

    /** {@return whether RDTSCP tells the processor number (CPUID 80000001H, EDX bit 27)} */
    public static boolean hasRdtscp() {
        return (cpuid(0x80000001, 0)[3] >>> 27 & 1) != 0;
    }
}
