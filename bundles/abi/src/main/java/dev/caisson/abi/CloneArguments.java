package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct clone_args}: 88 bytes today, 64 at first (CLONE_ARGS_SIZE_VER0). Addresses are unchecked.
 * <pre>
 *  off size field
 *    0    8 flags
 *    8    8 pidfd
 *   16    8 child_tid
 *   24    8 parent_tid
 *   32    8 exit_signal
 *   40    8 stack         lowest byte
 *   48    8 stack_size
 *   56    8 tls
 *   64    8 set_tid
 *   72    8 set_tid_size
 *   80    8 cgroup
 * </pre>
 * Source: include/uapi/linux/sched.h.
 *
 * @param flags {@code CLONE_*}
 * @param pidfd where the pidfd goes
 * @param childTid in the child's memory
 * @param parentTid in the parent's memory
 * @param exitSignal for the parent
 * @param stack lowest byte of the stack
 * @param stackSize its size
 * @param tls thread-local storage
 * @param setTid array of pids
 * @param setTidSize its length
 * @param cgroup descriptor of a cgroup
 */
public record CloneArguments(long flags, long pidfd, long childTid, long parentTid, long exitSignal, long stack, long stackSize,
        long tls, long setTid, long setTidSize, long cgroup) {
    /** Size in bytes. */
    public static final int BYTES = 88;
    /** Size of the first version in bytes. */
    public static final int FIRST_BYTES = 64;

    /** Reads and writes the structure. */
    public static final StructCodec<CloneArguments> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new CloneArguments(seg.get(U64, at), seg.get(U64, at + 8), seg.get(U64, at + 16), seg.get(U64, at + 24),
                    seg.get(U64, at + 32), seg.get(U64, at + 40), seg.get(U64, at + 48), seg.get(U64, at + 56), seg.get(U64, at + 64),
                    seg.get(U64, at + 72), seg.get(U64, at + 80)),
            (seg, at, args) -> {
                seg.set(U64, at, args.flags);
                seg.set(U64, at + 8, args.pidfd);
                seg.set(U64, at + 16, args.childTid);
                seg.set(U64, at + 24, args.parentTid);
                seg.set(U64, at + 32, args.exitSignal);
                seg.set(U64, at + 40, args.stack);
                seg.set(U64, at + 48, args.stackSize);
                seg.set(U64, at + 56, args.tls);
                seg.set(U64, at + 64, args.setTid);
                seg.set(U64, at + 72, args.setTidSize);
                seg.set(U64, at + 80, args.cgroup);
            });
}
