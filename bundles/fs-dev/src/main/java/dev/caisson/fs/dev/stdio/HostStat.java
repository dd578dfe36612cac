package dev.caisson.fs.dev.stdio;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct stat} of a host descriptor: 0 st_dev, 8 st_ino, 16 st_nlink, 24 st_mode[4], 28 st_uid[4], 32 st_gid[4], 40 st_rdev, 48
 * st_size, 56 st_blksize, 64 st_blocks, 72 st_atim, 88 st_mtim, 104 st_ctim; 144 bytes. Source: asm/stat.h.
 */
record HostStat(long device, long inode, long links, int mode, int uid, int gid, long rawDevice, long sizeBytes, long blockBytes,
        long blocks, long accessNs, long modifyNs, long changeNs) {
    static HostStat of(int fd) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(144, 8);
            Errno.check(HostFile.status(fd, s.address()));
            return new HostStat(s.get(U64, 0), s.get(U64, 8), s.get(U64, 16), s.get(U32, 24), s.get(U32, 28), s.get(U32, 32),
                    s.get(U64, 40), s.get(U64, 48), s.get(U64, 56), s.get(U64, 64), time(s, 72), time(s, 88), time(s, 104));
        }
    }

    private static long time(MemorySegment s, long at) {
        return s.get(U64, at) * 1_000_000_000L + s.get(U64, at + 8);
    }

    int type() {
        return mode & Stat.S_IFMT;
    }
}
