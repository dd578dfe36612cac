package dev.caisson.syscalls.futex;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.futex.RobustList;
import dev.caisson.kernel.futex.TaskFutexes;
import dev.caisson.kernel.syscall.SyscallArgs;

/** set_robust_list(2), get_robust_list(2). */
public final class SysRobustList {
    private SysRobustList() {}

    /** set_robust_list(2). */
    public static long setRobustList(Task task, SyscallArgs args) throws ErrnoException {
        if (args.value(1) != RobustList.HEAD_BYTES) {
            throw EINVAL.error("len");
        }
        TaskFutexes.of(task).robustList(args.address(0));
        return 0;
    }

    /** get_robust_list(2). */
    public static long getRobustList(Task task, SyscallArgs args) throws ErrnoException {
        int tid = args.i32(0);
        Task target = tid == 0 ? task : task.pidNamespace().task(tid);
        if (target == null) {
            throw ESRCH.error();
        }
        if (!PtraceAccess.REAL_IDS.allows(task, target)) {
            throw EPERM.error();
        }
        task.memory().writeLong(args.address(2), RobustList.HEAD_BYTES);
        task.memory().writeLong(args.address(1), TaskFutexes.of(target).robustList());
        return 0;
    }
}
