package dev.caisson.fs.ninep;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.spi.fs.Attributes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What fstat(2) tells of a donated descriptor, {@code struct stat} of amd64 (asm/stat.h):
 * <pre>
 *  off size field            off size field
 *   16    8 st_nlink           56    8 st_blksize
 *   24    4 st_mode            64    8 st_blocks
 *   28    4 st_uid             72   16 st_atime (seconds, nanoseconds)
 *   32    4 st_gid             88   16 st_mtime
 *   48    8 st_size           104   16 st_ctime
 * </pre>
 */
final class DonatedStatus {
    private static final int BYTES = 144;
    private static final ThreadLocal<MemorySegment> SCRATCH = ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(BYTES, 8));

    private DonatedStatus() {}

    /** Whether a descriptor is a regular file that is open for reading or (also or only) writing. */
    static boolean isRegularFile(int descriptor, boolean isWritable) {
        MemorySegment s = SCRATCH.get();
        long flags = HostFile.flags(descriptor);
        if (flags < 0 || (flags & Fcntl.O_PATH) != 0 || HostFile.status(descriptor, s.address()) < 0) {
            return false;
        }
        boolean canWrite = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        return (s.get(U32, 24) & Stat.S_IFMT) == Stat.S_IFREG && canWrite == isWritable;
    }

    /** The attributes, with device, number and birth of those that the server told. */
    static Attributes attributes(int descriptor, Attributes told) throws ErrnoException {
        MemorySegment s = SCRATCH.get();
        Errno.check(HostFile.status(descriptor, s.address()));
        return new Attributes(told.deviceId(), told.inode(), told.mode() & Stat.S_IFMT | s.get(U32, 24) & 07777, (int) s.get(U64, 16),
                s.get(U32, 28), s.get(U32, 32), 0, s.get(U64, 48), (int) s.get(U64, 56), s.get(U64, 64), time(s, 72), time(s, 88),
                time(s, 104), told.birthNs());
    }

    private static long time(MemorySegment s, int at) {
        return s.get(U64, at) * 1_000_000_000L + s.get(U64, at + 8);
    }
}
