package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EFAULT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;

/** access(2), chmod(2), chown(2), umask(2), utime(2), utimensat(2). */
final class SysAttributes {
    private static final long SECOND_NS = 1_000_000_000L;

    private SysAttributes() {}

    static long access(Task task, SyscallArgs args) throws ErrnoException {
        return access(task, Fcntl.AT_FDCWD, args.address(0), args.i32(1), 0);
    }

    static long faccessat(Task task, SyscallArgs args) throws ErrnoException {
        return access(task, args.fd(0), args.address(1), args.i32(2), 0);
    }

    static long faccessat2(Task task, SyscallArgs args) throws ErrnoException {
        return access(task, args.fd(0), args.address(1), args.i32(2), args.i32(3));
    }

    private static long access(Task task, int dirfd, long address, int mask, int flags) throws ErrnoException {
        if ((mask & ~7) != 0 || (flags & ~(Fcntl.AT_EACCESS | Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        Credentials credentials = (flags & Fcntl.AT_EACCESS) != 0 ? task.credentials() : real(task.credentials());
        String path = At.path(task, address);
        Location place = path.isEmpty() ? At.resolve(task, dirfd, path, At.how(flags))
                : task.kernel().vfs().resolve(task.fs(), credentials, At.start(task, dirfd, path), path, At.how(flags));
        task.kernel().vfs().access(place, mask, credentials);
        return 0;
    }

    /** The credentials that access(2) uses: real ids, and the capabilities that they would have. */
    private static Credentials real(Credentials c) {
        boolean fixup = (c.securebits() & 4) == 0; // SECBIT_NO_SETUID_FIXUP
        long effective = !fixup ? c.effective() : c.uid() != 0 ? 0 : c.permitted();
        if (c.fsuid() == c.uid() && c.fsgid() == c.gid() && effective == c.effective()) {
            return c;
        }
        return new Credentials(c.uid(), c.euid(), c.suid(), c.uid(), c.gid(), c.egid(), c.sgid(), c.gid(), c.groups(), c.permitted(),
                effective, c.inheritable(), c.bounding(), c.ambient(), c.securebits());
    }

    static long chmod(Task task, SyscallArgs args) throws ErrnoException {
        return chmod(task, At.resolve(task, args.address(0), PathWalker.FOLLOW), args.i32(1));
    }

    static long fchmod(Task task, SyscallArgs args) throws ErrnoException {
        return chmod(task, At.openPlace(task, args.fd(0)), args.i32(1));
    }

    static long fchmodat(Task task, SyscallArgs args) throws ErrnoException {
        return chmod(task, At.resolve(task, args.fd(0), At.path(task, args.address(1)), PathWalker.FOLLOW), args.i32(2));
    }

    static long fchmodat2(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        return chmod(task, At.resolve(task, args.fd(0), At.path(task, args.address(1)), At.how(flags)), args.i32(2));
    }

    private static long chmod(Task task, Location place, int mode) throws ErrnoException {
        task.kernel().vfs().chmod(task, place, mode);
        return 0;
    }

    static long chown(Task task, SyscallArgs args) throws ErrnoException {
        return chown(task, At.resolve(task, args.address(0), PathWalker.FOLLOW), args.i32(1), args.i32(2));
    }

    static long lchown(Task task, SyscallArgs args) throws ErrnoException {
        return chown(task, At.resolve(task, args.address(0), 0), args.i32(1), args.i32(2));
    }

    static long fchown(Task task, SyscallArgs args) throws ErrnoException {
        return chown(task, At.openPlace(task, args.fd(0)), args.i32(1), args.i32(2));
    }

    static long fchownat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(4);
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        return chown(task, At.resolve(task, args.fd(0), At.path(task, args.address(1)), At.how(flags)), args.i32(2), args.i32(3));
    }

    private static long chown(Task task, Location place, int uid, int gid) throws ErrnoException {
        task.kernel().vfs().chown(task, place, uid, gid);
        return 0;
    }

    static long umask(Task task, SyscallArgs args) {
        return task.fs().umask(args.i32(0));
    }

    /** utime(2): whole seconds. */
    static long utime(Task task, SyscallArgs args) throws ErrnoException {
        long times = args.address(1);
        long access = Vfs.NOW;
        long modify = Vfs.NOW;
        if (times != 0) {
            access = toNs(task.memory().readLong(times), 0);
            modify = toNs(task.memory().readLong(times + 8), 0);
        }
        return setTimes(task, At.resolve(task, args.address(0), PathWalker.FOLLOW), access, modify);
    }

    static long utimes(Task task, SyscallArgs args) throws ErrnoException {
        return utimes(task, Fcntl.AT_FDCWD, args.address(0), args.address(1));
    }

    static long futimesat(Task task, SyscallArgs args) throws ErrnoException {
        return utimes(task, args.fd(0), args.address(1), args.address(2));
    }

    /** Microseconds. */
    private static long utimes(Task task, int dirfd, long address, long times) throws ErrnoException {
        long access = Vfs.NOW;
        long modify = Vfs.NOW;
        if (times != 0) {
            access = micros(task.memory().readLong(times), task.memory().readLong(times + 8));
            modify = micros(task.memory().readLong(times + 16), task.memory().readLong(times + 24));
        }
        return setTimes(task, place(task, dirfd, address, 0), access, modify);
    }

    private static long micros(long seconds, long micros) throws ErrnoException {
        if (micros < 0 || micros >= 1_000_000) {
            throw EINVAL.error();
        }
        return toNs(seconds, micros * 1000);
    }

    static long utimensat(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        long times = args.address(2);
        long access = Vfs.NOW;
        long modify = Vfs.NOW;
        if (times != 0) {
            access = nanos(task.memory().readLong(times), task.memory().readLong(times + 8));
            modify = nanos(task.memory().readLong(times + 16), task.memory().readLong(times + 24));
            if (access == Vfs.OMIT && modify == Vfs.OMIT) {
                return 0;
            }
        }
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        return setTimes(task, place(task, args.fd(0), args.address(1), flags), access, modify);
    }

    /** A NULL path with a descriptor means the descriptor: futimens(3). */
    private static Location place(Task task, int dirfd, long address, int flags) throws ErrnoException {
        if (address == 0 && dirfd != Fcntl.AT_FDCWD) {
            if (flags != 0) {
                throw EINVAL.error();
            }
            return At.openPlace(task, dirfd);
        }
        if (address == 0) {
            throw EFAULT.error();
        }
        return At.resolve(task, dirfd, At.path(task, address), At.how(flags));
    }

    private static long nanos(long seconds, long nanos) throws ErrnoException {
        if (nanos == Fcntl.UTIME_NOW) {
            return Vfs.NOW;
        }
        if (nanos == Fcntl.UTIME_OMIT) {
            return Vfs.OMIT;
        }
        if (nanos < 0 || nanos >= SECOND_NS) {
            throw EINVAL.error();
        }
        return toNs(seconds, nanos);
    }

    /** Clamped to what 64 bits of nanoseconds hold: the years 1678 to 2262. */
    private static long toNs(long seconds, long nanos) {
        long most = Long.MAX_VALUE / SECOND_NS - 1;
        return Math.clamp(seconds, -most, most) * SECOND_NS + nanos;
    }

    private static long setTimes(Task task, Location place, long accessNs, long modifyNs) throws ErrnoException {
        task.kernel().vfs().setTimes(task, place, accessNs, modifyNs);
        return 0;
    }
}
