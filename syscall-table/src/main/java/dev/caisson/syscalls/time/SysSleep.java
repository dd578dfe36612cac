package dev.caisson.syscalls.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;
import static dev.caisson.abi.Errno.ERESTART_RESTARTBLOCK;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Time;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.RestartBlock;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.ClockIds;
import dev.caisson.kernel.time.Clocks;
import dev.caisson.kernel.time.CpuClock;
import dev.caisson.kernel.time.WallClock;

/** nanosleep(2), clock_nanosleep(2). */
public final class SysSleep {
    /** How often a sleep on a processor clock looks at it. */
    private static final long CPU_POLL_NS = 4_000_000;

    private SysSleep() {}

    /** How a relative sleep goes on after a signal without a handler. */
    private record Restart(int clock, long deadlineNs, long remainAddress) implements RestartBlock {
        @Override
        public long restart(Task task) throws ErrnoException {
            return sleepUntil(task, clock, deadlineNs, false, remainAddress);
        }
    }

    /** nanosleep(2). */
    public static long nanosleep(Task task, SyscallArgs args) throws ErrnoException {
        return sleep(task, Time.CLOCK_MONOTONIC, false, args.address(0), args.address(1));
    }

    /** clock_nanosleep(2). */
    public static long clockNanosleep(Task task, SyscallArgs args) throws ErrnoException {
        int clock = args.i32(0);
        ClockIds.wall(task, clock);
        if (clock == Time.CLOCK_THREAD_CPUTIME_ID) {
            throw EOPNOTSUPP.error("a thread that sleeps uses no time");
        }
        boolean wakesTheMachine = clock == Time.CLOCK_REALTIME_ALARM || clock == Time.CLOCK_BOOTTIME_ALARM;
        if (wakesTheMachine && !task.credentials().has(Capability.CAP_WAKE_ALARM)) {
            throw EPERM.error();
        }
        return sleep(task, clock, (args.i32(1) & Time.TIMER_ABSTIME) != 0, args.address(2), args.address(3));
    }

    private static long sleep(Task task, int clock, boolean absolute, long requestAddress, long remainAddress) throws ErrnoException {
        Timespec request = task.memory().read(requestAddress, Timespec.CODEC);
        if (!request.isValid()) {
            throw EINVAL.error("request");
        }
        if (ClockIds.isOwnThread(task, clock)) {
            throw EINVAL.error("a thread that sleeps uses no time");
        }
        long deadline = request.toNanos();
        if (!absolute) {
            // A relative sleep does not follow the steps of the real-time clock.
            int steady = clock == Time.CLOCK_REALTIME ? Time.CLOCK_MONOTONIC : clock;
            deadline += ClockIds.nowNs(task, steady);
            return sleepUntil(task, steady, deadline < 0 ? Long.MAX_VALUE : deadline, false, remainAddress);
        }
        return sleepUntil(task, clock, deadline, true, 0);
    }

    private static long sleepUntil(Task task, int clock, long deadlineNs, boolean absolute, long remainAddress) throws ErrnoException {
        WallClock wall = ClockIds.wall(task, clock);
        try {
            if (wall != null) {
                sleepOnWall(task, wall, task.process().set().time().toSandbox(wall, deadlineNs));
            } else {
                sleepOnCpu(task, ClockIds.cpu(task, clock), deadlineNs);
            }
            return 0;
        } catch (ErrnoException interrupted) {
            if (absolute) {
                throw ERESTARTNOHAND.error();
            }
            long left = deadlineNs - ClockIds.nowNs(task, clock);
            if (left <= 0) {
                return 0;
            }
            if (remainAddress != 0) {
                task.memory().write(remainAddress, Timespec.CODEC, Timespec.ofNanos(left));
            }
            task.signals().restartBlock(new Restart(clock, deadlineNs, remainAddress));
            throw ERESTART_RESTARTBLOCK.error();
        }
    }

    private static void sleepOnWall(Task task, WallClock clock, long deadlineNs) throws ErrnoException {
        Clocks clocks = task.kernel().clocks();
        // The host's clock and the guest's may differ by a hair: a sleep must not end early on the guest's.
        while (clock.nowNs(clocks) < deadlineNs) {
            task.block(clock.hostDeadlineNs(clocks, deadlineNs));
        }
    }

    private static void sleepOnCpu(Task task, CpuClock clock, long deadlineNs) throws ErrnoException {
        while (clock.nowNs() < deadlineNs) {
            task.block(System.nanoTime() + CPU_POLL_NS);
        }
    }
}
