package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SYS_RESOURCE;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Resource;
import dev.caisson.kernel.ResourceLimits;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.ProcessTimers;
import dev.caisson.spi.cred.Credentials;
import java.lang.foreign.MemorySegment;

/** getrlimit(2), setrlimit(2), prlimit64(2). struct rlimit is soft[8] hard[8]. */
public final class SysLimit {
    private static final long MOST_FILES = 1 << 20;

    private SysLimit() {}

    /** getrlimit(2). */
    public static long getrlimit(Task task, SyscallArgs args) throws ErrnoException {
        store(task, args.address(1), limit(task, args.i32(0)));
        return 0;
    }

    /** setrlimit(2). */
    public static long setrlimit(Task task, SyscallArgs args) throws ErrnoException {
        ResourceLimits.Limit wanted = fetch(task, args.address(1));
        change(task, task, args.i32(0), wanted);
        return 0;
    }

    /** prlimit64(2). */
    public static long prlimit(Task task, SyscallArgs args) throws ErrnoException {
        int pid = args.i32(0);
        int resource = args.i32(1);
        ResourceLimits.Limit wanted = args.address(2) == 0 ? null : fetch(task, args.address(2));
        Task target = pid == 0 ? task : task.pidNamespace().task(pid);
        if (target == null) {
            throw ESRCH.error();
        }
        if (target.process() != task.process() && !mayChange(task.credentials(), target.credentials())) {
            throw EPERM.error();
        }
        ResourceLimits.Limit old = limit(target, resource);
        if (wanted != null) {
            change(task, target, resource, wanted);
        }
        if (args.address(3) != 0) {
            store(task, args.address(3), old);
        }
        return 0;
    }

    private static boolean mayChange(Credentials own, Credentials other) {
        return own.has(CAP_SYS_RESOURCE) || own.uid() == other.euid() && own.uid() == other.suid() && own.uid() == other.uid()
                && own.gid() == other.egid() && own.gid() == other.sgid() && own.gid() == other.gid();
    }

    private static ResourceLimits.Limit limit(Task task, int resource) throws ErrnoException {
        if (resource < 0 || resource >= Resource.RLIMIT_NLIMITS) {
            throw EINVAL.error();
        }
        return task.process().limits().get(resource);
    }

    private static void change(Task task, Task target, int resource, ResourceLimits.Limit wanted) throws ErrnoException {
        ResourceLimits.Limit old = limit(target, resource);
        if (Long.compareUnsigned(wanted.soft(), wanted.hard()) > 0) {
            throw EINVAL.error();
        }
        if (resource == Resource.RLIMIT_NOFILE && Long.compareUnsigned(wanted.hard(), MOST_FILES) > 0) {
            throw EPERM.error("beyond fs.nr_open");
        }
        if (Long.compareUnsigned(wanted.hard(), old.hard()) > 0 && !task.credentials().has(CAP_SYS_RESOURCE)) {
            throw EPERM.error();
        }
        target.process().limits().set(resource, wanted.soft(), wanted.hard());
        if (resource == Resource.RLIMIT_CPU) {
            ProcessTimers.of(target.process()).cpuTimers().limitChanged();
        }
        if (resource == Resource.RLIMIT_NOFILE) {
            target.process().fileLimitChanged();
        }
    }

    private static void store(Task task, long address, ResourceLimits.Limit limit) throws ErrnoException {
        MemorySegment out = task.scratch();
        out.set(Layouts.U64, 0, limit.soft());
        out.set(Layouts.U64, 8, limit.hard());
        task.memory().copyOut(address, out, 0, 16);
    }

    private static ResourceLimits.Limit fetch(Task task, long address) throws ErrnoException {
        MemorySegment in = task.scratch();
        task.memory().copyIn(address, in, 0, 16);
        return new ResourceLimits.Limit(in.get(Layouts.U64, 0), in.get(Layouts.U64, 8));
    }
}
