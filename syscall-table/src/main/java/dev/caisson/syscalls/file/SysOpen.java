package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.OpenHow;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.OpenFlags;

/** open(2), openat2(2), close(2). */
final class SysOpen {
    private static final int RESOLVE = Fcntl.RESOLVE_NO_XDEV | Fcntl.RESOLVE_NO_MAGICLINKS | Fcntl.RESOLVE_NO_SYMLINKS
            | Fcntl.RESOLVE_BENEATH | Fcntl.RESOLVE_IN_ROOT | Fcntl.RESOLVE_CACHED;

    private SysOpen() {}

    static long open(Task task, SyscallArgs args) throws ErrnoException {
        return open(task, Fcntl.AT_FDCWD, args.address(0), args.i32(1), args.i32(2), 0);
    }

    static long creat(Task task, SyscallArgs args) throws ErrnoException {
        return open(task, Fcntl.AT_FDCWD, args.address(0), Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC, args.i32(1), 0);
    }

    static long openat(Task task, SyscallArgs args) throws ErrnoException {
        return open(task, args.fd(0), args.address(1), args.i32(2), args.i32(3), 0);
    }

    static long openat2(Task task, SyscallArgs args) throws ErrnoException {
        OpenHow how = readHow(task, args.address(2), args.value(3));
        long flags = how.flags();
        boolean path = (flags & Fcntl.O_PATH) != 0;
        if ((flags & ~Integer.toUnsignedLong(OpenFlags.VALID)) != 0 || (how.resolve() & ~RESOLVE) != 0) {
            throw EINVAL.error();
        }
        if ((how.resolve() & Fcntl.RESOLVE_BENEATH) != 0 && (how.resolve() & Fcntl.RESOLVE_IN_ROOT) != 0) {
            throw EINVAL.error();
        }
        boolean creates = (flags & (Fcntl.O_CREAT | OpenFlags.TMPFILE_BIT)) != 0;
        if (creates ? (how.mode() & ~07777L) != 0 : how.mode() != 0) {
            throw EINVAL.error();
        }
        if (path && (flags & ~(Fcntl.O_DIRECTORY | Fcntl.O_NOFOLLOW | Fcntl.O_PATH | Fcntl.O_CLOEXEC)) != 0) {
            throw EINVAL.error();
        }
        if ((how.resolve() & Fcntl.RESOLVE_CACHED) != 0 && (creates || (flags & Fcntl.O_TRUNC) != 0)) {
            throw EAGAIN.error();
        }
        return open(task, args.fd(0), args.address(1), (int) flags, (int) how.mode(), (int) how.resolve());
    }

    /** copy_struct_from_user: longer structures are accepted when the unknown rest is zero. */
    private static OpenHow readHow(Task task, long address, long size) throws ErrnoException {
        if (size < OpenHow.BYTES) {
            throw EINVAL.error();
        }
        if (size > 4096) {
            throw E2BIG.error();
        }
        Structures.checkRest(task, address, OpenHow.BYTES, (int) size);
        return task.memory().read(address, OpenHow.CODEC);
    }

    private static long open(Task task, int dirfd, long address, int rawFlags, int mode, int resolve) throws ErrnoException {
        int flags = OpenFlags.check(rawFlags);
        if ((flags & Fcntl.O_PATH) == 0) {
            flags |= Fcntl.O_LARGEFILE;
        }
        String path = At.path(task, address);
        task.fds().checkRoom();
        Location start = (resolve & (Fcntl.RESOLVE_BENEATH | Fcntl.RESOLVE_IN_ROOT)) != 0 && dirfd != Fcntl.AT_FDCWD
                ? At.place(task, dirfd) : At.start(task, dirfd, path);
        FileDescription description = task.kernel().vfs().open(task, start, path, flags, mode, resolve);
        return task.fds().install(description, (flags & Fcntl.O_CLOEXEC) != 0);
    }

    static long close(Task task, SyscallArgs args) throws ErrnoException {
        task.fds().close(args.fd(0));
        return 0;
    }

    /** close_range(2). */
    static long closeRange(Task task, SyscallArgs args) throws ErrnoException {
        long first = args.value(0) & 0xffffffffL;
        long last = args.value(1) & 0xffffffffL;
        int flags = args.i32(2);
        if ((flags & ~(Fcntl.CLOSE_RANGE_UNSHARE | Fcntl.CLOSE_RANGE_CLOEXEC)) != 0 || first > last) {
            throw EINVAL.error();
        }
        if ((flags & Fcntl.CLOSE_RANGE_UNSHARE) != 0 && task.fds().isShared()) {
            dev.caisson.vfs.FdTable own = task.fds().copy();
            dev.caisson.vfs.FdTable shared = task.fds();
            task.fds(own);
            shared.release();
        }
        task.fds().closeRange(first, last, (flags & Fcntl.CLOSE_RANGE_CLOEXEC) != 0);
        return 0;
    }
}
