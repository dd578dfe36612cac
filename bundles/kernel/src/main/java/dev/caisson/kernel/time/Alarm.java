package dev.caisson.kernel.time;

/** One deadline of {@link Timers}, armed and disarmed many times. */
public final class Alarm {
    private final Runnable action;
    /** Guarded by the timers' lock, like {@link #index}. */
    long deadlineNs;
    /** Place in the heap, -1 when not armed. */
    int index = -1;

    /**
     * Makes an alarm that is not armed.
     *
     * @param action what to do; runs on the timer thread without locks, must not block, and finds out itself whether it is still
     *     wanted, since disarming may come too late
     */
    public Alarm(Runnable action) {
        this.action = action;
    }

    void ring() {
        action.run();
    }
}
