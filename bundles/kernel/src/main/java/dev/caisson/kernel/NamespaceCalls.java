package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Sched.CLONE_FILES;
import static dev.caisson.abi.Sched.CLONE_FS;
import static dev.caisson.abi.Sched.CLONE_NEWCGROUP;
import static dev.caisson.abi.Sched.CLONE_NEWIPC;
import static dev.caisson.abi.Sched.CLONE_NEWNET;
import static dev.caisson.abi.Sched.CLONE_NEWNS;
import static dev.caisson.abi.Sched.CLONE_NEWPID;
import static dev.caisson.abi.Sched.CLONE_NEWTIME;
import static dev.caisson.abi.Sched.CLONE_NEWUSER;
import static dev.caisson.abi.Sched.CLONE_NEWUTS;
import static dev.caisson.abi.Sched.CLONE_SIGHAND;
import static dev.caisson.abi.Sched.CLONE_SYSVSEM;
import static dev.caisson.abi.Sched.CLONE_THREAD;
import static dev.caisson.abi.Sched.CLONE_VM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;

/** New namespaces for clone(2) and unshare(2). */
public final class NamespaceCalls {
    private static final long UNSHARABLE = Integer.toUnsignedLong(CLONE_THREAD | CLONE_FS | CLONE_NEWNS | CLONE_SIGHAND | CLONE_VM
            | CLONE_FILES | CLONE_SYSVSEM | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWPID
            | CLONE_NEWCGROUP | CLONE_NEWTIME);

    private NamespaceCalls() {}

    private static boolean has(long flags, int flag) {
        return (flags & Integer.toUnsignedLong(flag)) != 0;
    }

    /**
     * The namespaces of a new task, or of the caller after unshare(2). A new mount namespace is made elsewhere.
     *
     * @param task the caller
     * @param flags {@code CLONE_NEW*}
     * @return the new value
     * @throws ErrnoException EPERM without CAP_SYS_ADMIN, EINVAL for kinds that are not configured, ENOSPC when nested too deep
     */
    static Namespaces copy(Task task, long flags) throws ErrnoException {
        TaskClone.requireAdmin(task);
        if (has(flags, CLONE_NEWNET) || has(flags, CLONE_NEWCGROUP) || has(flags, CLONE_NEWTIME)) {
            throw EINVAL.error("network, cgroup and time namespaces are not configured");
        }
        Namespaces old = task.namespaces();
        Kernel kernel = task.kernel();
        UtsNamespace uts = has(flags, CLONE_NEWUTS)
                ? new UtsNamespace(kernel.nextNamespaceId(), old.uts().hostName(), old.uts().domainName()) : old.uts();
        IpcNamespace ipc = has(flags, CLONE_NEWIPC) ? kernel.newIpcNamespace() : old.ipc();
        PidNamespace pids = old.pidForChildren();
        if (has(flags, CLONE_NEWPID)) {
            if (pids != task.pidNamespace()) {
                throw EINVAL.error("the caller has moved its children already");
            }
            if (pids.level() + 1 > PidNamespace.MAX_LEVEL) {
                throw ENOSPC.error();
            }
            pids = new PidNamespace(pids, kernel.nextNamespaceId());
        }
        return new Namespaces(uts, ipc, pids);
    }

    /**
     * unshare(2).
     *
     * @param task the caller
     * @param given {@code CLONE_*}
     * @throws ErrnoException EINVAL, EPERM, ENOSPC
     */
    public static void unshare(Task task, long given) throws ErrnoException {
        long flags = given;
        if (has(flags, CLONE_NEWUSER)) {
            flags |= Integer.toUnsignedLong(CLONE_THREAD | CLONE_FS);
        }
        if (has(flags, CLONE_VM)) {
            flags |= Integer.toUnsignedLong(CLONE_SIGHAND);
        }
        if (has(flags, CLONE_SIGHAND)) {
            flags |= Integer.toUnsignedLong(CLONE_THREAD);
        }
        if (has(flags, CLONE_NEWNS)) {
            flags |= Integer.toUnsignedLong(CLONE_FS);
        }
        if ((flags & ~UNSHARABLE) != 0) {
            throw EINVAL.error();
        }
        if (has(flags, CLONE_THREAD) || has(flags, CLONE_SIGHAND) || has(flags, CLONE_VM)) {
            if (task.process().threadCount() > 1) {
                throw EINVAL.error("the process has threads");
            }
        }
        if (has(flags, CLONE_VM) && task.memory().users() > 1) {
            throw EINVAL.error("the address space is shared");
        }
        if (has(flags, CLONE_NEWUSER)) {
            throw EINVAL.error("user namespaces are not configured");
        }
        long spaces = flags & Integer.toUnsignedLong(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP
                | CLONE_NEWTIME | CLONE_NEWNS);
        Namespaces next = spaces == 0 ? null : copy(task, spaces);
        FsContext fs = task.fs();
        if (has(flags, CLONE_NEWNS)) {
            task.fs(fs.copyInNewNamespace());
            fs.release();
        } else if (has(flags, CLONE_FS) && fs.isShared()) {
            task.fs(fs.copy());
            fs.release();
        }
        FdTable fds = task.fds();
        if (has(flags, CLONE_FILES) && fds.isShared()) {
            task.fds(fds.copy());
            fds.release();
        }
        if (next != null) {
            task.namespaces(next);
        }
    }
}
