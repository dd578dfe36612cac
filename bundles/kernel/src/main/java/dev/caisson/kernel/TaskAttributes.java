package dev.caisson.kernel;

import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.seccomp.UserDispatch;

/**
 * What a program sets about one of its threads, by prctl(2) and the like, and other parts of the kernel look up there.
 *
 * <p>Unless a method says otherwise, only the task's own thread may set it; everybody may look.
 */
abstract class TaskAttributes {
    /** Where exit writes 0 and wakes a futex; 0 for nowhere. */
    private long clearChildTid;
    private volatile int parentDeathSignal;
    private volatile boolean noNewPrivileges;
    /** What it may call; null for everything. Written under TASK_SET. */
    private volatile SeccompState seccomp;
    private UserDispatch userDispatch;
    private volatile int personality;
    private final TaskScheduling scheduling;
    private final ProcessAttachments attachments = new ProcessAttachments();

    TaskAttributes(int cpuCount) {
        scheduling = new TaskScheduling(cpuCount);
    }

    /** {@return scheduling parameters} */
    public TaskScheduling scheduling() {
        return scheduling;
    }

    /** {@return state that other parts of the kernel hang on this task} */
    public ProcessAttachments attachments() {
        return attachments;
    }

    /** {@return where exit writes 0; 0 for nowhere} */
    public long clearChildTid() {
        return clearChildTid;
    }

    /**
     * set_tid_address(2).
     *
     * @param address guest address
     */
    public void clearChildTid(long address) {
        clearChildTid = address;
    }

    /** {@return the signal to send when the parent thread exits, or 0} */
    public int parentDeathSignal() {
        return parentDeathSignal;
    }

    /**
     * PR_SET_PDEATHSIG.
     *
     * @param signal signal number, or 0
     */
    public void parentDeathSignal(int signal) {
        parentDeathSignal = signal;
    }

    /** {@return whether execve(2) may not raise privileges} */
    public boolean noNewPrivileges() {
        return noNewPrivileges;
    }

    /** PR_SET_NO_NEW_PRIVS; it cannot be taken back. */
    public void setNoNewPrivileges() {
        noNewPrivileges = true;
    }

    /** {@return the filters of its system calls, or null} */
    public SeccompState seccomp() {
        return seccomp;
    }

    /**
     * Replaces the filters. TASK_SET is held.
     *
     * @param next the new ones
     */
    public void seccomp(SeccompState next) {
        seccomp = next;
    }

    /** {@return which of its system calls come back as signals; null for none} */
    public UserDispatch userDispatch() {
        return userDispatch;
    }

    /**
     * PR_SET_SYSCALL_USER_DISPATCH.
     *
     * @param next which, or null for none
     */
    public void userDispatch(UserDispatch next) {
        userDispatch = next;
    }

    /** {@return personality(2)} */
    public int personality() {
        return personality;
    }

    /**
     * Sets the personality.
     *
     * @param value new value
     */
    public void personality(int value) {
        personality = value;
    }
}
