package dev.caisson.kernel.time;

import dev.caisson.abi.Resource;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.GuestProcess;
import java.util.ArrayList;
import java.util.List;

/**
 * The timers of one process that run on processor time, and its RLIMIT_CPU. They are looked at from time to time: after the shortest
 * time in which one could expire if all threads computed, and more rarely while nothing is computed.
 */
public final class CpuTimers {
    private static final long LEAST_WAIT_NS = 4_000_000;
    private static final long MOST_WAIT_NS = 100_000_000;
    private static final long SECOND_NS = 1_000_000_000L;

    private final GuestProcess process;
    private final Timers timers;
    private final Alarm alarm = new Alarm(this::check);
    /** Armed timers. Guarded by this, like their {@code atNs}; only the timers' own lock is taken inside. */
    private final List<CpuTimer> armed = new ArrayList<>(2);
    /** When RLIMIT_CPU is looked at next. Guarded by this. */
    private long limitAtNs = Long.MAX_VALUE;
    private long lastCpuNs;
    private long waitNs = LEAST_WAIT_NS;

    CpuTimers(GuestProcess process, Timers timers) {
        this.process = process;
        this.timers = timers;
    }

    void schedule(CpuTimer timer, long atNs) {
        synchronized (this) {
            boolean wasArmed = timer.atNs != Long.MAX_VALUE;
            timer.atNs = atNs;
            if (atNs == Long.MAX_VALUE) {
                armed.remove(timer);
                return;
            }
            if (!wasArmed) {
                armed.add(timer);
            }
            waitNs = LEAST_WAIT_NS;
        }
        timers.arm(alarm, System.nanoTime() + LEAST_WAIT_NS);
    }

    /** RLIMIT_CPU was set: looks at it from now on. */
    public void limitChanged() {
        long soft = process.limits().soft(Resource.RLIMIT_CPU);
        synchronized (this) {
            if (soft == Resource.RLIM_INFINITY) {
                limitAtNs = Long.MAX_VALUE;
                return;
            }
            limitAtNs = soft > Long.MAX_VALUE / SECOND_NS || soft < 0 ? Long.MAX_VALUE : soft * SECOND_NS;
        }
        timers.arm(alarm, System.nanoTime() + LEAST_WAIT_NS);
    }

    private void check() {
        if (process.isZombie()) {
            return;
        }
        long cpu = process.cpuNs();
        checkLimit(cpu);
        List<CpuTimer> all;
        synchronized (this) {
            all = List.copyOf(armed);
        }
        long least = Long.MAX_VALUE;
        for (CpuTimer timer : all) {
            long left;
            synchronized (this) {
                left = timer.atNs == Long.MAX_VALUE ? Long.MAX_VALUE : timer.atNs;
            }
            if (left == Long.MAX_VALUE) {
                continue;
            }
            left -= timer.nowNs();
            if (left <= 0) {
                timer.check();
                left = LEAST_WAIT_NS;
            }
            least = Math.min(least, left);
        }
        rearm(cpu, least, Math.max(1, process.signals().threadCount()));
    }

    private synchronized void rearm(long cpu, long leastNs, int threads) {
        long least = leastNs;
        if (limitAtNs != Long.MAX_VALUE) {
            least = Math.min(least, limitAtNs - cpu);
        }
        if (least == Long.MAX_VALUE) {
            return;
        }
        // While nothing computes, nothing can expire soon: look ever more rarely.
        boolean idle = cpu - lastCpuNs < waitNs / 16;
        lastCpuNs = cpu;
        long wanted = Math.max(LEAST_WAIT_NS, least / threads);
        waitNs = idle ? Math.min(MOST_WAIT_NS, Math.max(wanted, waitNs * 2)) : wanted;
        timers.arm(alarm, System.nanoTime() + waitNs);
    }

    private void checkLimit(long cpu) {
        long at;
        synchronized (this) {
            at = limitAtNs;
        }
        if (cpu < at) {
            return;
        }
        long hard = process.limits().get(Resource.RLIMIT_CPU).hard();
        if (hard >= 0 && cpu >= hard * SECOND_NS) {
            process.kill();
            return;
        }
        process.sendSignal(SignalInfo.kernel(Signals.SIGXCPU));
        synchronized (this) {
            // Once more every second, as Linux raises the soft limit by one.
            limitAtNs = at + SECOND_NS;
        }
    }
}
