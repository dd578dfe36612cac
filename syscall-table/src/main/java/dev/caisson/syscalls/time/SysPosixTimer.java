package dev.caisson.syscalls.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.IntervalTime;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Time;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.SignalSets;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.ClockIds;
import dev.caisson.kernel.time.CpuClock;
import dev.caisson.kernel.time.ProcessTimers;
import dev.caisson.kernel.time.TimerEvent;
import dev.caisson.kernel.time.WallClock;
import java.lang.foreign.MemorySegment;

/** timer_create(2) and its relatives. */
public final class SysPosixTimer {
    /** sizeof(struct sigevent): sigev_value (0), sigev_signo (8), sigev_notify (12), sigev_notify_thread_id (16). */
    private static final int EVENT_BYTES = 64;

    private SysPosixTimer() {}

    /** timer_create(2). */
    public static long timerCreate(Task task, SyscallArgs args) throws ErrnoException {
        int clock = args.i32(0);
        long eventAddress = args.address(1);
        long idAddress = args.address(2);
        TimerEvent event = eventAddress == 0 ? new TimerEvent(Signals.SIGALRM, null, null, Signals.SIGEV_SIGNAL)
                : event(task, eventAddress);
        WallClock wall = ClockIds.wall(task, clock);
        CpuClock cpu = wall == null ? ClockIds.cpu(task, clock) : null;
        if ((clock == Time.CLOCK_REALTIME_ALARM || clock == Time.CLOCK_BOOTTIME_ALARM)
                && !task.credentials().has(Capability.CAP_WAKE_ALARM)) {
            throw EPERM.error();
        }
        ProcessTimers timers = ProcessTimers.of(task.process());
        int id = timers.create(wall, cpu, event);
        try {
            task.memory().writeInt(idAddress, id);
        } catch (ErrnoException fault) {
            timers.delete(id);
            throw fault;
        }
        return 0;
    }

    private static TimerEvent event(Task task, long address) throws ErrnoException {
        MemorySegment image = task.scratch().asSlice(0, EVENT_BYTES);
        task.copyIn(address, image);
        long value = image.get(U64, 0);
        int signal = image.get(U32, 8);
        int notification = image.get(U32, 12);
        SignalState thread = null;
        switch (notification) {
            case Signals.SIGEV_NONE -> {
                return new TimerEvent(0, value, null, notification);
            }
            case Signals.SIGEV_SIGNAL | Signals.SIGEV_THREAD_ID -> {
                Task target = task.pidNamespace().task(image.get(U32, 16));
                if (target == null || target.process() != task.process()) {
                    throw EINVAL.error("sigev_notify_thread_id");
                }
                thread = target.signals();
            }
            case Signals.SIGEV_SIGNAL, Signals.SIGEV_THREAD -> { }
            default -> throw EINVAL.error("sigev_notify");
        }
        if (!SignalSets.isValid(signal)) {
            throw EINVAL.error("sigev_signo");
        }
        return new TimerEvent(signal, value, thread, notification);
    }

    /** timer_settime(2). */
    public static long timerSettime(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(2);
        long oldAddress = args.address(3);
        if (address == 0) {
            throw EINVAL.error("no new value");
        }
        IntervalTime next = task.memory().read(address, IntervalTime.CODEC);
        if (!next.isValid()) {
            throw EINVAL.error("time");
        }
        boolean absolute = (args.i32(1) & Time.TIMER_ABSTIME) != 0;
        IntervalTime old = ProcessTimers.of(task.process()).timer(args.i32(0))
                .set(absolute, next.value().toNanos(), next.interval().toNanos());
        if (oldAddress != 0) {
            task.memory().write(oldAddress, IntervalTime.CODEC, old);
        }
        return 0;
    }

    /** timer_gettime(2). */
    public static long timerGettime(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        IntervalTime current = ProcessTimers.of(task.process()).timer(args.i32(0)).get();
        task.memory().write(address, IntervalTime.CODEC, current);
        return 0;
    }

    /** timer_getoverrun(2). */
    public static long timerGetoverrun(Task task, SyscallArgs args) throws ErrnoException {
        return ProcessTimers.of(task.process()).timer(args.i32(0)).overrun();
    }

    /** timer_delete(2). */
    public static long timerDelete(Task task, SyscallArgs args) throws ErrnoException {
        ProcessTimers.of(task.process()).delete(args.i32(0));
        return 0;
    }
}
