package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code stack_t} of sigaltstack(2) on amd64: 24 bytes.
 * <pre>
 *  off size field
 *    0    8 ss_sp
 *    8    4 ss_flags  SS_ONSTACK, SS_DISABLE, SS_AUTODISARM
 *   16    8 ss_size
 * </pre>
 * Source: include/uapi/asm/signal.h (arch/x86).
 *
 * @param pointer lowest address
 * @param flags {@code SS_*}
 * @param sizeBytes size in bytes
 */
public record SignalStack(long pointer, int flags, long sizeBytes) {
    /** No alternate stack. */
    public static final SignalStack NONE = new SignalStack(0, Signals.SS_DISABLE, 0);

    /** Reads and writes the structure. */
    public static final StructCodec<SignalStack> CODEC = StructCodec.of(24,
            (seg, at) -> new SignalStack(seg.get(U64, at), seg.get(U32, at + 8), seg.get(U64, at + 16)),
            (seg, at, stack) -> {
                seg.set(U64, at, stack.pointer);
                seg.set(U32, at + 8, stack.flags);
                seg.set(U64, at + 16, stack.sizeBytes);
            });
}
