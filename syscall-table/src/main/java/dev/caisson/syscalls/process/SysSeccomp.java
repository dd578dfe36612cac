package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Seccomp.SECCOMP_FILTER_FLAG_LOG;
import static dev.caisson.abi.Seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW;
import static dev.caisson.abi.Seccomp.SECCOMP_FILTER_FLAG_TSYNC;
import static dev.caisson.abi.Seccomp.SECCOMP_FILTER_FLAG_TSYNC_ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Seccomp;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.seccomp.SeccompFilters;
import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.seccomp.UserDispatch;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** seccomp(2), and the options of prctl(2) that came before it. */
public final class SysSeccomp {
    /** Sizes of seccomp_notif (80), seccomp_notif_resp (24) and seccomp_data (64), each 2 bytes. */
    private static final byte[] NOTIFICATION_SIZES = {80, 0, 24, 0, 64, 0};
    /** Without listeners: nobody could answer SECCOMP_RET_USER_NOTIF. */
    private static final int FLAGS = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW
            | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;

    /** TASK_SIZE_MAX. */
    private static final long USER_ADDRESSES = 0x7ffffffff000L;

    private SysSeccomp() {}

    /** seccomp(2). */
    public static long seccomp(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        long address = args.address(2);
        switch (args.i32(0)) {
            case Seccomp.SECCOMP_SET_MODE_STRICT -> {
                if (flags != 0 || address != 0) {
                    throw EINVAL.error();
                }
                SeccompFilters.setStrict(task);
                return 0;
            }
            case Seccomp.SECCOMP_SET_MODE_FILTER -> {
                if ((flags & ~FLAGS) != 0) {
                    throw EINVAL.error();
                }
                return SeccompFilters.addFilter(task, address, flags);
            }
            case Seccomp.SECCOMP_GET_ACTION_AVAIL -> {
                if (flags != 0) {
                    throw EINVAL.error();
                }
                return requireAction(task.memory().readInt(address));
            }
            case Seccomp.SECCOMP_GET_NOTIF_SIZES -> {
                if (flags != 0) {
                    throw EINVAL.error();
                }
                task.memory().copyOut(address, MemorySegment.ofArray(NOTIFICATION_SIZES));
                return 0;
            }
            default -> throw EINVAL.error();
        }
    }

    private static long requireAction(int action) throws ErrnoException {
        return switch (action) {
            case Seccomp.SECCOMP_RET_KILL_PROCESS, Seccomp.SECCOMP_RET_KILL_THREAD, Seccomp.SECCOMP_RET_TRAP, Seccomp.SECCOMP_RET_ERRNO,
                    Seccomp.SECCOMP_RET_TRACE, Seccomp.SECCOMP_RET_LOG, Seccomp.SECCOMP_RET_ALLOW -> 0;
            default -> throw EOPNOTSUPP.error();
        };
    }

    /** PR_SET_SECCOMP. */
    static void set(Task task, long mode, long filter) throws ErrnoException {
        if (mode == Seccomp.SECCOMP_MODE_STRICT) {
            SeccompFilters.setStrict(task);
        } else if (mode == Seccomp.SECCOMP_MODE_FILTER) {
            SeccompFilters.addFilter(task, filter, 0);
        } else {
            throw EINVAL.error();
        }
    }

    /** PR_SET_SYSCALL_USER_DISPATCH. */
    static void setUserDispatch(Task task, SyscallArgs args) throws ErrnoException {
        long mode = args.value(1);
        long offset = args.value(2);
        long length = args.value(3);
        long selector = args.value(4);
        if (mode == Prctl.PR_SYS_DISPATCH_OFF) {
            if (offset != 0 || length != 0 || selector != 0) {
                throw EINVAL.error();
            }
            task.userDispatch(null);
        } else if (mode == Prctl.PR_SYS_DISPATCH_ON) {
            if (offset != 0 && Long.compareUnsigned(offset + length, offset) <= 0) {
                throw EINVAL.error();
            }
            if (selector < 0 || selector >= USER_ADDRESSES) {
                throw EFAULT.error();
            }
            task.userDispatch(new UserDispatch(offset, length, selector));
        } else {
            throw EINVAL.error();
        }
    }

    /** PR_GET_SECCOMP. */
    static int mode(Task task) {
        SeccompState state = task.seccomp();
        return state == null ? Seccomp.SECCOMP_MODE_DISABLED : state.mode();
    }
}
