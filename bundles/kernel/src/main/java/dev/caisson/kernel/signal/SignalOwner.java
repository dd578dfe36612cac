package dev.caisson.kernel.signal;

/** A thread group, as far as its signals need it. */
public interface SignalOwner {
    /**
     * The group stopped or continued: tells the parent (SIGCHLD with CLD_STOPPED or CLD_CONTINUED unless SA_NOCLDSTOP) and
     * wakes those who wait for it. What wait(2) reports is {@link ProcessSignals#takeStopped} and
     * {@link ProcessSignals#takeContinued}. Called without signal locks.
     *
     * @param code CLD_STOPPED or CLD_CONTINUED
     * @param signal the signal that did it
     */
    void jobControlChanged(int code, int signal);

    /** {@return whether the process group is orphaned, so that SIGTSTP, SIGTTIN and SIGTTOU do not stop it} */
    boolean isInOrphanedGroup();

    /**
     * A thread begins to exit: adds up what {@link ProcessSignals#sum} counts. Called under the signal lock: takes no lock.
     *
     * @param thread the thread
     */
    default void threadLeaves(SignalThread thread) {}

    /** {@return soft RLIMIT_SIGPENDING} */
    long pendingLimit();

    /** {@return the count of queued signals of the process's user; one object per user} */
    SignalQuota pendingQuota();
}
