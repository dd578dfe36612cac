package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;

/**
 * {@code struct sembuf}: 6 bytes.
 * <pre>
 *  off size field
 *    0    2 sem_num
 *    2    2 sem_op    signed
 *    4    2 sem_flg   IPC_NOWAIT, SEM_UNDO
 * </pre>
 * Source: include/uapi/linux/sem.h.
 *
 * @param number index in the set, unsigned
 * @param change what to add; 0 waits for zero
 * @param flags IPC_NOWAIT, SEM_UNDO
 */
public record SemaphoreOperation(int number, int change, int flags) {
    /** sizeof. */
    public static final int BYTES = 6;

    /** Reads and writes it. */
    public static final StructCodec<SemaphoreOperation> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new SemaphoreOperation(seg.get(U16, at) & 0xffff, seg.get(U16, at + 2), seg.get(U16, at + 4) & 0xffff),
            (seg, at, s) -> {
                seg.set(U16, at, (short) s.number);
                seg.set(U16, at + 2, (short) s.change);
                seg.set(U16, at + 4, (short) s.flags);
            });
}
