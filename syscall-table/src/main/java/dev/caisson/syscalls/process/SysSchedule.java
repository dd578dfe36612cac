package dev.caisson.syscalls.process;

import static dev.caisson.abi.Capability.CAP_SYS_NICE;
import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Resource;
import dev.caisson.abi.Sched;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.ProcessGroup;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskScheduling;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.cred.Credentials;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * sched(7): policies, priorities, affinity. They are kept and told with Linux's rules; the host's scheduler decides who runs.
 */
public final class SysSchedule {
    private static final int MOST_PRIORITY = 99;
    private static final int MASK_BYTES = 8;
    private static final int ATTR_FIRST_BYTES = 48;
    private static final int ATTR_BYTES = 56;
    private static final int IOPRIO_CLASS_SHIFT = 13;
    private static final int IOPRIO_WHO_PROCESS = 1;
    /** SCHED_FLAG_*: 2 and 4 concern overruns of deadlines, 32 and 64 utilisation clamps. */
    private static final long RESET_ON_FORK = 1;
    private static final long KEEP_POLICY = 8;
    private static final long KEEP_PARAMETERS = 16;
    private static final long CLAMPS = 32 | 64;
    private static final long KNOWN_FLAGS = 0x7f;
    /** /proc/sys/kernel/sched_deadline_period_min_us and _max_us. */
    private static final long LEAST_PERIOD_NS = 100_000;
    private static final long MOST_PERIOD_NS = 1L << 32;

    private SysSchedule() {}

    /** sched_yield(2). */
    public static long yield(Task task, SyscallArgs args) {
        Thread.yield();
        return 0;
    }

    private static Task find(Task task, int pid) throws ErrnoException {
        if (pid < 0) {
            throw EINVAL.error();
        }
        Task found = pid == 0 ? task : task.pidNamespace().task(pid);
        if (found == null) {
            throw ESRCH.error();
        }
        return found;
    }

    private static boolean isSameOwner(Task task, Task target) {
        int euid = task.credentials().euid();
        return euid == target.credentials().euid() || euid == target.credentials().uid();
    }

    private static boolean isRealTime(int policy) {
        return policy == Sched.SCHED_FIFO || policy == Sched.SCHED_RR;
    }

    private static void checkPolicy(int policy, int priority) throws ErrnoException {
        boolean known = isRealTime(policy) || policy == Sched.SCHED_OTHER || policy == Sched.SCHED_BATCH || policy == Sched.SCHED_IDLE
                || policy == Sched.SCHED_DEADLINE;
        if (!known || priority < 0 || priority > MOST_PRIORITY || isRealTime(policy) != (priority != 0)) {
            throw EINVAL.error();
        }
    }

    private static void change(Task task, Task target, int policy, int priority, boolean resetOnFork) throws ErrnoException {
        checkPolicy(policy, priority);
        TaskScheduling scheduling = target.scheduling();
        if (!task.credentials().has(CAP_SYS_NICE)) {
            long limit = target.process().limits().soft(Resource.RLIMIT_RTPRIO);
            if (policy == Sched.SCHED_DEADLINE || isRealTime(policy) && (policy != scheduling.policy() && limit == 0
                    || priority > scheduling.priority() && Long.compareUnsigned(priority, limit) > 0)
                    || scheduling.policy() == Sched.SCHED_IDLE && policy != Sched.SCHED_IDLE && !mayNice(target, scheduling.nice())
                    || !isSameOwner(task, target) || scheduling.isResetOnFork() && !resetOnFork) {
                throw EPERM.error();
            }
        }
        scheduling.policy(policy, priority, resetOnFork);
    }

    /** sched_setparam(2). */
    public static long setparam(Task task, SyscallArgs args) throws ErrnoException {
        if (args.address(1) == 0) {
            throw EINVAL.error();
        }
        int priority = task.memory().readInt(args.address(1));
        Task target = find(task, args.i32(0));
        checkNoDeadline(target.scheduling().policy());
        change(task, target, target.scheduling().policy(), priority, target.scheduling().isResetOnFork());
        return 0;
    }

    /** sched_getparam(2). */
    public static long getparam(Task task, SyscallArgs args) throws ErrnoException {
        if (args.address(1) == 0) {
            throw EINVAL.error();
        }
        task.memory().writeInt(args.address(1), find(task, args.i32(0)).scheduling().priority());
        return 0;
    }

