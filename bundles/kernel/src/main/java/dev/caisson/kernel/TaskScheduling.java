package dev.caisson.kernel;

import dev.caisson.abi.Prctl;
import dev.caisson.abi.Sched;

/**
 * Scheduling parameters of a task, sched(7): kept and told, while the host's scheduler decides. Written by any task with the right to;
 * fields are independent.
 */
public final class TaskScheduling {
    private static final long[] NO_DEADLINE = {0, 0, 0};

    private volatile int policy = Sched.SCHED_OTHER;
    private volatile int priority;
    private volatile int nice;
    private volatile boolean resetOnFork;
    private volatile int ioPriority;
    private volatile int memoryPolicy;
    private volatile int memoryErrorPolicy = Prctl.PR_MCE_KILL_DEFAULT;
    /** Runtime, deadline and period of SCHED_DEADLINE in nanoseconds. */
    private volatile long[] deadline = NO_DEADLINE;
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
        memoryPolicy = parent.memoryPolicy;
        memoryErrorPolicy = parent.memoryErrorPolicy;
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

    /** {@return what set_mempolicy(2) has set, as its caller encodes it; 0 for nothing} */
    public int memoryPolicy() {
        return memoryPolicy;
    }

    /**
     * set_mempolicy(2).
     *
     * @param value what {@link #memoryPolicy} tells
     */
    public void memoryPolicy(int value) {
        memoryPolicy = value;
    }

    /** {@return PR_MCE_KILL_GET} */
    public int memoryErrorPolicy() {
        return memoryErrorPolicy;
    }

    /**
     * PR_MCE_KILL: kept, since no memory error reaches a guest.
     *
     * @param value PR_MCE_KILL_LATE, PR_MCE_KILL_EARLY or PR_MCE_KILL_DEFAULT
     */
    public void memoryErrorPolicy(int value) {
        memoryErrorPolicy = value;
    }

    /** {@return runtime, deadline and period of SCHED_DEADLINE in nanoseconds; not to be written to} */
    public long[] deadline() {
        return deadline;
    }

    /**
     * Parameters of SCHED_DEADLINE.
     *
     * @param values runtime, deadline and period in nanoseconds; never written to afterwards
     */
    public void deadline(long[] values) {
        deadline = values;
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
