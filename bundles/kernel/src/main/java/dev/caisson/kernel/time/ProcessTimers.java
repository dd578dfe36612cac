package dev.caisson.kernel.time;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Time;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.ProcessAttachments;
import dev.caisson.kernel.Task;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The timers of one process: setitimer(2), timer_create(2), RLIMIT_CPU. */
public final class ProcessTimers implements ProcessAttachments.Lifecycle {
    private final GuestProcess process;
    private final Clocks clocks;
    private final Timers timers;
    private final CpuTimers cpuTimers;
    private final IntervalTimer real;
    private final IntervalTimer virtual;
    private final IntervalTimer profiling;
    /** POSIX timers by id. Guarded by itself. */
    private final Map<Integer, PosixTimer> posix = new HashMap<>(4);
    private int nextId;

    private ProcessTimers(GuestProcess process) {
        this.process = process;
        this.clocks = process.kernel().clocks();
        this.timers = process.kernel().timers();
        this.cpuTimers = new CpuTimers(process, timers);
        this.real = new WallTimer(clocks, timers, WallClock.MONOTONIC) {
            @Override
            protected void expired() {
                signal(this, Signals.SIGALRM);
            }
        };
        this.virtual = new CpuTimer(cpuTimers, CpuClock.user(process)) {
            @Override
            protected void expired() {
                signal(this, Signals.SIGVTALRM);
            }
        };
        this.profiling = new CpuTimer(cpuTimers, CpuClock.total(process)) {
            @Override
            protected void expired() {
                signal(this, Signals.SIGPROF);
            }
        };
    }

    /** Interval timers go on by themselves: several expirations are one signal anyway. */
    private void signal(IntervalTimer timer, int signal) {
        timer.consume();
        process.signals().send(SignalInfo.kernel(signal), null, true);
    }

    /**
     * The timers of a process.
     *
     * @param process the process
     * @return its timers, made when they are first asked for
     */
    public static ProcessTimers of(GuestProcess process) {
        return process.attachments().of(ProcessTimers.class, () -> new ProcessTimers(process));
    }

    /** {@return timers on processor time} */
    public CpuTimers cpuTimers() {
        return cpuTimers;
    }

    /**
     * The timer of setitimer(2).
     *
     * @param which {@code ITIMER_*}
     * @return the timer
     * @throws ErrnoException EINVAL
     */
    public IntervalTimer interval(int which) throws ErrnoException {
        return switch (which) {
            case Time.ITIMER_REAL -> real;
            case Time.ITIMER_VIRTUAL -> virtual;
            case Time.ITIMER_PROF -> profiling;
            default -> throw EINVAL.error();
        };
    }

    /**
     * What is left of an interval timer, for alarm(2).
     *
     * @param which {@code ITIMER_*}
     * @return period and time to the next expiration
     * @throws ErrnoException EINVAL
     */
    public IntervalTime remaining(int which) throws ErrnoException {
        return interval(which).get();
    }

    /**
     * timer_create(2).
     *
     * @param wall its wall clock, or null
     * @param cpu its processor clock when there is no wall clock
     * @param event how to notify
     * @return the timer's id
     * @throws ErrnoException EAGAIN when the user's limit is reached
     */
    public int create(WallClock wall, CpuClock cpu, TimerEvent event) throws ErrnoException {
        if (!process.pendingQuota().tryTake(process.pendingLimit())) {
            throw EAGAIN.error("timer_create: RLIMIT_SIGPENDING");
        }
        synchronized (posix) {
            int id = nextId;
            while (posix.containsKey(id)) {
                id = id + 1 & Integer.MAX_VALUE;
            }
            nextId = id + 1 & Integer.MAX_VALUE;
            PosixTimer timer = new PosixTimer(process, id, wall, event);
            timer.bind(wall != null ? new WallTimer(clocks, timers, wall) {
                @Override
                protected void expired() {
                    timer.expired();
                }
            } : new CpuTimer(cpuTimers, cpu) {
                @Override
                protected void expired() {
                    timer.expired();
                }
            });
            posix.put(id, timer);
            return id;
        }
    }

    /**
     * Finds a POSIX timer.
     *
     * @param id its id
     * @return the timer
     * @throws ErrnoException EINVAL when there is none
     */
    public PosixTimer timer(int id) throws ErrnoException {
        synchronized (posix) {
            PosixTimer timer = posix.get(id);
            if (timer == null) {
                throw EINVAL.error("no such timer");
            }
            return timer;
        }
    }

    /**
     * timer_delete(2).
     *
     * @param id its id
     * @throws ErrnoException EINVAL when there is none
     */
    public void delete(int id) throws ErrnoException {
        PosixTimer timer;
        synchronized (posix) {
            timer = posix.remove(id);
        }
        if (timer == null) {
            throw EINVAL.error("no such timer");
        }
        end(timer);
    }

    private void end(PosixTimer timer) {
        timer.close();
        process.pendingQuota().release();
    }

    private void endPosix() {
        List<PosixTimer> all;
        synchronized (posix) {
            all = new ArrayList<>(posix.values());
            posix.clear();
        }
        all.forEach(this::end);
    }

    /** POSIX timers do not survive execve(2), interval timers do. */
    @Override
    public void processExecutes(Task task) {
        endPosix();
    }

    @Override
    public void processExits(Task task) {
        endPosix();
        real.close();
        virtual.close();
        profiling.close();
    }
}
