package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct sysinfo} on amd64: 112 bytes.
 * <pre>
 *  off size field
 *    0    8 uptime      seconds
 *    8   24 loads       1, 5 and 15 minutes, times 65536
 *   32    8 totalram    in units of mem_unit
 *   40    8 freeram
 *   48    8 sharedram
 *   56    8 bufferram
 *   64    8 totalswap
 *   72    8 freeswap
 *   80    2 procs
 *   88    8 totalhigh
 *   96    8 freehigh
 *  104    4 mem_unit    bytes
 * </pre>
 * Source: include/uapi/linux/sysinfo.h.
 *
 * @param uptimeSeconds since the start
 * @param totalBytes memory there is
 * @param freeBytes memory not in use
 * @param sharedBytes shared memory
 * @param processes how many
 */
public record SystemInformation(long uptimeSeconds, long totalBytes, long freeBytes, long sharedBytes, int processes) {
    /** Size in bytes. */
    public static final int BYTES = 112;

    /** Reads and writes the structure. */
    public static final StructCodec<SystemInformation> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new SystemInformation(seg.get(U64, at), seg.get(U64, at + 32), seg.get(U64, at + 40), seg.get(U64, at + 48),
                    seg.get(U16, at + 80)),
            (seg, at, info) -> {
                seg.asSlice(at, BYTES).fill((byte) 0);
                seg.set(U64, at, info.uptimeSeconds);
                seg.set(U64, at + 32, info.totalBytes);
                seg.set(U64, at + 40, info.freeBytes);
                seg.set(U64, at + 48, info.sharedBytes);
                seg.set(U16, at + 80, (short) Math.min(info.processes, 0xffff));
                seg.set(U32, at + 104, 1);
            });
}
