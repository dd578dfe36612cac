package dev.caisson.kernel;

import dev.caisson.abi.Sched;

/**
 * Scheduling parameters of a task, sched(7): kept and told, while the host's scheduler decides. Written by any task with the right to;
 * fields are independent.
 */
public final class TaskScheduling {
    private volatile int policy = Sched.SCHED_OTHER;
    private volatile int priority;
    private volatile int nice;
    private volatile boolean resetOnFork;
    private volatile int ioPriority;
    private volatile long timerSlackNs = 50_000;
    private volatile long defaultTimerSlackNs = 50_000;
    /** Bit n of word n / 64 for CPU n. */
    private volatile long[] affinity;

    /** The parameters of a first task, which may run on all of some CPUs. */
    TaskScheduling(int cpuCount) {
        affinity = new long[] {-1L >>> 64 - Math.clamp(cpuCount, 1, 64)};
    }

    /** Takes over a parent's parameters. */
    void inherit(TaskScheduling parent) {
        affinity = parent.affinity;
        timerSlackNs = parent.timerSlackNs;
        defaultTimerSlackNs = parent.timerSlackNs;
        ioPriority = parent.ioPriority;
        if (parent.resetOnFork) {
            nice = parent.policy == Sched.SCHED_OTHER && parent.nice < 0 ? 0 : parent.nice;
            return;
        }
        policy = parent.policy;
        priority = parent.priority;
        nice = parent.nice;
    }

    /** {@return SCHED_*} */
    public int policy() {
        return policy;
    }

    /** {@return real-time priority, 0 for the others} */
    public int priority() {
        return priority;
    }

    /**
     * Who is served first of those who wait for the same: real-time tasks by their priority, before all others.
     *
     * @return 0 for tasks without real-time policy, otherwise more for who comes first
     */
    public int urgency() {
        return switch (policy) {
            case Sched.SCHED_FIFO, Sched.SCHED_RR -> priority;
            case Sched.SCHED_DEADLINE -> Integer.MAX_VALUE;
            default -> 0;
        };
    }

    /** {@return SCHED_RESET_ON_FORK} */
    public boolean isResetOnFork() {
        return resetOnFork;
    }

    /**
     * Sets the policy.
     *
     * @param policy SCHED_*
     * @param priority real-time priority
     * @param resetOnFork whether children start with the default
     */
    public void policy(int policy, int priority, boolean resetOnFork) {
        this.policy = policy;
        this.priority = priority;
        this.resetOnFork = resetOnFork;
    }

    /** {@return nice value, -20 to 19} */
    public int nice() {
        return nice;
    }

    /**
     * Sets the nice value.
     *
     * @param value -20 to 19
     */
    public void nice(int value) {
        nice = value;
    }

    /** {@return ioprio_get(2)} */
    public int ioPriority() {
        return ioPriority;
    }

    /**
     * ioprio_set(2).
     *
     * @param value class and data
     */
    public void ioPriority(int value) {
        ioPriority = value;
    }

    /** {@return PR_GET_TIMERSLACK in nanoseconds} */
    public long timerSlackNs() {
        return timerSlackNs;
    }

    /**
     * PR_SET_TIMERSLACK.
     *
     * @param value nanoseconds; 0 or less for the default
     */
    public void timerSlackNs(long value) {
        timerSlackNs = value <= 0 ? defaultTimerSlackNs : value;
    }

    /**
     * Where the task may run.
     *
     * @return bit n of word n / 64 for CPU n
     */
    public long[] affinity() {
        return affinity;
    }

    /**
     * sched_setaffinity(2).
     *
     * @param mask bits as in {@link #affinity}; never written to afterwards
     */
    public void affinity(long[] mask) {
        affinity = mask;
    }
}
