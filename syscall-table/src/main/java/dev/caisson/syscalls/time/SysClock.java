package dev.caisson.syscalls.time;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Time;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.ClockDiscipline;
import dev.caisson.kernel.time.ClockIds;
import java.lang.foreign.MemorySegment;

/** clock_gettime(2) and its relatives, gettimeofday(2), time(2), adjtimex(2). */
public final class SysClock {
    private static final int TIMEX_BYTES = 208;
    private static final int MOST_MINUTES_WEST = 15 * 60;
    private static final int TIME_ERROR = 5;

    private SysClock() {}

    private static void writeTime(Task task, long address, long seconds, long fraction) throws ErrnoException {
        MemorySegment pair = task.scratch().asSlice(0, 16);
        pair.set(U64, 0, seconds);
        pair.set(U64, 8, fraction);
        task.copyOut(address, pair);
    }

    /** clock_gettime(2). */
    public static long clockGettime(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long now = ClockIds.nowNs(task, args.i32(0));
        writeTime(task, address, now / Timespec.SECOND_NS, now % Timespec.SECOND_NS);
        return 0;
    }

    /** clock_getres(2). */
    public static long clockGetres(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long resolution = ClockIds.resolutionNs(task, args.i32(0));
        if (address != 0) {
            writeTime(task, address, 0, resolution);
        }
        return 0;
    }

    /** clock_settime(2). */
    public static long clockSettime(Task task, SyscallArgs args) throws ErrnoException {
        int clock = args.i32(0);
        ClockIds.resolutionNs(task, clock);
        if (clock >= 0 && clock != Time.CLOCK_REALTIME) {
            throw EINVAL.error("this clock cannot be set");
        }
        if (clock < 0) {
            task.memory().read(args.address(1), Timespec.CODEC);
            throw EPERM.error("time that was used is used");
        }
        if (!isSettable(task.memory().read(args.address(1), Timespec.CODEC))) {
            throw EINVAL.error();
        }
        throw EPERM.error();
    }

    private static boolean isSettable(Timespec time) {
        return time.isValid() && time.seconds() < Timespec.MAX_SECONDS;
    }

    /** gettimeofday(2). */
    public static long gettimeofday(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        long zone = args.address(1);
        if (address != 0) {
            long now = task.kernel().clocks().realtimeNs();
            writeTime(task, address, now / Timespec.SECOND_NS, now % Timespec.SECOND_NS / 1000);
        }
        if (zone != 0) {
            task.memory().writeLong(zone, 0);
        }
        return 0;
    }

    /** settimeofday(2). */
    public static long settimeofday(Task task, SyscallArgs args) throws ErrnoException {
        if (args.address(0) != 0 && !isSettable(task.memory().read(args.address(0), Timespec.TIMEVAL))) {
            throw EINVAL.error();
        }
        if (args.address(1) != 0) {
            int minutesWest = (int) task.memory().readLong(args.address(1));
            if (task.credentials().has(Capability.CAP_SYS_TIME) && Math.abs((long) minutesWest) > MOST_MINUTES_WEST) {
                throw EINVAL.error();
            }
        }
        throw EPERM.error();
    }

    /** time(2). */
    public static long time(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        long seconds = task.kernel().clocks().realtimeNs() / Timespec.SECOND_NS;
        if (address != 0) {
            task.memory().writeLong(address, seconds);
        }
        return seconds;
    }

    /** adjtimex(2). */
    public static long adjtimex(Task task, SyscallArgs args) throws ErrnoException {
        return adjust(task, args.address(0));
    }

    /** clock_adjtime(2). */
    public static long clockAdjtime(Task task, SyscallArgs args) throws ErrnoException {
        int clock = args.i32(0);
        if (clock >= 0) {
            ClockIds.resolutionNs(task, clock);
        }
        if (clock != Time.CLOCK_REALTIME) {
            throw EOPNOTSUPP.error();
        }
        return adjust(task, args.address(1));
    }

    /**
     * Reads and changes the state of the clock, {@code struct timex} of include/uapi/linux/timex.h: modes (0), offset (8), freq (16),
     * maxerror (24), esterror (32), status (40), constant (48), precision (56), tolerance (64), time (72), tick (88), tai (160). The
     * values are kept; the clock is the host's, and follows none of them.
     */
    private static long adjust(Task task, long address) throws ErrnoException {
        MemorySegment timex = task.scratch().asSlice(0, TIMEX_BYTES);
        task.copyIn(address, timex);
        ClockDiscipline discipline = task.kernel().clocks().discipline();
        ClockDiscipline.Values values = discipline.adjust(timex.get(U32, 0), new ClockDiscipline.Values(timex.get(U64, 8), timex.get(U64, 16),
                timex.get(U64, 24), timex.get(U64, 32), timex.get(U32, 40), timex.get(U64, 48), timex.get(U64, 88)), timex.get(U64, 80),
                task.credentials().has(Capability.CAP_SYS_TIME));
        int modes = timex.get(U32, 0);
        timex.fill((byte) 0);
        long now = task.kernel().clocks().realtimeNs();
        boolean nanoseconds = (values.status() & ClockDiscipline.STA_NANO) != 0;
        timex.set(U32, 0, modes);
        timex.set(U64, 8, values.offset());
        timex.set(U64, 16, values.frequency());
        timex.set(U64, 24, values.maximumError());
        timex.set(U64, 32, values.estimatedError());
        timex.set(U32, 40, values.status());
        timex.set(U64, 48, values.constant());
        timex.set(U64, 56, 1);
        timex.set(U64, 64, 32_768_000);
        timex.set(U64, 72, now / Timespec.SECOND_NS);
        timex.set(U64, 80, now % Timespec.SECOND_NS / (nanoseconds ? 1 : 1000));
        timex.set(U64, 88, values.tick());
        timex.set(U32, 160, task.kernel().clocks().taiOffsetSeconds());
        task.copyOut(address, timex);
        return (values.status() & ClockDiscipline.STA_UNSYNC) != 0 ? TIME_ERROR : 0;
    }
}