    /** sched_setscheduler(2). */
    public static long setscheduler(Task task, SyscallArgs args) throws ErrnoException {
        int policy = args.i32(1);
        if (policy < 0 || args.address(2) == 0) {
            throw EINVAL.error();
        }
        int priority = task.memory().readInt(args.address(2));
        Task target = find(task, args.i32(0));
        checkNoDeadline(policy & ~Sched.SCHED_RESET_ON_FORK);
        change(task, target, policy & ~Sched.SCHED_RESET_ON_FORK, priority, (policy & Sched.SCHED_RESET_ON_FORK) != 0);
        return 0;
    }

    /** The old calls have no way to say runtime, deadline and period. */
    private static void checkNoDeadline(int policy) throws ErrnoException {
        if (policy == Sched.SCHED_DEADLINE) {
            throw EINVAL.error();
        }
    }

    /** sched_getscheduler(2). */
    public static long getscheduler(Task task, SyscallArgs args) throws ErrnoException {
        TaskScheduling scheduling = find(task, args.i32(0)).scheduling();
        return scheduling.policy() | (scheduling.isResetOnFork() ? Sched.SCHED_RESET_ON_FORK : 0);
    }

    /** sched_get_priority_max(2). */
    public static long priorityMax(Task task, SyscallArgs args) throws ErrnoException {
        return priorityBound(args.i32(0), MOST_PRIORITY);
    }

    /** sched_get_priority_min(2). */
    public static long priorityMin(Task task, SyscallArgs args) throws ErrnoException {
        return priorityBound(args.i32(0), 1);
    }

    private static long priorityBound(int policy, int realTime) throws ErrnoException {
        return switch (policy) {
            case Sched.SCHED_FIFO, Sched.SCHED_RR -> realTime;
            case Sched.SCHED_OTHER, Sched.SCHED_BATCH, Sched.SCHED_IDLE, Sched.SCHED_DEADLINE -> 0;
            default -> throw EINVAL.error();
        };
    }

    /** sched_rr_get_interval(2): 100 ms for SCHED_RR, 4 ms for others that share time, 0 for SCHED_FIFO. */
    public static long interval(Task task, SyscallArgs args) throws ErrnoException {
        int policy = find(task, args.i32(0)).scheduling().policy();
        MemorySegment out = task.scratch();
        out.set(Layouts.U64, 0, 0);
        out.set(Layouts.U64, 8, policy == Sched.SCHED_RR ? 100_000_000L : policy == Sched.SCHED_FIFO ? 0 : 4_000_000L);
        task.memory().copyOut(args.address(1), out, 0, 16);
        return 0;
    }

    /**
     * sched_setattr(2). struct sched_attr: size[4] policy[4] flags[8] nice[4] priority[4] runtime[8] deadline[8] period[8] util_min[4]
     * util_max[4].
     */
    public static long setattr(Task task, SyscallArgs args) throws ErrnoException {
        if (args.address(1) == 0 || args.i32(0) < 0 || args.i32(2) != 0) {
            throw EINVAL.error();
        }
        int size = task.memory().readInt(args.address(1));
        if (size == 0) {
            size = ATTR_FIRST_BYTES;
        }
        if (size < ATTR_FIRST_BYTES || size > 4096) {
            task.memory().writeInt(args.address(1), ATTR_BYTES);
            throw E2BIG.error();
        }
        MemorySegment in = task.scratch();
        task.memory().copyIn(args.address(1), in, 0, size);
        for (int i = ATTR_BYTES; i < size; i++) {
            if (in.get(Layouts.U8, i) != 0) {
                task.memory().writeInt(args.address(1), ATTR_BYTES);
                throw E2BIG.error();
            }
        }
        int policy = in.get(Layouts.U32, 4);
        long flags = in.get(Layouts.U64, 8);
        int nice = Math.clamp(in.get(Layouts.U32, 16), Sched.PRIO_MIN, 19);
        int priority = in.get(Layouts.U32, 20);
        Task target = find(task, args.i32(0));
        if (policy < 0 || (flags & ~KNOWN_FLAGS) != 0) {
            throw EINVAL.error();
        }
        TaskScheduling scheduling = target.scheduling();
        if ((flags & KEEP_POLICY) != 0) {
            policy = scheduling.policy();
        }
        if ((flags & KEEP_PARAMETERS) != 0) {
            priority = scheduling.priority();
            nice = scheduling.nice();
        }
        checkPolicy(policy, priority);
        if ((flags & CLAMPS) != 0) {
            throw EOPNOTSUPP.error("no utilisation clamps");
        }
        if (policy == Sched.SCHED_DEADLINE && (flags & KEEP_PARAMETERS) == 0) {
            long[] wanted = {in.get(Layouts.U64, 24), in.get(Layouts.U64, 32), in.get(Layouts.U64, 40)};
            checkDeadline(wanted);
            change(task, target, policy, 0, (flags & RESET_ON_FORK) != 0);
            scheduling.deadline(wanted);
            return 0;
        }
        boolean shares = !isRealTime(policy) && policy != Sched.SCHED_DEADLINE;
        if (shares && nice < target.scheduling().nice() && !task.credentials().has(CAP_SYS_NICE) && !mayNice(target, nice)) {
            throw EPERM.error();
        }
        change(task, target, policy, priority, (flags & RESET_ON_FORK) != 0);
        if (shares) {
            target.scheduling().nice(nice);
        }
        return 0;
    }

