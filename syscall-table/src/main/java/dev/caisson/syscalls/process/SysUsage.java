package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Resource;
import dev.caisson.abi.ResourceUsage;
import dev.caisson.kernel.CpuTimes;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** getrusage(2), times(2). */
public final class SysUsage {
    /** One tick of clock_t (sysconf(_SC_CLK_TCK) is 100). */
    private static final long TICK_NS = 10_000_000;

    private SysUsage() {}

    static ResourceUsage encode(CpuTimes times) {
        return new ResourceUsage(times.userNs() / 1000, times.systemNs() / 1000, times.maxResidentBytes() >> 10, times.minorFaults(),
                times.majorFaults(), times.voluntarySwitches(), times.involuntarySwitches());
    }

    /** getrusage(2). */
    public static long getrusage(Task task, SyscallArgs args) throws ErrnoException {
        CpuTimes times = switch (args.i32(0)) {
            case Resource.RUSAGE_SELF -> task.process().usage();
            case Resource.RUSAGE_CHILDREN -> task.process().childrenUsage();
            case Resource.RUSAGE_THREAD -> task.times();
            default -> throw EINVAL.error();
        };
        task.memory().write(args.address(1), ResourceUsage.CODEC, encode(times));
        return 0;
    }

    /** times(2): struct tms is utime, stime, cutime, cstime, 8 bytes each. */
    public static long times(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        GuestProcess process = task.process();
        if (address != 0) {
            CpuTimes own = process.usage();
            CpuTimes children = process.childrenUsage();
            MemorySegment tms = task.scratch();
            tms.set(Layouts.U64, 0, own.userNs() / TICK_NS);
            tms.set(Layouts.U64, 8, own.systemNs() / TICK_NS);
            tms.set(Layouts.U64, 16, children.userNs() / TICK_NS);
            tms.set(Layouts.U64, 24, children.systemNs() / TICK_NS);
            task.memory().copyOut(address, tms, 0, 32);
        }
        return task.kernel().clocks().boottimeNs() / TICK_NS;
    }
}
