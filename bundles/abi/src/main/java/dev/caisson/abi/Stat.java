package dev.caisson.abi;

/** File types, permission bits and statx masks: inode(7), statx(2). Values are those of Linux on amd64. */
public final class Stat {
    public static final int S_IXOTH = 1;
    public static final int S_IWOTH = 2;
    public static final int S_IROTH = 4;
    public static final int S_IRWXO = 7;
    public static final int S_IXGRP = 8;
    public static final int S_IWGRP = 16;
    public static final int S_IRGRP = 32;
    public static final int S_IRWXG = 56;
    public static final int S_IEXEC = 64;
    public static final int S_IXUSR = 64;
    public static final int S_IWRITE = 128;
    public static final int S_IWUSR = 128;
    public static final int S_IREAD = 0x100;
    public static final int S_IRUSR = 0x100;
    public static final int S_IRWXU = 0x1c0;
    public static final int S_ISVTX = 0x200;
    public static final int S_ISGID = 0x400;
    public static final int S_ISUID = 0x800;
    public static final int S_IFIFO = 0x1000;
    public static final int S_IFCHR = 0x2000;
    public static final int S_IFDIR = 0x4000;
    public static final int S_IFBLK = 0x6000;
    public static final int S_IFREG = 0x8000;
    public static final int S_IFLNK = 0xa000;
    public static final int S_IFSOCK = 0xc000;
    public static final int S_IFMT = 0xf000;

    public static final int STATX_TYPE = 1;
    public static final int STATX_MODE = 2;
    public static final int STATX_ATTR_COMPRESSED = 4;
    public static final int STATX_NLINK = 4;
    public static final int STATX_UID = 8;
    public static final int STATX_ATTR_IMMUTABLE = 16;
    public static final int STATX_GID = 16;
    public static final int STATX_ATIME = 32;
    public static final int STATX_ATTR_APPEND = 32;
    public static final int STATX_ATTR_NODUMP = 64;
    public static final int STATX_MTIME = 64;
    public static final int STATX_CTIME = 128;
    public static final int STATX_INO = 0x100;
    public static final int STATX_SIZE = 0x200;
    public static final int STATX_BLOCKS = 0x400;
    public static final int STATX_BASIC_STATS = 0x7ff;
    public static final int STATX_ATTR_ENCRYPTED = 0x800;
    public static final int STATX_BTIME = 0x800;
    public static final int STATX_ALL = 0xfff;
    public static final int STATX_ATTR_AUTOMOUNT = 0x1000;
    public static final int STATX_MNT_ID = 0x1000;
    public static final int STATX_ATTR_MOUNT_ROOT = 0x2000;
    public static final int STATX_DIOALIGN = 0x2000;
    public static final int STATX_ATTR_VERITY = 0x100000;
    public static final int STATX_ATTR_DAX = 0x200000;
    public static final int STATX__RESERVED = 0x80000000;

    private Stat() {}
}
