package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct open_how}: 24 bytes in its first version.
 * <pre>
 *  off size field
 *    0    8 flags
 *    8    8 mode
 *   16    8 resolve
 * </pre>
 * Source: include/uapi/linux/openat2.h.
 *
 * @param flags {@code O_*}
 * @param mode permission bits
 * @param resolve {@code RESOLVE_*}
 */
public record OpenHow(long flags, long mode, long resolve) {
    /** Size of the first and only version. */
    public static final int BYTES = 24;

    /** Reads and writes the structure. */
    public static final StructCodec<OpenHow> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new OpenHow(seg.get(U64, at), seg.get(U64, at + 8), seg.get(U64, at + 16)),
            (seg, at, how) -> {
                seg.set(U64, at, how.flags);
                seg.set(U64, at + 8, how.mode);
                seg.set(U64, at + 16, how.resolve);
            });
}
