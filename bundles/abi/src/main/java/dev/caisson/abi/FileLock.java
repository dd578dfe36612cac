package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code struct flock} on amd64: 32 bytes.
 * <pre>
 *  off size field
 *    0    2 l_type    F_RDLCK, F_WRLCK, F_UNLCK
 *    2    2 l_whence  SEEK_SET, SEEK_CUR, SEEK_END
 *    8    8 l_start
 *   16    8 l_len     0: to the end; negative: before l_start
 *   24    4 l_pid
 * </pre>
 * Source: include/uapi/asm-generic/fcntl.h.
 *
 * @param type {@code l_type}
 * @param whence {@code l_whence}
 * @param start {@code l_start}
 * @param lengthBytes {@code l_len}
 * @param pid {@code l_pid}
 */
public record FileLock(int type, int whence, long start, long lengthBytes, int pid) {
    /** Reads and writes the structure. */
    public static final StructCodec<FileLock> CODEC = StructCodec.of(32,
            (seg, at) -> new FileLock(seg.get(U16, at), seg.get(U16, at + 2), seg.get(U64, at + 8), seg.get(U64, at + 16),
                    seg.get(U32, at + 24)),
            (seg, at, lock) -> {
                seg.set(U16, at, (short) lock.type);
                seg.set(U16, at + 2, (short) lock.whence);
                seg.set(U64, at + 8, lock.start);
                seg.set(U64, at + 16, lock.lengthBytes);
                seg.set(U32, at + 24, lock.pid);
            });
}
