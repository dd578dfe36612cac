package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FdTable;

/** dup(2), dup2(2), dup3(2). Descriptor rules live in {@link FdTable}. */
final class SysDup {
    private SysDup() {}

    static long dup(Task task, SyscallArgs args) throws ErrnoException {
        return task.fds().duplicate(args.fd(0), 0, false);
    }

    /** dup2(2): equal descriptors are left alone. */
    static long dup2(Task task, SyscallArgs args) throws ErrnoException {
        int oldFd = args.fd(0);
        int newFd = args.fd(1);
        if (oldFd == newFd) {
            if (task.fds().peek(oldFd) == null) {
                throw EBADF.error();
            }
            return newFd;
        }
        return task.fds().duplicateOnto(oldFd, newFd, false);
    }

    /** dup3(2). Unlike dup2, equal descriptors are EINVAL. */
    static long dup3(Task task, SyscallArgs args) throws ErrnoException {
        int oldFd = args.fd(0);
        int newFd = args.fd(1);
        int flags = args.i32(2);
        if ((flags & ~Fcntl.O_CLOEXEC) != 0 || oldFd == newFd) {
            throw EINVAL.error("dup3: unknown flag or equal descriptors");
        }
        return task.fds().duplicateOnto(oldFd, newFd, flags != 0);
    }
}
