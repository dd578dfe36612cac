package dev.caisson.kernel;

/**
 * What clone(2) or clone3(2) asks for.
 *
 * @param flags {@code CLONE_*}, without the exit signal
 * @param exitSignal signal for the parent at the child's exit, or 0
 * @param stack stack pointer of the child; 0 keeps the parent's
 * @param pidfd where to store the pidfd with CLONE_PIDFD
 * @param parentTid where the parent's memory gets the tid with CLONE_PARENT_SETTID
 * @param childTid where the child's memory gets the tid with CLONE_CHILD_SETTID, and 0 at exit with CLONE_CHILD_CLEARTID
 * @param tls fs base with CLONE_SETTLS
 * @param wantedTids chosen pids, innermost namespace first; empty for free choice
 * @param clearHandlers CLONE_CLEAR_SIGHAND of clone3
 */
public record CloneRequest(long flags, int exitSignal, long stack, long pidfd, long parentTid, long childTid, long tls,
        int[] wantedTids, boolean clearHandlers) {
    private static final int[] FREE = {};

    /** fork(2). */
    public static final CloneRequest FORK = new CloneRequest(0, dev.caisson.abi.Signals.SIGCHLD, 0, 0, 0, 0, 0, FREE, false);

    /** vfork(2). */
    public static final CloneRequest VFORK = new CloneRequest(dev.caisson.abi.Sched.CLONE_VFORK | dev.caisson.abi.Sched.CLONE_VM,
            dev.caisson.abi.Signals.SIGCHLD, 0, 0, 0, 0, 0, FREE, false);

    /** {@return whether a flag is set} */
    boolean has(int flag) {
        return (flags & Integer.toUnsignedLong(flag)) != 0;
    }
}
