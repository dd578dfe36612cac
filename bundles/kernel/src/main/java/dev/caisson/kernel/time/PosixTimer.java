package dev.caisson.kernel.time;

import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.signal.SignalSource;

/** A timer of timer_create(2). Its signal is queued once; expirations meanwhile are overruns. */
public final class PosixTimer implements SignalSource {
    /** DELAYTIMER_MAX. */
    private static final long MOST_OVERRUNS = Integer.MAX_VALUE;

    private final GuestProcess process;
    private final int id;
    private final TimerEvent event;
    /** Null for a processor clock. */
    private final WallClock wall;
    private IntervalTimer timer;
    private volatile int lastOverrun;
    private volatile boolean deleted;

    PosixTimer(GuestProcess process, int id, WallClock wall, TimerEvent event) {
        this.process = process;
        this.wall = wall;
        this.id = id;
        this.event = event;
    }

    void bind(IntervalTimer bound) {
        timer = bound;
    }

    /** {@return what it does when it expires} */
    public TimerEvent event() {
        return event;
    }

    /** On the timer thread. */
    void expired() {
        if (event.signal() == 0) {
            // SIGEV_NONE: nobody consumes, and timer_gettime computes what is left.
            timer.consume();
            return;
        }
        long value = event.value() != null ? event.value() : id;
        SignalInfo info = SignalInfo.timer(event.signal(), id, 0, value);
        if (!process.signals().sendFromTimer(info, event.thread(), this)) {
            timer.consume();
        }
    }

    @Override
    public SignalInfo dequeued(SignalInfo queued) {
        if (deleted) {
            return null;
        }
        long count = timer.consume();
        lastOverrun = (int) Math.min(MOST_OVERRUNS, Math.max(0, count - 1));
        return SignalInfo.timer(queued.signal(), id, lastOverrun, queued.word24());
    }

    /** {@return overruns of the last signal, timer_getoverrun(2)} */
    public int overrun() {
        return lastOverrun;
    }

    /**
     * timer_settime(2).
     *
     * @param absolute TIMER_ABSTIME
     * @param valueNs first expiration, 0 disarms
     * @param intervalNs period
     * @return what it was set to
     */
    public IntervalTime set(boolean absolute, long valueNs, long intervalNs) {
        lastOverrun = 0;
        return timer.set(absolute, absolute && wall != null ? process.set().time().toSandbox(wall, valueNs) : valueNs, intervalNs);
    }

    /** {@return what it is set to, timer_gettime(2)} */
    public IntervalTime get() {
        return timer.get();
    }

    void close() {
        deleted = true;
        timer.close();
        process.signals().discard(this);
    }
}
