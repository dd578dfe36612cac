package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.abi.StatLayout;
import dev.caisson.abi.StatxLayout;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.FileFlags;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** stat(2), statx(2). */
final class SysStat {
    /** Since Linux 6.8: stx_mnt_id is a number that is never used again. */
    private static final int STATX_MNT_ID_UNIQUE = 0x4000;

    /** What files here can have; the flags of chattr(1) have the same numbers. */
    private static final long ATTRIBUTES = Stat.STATX_ATTR_IMMUTABLE | Stat.STATX_ATTR_APPEND | Stat.STATX_ATTR_NODUMP
            | Stat.STATX_ATTR_MOUNT_ROOT;

    private SysStat() {}

    static long stat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.attributes(task, Fcntl.AT_FDCWD, At.path(task, args.address(0)), PathWalker.FOLLOW), args.address(1));
    }

    static long lstat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.attributes(task, Fcntl.AT_FDCWD, At.path(task, args.address(0)), 0), args.address(1));
    }

    static long fstat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.place(task, args.fd(0)).inode().attributes(), args.address(1));
    }

    static long newfstatat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        return write(task, At.attributes(task, args.fd(0), path(task, args.address(1), flags), At.how(flags)), args.address(2));
    }

    /** With AT_EMPTY_PATH no path at all does as well, since Linux 6.11. */
    private static String path(Task task, long address, int flags) throws ErrnoException {
        return address == 0 && (flags & Fcntl.AT_EMPTY_PATH) != 0 ? "" : At.path(task, address);
    }

    private static long write(Task task, Attributes a, long address) throws ErrnoException {
        long[] words = task.words();
        StatLayout.writeFile(words, a.deviceId(), a.inode(), a.links(), a.mode(), a.uid(), a.gid(), a.rawDevice(), a.sizeBytes(),
                a.blockBytes(), a.blocks());
        StatLayout.writeTimes(words, a.accessNs(), a.modifyNs(), a.changeNs());
        task.copyOutWords(address, StatLayout.WORDS);
        return 0;
    }

    /** statx(2). The mount id always comes along, as from Linux. */
    static long statx(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        int mask = args.i32(3);
        int known = Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_EMPTY_PATH | Fcntl.AT_STATX_SYNC_TYPE;
        if ((mask & Stat.STATX__RESERVED) != 0 || (flags & ~known) != 0
                || (flags & Fcntl.AT_STATX_SYNC_TYPE) == Fcntl.AT_STATX_SYNC_TYPE) {
            throw EINVAL.error();
        }
        Location place = At.resolve(task, args.fd(0), path(task, args.address(1), flags), At.how(flags));
        Attributes a = place.inode().attributes();
        long[] words = task.words();
        boolean hasBirth = a.birthNs() != Long.MIN_VALUE;
        // times of change are told on request only: whoever asks for them makes the filesystem count finer from then on
        int changes = Stat.STATX_MTIME | Stat.STATX_CTIME;
        boolean unique = (mask & STATX_MNT_ID_UNIQUE) != 0;
        int got = Stat.STATX_BASIC_STATS & ~changes | mask & changes | (unique ? STATX_MNT_ID_UNIQUE : Stat.STATX_MNT_ID)
                | (hasBirth ? mask & Stat.STATX_BTIME : 0);
        long attributes = FileFlags.of(place.inode()) & ATTRIBUTES
                | (place.dentry() == place.mount().root() ? Stat.STATX_ATTR_MOUNT_ROOT : 0);
        StatxLayout.writeHead(words, got, a.blockBytes(), attributes, ATTRIBUTES,
                unique ? place.mount().uniqueId() : place.mount().id());
        StatxLayout.writeFile(words, a.links(), a.uid(), a.gid(), a.mode(), a.inode(), a.sizeBytes(), a.blocks());
        StatxLayout.writeDevices(words, DeviceNumbers.major(a.rawDevice()), DeviceNumbers.minor(a.rawDevice()),
                DeviceNumbers.major(a.deviceId()), DeviceNumbers.minor(a.deviceId()));
        StatxLayout.writeTimes(words, a.accessNs(), hasBirth ? a.birthNs() : 0, a.changeNs(), a.modifyNs());
        task.copyOutWords(args.address(4), StatxLayout.WORDS);
        return 0;
    }
}
