package dev.caisson.kernel.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Time;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;

/**
 * Clocks by their ids. Negative ids are processor clocks of others: {@code ~id >> 3} is the process or thread (0 for the caller), bit 2 says
 * which of the two, bits 0 and 1 are 0 for all time (PROF), 1 for user time (VIRT), 2 for all time (SCHED), 3 for a descriptor, which is
 * not supported (include/linux/posix-timers.h).
 */
public final class ClockIds {
    private static final int PER_THREAD = 4;
    private static final int VIRTUAL = 1;
    private static final int DESCRIPTOR = 3;

    private ClockIds() {}

    /**
     * Reads a clock.
     *
     * @param task the caller
     * @param id {@code CLOCK_*}
     * @return nanoseconds
     * @throws ErrnoException EINVAL when there is no such clock
     */
    public static long nowNs(Task task, int id) throws ErrnoException {
        Clocks clocks = task.kernel().clocks();
        return switch (id) {
            // The coarse clocks are as fine as the others, so that they never disagree about what came first.
            case Time.CLOCK_REALTIME, Time.CLOCK_REALTIME_COARSE, Time.CLOCK_REALTIME_ALARM -> clocks.realtimeNs();
            case Time.CLOCK_MONOTONIC, Time.CLOCK_MONOTONIC_RAW, Time.CLOCK_MONOTONIC_COARSE -> clocks.monotonicNs()
                    + task.process().set().time().monotonicNs();
            case Time.CLOCK_BOOTTIME, Time.CLOCK_BOOTTIME_ALARM -> clocks.boottimeNs() + task.process().set().time().boottimeNs();
            case Time.CLOCK_TAI -> clocks.taiNs();
            default -> cpu(task, id).nowNs();
        };
    }

    /**
     * The resolution of a clock; also whether there is such a clock.
     *
     * @param task the caller
     * @param id {@code CLOCK_*}
     * @return nanoseconds
     * @throws ErrnoException EINVAL when there is no such clock
     */
    public static long resolutionNs(Task task, int id) throws ErrnoException {
        return switch (id) {
            case Time.CLOCK_REALTIME_COARSE, Time.CLOCK_MONOTONIC_COARSE -> Clocks.COARSE_RESOLUTION_NS;
            case Time.CLOCK_REALTIME, Time.CLOCK_MONOTONIC, Time.CLOCK_MONOTONIC_RAW, Time.CLOCK_BOOTTIME, Time.CLOCK_REALTIME_ALARM,
                    Time.CLOCK_BOOTTIME_ALARM, Time.CLOCK_TAI -> 1;
            default -> {
                cpu(task, id);
                yield 1;
            }
        };
    }

    /**
     * A processor clock.
     *
     * @param task the caller
     * @param id CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID or a negative id
     * @return the clock
     * @throws ErrnoException EINVAL when it is none
     */
    public static CpuClock cpu(Task task, int id) throws ErrnoException {
        if (id == Time.CLOCK_PROCESS_CPUTIME_ID) {
            return CpuClock.total(task.process());
        }
        if (id == Time.CLOCK_THREAD_CPUTIME_ID) {
            return CpuClock.total(task);
        }
        if (id >= 0 || (id & 3) == DESCRIPTOR) {
            throw EINVAL.error("no such clock");
        }
        int number = ~(id >> 3);
        boolean user = (id & 3) == VIRTUAL;
        if ((id & PER_THREAD) != 0) {
            Task target = number == 0 ? task : task.pidNamespace().task(number);
            if (target == null || target.process() != task.process()) {
                throw EINVAL.error("no such thread");
            }
            return user ? CpuClock.user(target) : CpuClock.total(target);
        }
        GuestProcess target = number == 0 ? task.process() : task.pidNamespace().process(number);
        if (target == null) {
            throw EINVAL.error("no such process");
        }
        return user ? CpuClock.user(target) : CpuClock.total(target);
    }

    /**
     * Whether an id is the processor clock of the caller's own thread, by number.
     *
     * @param task the caller
     * @param id {@code CLOCK_*}
     * @return whether it is; not for CLOCK_THREAD_CPUTIME_ID
     */
    public static boolean isOwnThread(Task task, int id) {
        int number = ~(id >> 3);
        return id < 0 && (id & PER_THREAD) != 0 && (number == 0 || number == task.tid());
    }

    /**
     * A clock for sleeping and timers.
     *
     * @param task the caller
     * @param id {@code CLOCK_*}
     * @return the wall clock; null when it is a processor clock, see {@link #cpu}
     * @throws ErrnoException EOPNOTSUPP for a clock without timers, EINVAL when there is no such clock
     */
    public static WallClock wall(Task task, int id) throws ErrnoException {
        WallClock wall = WallClock.of(id);
        if (wall != null) {
            return wall;
        }
        if (id == Time.CLOCK_MONOTONIC_RAW || id == Time.CLOCK_REALTIME_COARSE || id == Time.CLOCK_MONOTONIC_COARSE) {
            throw EOPNOTSUPP.error("a clock without timers");
        }
        cpu(task, id);
        return null;
    }
}