    /** Linux's __checkparam_dl: runtime &lt;= deadline &lt;= period, between a microsecond and 4 seconds. */
    private static void checkDeadline(long[] values) throws ErrnoException {
        long runtime = values[0];
        long deadline = values[1];
        long period = values[2] == 0 ? deadline : values[2];
        if (deadline == 0 || Long.compareUnsigned(runtime, 1024) < 0 || deadline < 0 || period < 0
                || period < deadline || deadline < runtime || period < LEAST_PERIOD_NS || period > MOST_PERIOD_NS) {
            throw EINVAL.error();
        }
    }

    /** sched_getattr(2). */
    public static long getattr(Task task, SyscallArgs args) throws ErrnoException {
        int size = args.i32(2);
        if (args.address(1) == 0 || args.i32(0) < 0 || size < ATTR_FIRST_BYTES || size > 4096 || args.i32(3) != 0) {
            throw EINVAL.error();
        }
        TaskScheduling scheduling = find(task, args.i32(0)).scheduling();
        MemorySegment out = task.scratch();
        out.asSlice(0, ATTR_BYTES).fill((byte) 0);
        int bytes = Math.min(size, ATTR_BYTES);
        out.set(Layouts.U32, 0, bytes);
        out.set(Layouts.U32, 4, scheduling.policy());
        out.set(Layouts.U64, 8, scheduling.isResetOnFork() ? 1L : 0);
        out.set(Layouts.U32, 20, scheduling.priority());
        if (scheduling.policy() == Sched.SCHED_DEADLINE) {
            long[] deadline = scheduling.deadline();
            out.set(Layouts.U64, 24, deadline[0]);
            out.set(Layouts.U64, 32, deadline[1]);
            out.set(Layouts.U64, 40, deadline[2] == 0 ? deadline[1] : deadline[2]);
        } else if (!isRealTime(scheduling.policy())) {
            out.set(Layouts.U32, 16, scheduling.nice());
        }
        task.memory().copyOut(args.address(1), out, 0, bytes);
        return 0;
    }

    /** sched_setaffinity(2): kept among the CPUs of the sandbox. */
    public static long setaffinity(Task task, SyscallArgs args) throws ErrnoException {
        int pid = args.i32(0);
        int length = args.i32(1);
        MemorySegment in = task.scratch();
        in.asSlice(0, MASK_BYTES).fill((byte) 0);
        task.memory().copyIn(args.address(2), in, 0, Math.clamp(Integer.toUnsignedLong(length), 0, MASK_BYTES));
        Task target = pid == 0 ? task : task.pidNamespace().task(pid);
        if (target == null) {
            throw ESRCH.error();
        }
        if (!isSameOwner(task, target) && !task.credentials().has(CAP_SYS_NICE)) {
            throw EPERM.error();
        }
        long mask = in.get(Layouts.U64, 0) & allCpus(task);
        if (mask == 0) {
            throw EINVAL.error();
        }
        if (mask != allCpus(task)) {
            task.kernel().vdso().askKernelForProcessor(); // the host's processor is not what this thread is told any more
        }
        target.scheduling().affinity(new long[] {mask});
        return 0;
    }

    /** sched_getaffinity(2): the result is the size of the kernel's mask. */
    public static long getaffinity(Task task, SyscallArgs args) throws ErrnoException {
        int length = args.i32(1);
        if ((length & 7) != 0 || Integer.compareUnsigned(length, MASK_BYTES) < 0) {
            throw EINVAL.error();
        }
        int pid = args.i32(0);
        Task target = pid == 0 ? task : task.pidNamespace().task(pid);
        if (target == null) {
            throw ESRCH.error();
        }
        task.memory().writeLong(args.address(2), target.scheduling().affinity()[0]);
        return MASK_BYTES;
    }

    private static long allCpus(Task task) {
        int count = Math.clamp(task.kernel().options().cpuCount(), 1, 64);
        return -1L >>> 64 - count;
    }

