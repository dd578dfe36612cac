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
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** stat(2), statx(2). */
final class SysStat {
    private SysStat() {}

    static long stat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.resolve(task, args.address(0), PathWalker.FOLLOW).inode().attributes(), args.address(1));
    }

    static long lstat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.resolve(task, args.address(0), 0).inode().attributes(), args.address(1));
    }

    static long fstat(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.place(task, args.fd(0)).inode().attributes(), args.address(1));
    }

    static long newfstatat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        Location place = At.resolve(task, args.fd(0), At.path(task, args.address(1)), At.how(flags));
        return write(task, place.inode().attributes(), args.address(2));
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
        boolean bare = (flags & Fcntl.AT_EMPTY_PATH) != 0 && args.address(1) == 0; // since Linux 6.11
        String path = bare ? "" : At.path(task, args.address(1));
        Location place = At.resolve(task, args.fd(0), path, At.how(flags));
        Attributes a = place.inode().attributes();
        long[] words = task.words();
        boolean hasBirth = a.birthNs() != Long.MIN_VALUE;
        int got = Stat.STATX_BASIC_STATS | Stat.STATX_MNT_ID | (hasBirth ? mask & Stat.STATX_BTIME : 0);
        boolean mountRoot = place.dentry() == place.mount().root();
        StatxLayout.writeHead(words, got, a.blockBytes(), mountRoot ? Stat.STATX_ATTR_MOUNT_ROOT : 0, Stat.STATX_ATTR_MOUNT_ROOT,
                place.mount().id());
        StatxLayout.writeFile(words, a.links(), a.uid(), a.gid(), a.mode(), a.inode(), a.sizeBytes(), a.blocks());
        StatxLayout.writeDevices(words, DeviceNumbers.major(a.rawDevice()), DeviceNumbers.minor(a.rawDevice()),
                DeviceNumbers.major(a.deviceId()), DeviceNumbers.minor(a.deviceId()));
        StatxLayout.writeTimes(words, a.accessNs(), hasBirth ? a.birthNs() : 0, a.changeNs(), a.modifyNs());
        task.copyOutWords(args.address(4), StatxLayout.WORDS);
        return 0;
    }
}
