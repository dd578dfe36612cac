package dev.caisson.abi;

/** Open, descriptor and *at flags: open(2), fcntl(2), openat2(2), flock(2), renameat2(2), close_range(2). Values are those of Linux on amd64. */
public final class Fcntl {
    public static final int AT_STATX_SYNC_AS_STAT = 0;
    public static final int AT_SYMLINK_NOFOLLOW = 0x100;
    public static final int AT_EACCESS = 0x200;
    public static final int AT_REMOVEDIR = 0x200;
    public static final int AT_SYMLINK_FOLLOW = 0x400;
    public static final int AT_NO_AUTOMOUNT = 0x800;
    public static final int AT_EMPTY_PATH = 0x1000;
    public static final int AT_STATX_FORCE_SYNC = 0x2000;
    public static final int AT_STATX_DONT_SYNC = 0x4000;
    public static final int AT_STATX_SYNC_TYPE = 0x6000;
    public static final int AT_RECURSIVE = 0x8000;
    public static final int AT_FDCWD = -100;

    public static final int CLOSE_RANGE_UNSHARE = 2;
    public static final int CLOSE_RANGE_CLOEXEC = 4;

    public static final int DN_ACCESS = 1;
    public static final int DN_MODIFY = 2;
    public static final int DN_CREATE = 4;
    public static final int DN_DELETE = 8;
    public static final int DN_RENAME = 16;
    public static final int DN_ATTRIB = 32;
    public static final int DN_MULTISHOT = 0x80000000;

    public static final int F_DUPFD = 0;
    public static final int F_OK = 0;
    public static final int F_RDLCK = 0;
    public static final int F_GETFD = 1;
    public static final int F_SEAL_SEAL = 1;
    public static final int F_WRLCK = 1;
    public static final int F_SEAL_SHRINK = 2;
    public static final int F_SETFD = 2;
    public static final int F_UNLCK = 2;
    public static final int F_GETFL = 3;
    public static final int F_SEAL_GROW = 4;
    public static final int F_SETFL = 4;
    public static final int F_GETLK = 5;
    public static final int F_GETLK64 = 5;
    public static final int F_SETLK = 6;
    public static final int F_SETLK64 = 6;
    public static final int F_SETLKW = 7;
    public static final int F_SETLKW64 = 7;
    public static final int F_SEAL_WRITE = 8;
    public static final int F_SETOWN = 8;
    public static final int F_GETOWN = 9;
    public static final int F_SETSIG = 10;
    public static final int F_GETSIG = 11;
    public static final int F_SETOWN_EX = 15;
    public static final int F_GETOWN_EX = 16;
    public static final int F_SEAL_FUTURE_WRITE = 16;
    public static final int F_SEAL_EXEC = 32;
    public static final int F_OFD_GETLK = 36;
    public static final int F_OFD_SETLK = 37;
    public static final int F_OFD_SETLKW = 38;
    public static final int F_SETLEASE = 0x400;
    public static final int F_GETLEASE = 0x401;
    public static final int F_NOTIFY = 0x402;
    public static final int F_DUPFD_CLOEXEC = 0x406;
    public static final int F_SETPIPE_SZ = 0x407;
    public static final int F_GETPIPE_SZ = 0x408;
    public static final int F_ADD_SEALS = 0x409;
    public static final int F_GET_SEALS = 0x40a;
    public static final int F_GET_RW_HINT = 0x40b;
    public static final int F_SET_RW_HINT = 0x40c;
    public static final int F_GET_FILE_RW_HINT = 0x40d;
    public static final int F_SET_FILE_RW_HINT = 0x40e;

    public static final int FALLOC_FL_KEEP_SIZE = 1;
    public static final int FALLOC_FL_PUNCH_HOLE = 2;
    public static final int FALLOC_FL_NO_HIDE_STALE = 4;
    public static final int FALLOC_FL_COLLAPSE_RANGE = 8;
    public static final int FALLOC_FL_ZERO_RANGE = 16;
    public static final int FALLOC_FL_INSERT_RANGE = 32;
    public static final int FALLOC_FL_UNSHARE_RANGE = 64;

    public static final int FD_CLOEXEC = 1;

    public static final int GRND_NONBLOCK = 1;
    public static final int GRND_RANDOM = 2;
    public static final int GRND_INSECURE = 4;

    public static final int LOCK_SH = 1;
    public static final int LOCK_EX = 2;
    public static final int LOCK_NB = 4;
    public static final int LOCK_UN = 8;

