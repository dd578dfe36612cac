package dev.caisson.kernel.namespace;

import dev.caisson.abi.Sched;
import dev.caisson.kernel.Task;

/** The kinds of namespaces, namespaces(7). Those that a sandbox has only one of stand for themselves. */
public enum NamespaceKind {
    /** Control groups: one. */
    CGROUP("cgroup", Sched.CLONE_NEWCGROUP, 4026531835L),
    /** System V IPC and message queues. */
    IPC("ipc", Sched.CLONE_NEWIPC, 0) {
        @Override
        Object of(Task task) {
            return task.namespaces().ipc();
        }
    },
    /** Mounts. */
    MOUNT("mnt", Sched.CLONE_NEWNS, 0) {
        @Override
        Object of(Task task) {
            return task.fs() == null ? null : task.fs().namespace();
        }
    },
    /** Network: one. */
    NETWORK("net", Sched.CLONE_NEWNET, 4026531840L),
    /** Process ids. */
    PID("pid", Sched.CLONE_NEWPID, 0) {
        @Override
        Object of(Task task) {
            return task.pidNamespace();
        }
    },
    /** Process ids of new children. */
    PID_FOR_CHILDREN("pid_for_children", Sched.CLONE_NEWPID, 0) {
        @Override
        Object of(Task task) {
            return task.namespaces().pidForChildren();
        }
    },
    /** Clocks: one. */
    TIME("time", Sched.CLONE_NEWTIME, 4026531834L),
    /** Clocks of new children: the same one. */
    TIME_FOR_CHILDREN("time_for_children", Sched.CLONE_NEWTIME, 4026531834L),
    /** Users: one. */
    USER("user", Sched.CLONE_NEWUSER, 4026531837L),
    /** Host names. */
    UTS("uts", Sched.CLONE_NEWUTS, 0) {
        @Override
        Object of(Task task) {
            return task.namespaces().uts();
        }
    };

    private final String link;
    private final int flag;
    private final long onlyNumber;

    NamespaceKind(String link, int flag, long onlyNumber) {
        this.link = link;
        this.flag = flag;
        this.onlyNumber = onlyNumber;
    }

    /** {@return the name in /proc/PID/ns} */
    public String link() {
        return link;
    }

    /** {@return {@code CLONE_NEW*}} */
    public int flag() {
        return flag;
    }

    /** {@return what stands before the number: {@code pid} also for the children's} */
    String label() {
        int end = link.indexOf("_for_children");
        return end < 0 ? link : link.substring(0, end);
    }

    /** {@return the inode number when there is only one; else 0} */
    long onlyNumber() {
        return onlyNumber;
    }

    /** The namespace of a task; null when it has ended. */
    Object of(Task task) {
        return task.kernel();
    }
}
