package dev.caisson.kernel.time;

import dev.caisson.abi.Time;
import java.util.function.Consumer;

/**
 * The clocks of the sandbox. They follow the host's: monotonic time is computed from the time stamp counter along a line, whose slope
 * is corrected every few seconds so that it meets the host's clock again; it never jumps back. Guests compute along the same line in the
 * vDSO. Without a stable counter every reading asks the host.
 *
 * <p>Reading takes no lock. Deadlines for sleeping are on the host's clock: {@link #hostDeadlineNs}.
 */
public final class Clocks implements AutoCloseable {
    /** Nanoseconds between the ticks that coarse clocks claim to follow (CONFIG_HZ=250). */
    public static final long COARSE_RESOLUTION_NS = 4_000_000;

    private static final long FIRST_INTERVAL_NS = 100_000_000;
    private static final long MIN_INTERVAL_NS = 1_000_000_000;
    private static final long MAX_INTERVAL_NS = 8_000_000_000L;
    private static final long STABLE_ERROR_NS = 2_000;
    /** A larger change of the offset between the clocks is a step of the host's clock, a smaller one noise of the measurement. */
    private static final long STEP_NS = 20_000;
    /** The steepest correction, as CLOCK_MONOTONIC of Linux is slewed: 500 ppm. */
    private static final double MAX_SLEW = 500e-6;

    private final ClockDiscipline discipline = new ClockDiscipline();
    private final HostClock host;
    private final Timers timers;
    private final Alarm update = new Alarm(this::update);
    private final boolean stable;
    private final long taiOffsetNs;
    private volatile ClockParameters parameters;
    private volatile Consumer<ClockParameters> listener;
    private volatile boolean closed;

    // Of the timer thread only, after construction.
    private long firstTsc;
    private long firstHostNs;
    private long sampleTsc;
    private long sampleHostNs;
    private long sampleErrorNs;
    private long intervalNs = FIRST_INTERVAL_NS;

    /**
     * Starts the clocks.
     *
     * @param host the host's clocks
     * @param timers where updates run
     */
    public Clocks(HostClock host, Timers timers) {
        this.host = host;
        this.timers = timers;
        this.stable = host.hasStableTsc();
        this.taiOffsetNs = Math.round((host.clockNs(Time.CLOCK_TAI) - host.clockNs(Time.CLOCK_REALTIME)) / 1e9) * 1_000_000_000L;
        this.parameters = new ClockParameters(false, 0, 0, 0, ClockParameters.SHIFT, measureOffset(Time.CLOCK_REALTIME),
                measureOffset(Time.CLOCK_BOOTTIME));
        if (stable) {
            sample();
            firstTsc = sampleTsc;
            firstHostNs = sampleHostNs;
        }
        timers.arm(update, host.monotonicNs() + intervalNs);
    }

    /**
     * Names the one who publishes parameters to guests; it is told the current ones at once, and runs on the timer thread afterwards.
     *
     * @param publisher who wants to know
     */
    public void listener(Consumer<ClockParameters> publisher) {
        synchronized (this) {
            listener = publisher;
            publisher.accept(parameters);
        }
    }

    /** {@return what adjtimex(2) has set} */
    public ClockDiscipline discipline() {
        return discipline;
    }

    /** {@return the current parameters} */
    public ClockParameters parameters() {
        return parameters;
    }

    /** {@return CLOCK_MONOTONIC in nanoseconds} */
    public long monotonicNs() {
        ClockParameters now = parameters;
        return now.usable() ? now.monotonicNs(host.tsc()) : host.monotonicNs();
    }

    /** {@return CLOCK_REALTIME: nanoseconds since the epoch} */
    public long realtimeNs() {
        ClockParameters now = parameters;
        return (now.usable() ? now.monotonicNs(host.tsc()) : host.monotonicNs()) + now.realtimeOffsetNs();
    }

    /** {@return CLOCK_BOOTTIME in nanoseconds} */
    public long boottimeNs() {
        return monotonicNs() + parameters.boottimeOffsetNs();
    }

    /** {@return CLOCK_TAI in nanoseconds} */
    public long taiNs() {
        return realtimeNs() + taiOffsetNs;
    }

    /** {@return CLOCK_TAI minus CLOCK_REALTIME in seconds} */
    public int taiOffsetSeconds() {
        return (int) (taiOffsetNs / 1_000_000_000L);
    }

