package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct sigaction} of rt_sigaction(2) on amd64: 32 bytes.
 * <pre>
 *  off size field
 *    0    8 sa_handler   address, SIG_DFL or SIG_IGN
 *    8    8 sa_flags     SA_*
 *   16    8 sa_restorer  address
 *   24    8 sa_mask      bit n-1 for signal n
 * </pre>
 * Source: include/uapi/asm/signal.h (arch/x86) as the kernel sees it, include/linux/signal_types.h.
 *
 * @param handler address of the handler, {@link Signals#SIG_DFL} or {@link Signals#SIG_IGN}
 * @param flags {@code SA_*}
 * @param restorer address of the code that calls rt_sigreturn(2)
 * @param mask signals blocked while the handler runs
 */
public record SignalAction(long handler, long flags, long restorer, long mask) {
    /** The default action. */
    public static final SignalAction DEFAULT = new SignalAction(Signals.SIG_DFL, 0, 0, 0);

    /** Reads and writes the structure. */
    public static final StructCodec<SignalAction> CODEC = StructCodec.of(32,
            (seg, at) -> new SignalAction(seg.get(U64, at), seg.get(U64, at + 8), seg.get(U64, at + 16), seg.get(U64, at + 24)),
            (seg, at, action) -> {
                seg.set(U64, at, action.handler);
                seg.set(U64, at + 8, action.flags);
                seg.set(U64, at + 16, action.restorer);
                seg.set(U64, at + 24, action.mask);
            });

    /** {@return whether this is the default action} */
    public boolean isDefault() {
        return handler == Signals.SIG_DFL;
    }

    /** {@return whether the signal is ignored explicitly} */
    public boolean isIgnore() {
        return handler == Signals.SIG_IGN;
    }

    /**
     * Whether a flag is set.
     *
     * @param flag one {@code SA_*}
     * @return whether it is
     */
    public boolean has(int flag) {
        return (flags & Integer.toUnsignedLong(flag)) != 0;
    }
}
