package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct semid64_ds} on amd64: 104 bytes.
 * <pre>
 *  off size field
 *    0   48 sem_perm
 *   48    8 sem_otime   last semop(2), seconds
 *   64    8 sem_ctime
 *   80    8 sem_nsems
 * </pre>
 * Source: arch/x86/include/uapi/asm/sembuf.h.
 *
 * @param permissions key, owner, mode
 * @param operationSeconds last semop(2)
 * @param changeSeconds creation or last change
 * @param count semaphores in the set
 */
public record SemaphoreStatus(IpcPermissions permissions, long operationSeconds, long changeSeconds, long count) {
    /** Reads and writes it. */
    public static final StructCodec<SemaphoreStatus> CODEC = StructCodec.of(104,
            (seg, at) -> new SemaphoreStatus(IpcPermissions.CODEC.read(seg, at), seg.get(U64, at + 48), seg.get(U64, at + 64),
                    seg.get(U64, at + 80)),
            (seg, at, s) -> {
                IpcPermissions.CODEC.write(seg, at, s.permissions);
                seg.set(U64, at + 48, s.operationSeconds);
                seg.set(U64, at + 64, s.changeSeconds);
                seg.set(U64, at + 80, s.count);
            });
}
