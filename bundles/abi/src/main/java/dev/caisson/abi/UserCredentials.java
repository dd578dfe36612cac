package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;

/**
 * {@code struct ucred}: 12 bytes, for SO_PEERCRED and SCM_CREDENTIALS.
 * <pre>
 *  off size field
 *    0    4 pid
 *    4    4 uid
 *    8    4 gid
 * </pre>
 * Source: include/linux/socket.h, unix(7).
 *
 * @param pid process id; 0 for none
 * @param uid user
 * @param gid group
 */
public record UserCredentials(int pid, int uid, int gid) {
    /** sizeof. */
    public static final int BYTES = 12;
    private static final int PID = 0, UID = 4, GID = 8;

    /** Reads and writes it. */
    public static final StructCodec<UserCredentials> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new UserCredentials(seg.get(U32, at + PID), seg.get(U32, at + UID), seg.get(U32, at + GID)),
            (seg, at, c) -> {
                seg.set(U32, at + PID, c.pid);
                seg.set(U32, at + UID, c.uid);
                seg.set(U32, at + GID, c.gid);
            });
}
