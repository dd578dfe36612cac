package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct shmid64_ds} on amd64: 112 bytes.
 * <pre>
 *  off size field
 *    0   48 shm_perm
 *   48    8 shm_segsz
 *   56    8 shm_atime   seconds
 *   64    8 shm_dtime
 *   72    8 shm_ctime
 *   80    4 shm_cpid
 *   84    4 shm_lpid
 *   88    8 shm_nattch
 * </pre>
 * Source: include/uapi/asm-generic/shmbuf.h.
 *
 * @param permissions key, owner, mode
 * @param sizeBytes size as asked for
 * @param attachSeconds last shmat(2)
 * @param detachSeconds last shmdt(2)
 * @param changeSeconds creation or last IPC_SET
 * @param creatorPid who made it
 * @param lastPid who attached or detached last
 * @param attachCount mappings
 */
public record SharedMemoryStatus(IpcPermissions permissions, long sizeBytes, long attachSeconds, long detachSeconds, long changeSeconds,
        int creatorPid, int lastPid, long attachCount) {
    /** Reads and writes it. */
    public static final StructCodec<SharedMemoryStatus> CODEC = StructCodec.of(112,
            (seg, at) -> new SharedMemoryStatus(IpcPermissions.CODEC.read(seg, at), seg.get(U64, at + 48), seg.get(U64, at + 56),
                    seg.get(U64, at + 64), seg.get(U64, at + 72), seg.get(U32, at + 80), seg.get(U32, at + 84), seg.get(U64, at + 88)),
            (seg, at, s) -> {
                IpcPermissions.CODEC.write(seg, at, s.permissions);
                seg.set(U64, at + 48, s.sizeBytes);
                seg.set(U64, at + 56, s.attachSeconds);
                seg.set(U64, at + 64, s.detachSeconds);
                seg.set(U64, at + 72, s.changeSeconds);
                seg.set(U32, at + 80, s.creatorPid);
                seg.set(U32, at + 84, s.lastPid);
                seg.set(U64, at + 88, s.attachCount);
            });
}
