package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;

/**
 * {@code struct ipc64_perm} on amd64: 48 bytes, the head of the three status structures of System V IPC.
 * <pre>
 *  off size field
 *    0    4 key
 *    4    4 uid
 *    8    4 gid
 *   12    4 cuid   creator
 *   16    4 cgid
 *   20    4 mode
 *   24    2 seq
 *   32   16 unused
 * </pre>
 * Source: include/uapi/asm-generic/ipcbuf.h.
 *
 * @param key key, 0 when private
 * @param uid owner
 * @param gid owning group
 * @param cuid creator
 * @param cgid creating group
 * @param mode permission bits; SHM_DEST and SHM_LOCKED for shared memory
 * @param seq sequence number of the slot
 */
public record IpcPermissions(int key, int uid, int gid, int cuid, int cgid, int mode, int seq) {
    /** sizeof. */
    public static final int BYTES = 48;
    private static final int KEY = 0, UID = 4, GID = 8, CUID = 12, CGID = 16, MODE = 20, SEQ = 24;

    /** Reads and writes it. */
    public static final StructCodec<IpcPermissions> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new IpcPermissions(seg.get(U32, at + KEY), seg.get(U32, at + UID), seg.get(U32, at + GID),
                    seg.get(U32, at + CUID), seg.get(U32, at + CGID), seg.get(U32, at + MODE), seg.get(U16, at + SEQ) & 0xffff),
            (seg, at, p) -> {
                seg.set(U32, at + KEY, p.key);
                seg.set(U32, at + UID, p.uid);
                seg.set(U32, at + GID, p.gid);
                seg.set(U32, at + CUID, p.cuid);
                seg.set(U32, at + CGID, p.cgid);
                seg.set(U32, at + MODE, p.mode);
                seg.set(U16, at + SEQ, (short) p.seq);
            });
}
