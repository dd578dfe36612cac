package dev.caisson.syscalls.time;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.Time;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.IntervalTimer;
import dev.caisson.kernel.time.ProcessTimers;

/** getitimer(2), setitimer(2), alarm(2). */
public final class SysIntervalTimer {
    private SysIntervalTimer() {}

    /** getitimer(2). */
    public static long getitimer(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        IntervalTime current = ProcessTimers.of(task.process()).interval(args.i32(0)).get();
        task.memory().write(address, IntervalTime.ITIMERVAL, roundUp(current));
        return 0;
    }

    /** setitimer(2). */
    public static long setitimer(Task task, SyscallArgs args) throws ErrnoException {
        int which = args.i32(0);
        long address = args.address(1);
        long oldAddress = args.address(2);
        // Linux takes a null pointer for zeros, with a warning in its log.
        IntervalTime next = address == 0 ? IntervalTime.ZERO : task.memory().read(address, IntervalTime.ITIMERVAL);
        if (!next.isValid()) {
            throw EINVAL.error("time");
        }
        IntervalTimer timer = ProcessTimers.of(task.process()).interval(which);
        // A timer that is not armed keeps its interval, except the one of the real clock (kernel/time/itimer.c).
        long intervalNs = which == Time.ITIMER_REAL && next.value().isZero() ? 0 : next.interval().toNanos();
        IntervalTime old = timer.set(false, next.value().toNanos(), intervalNs);
        if (oldAddress != 0) {
            task.memory().write(oldAddress, IntervalTime.ITIMERVAL, roundUp(old));
        }
        return 0;
    }

    /** An armed timer never shows zero, though microseconds cannot show less than one. */
    private static IntervalTime roundUp(IntervalTime time) {
        Timespec left = time.value();
        return left.seconds() == 0 && left.nanoseconds() > 0 && left.nanoseconds() < 1000
                ? new IntervalTime(time.interval(), new Timespec(0, 1000)) : time;
    }

    /** alarm(2). */
    public static long alarm(Task task, SyscallArgs args) throws ErrnoException {
        long seconds = Integer.toUnsignedLong(args.i32(0));
        IntervalTimer timer = ProcessTimers.of(task.process()).interval(Time.ITIMER_REAL);
        Timespec left = timer.set(false, seconds * Timespec.SECOND_NS, 0).value();
        if (left.isZero()) {
            return 0;
        }
        // Rounded, but an armed alarm is never 0.
        return left.seconds() + (left.seconds() == 0 || left.nanoseconds() >= 500_000_000 ? 1 : 0);
    }
}