    public static final int MFD_CLOEXEC = 1;
    public static final int MFD_ALLOW_SEALING = 2;
    public static final int MFD_HUGETLB = 4;
    public static final int MFD_HUGE_SHIFT = 26;
    public static final int MFD_HUGE_MASK = 63;
    public static final int MFD_HUGE_64KB = 0x40000000;
    public static final int MFD_HUGE_512KB = 0x4c000000;
    public static final int MFD_HUGE_1MB = 0x50000000;
    public static final int MFD_HUGE_2MB = 0x54000000;
    public static final int MFD_HUGE_8MB = 0x5c000000;
    public static final int MFD_HUGE_16MB = 0x60000000;
    public static final int MFD_HUGE_32MB = 0x64000000;
    public static final int MFD_HUGE_256MB = 0x70000000;
    public static final int MFD_HUGE_512MB = 0x74000000;
    public static final int MFD_HUGE_1GB = 0x78000000;
    public static final int MFD_HUGE_2GB = 0x7c000000;
    public static final int MFD_HUGE_16GB = 0x88000000;

    public static final int O_LARGEFILE = 0x8000;
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_ACCMODE = 3;
    public static final int O_CREAT = 64;
    public static final int O_EXCL = 128;
    public static final int O_NOCTTY = 0x100;
    public static final int O_TRUNC = 0x200;
    public static final int O_APPEND = 0x400;
    public static final int O_NDELAY = 0x800;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_DSYNC = 0x1000;
    public static final int O_ASYNC = 0x2000;
    public static final int O_DIRECT = 0x4000;
    public static final int O_DIRECTORY = 0x10000;
    public static final int O_NOFOLLOW = 0x20000;
    public static final int O_NOATIME = 0x40000;
    public static final int O_CLOEXEC = 0x80000;
    public static final int O_FSYNC = 0x101000;
    public static final int O_RSYNC = 0x101000;
    public static final int O_SYNC = 0x101000;
    public static final int O_PATH = 0x200000;
    public static final int O_TMPFILE = 0x410000;

    public static final int POSIX_FADV_NORMAL = 0;
    public static final int POSIX_FADV_RANDOM = 1;
    public static final int POSIX_FADV_SEQUENTIAL = 2;
    public static final int POSIX_FADV_WILLNEED = 3;
    public static final int POSIX_FADV_DONTNEED = 4;
    public static final int POSIX_FADV_NOREUSE = 5;

    public static final int R_OK = 4;

    public static final int RWF_WRITE_LIFE_NOT_SET = 0;
    public static final int RWF_HIPRI = 1;
    public static final int RWF_DSYNC = 2;
    public static final int RWF_SYNC = 4;
    public static final int RWF_NOWAIT = 8;
    public static final int RWF_APPEND = 16;
    public static final int RWF_NOAPPEND = 32;

    public static final int SEEK_SET = 0;
    public static final int SEEK_CUR = 1;
    public static final int SEEK_END = 2;
    public static final int SEEK_DATA = 3;
    public static final int SEEK_HOLE = 4;

    public static final int SPLICE_F_MOVE = 1;
    public static final int SPLICE_F_NONBLOCK = 2;
    public static final int SPLICE_F_MORE = 4;
    public static final int SPLICE_F_GIFT = 8;

    public static final int W_OK = 2;

    public static final int X_OK = 1;

    public static final int RENAME_NOREPLACE = 1;
    public static final int RENAME_EXCHANGE = 2;
    public static final int RENAME_WHITEOUT = 4;
    public static final int RESOLVE_NO_XDEV = 1;
    public static final int RESOLVE_NO_MAGICLINKS = 2;
    public static final int RESOLVE_NO_SYMLINKS = 4;
    public static final int RESOLVE_BENEATH = 8;
    public static final int RESOLVE_IN_ROOT = 16;
    public static final int RESOLVE_CACHED = 32;

    public static final int F_OWNER_TID = 0;
    public static final int F_OWNER_PID = 1;
    public static final int F_OWNER_PGRP = 2;

    public static final int MFD_NOEXEC_SEAL = 8;
    public static final int MFD_EXEC = 16;

    public static final int SYNC_FILE_RANGE_WAIT_BEFORE = 1;
    public static final int SYNC_FILE_RANGE_WRITE = 2;
    public static final int SYNC_FILE_RANGE_WAIT_AFTER = 4;

    /** utimensat(2): the current time. */
    public static final int UTIME_NOW = 0x3fffffff;
    /** utimensat(2): leave alone. */
    public static final int UTIME_OMIT = 0x3ffffffe;

    private Fcntl() {}
}
