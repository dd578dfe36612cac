package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct rusage} on amd64: 144 bytes, of which Linux fills the fields below and leaves the others 0.
 * <pre>
 *  off size field
 *    0   16 ru_utime    seconds, microseconds
 *   16   16 ru_stime    seconds, microseconds
 *   32    8 ru_maxrss   KiB
 *   64    8 ru_minflt
 *   72    8 ru_majflt
 *   88    8 ru_inblock
 *   96    8 ru_oublock
 *  128    8 ru_nvcsw
 *  136    8 ru_nivcsw
 * </pre>
 * Source: include/uapi/linux/resource.h.
 *
 * @param userUs time in the program, microseconds
 * @param systemUs time in system calls, microseconds
 * @param maxResidentKib largest resident set, KiB
 * @param minorFaults faults without input
 * @param majorFaults faults with input
 * @param voluntarySwitches times it slept
 * @param involuntarySwitches times it was preempted
 */
public record ResourceUsage(long userUs, long systemUs, long maxResidentKib, long minorFaults, long majorFaults,
        long voluntarySwitches, long involuntarySwitches) {
    /** Size in bytes. */
    public static final int BYTES = 144;
    private static final long MICROSECONDS = 1_000_000;

    /** Reads and writes the structure. */
    public static final StructCodec<ResourceUsage> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new ResourceUsage(seg.get(U64, at) * MICROSECONDS + seg.get(U64, at + 8),
                    seg.get(U64, at + 16) * MICROSECONDS + seg.get(U64, at + 24), seg.get(U64, at + 32), seg.get(U64, at + 64),
                    seg.get(U64, at + 72), seg.get(U64, at + 128), seg.get(U64, at + 136)),
            (seg, at, usage) -> {
                seg.asSlice(at, BYTES).fill((byte) 0);
                seg.set(U64, at, usage.userUs / MICROSECONDS);
                seg.set(U64, at + 8, usage.userUs % MICROSECONDS);
                seg.set(U64, at + 16, usage.systemUs / MICROSECONDS);
                seg.set(U64, at + 24, usage.systemUs % MICROSECONDS);
                seg.set(U64, at + 32, usage.maxResidentKib);
                seg.set(U64, at + 64, usage.minorFaults);
                seg.set(U64, at + 72, usage.majorFaults);
                seg.set(U64, at + 128, usage.voluntarySwitches);
                seg.set(U64, at + 136, usage.involuntarySwitches);
            });
}
