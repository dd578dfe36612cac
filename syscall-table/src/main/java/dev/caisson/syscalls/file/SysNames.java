package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** mkdir(2), rmdir(2), mknod(2), link(2), symlink(2), unlink(2), rename(2), readlink(2). */
final class SysNames {
    private SysNames() {}

    static long mkdir(Task task, SyscallArgs args) throws ErrnoException {
        return mkdir(task, Fcntl.AT_FDCWD, args.address(0), args.i32(1));
    }

    static long mkdirat(Task task, SyscallArgs args) throws ErrnoException {
        return mkdir(task, args.fd(0), args.address(1), args.i32(2));
    }

    private static long mkdir(Task task, int dirfd, long address, int mode) throws ErrnoException {
        String path = At.path(task, address);
        task.kernel().vfs().mkdir(task, At.start(task, dirfd, path), path, mode);
        return 0;
    }

    static long mknod(Task task, SyscallArgs args) throws ErrnoException {
        return mknod(task, Fcntl.AT_FDCWD, args.address(0), args.i32(1), args.i32(2));
    }

    static long mknodat(Task task, SyscallArgs args) throws ErrnoException {
        return mknod(task, args.fd(0), args.address(1), args.i32(2), args.i32(3));
    }

    private static long mknod(Task task, int dirfd, long address, int mode, int device) throws ErrnoException {
        switch (mode & Stat.S_IFMT) {
            case 0, Stat.S_IFREG, Stat.S_IFCHR, Stat.S_IFBLK, Stat.S_IFIFO, Stat.S_IFSOCK -> {}
            case Stat.S_IFDIR -> throw EPERM.error();
            default -> throw EINVAL.error();
        }
        String path = At.path(task, address);
        long encoded = Integer.toUnsignedLong(device);
        task.kernel().vfs().mknod(task, At.start(task, dirfd, path), path, mode & 0xffff,
                DeviceNumbers.of(DeviceNumbers.major(encoded), DeviceNumbers.minor(encoded)));
        return 0;
    }

    static long rmdir(Task task, SyscallArgs args) throws ErrnoException {
        String path = At.path(task, args.address(0));
        task.kernel().vfs().rmdir(task, null, path);
        return 0;
    }

    static long unlink(Task task, SyscallArgs args) throws ErrnoException {
        String path = At.path(task, args.address(0));
        task.kernel().vfs().unlink(task, null, path);
        return 0;
    }

    static long unlinkat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        if ((flags & ~Fcntl.AT_REMOVEDIR) != 0) {
            throw EINVAL.error();
        }
        String path = At.path(task, args.address(1));
        Location start = At.start(task, args.fd(0), path);
        if (flags != 0) {
            task.kernel().vfs().rmdir(task, start, path);
        } else {
            task.kernel().vfs().unlink(task, start, path);
        }
        return 0;
    }

    static long symlink(Task task, SyscallArgs args) throws ErrnoException {
        return symlink(task, args.address(0), Fcntl.AT_FDCWD, args.address(1));
    }

    static long symlinkat(Task task, SyscallArgs args) throws ErrnoException {
        return symlink(task, args.address(0), args.fd(1), args.address(2));
    }

    private static long symlink(Task task, long targetAddress, int dirfd, long address) throws ErrnoException {
        String target = At.path(task, targetAddress);
        if (target.isEmpty()) {
            throw ENOENT.error();
        }
        String path = At.path(task, address);
        task.kernel().vfs().symlink(task, target, At.start(task, dirfd, path), path);
        return 0;
    }

    static long link(Task task, SyscallArgs args) throws ErrnoException {
        return link(task, Fcntl.AT_FDCWD, args.address(0), Fcntl.AT_FDCWD, args.address(1), 0);
    }

    static long linkat(Task task, SyscallArgs args) throws ErrnoException {
        return link(task, args.fd(0), args.address(1), args.fd(2), args.address(3), args.i32(4));
    }

    private static long link(Task task, int oldFd, long oldAddress, int newFd, long newAddress, int flags) throws ErrnoException {
        if ((flags & ~(Fcntl.AT_SYMLINK_FOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        if ((flags & Fcntl.AT_EMPTY_PATH) != 0 && !task.credentials().has(Capability.CAP_DAC_READ_SEARCH)) {
            throw ENOENT.error();
        }
        String oldPath = At.path(task, oldAddress);
        String newPath = At.path(task, newAddress);
        int how = ((flags & Fcntl.AT_SYMLINK_FOLLOW) != 0 ? PathWalker.FOLLOW : 0)
                | ((flags & Fcntl.AT_EMPTY_PATH) != 0 ? PathWalker.EMPTY : 0);
        Location file = At.resolve(task, oldFd, oldPath, how);
        task.kernel().vfs().link(task, file, At.start(task, newFd, newPath), newPath);
        return 0;
    }

    static long rename(Task task, SyscallArgs args) throws ErrnoException {
        return rename(task, Fcntl.AT_FDCWD, args.address(0), Fcntl.AT_FDCWD, args.address(1), 0);
    }

    static long renameat(Task task, SyscallArgs args) throws ErrnoException {
        return rename(task, args.fd(0), args.address(1), args.fd(2), args.address(3), 0);
    }

    static long renameat2(Task task, SyscallArgs args) throws ErrnoException {
        return rename(task, args.fd(0), args.address(1), args.fd(2), args.address(3), args.i32(4));
    }

    private static long rename(Task task, int oldFd, long oldAddress, int newFd, long newAddress, int flags) throws ErrnoException {
        int known = Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE | Fcntl.RENAME_WHITEOUT;
        boolean exchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        if ((flags & ~known) != 0 || exchange && (flags & (Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_WHITEOUT)) != 0) {
            throw EINVAL.error();
        }
        String oldPath = At.path(task, oldAddress);
        String newPath = At.path(task, newAddress);
        task.kernel().vfs().rename(task, At.start(task, oldFd, oldPath), oldPath, At.start(task, newFd, newPath), newPath, flags);
        return 0;
    }

    static long readlink(Task task, SyscallArgs args) throws ErrnoException {
        return readlink(task, Fcntl.AT_FDCWD, args.address(0), args.address(1), args.i32(2));
    }

    static long readlinkat(Task task, SyscallArgs args) throws ErrnoException {
        return readlink(task, args.fd(0), args.address(1), args.address(2), args.i32(3));
    }

    private static long readlink(Task task, int dirfd, long address, long buffer, int size) throws ErrnoException {
        if (size <= 0) {
            throw EINVAL.error();
        }
        String path = At.path(task, address);
        Location place = At.resolve(task, dirfd, path, PathWalker.EMPTY);
        if ((place.inode().mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            throw path.isEmpty() ? ENOENT.error() : EINVAL.error();
        }
        byte[] target = task.kernel().vfs().readLink(task, place).getBytes(StandardCharsets.ISO_8859_1);
        byte[] cut = target.length > size ? Arrays.copyOf(target, size) : target;
        task.memory().copyOut(buffer, cut);
        return cut.length;
    }
}
