package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostBytes;
import dev.caisson.host.HostPath;
import dev.caisson.spi.fs.DeviceNumbers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What statx(2) tells of a host file. Copied out of {@code struct statx} (linux/stat.h):
 * <pre>
 *  off size field            off size field
 *    4    4 stx_blksize        64   16 stx_atime  (s64 seconds, u32 nanoseconds)
 *   16    4 stx_nlink          80   16 stx_btime
 *   20    4 stx_uid            96   16 stx_ctime
 *   24    4 stx_gid           112   16 stx_mtime
 *   28    2 stx_mode          128    8 stx_rdev   (major, minor)
 *   32    8 stx_ino           136    8 stx_dev    (major, minor)
 *   40    8 stx_size
 *   48    8 stx_blocks
 * </pre>
 *
 * @param device {@code stx_dev}, encoded
 * @param inode {@code stx_ino}
 * @param mode {@code stx_mode}
 * @param links {@code stx_nlink}
 * @param uid {@code stx_uid}
 * @param gid {@code stx_gid}
 * @param rawDevice {@code stx_rdev}, encoded
 * @param sizeBytes {@code stx_size}
 * @param blockBytes {@code stx_blksize}
 * @param blocks {@code stx_blocks}
 * @param accessNs {@code stx_atime}
 * @param modifyNs {@code stx_mtime}
 * @param changeNs {@code stx_ctime}
 * @param birthNs {@code stx_btime}, or {@link Long#MIN_VALUE}
 */
record HostStatus(long device, long inode, int mode, int links, int uid, int gid, long rawDevice, long sizeBytes, int blockBytes,
        long blocks, long accessNs, long modifyNs, long changeNs, long birthNs) {
    private static final int BYTES = 256;
    private static final int MASK = Stat.STATX_BASIC_STATS | Stat.STATX_BTIME;
    private static final int WORDS = 18;
    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    /** Where the host writes, and a copy of it: one copy and plain words cost less than twenty reads of native memory when code is new. */
    private static final class Scratch {
        private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, 8);
        private final long address = memory.address();
        private final long[] words = new long[WORDS];
    }

    /** Asks for a name in a directory; does not follow a link and triggers no automount. */
    static HostStatus of(int directory, String name) throws ErrnoException {
        return call(directory, name, Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT);
    }

    /** As {@link #of(int, String)}, with null for ENOENT: looking for a file that is not there is no failure. */
    static HostStatus find(int directory, String name) throws ErrnoException {
        Scratch scratch = SCRATCH.get();
        long result = HostPath.statx(directory, name, Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT, MASK, scratch.address);
        if (result == -Errno.ENOENT.number()) {
            return null;
        }
        Errno.check(result);
        return decode(scratch);
    }

    /** Asks for an open descriptor. */
    static HostStatus of(int fd) throws ErrnoException {
        return call(fd, "", Fcntl.AT_EMPTY_PATH);
    }

    private static HostStatus call(int directory, String name, int flags) throws ErrnoException {
        Scratch scratch = SCRATCH.get();
        Errno.check(HostPath.statx(directory, name, flags, MASK, scratch.address));
        return decode(scratch);
    }

    private static HostStatus decode(Scratch scratch) {
        long[] w = scratch.words;
        HostBytes.readWords(scratch.address, w, WORDS);
        boolean hasBirth = ((int) w[0] & Stat.STATX_BTIME) != 0;
        return new HostStatus(DeviceNumbers.of((int) w[17], high(w[17])), w[4], high(w[3]) & 0xffff, (int) w[2], high(w[2]), (int) w[3],
                DeviceNumbers.of((int) w[16], high(w[16])), w[5], high(w[0]), w[6], time(w, 8), time(w, 14), time(w, 12),
                hasBirth ? time(w, 10) : Long.MIN_VALUE);
    }

    private static int high(long word) {
        return (int) (word >>> 32);
    }

    private static long time(long[] words, int at) {
        return words[at] * 1_000_000_000L + (int) words[at + 1];
    }

    boolean isDirectory() {
        return (mode & Stat.S_IFMT) == Stat.S_IFDIR;
    }
}
