package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;

/** Memory policies on a machine of one node: set_mempolicy(2), get_mempolicy(2), mbind(2). */
public final class SysNuma {
    private static final int MPOL_MAX = 6;
    private static final int MODE_FLAGS = 1 << 13 | 1 << 14 | 1 << 15;
    private static final int GET_FLAGS = 7;

    private SysNuma() {}

    /** set_mempolicy(2): every policy comes to the same on one node. */
    public static long setMempolicy(Task task, SyscallArgs args) throws ErrnoException {
        checkMode(args.i32(0));
        return 0;
    }

    /** mbind(2). */
    public static long mbind(Task task, SyscallArgs args) throws ErrnoException {
        if ((args.address(0) & 4095) != 0 || (args.i32(5) & ~7) != 0) {
            throw EINVAL.error("mbind: address or flags");
        }
        checkMode(args.i32(2));
        return 0;
    }

    /** get_mempolicy(2): the default policy, node 0. */
    public static long getMempolicy(Task task, SyscallArgs args) throws ErrnoException {
        if ((args.value(4) & ~(long) GET_FLAGS) != 0) {
            throw EINVAL.error("get_mempolicy: unknown flag");
        }
        if (args.address(0) != 0) {
            task.memory().writeInt(args.address(0), 0);
        }
        long bits = args.value(2);
        if (args.address(1) != 0 && bits > 0) {
            task.memory().clear(args.address(1), Math.min((bits + 63) / 64 * 8, 4096));
            if ((args.value(4) & 4) != 0) {
                task.memory().writeLong(args.address(1), 1);
            }
        }
        return 0;
    }

    private static void checkMode(int mode) throws ErrnoException {
        int policy = mode & ~MODE_FLAGS;
        if (policy < 0 || policy > MPOL_MAX) {
            throw EINVAL.error("no such memory policy");
        }
    }
}
