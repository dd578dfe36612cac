package dev.caisson.kernel.time;

/** An interval timer on the processor time of a process or a task. */
public abstract class CpuTimer extends IntervalTimer {
    private final CpuTimers group;
    private final CpuClock clock;
    /** When it wants to ring, {@link Long#MAX_VALUE} for never. Guarded by {@link CpuTimers}. */
    long atNs = Long.MAX_VALUE;

    /**
     * Makes a disarmed timer.
     *
     * @param group the timers of the process
     * @param clock its clock
     */
    protected CpuTimer(CpuTimers group, CpuClock clock) {
        this.group = group;
        this.clock = clock;
    }

    @Override
    protected final long nowNs() {
        return clock.nowNs();
    }

    @Override
    protected final void schedule(long at) {
        group.schedule(this, at);
    }

    @Override
    protected final void unschedule() {
        group.schedule(this, Long.MAX_VALUE);
    }

    void check() {
        ring();
    }
}
