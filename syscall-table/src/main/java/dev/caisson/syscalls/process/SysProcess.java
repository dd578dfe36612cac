package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostScheduler;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.ProcessTree;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.ControllingTerminal;

/** Process identity, process groups and sessions: getpid(2), setpgid(2), setsid(2) and the like. */
public final class SysProcess {
    private SysProcess() {}

    /** getpid(2). */
    public static long getpid(Task task, SyscallArgs args) {
        return task.process().pid();
    }

    /** gettid(2). */
    public static long gettid(Task task, SyscallArgs args) {
        return task.tid();
    }

    /** getppid(2). */
    public static long getppid(Task task, SyscallArgs args) {
        return task.process().parentPid();
    }

    /** set_tid_address(2). */
    public static long setTidAddress(Task task, SyscallArgs args) {
        task.clearChildTid(args.address(0));
        return task.tid();
    }

    /** setpgid(2). */
    public static long setpgid(Task task, SyscallArgs args) throws ErrnoException {
        ProcessTree.setGroup(task, args.i32(0), args.i32(1));
        return 0;
    }

    /** getpgrp(2). */
    public static long getpgrp(Task task, SyscallArgs args) {
        return task.process().group().identity().in(task.pidNamespace());
    }

    /** getpgid(2). */
    public static long getpgid(Task task, SyscallArgs args) throws ErrnoException {
        return find(task, args.i32(0)).group().identity().in(task.pidNamespace());
    }

    /** setsid(2). */
    public static long setsid(Task task, SyscallArgs args) throws ErrnoException {
        return ProcessTree.newSession(task);
    }

    /** getsid(2). */
    public static long getsid(Task task, SyscallArgs args) throws ErrnoException {
        return find(task, args.i32(0)).session().identity().in(task.pidNamespace());
    }

    private static GuestProcess find(Task task, int id) throws ErrnoException {
        if (id == 0) {
            return task.process();
        }
        Task found = task.pidNamespace().task(id);
        if (found == null || found.process().group() == null) {
            throw ESRCH.error();
        }
        return found.process();
    }

    /** vhangup(2): hangs the caller's own controlling terminal up. */
    public static long vhangup(Task task, SyscallArgs args) throws ErrnoException {
        if (!task.credentials().has(Capability.CAP_SYS_TTY_CONFIG)) {
            throw EPERM.error();
        }
        ControllingTerminal terminal = task.terminal();
        if (terminal != null) {
            terminal.releasedBy(task.process().session(), false);
            task.process().session().detachTerminal(terminal);
        }
        return 0;
    }

    /** getcpu(2): the host's processor, modulo the processors the guest sees; one that sched_setaffinity(2) has left to the caller. */
    public static long getcpu(Task task, SyscallArgs args) throws ErrnoException {
        int count = task.kernel().options().cpuCount();
        int cpu = Math.floorMod(HostScheduler.currentProcessor(), Math.max(1, count));
        long allowed = task.scheduling().affinity()[0];
        if ((allowed & 1L << cpu) == 0) {
            cpu = Long.numberOfTrailingZeros(allowed);
        }
        if (args.address(0) != 0) {
            task.memory().writeInt(args.address(0), cpu);
        }
        if (args.address(1) != 0) {
            task.memory().writeInt(args.address(1), 0);
        }
        return 0;
    }

    /** personality(2): kept; execve(2), uname(2) and the calls with timeouts look at it. */
    public static long personality(Task task, SyscallArgs args) {
        int old = task.personality();
        int wanted = args.i32(0);
        if (wanted != 0xffffffff) {
            task.personality(wanted);
        }
        return Integer.toUnsignedLong(old);
    }

}
