package dev.caisson.fs.ninep;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.spi.fs.AttributeChange;
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
    /** What {@link #change} can change. */
    static final int CHANGES = AttributeChange.MODE | AttributeChange.UID | AttributeChange.GID | AttributeChange.ACCESS_TIME
            | AttributeChange.MODIFY_TIME;

    private static final int BYTES = 144;
    private static final long NS = 1_000_000_000L;
    private static final long OMIT = Fcntl.UTIME_OMIT;
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

    /**
     * Changes what fstat(2) tells.
     *
     * @param descriptor donated
     * @param change the new values
     * @param fields which of them, of {@link #CHANGES}
     * @return false when the host refuses
     */
    static boolean change(int descriptor, AttributeChange change, int fields) {
        long result = 0;
        if ((fields & (AttributeChange.UID | AttributeChange.GID)) != 0) { // first: it may take set-user-ID away
            result = HostFile.changeOwner(descriptor, (fields & AttributeChange.UID) != 0 ? change.uid() : -1,
                    (fields & AttributeChange.GID) != 0 ? change.gid() : -1);
        }
        if (result == 0 && (fields & AttributeChange.MODE) != 0) {
            result = HostFile.changeMode(descriptor, change.mode() & 07777);
        }
        if (result == 0 && (fields & (AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME)) != 0) {
            boolean hasAccess = (fields & AttributeChange.ACCESS_TIME) != 0;
            boolean hasModify = (fields & AttributeChange.MODIFY_TIME) != 0;
            result = HostFile.changeTimes(descriptor, Math.floorDiv(change.accessNs(), NS), hasAccess ? Math.floorMod(change.accessNs(), NS) : OMIT,
                    Math.floorDiv(change.modifyNs(), NS), hasModify ? Math.floorMod(change.modifyNs(), NS) : OMIT);
        }
        return result == 0;
    }

    private static long time(MemorySegment s, int at) {
        return s.get(U64, at) * 1_000_000_000L + s.get(U64, at + 8);
    }
}