    /**
     * When a moment of CLOCK_MONOTONIC comes on the clock of {@link System#nanoTime}, which sleeping code uses. The two may be off
     * by a little when the moment comes: look at {@link #monotonicNs} again then.
     *
     * @param monotonicDeadlineNs the moment
     * @return the host deadline; {@link Long#MAX_VALUE} for never
     */
    public long hostDeadlineNs(long monotonicDeadlineNs) {
        long left = monotonicDeadlineNs - monotonicNs();
        long now = host.monotonicNs();
        if (left <= 0) {
            return now;
        }
        long deadline = now + left;
        return deadline < now ? Long.MAX_VALUE : deadline;
    }

    /** Offset of another clock from CLOCK_MONOTONIC: the tightest of a few measurements. */
    private long measureOffset(int clock) {
        long best = Long.MAX_VALUE;
        long offset = 0;
        for (int i = 0; i < 5; i++) {
            long before = host.monotonicNs();
            long value = host.clockNs(clock);
            long after = host.monotonicNs();
            if (after - before < best) {
                best = after - before;
                offset = value - (before + (after - before) / 2);
            }
        }
        return offset;
    }

    /** Reads counter and host clock at one moment, as nearly as possible. */
    private void sample() {
        sampleErrorNs = Long.MAX_VALUE;
        for (int i = 0; i < 8; i++) {
            long before = host.monotonicNs();
            long tsc = host.tsc();
            long after = host.monotonicNs();
            if (after - before < sampleErrorNs) {
                sampleErrorNs = after - before;
                sampleTsc = tsc;
                sampleHostNs = before + (after - before) / 2;
            }
        }
    }

    /** Measures and publishes; on the timer thread. */
    void update() {
        if (closed) {
            return;
        }
        ClockParameters old = parameters;
        long realtime = measureOffset(Time.CLOCK_REALTIME);
        if (Math.abs(realtime - old.realtimeOffsetNs()) < STEP_NS) {
            realtime = old.realtimeOffsetNs();
        }
        long boottime = measureOffset(Time.CLOCK_BOOTTIME);
        if (Math.abs(boottime - old.boottimeOffsetNs()) < STEP_NS) {
            boottime = old.boottimeOffsetNs();
        }
        ClockParameters next = stable ? nextLine(old, realtime, boottime)
                : new ClockParameters(false, 0, 0, 0, ClockParameters.SHIFT, realtime, boottime);
        synchronized (this) {
            parameters = next;
            if (listener != null) {
                listener.accept(next);
            }
        }
        timers.arm(update, host.monotonicNs() + intervalNs);
    }

    private ClockParameters nextLine(ClockParameters old, long realtime, long boottime) {
        long previousTsc = sampleTsc;
        long previousHostNs = sampleHostNs;
        sample();
        // The rate over the whole life while that is short, later over the last interval, so that a slewed host clock is followed.
        boolean young = sampleHostNs - firstHostNs < 10 * MIN_INTERVAL_NS;
        double rate = young ? (sampleHostNs - firstHostNs) / (double) (sampleTsc - firstTsc)
                : (sampleHostNs - previousHostNs) / (double) (sampleTsc - previousTsc);
        long base = old.usable() ? old.monotonicNs(sampleTsc) : sampleHostNs + sampleErrorNs;
        long error = sampleHostNs - base;
        if (error > MIN_INTERVAL_NS / 100) {
            // Far behind: the machine slept or this thread did not run for long.
            base = sampleHostNs;
            error = 0;
        }
        boolean good = Math.abs(error) <= STABLE_ERROR_NS;
        intervalNs = good && old.usable() ? Math.min(MAX_INTERVAL_NS, Math.max(MIN_INTERVAL_NS, intervalNs * 2)) : MIN_INTERVAL_NS;
        double correction = Math.max(-MAX_SLEW, Math.min(MAX_SLEW, error / (double) intervalNs));
        long multiplier = Math.round(rate * (1 + correction) * (1L << ClockParameters.SHIFT));
        return new ClockParameters(true, sampleTsc, base, multiplier, ClockParameters.SHIFT, realtime, boottime);
    }

    /** {@return nanoseconds to the next update} */
    long intervalNs() {
        return intervalNs;
    }

    /** Ends the updates. */
    @Override
    public void close() {
        closed = true;
        timers.disarm(update);
    }
}