    private static boolean mayNice(Task target, int nice) {
        // RLIMIT_NICE counts from 1 (nice 19) to 40 (nice -20).
        return Long.compareUnsigned(20 - nice, target.process().limits().soft(Resource.RLIMIT_NICE)) <= 0;
    }

    /** The tasks that getpriority(2), setpriority(2) and the I/O priorities mean. */
    private static List<Task> chosen(Task task, int which, int who) throws ErrnoException {
        List<Task> tasks = new ArrayList<>(1);
        switch (which) {
            case Sched.PRIO_PROCESS -> {
                Task found = who == 0 ? task : task.pidNamespace().task(who);
                if (found != null) {
                    tasks.add(found);
                }
            }
            case Sched.PRIO_PGRP -> {
                ProcessGroup group = who == 0 ? task.process().group() : task.pidNamespace().group(who);
                if (group != null) {
                    for (GuestProcess process : group.members()) {
                        tasks.addAll(process.tasks());
                    }
                }
            }
            case Sched.PRIO_USER -> {
                int uid = who == 0 ? task.credentials().uid() : who;
                for (GuestProcess process : task.pidNamespace().processes()) {
                    for (Task each : process.tasks()) {
                        if (each.credentials().uid() == uid) {
                            tasks.add(each);
                        }
                    }
                }
            }
            default -> throw EINVAL.error();
        }
        if (tasks.isEmpty()) {
            throw ESRCH.error();
        }
        return tasks;
    }

    /** getpriority(2): 20 minus the least nice value, so that no result is negative. */
    public static long getpriority(Task task, SyscallArgs args) throws ErrnoException {
        int best = Integer.MIN_VALUE;
        for (Task each : chosen(task, args.i32(0), args.i32(1))) {
            best = Math.max(best, 20 - each.scheduling().nice());
        }
        return best;
    }

    /** setpriority(2). */
    public static long setpriority(Task task, SyscallArgs args) throws ErrnoException {
        int nice = Math.clamp(args.i32(2), Sched.PRIO_MIN, 19);
        Credentials own = task.credentials();
        ErrnoException failed = null;
        for (Task each : chosen(task, args.i32(0), args.i32(1))) {
            Credentials other = each.credentials();
            if (other.uid() != own.euid() && other.euid() != own.euid() && !own.has(CAP_SYS_NICE)) {
                failed = EPERM.error();
            } else if (nice < each.scheduling().nice() && !own.has(CAP_SYS_NICE) && !mayNice(each, nice)) {
                failed = EACCES.error();
            } else {
                each.scheduling().nice(nice);
            }
        }
        if (failed != null) {
            throw failed;
        }
        return 0;
    }

    /** ioprio_set(2): which is 1 process, 2 group, 3 user. */
    public static long ioprioSet(Task task, SyscallArgs args) throws ErrnoException {
        int value = args.i32(2);
        int type = value >>> IOPRIO_CLASS_SHIFT & 7;
        int level = value & 7;
        switch (type) {
            case 0 -> {
                if ((value & (1 << IOPRIO_CLASS_SHIFT) - 1) != 0) {
                    throw EINVAL.error();
                }
            }
            case 1 -> {
                if (!task.credentials().has(dev.caisson.abi.Capability.CAP_SYS_ADMIN) && !task.credentials().has(CAP_SYS_NICE)) {
                    throw EPERM.error();
                }
            }
            case 2, 3 -> { }
            default -> throw EINVAL.error();
        }
        if (type != 3 && level != (value & (1 << IOPRIO_CLASS_SHIFT) - 1)) {
            throw EINVAL.error();
        }
        for (Task each : chosen(task, args.i32(0) - 1, args.i32(1))) {
            if (!isSameOwner(task, each) && !task.credentials().has(CAP_SYS_NICE)) {
                throw EPERM.error();
            }
            each.scheduling().ioPriority(value);
        }
        return 0;
    }

    /** ioprio_get(2): what was set for one process; for a group or user the best, where none set is best effort by the nice value. */
    public static long ioprioGet(Task task, SyscallArgs args) throws ErrnoException {
        int best = -1;
        boolean effective = args.i32(0) != IOPRIO_WHO_PROCESS;
        for (Task each : chosen(task, args.i32(0) - 1, args.i32(1))) {
            int value = each.scheduling().ioPriority();
            if (value == 0 && effective) {
                value = 2 << IOPRIO_CLASS_SHIFT | (each.scheduling().nice() + 20) / 5;
            }
            best = best < 0 ? value : Math.min(best, value);
        }
        return best;
    }
}
