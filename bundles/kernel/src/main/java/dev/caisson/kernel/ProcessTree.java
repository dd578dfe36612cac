package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;

/** Process groups and sessions: setpgid(2), setsid(2). */
public final class ProcessTree {
    private ProcessTree() {}

    /**
     * setpgid(2).
     *
     * @param task the caller
     * @param pid process to move, 0 for the caller's
     * @param groupId its new group, 0 for its own
     * @throws ErrnoException EINVAL, ESRCH, EPERM, EACCES
     */
    public static void setGroup(Task task, int pid, int groupId) throws ErrnoException {
        GuestProcess own = task.process();
        PidNamespace namespace = task.pidNamespace();
        int target = pid == 0 ? own.identity().in(namespace) : pid;
        int id = groupId == 0 ? target : groupId;
        if (id < 0) {
            throw EINVAL.error();
        }
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            Pid found = namespace.find(target);
            GuestProcess process = found == null ? null : found.process;
            if (process == null) {
                if (found != null && found.task != null) {
                    throw EINVAL.error("setpgid: not a thread group leader");
                }
                throw ESRCH.error();
            }
            if (process != own) {
                if (process.parent() != own) {
                    throw ESRCH.error();
                }
                if (process.group() == null || process.session() != own.session()) {
                    throw EPERM.error();
                }
                if (process.executed) {
                    throw EACCES.error();
                }
            }
            if (process.session().leader() == process) {
                throw EPERM.error("setpgid: session leader");
            }
            if (id == target) {
                if (process.identity().group == null) {
                    process.groupLocked(new ProcessGroup(kernel, process.identity(), process.session()));
                } else {
                    process.groupLocked(process.identity().group);
                }
                return;
            }
            ProcessGroup group = namespace.group(id);
            if (group == null || group.session() != own.session()) {
                throw EPERM.error();
            }
            process.groupLocked(group);
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /**
     * setsid(2).
     *
     * @param task the caller
     * @return the new session's id in the caller's pid namespace
     * @throws ErrnoException EPERM when the process leads a group
     */
    public static int newSession(Task task) throws ErrnoException {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            Pid identity = process.identity();
            if (process.session().leader() == process || identity.group != null) {
                throw EPERM.error();
            }
            newSessionLocked(process);
            return identity.in(task.pidNamespace());
        } finally {
            kernel.taskSet().unlock();
        }
    }

    static void newSessionLocked(GuestProcess process) {
        Session session = new Session(process.identity(), process);
        process.groupLocked(new ProcessGroup(process.kernel(), process.identity(), session));
    }
}
