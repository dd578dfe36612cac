package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SYS_PTRACE;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.PidFile;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;

/** pidfd_open(2), pidfd_getfd(2). */
public final class SysPidFd {
    private SysPidFd() {}

    /** pidfd_open(2): PIDFD_NONBLOCK is O_NONBLOCK. */
    public static long open(Task task, SyscallArgs args) throws ErrnoException {
        int pid = args.i32(0);
        int flags = args.i32(1);
        if ((flags & ~Fcntl.O_NONBLOCK) != 0 || pid <= 0) {
            throw EINVAL.error();
        }
        GuestProcess process = task.pidNamespace().process(pid);
        if (process == null) {
            if (task.pidNamespace().task(pid) != null) {
                throw EINVAL.error("not a thread group leader");
            }
            throw ESRCH.error();
        }
        FileDescription description = PidFile.describe(task.kernel(), process, task.credentials());
        description.statusFlags(flags);
        return task.fds().install(description, true);
    }

    /** pidfd_getfd(2). */
    public static long getfd(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(2) != 0) {
            throw EINVAL.error();
        }
        GuestProcess process = process(task, args.fd(0));
        Task target = process.leader();
        FdTable theirs = target == null ? null : target.fds();
        if (theirs == null || process.isZombie()) {
            throw ESRCH.error();
        }
        Credentials own = task.credentials();
        Credentials other = target.credentials();
        boolean same = own.fsuid() == other.euid() && own.fsuid() == other.suid() && own.fsuid() == other.uid()
                && own.fsgid() == other.egid() && own.fsgid() == other.sgid() && own.fsgid() == other.gid();
        if (process != task.process() && !same && !own.has(CAP_SYS_PTRACE)) {
            throw EPERM.error();
        }
        FileDescription description = theirs.borrowAny(args.fd(1));
        return task.fds().install(description, true);
    }

    /**
     * The process behind a pidfd.
     *
     * @param task the caller
     * @param fd its descriptor
     * @return the process; it may be gone
     * @throws ErrnoException EBADF when it is none
     */
    public static GuestProcess process(Task task, int fd) throws ErrnoException {
        FileDescription description = task.fds().borrow(fd);
        try {
            if (description.file() instanceof PidFile file) {
                return file.process();
            }
            throw EBADF.error();
        } finally {
            description.release();
        }
    }
}
