package dev.caisson.kernel.time;

/** An interval timer on a wall clock. */
public abstract class WallTimer extends IntervalTimer {
    private final Clocks clocks;
    private final Timers timers;
    private final WallClock clock;
    /** Made when the timer is first set. Guarded by the monitor. */
    private Alarm alarm;

    /**
     * Makes a disarmed timer.
     *
     * @param clocks the sandbox's clocks
     * @param timers where it waits
     * @param clock its clock
     */
    protected WallTimer(Clocks clocks, Timers timers, WallClock clock) {
        this.clocks = clocks;
        this.timers = timers;
        this.clock = clock;
    }

    @Override
    protected final long nowNs() {
        return clock.nowNs(clocks);
    }

    @Override
    protected final void schedule(long atNs) {
        if (alarm == null) {
            alarm = new Alarm(this::ring);
        }
        timers.arm(alarm, clock.hostDeadlineNs(clocks, atNs));
    }

    @Override
    protected final void unschedule() {
        if (alarm != null) {
            timers.disarm(alarm);
        }
    }
}
