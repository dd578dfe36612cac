package dev.caisson.syscalls.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Time;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.TimerFile;
import dev.caisson.kernel.time.WallClock;
import dev.caisson.vfs.FileDescription;

/** timerfd_create(2), timerfd_settime(2), timerfd_gettime(2). */
public final class SysTimerFile {
    private SysTimerFile() {}

    /** timerfd_create(2). */
    public static long timerfdCreate(Task task, SyscallArgs args) throws ErrnoException {
        int clock = args.i32(0);
        int flags = args.i32(1);
        WallClock wall = clock == Time.CLOCK_TAI ? null : WallClock.of(clock);
        if ((flags & ~(Poll.TFD_CLOEXEC | Poll.TFD_NONBLOCK)) != 0 || wall == null) {
            throw EINVAL.error("timerfd_create: flags or clock");
        }
        if ((clock == Time.CLOCK_REALTIME_ALARM || clock == Time.CLOCK_BOOTTIME_ALARM)
                && !task.credentials().has(Capability.CAP_WAKE_ALARM)) {
            throw EPERM.error();
        }
        Kernel kernel = task.kernel();
        TimerFile file = new TimerFile(kernel.clocks(), kernel.timers(), clock, wall);
        FileDescription description = kernel.vfs().anonymous().describe("[timerfd]", file, Fcntl.O_RDWR | flags & Poll.TFD_NONBLOCK,
                task.credentials());
        return task.fds().install(description, (flags & Poll.TFD_CLOEXEC) != 0);
    }

    /** timerfd_settime(2). */
    public static long timerfdSettime(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        long oldAddress = args.address(3);
        IntervalTime next = task.memory().read(args.address(2), IntervalTime.CODEC);
        if ((flags & ~(Poll.TFD_TIMER_ABSTIME | Poll.TFD_TIMER_CANCEL_ON_SET)) != 0 || !next.isValid()) {
            throw EINVAL.error("timerfd_settime: flags or time");
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        IntervalTime old;
        try {
            TimerFile file = file(description);
            boolean absolute = (flags & Poll.TFD_TIMER_ABSTIME) != 0;
            long value = next.value().toNanos();
            old = file.set(absolute, absolute ? task.process().set().time().toSandbox(WallClock.of(file.clock()), value) : value,
                    next.interval().toNanos());
        } finally {
            description.release();
        }
        if (oldAddress != 0) {
            task.memory().write(oldAddress, IntervalTime.CODEC, old);
        }
        return 0;
    }

    /** timerfd_gettime(2). */
    public static long timerfdGettime(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        IntervalTime current;
        try {
            current = file(description).get();
        } finally {
            description.release();
        }
        task.memory().write(args.address(1), IntervalTime.CODEC, current);
        return 0;
    }

    private static TimerFile file(FileDescription description) throws ErrnoException {
        if (description.file() instanceof TimerFile file) {
            return file;
        }
        throw EINVAL.error("not a timerfd");
    }
}
