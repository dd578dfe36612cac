package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.PidFile;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.namespace.NamespaceEntry;
import dev.caisson.kernel.namespace.NamespaceFile;
import dev.caisson.kernel.syscall.SyscallArgs;
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

    /** setns(2), with a link of /proc/PID/ns or a pidfd. */
    public static long setns(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (description.file() instanceof NamespaceFile namespace) {
                NamespaceEntry.enter(task, namespace, args.i32(1));
            } else if (description.file() instanceof PidFile pidfd) {
                NamespaceEntry.enter(task, pidfd.process(), args.i32(1));
            } else {
                throw EINVAL.error("no namespace");
            }
            return 0;
        } finally {
            description.release();
        }
    }

    /** process_mrelease(2): a process that is being killed gives its memory back at once anyway. */
    public static long mrelease(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(1) != 0) {
            throw EINVAL.error();
        }
        GuestProcess process = process(task, args.fd(0));
        if (process.memory() == null) {
            throw ESRCH.error();
        }
        if (!process.isExiting()) {
            throw EINVAL.error("it goes on");
        }
        return 0;
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
        if (!PtraceAccess.REAL_IDS.allows(task, target)) {
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
