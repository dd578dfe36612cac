package dev.caisson.kernel;

import dev.caisson.abi.Capability;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;

/**
 * Who may look into another process: "Ptrace access mode checking" of ptrace(2). The constants say which of the caller's ids and
 * capabilities count.
 *
 * <p>{@code PTRACE_MODE_READ} and {@code PTRACE_MODE_ATTACH} differ in what security modules make of them only; there are none. Which errno
 * a refusal becomes is the caller's matter.
 */
public enum PtraceAccess {
    /** {@code PTRACE_MODE_FSCREDS}: filesystem ids and effective capabilities. For paths: the files of proc(5). */
    FILE_SYSTEM_IDS {
        @Override
        boolean isSameUser(Credentials caller, Credentials target) {
            return areAll(caller.fsuid(), caller.fsgid(), target);
        }

        @Override
        long capabilities(Credentials caller) {
            return caller.effective();
        }
    },
    /** {@code PTRACE_MODE_REALCREDS}: real ids and permitted capabilities. For calls that name a process: process_vm_readv(2), kcmp(2). */
    REAL_IDS {
        @Override
        boolean isSameUser(Credentials caller, Credentials target) {
            return areAll(caller.uid(), caller.gid(), target);
        }

        @Override
        long capabilities(Credentials caller) {
            return caller.permitted();
        }
    };

    private static final int SUID_DUMP_USER = 1;

    abstract boolean isSameUser(Credentials caller, Credentials target);

    abstract long capabilities(Credentials caller);

    /** A set-user-ID program shows in ids that differ among themselves: all of them have to be the caller's. */
    private static boolean areAll(int uid, int gid, Credentials target) {
        return uid == target.uid() && uid == target.euid() && uid == target.suid()
                && gid == target.gid() && gid == target.egid() && gid == target.sgid();
    }

    /**
     * Whether a task may look into another.
     *
     * @param caller who wants to
     * @param target whom it is about
     * @return whether it may; always, when both are threads of one process
     */
    public boolean allows(Task caller, Task target) {
        return allows(caller, caller.credentials(), target);
    }

    /**
     * Whether somebody may look into a task with credentials that need not be its own.
     *
     * @param caller who wants to; null for a thread of the kernel's own
     * @param credentials what it wants to with
     * @param target whom it is about
     * @return whether it may
     */
    public boolean allows(Task caller, Credentials credentials, Task target) {
        return caller != null && caller.process() == target.process() || allows(credentials, target.credentials(), isDumpable(target));
    }

    boolean allows(Credentials caller, Credentials target, boolean targetIsDumpable) {
        boolean isNoMorePowerful = (target.permitted() & ~capabilities(caller)) == 0;
        return isSameUser(caller, target) && targetIsDumpable && isNoMorePowerful || caller.has(Capability.CAP_SYS_PTRACE);
    }

    /**
     * Whether the memory of a task may be shown to its user, {@code PR_GET_DUMPABLE}.
     *
     * @param task the task
     * @return whether it may; also when there is no memory any more
     */
    public static boolean isDumpable(Task task) {
        MemoryManager memory = task.memory();
        return memory == null || memory.layout().dumpable == SUID_DUMP_USER;
    }
}
