package dev.caisson.syscalls.futex;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.futex.FutexDeadline;
import dev.caisson.kernel.futex.FutexTable;
import dev.caisson.kernel.futex.FutexWait;
import dev.caisson.kernel.futex.PiFutexes;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.WallClock;

/** futex(2). The queues are {@link FutexTable}'s. */
public final class SysFutex {
    private SysFutex() {}

    /** futex(2). */
    public static long futex(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        int operation = args.i32(1);
        int value = args.i32(2);
        long timeoutAddress = args.address(3);
        long second = args.address(4);
        int third = args.i32(5);

        int command = operation & Futex.FUTEX_CMD_MASK;
        boolean shared = (operation & Futex.FUTEX_PRIVATE_FLAG) == 0;
        boolean realtime = (operation & Futex.FUTEX_CLOCK_REALTIME) != 0;
        FutexDeadline deadline = hasTimeout(command) && timeoutAddress != 0
                ? deadline(task, timeoutAddress, command, realtime) : FutexDeadline.NONE;
        if (realtime && command != Futex.FUTEX_WAIT_BITSET && command != Futex.FUTEX_WAIT_REQUEUE_PI
                && command != Futex.FUTEX_LOCK_PI2) {
            throw ENOSYS.error("FUTEX_CLOCK_REALTIME");
        }
        FutexTable table = task.kernel().futexes();
        int limit = (int) timeoutAddress;
        return switch (command) {
            case Futex.FUTEX_WAIT -> FutexWait.await(task, address, shared, value, Futex.FUTEX_BITSET_MATCH_ANY, deadline);
            case Futex.FUTEX_WAIT_BITSET -> FutexWait.await(task, address, shared, value, bitset(third), deadline);
            case Futex.FUTEX_WAKE -> table.wake(task.memory(), address, shared, value, Futex.FUTEX_BITSET_MATCH_ANY);
            case Futex.FUTEX_WAKE_BITSET -> table.wake(task.memory(), address, shared, value, bitset(third));
            case Futex.FUTEX_REQUEUE -> table.requeue(task.memory(), address, second, shared, value, limit, false, 0);
            case Futex.FUTEX_CMP_REQUEUE -> table.requeue(task.memory(), address, second, shared, value, limit, true, third);
            case Futex.FUTEX_WAKE_OP -> table.wakeOp(task.memory(), address, second, shared, value, limit, third);
            default -> priorityInheritance(task, command, address, shared, value, limit, second, third, deadline);
        };
    }

    private static long priorityInheritance(Task task, int command, long address, boolean shared, int value, int limit, long second,
            int third, FutexDeadline deadline) throws ErrnoException {
        PiFutexes locks = task.kernel().futexes().locks();
        switch (command) {
            case Futex.FUTEX_LOCK_PI, Futex.FUTEX_LOCK_PI2 -> locks.lock(task, address, shared, deadline, false);
            case Futex.FUTEX_TRYLOCK_PI -> locks.lock(task, address, shared, FutexDeadline.NONE, true);
            case Futex.FUTEX_UNLOCK_PI -> locks.unlock(task, address, shared);
            case Futex.FUTEX_WAIT_REQUEUE_PI -> locks.waitRequeue(task, address, shared, value, Futex.FUTEX_BITSET_MATCH_ANY, deadline,
                    second);
            case Futex.FUTEX_CMP_REQUEUE_PI -> {
                return locks.requeue(task, address, second, shared, value, limit, third);
            }
            // FUTEX_FD was removed in Linux 2.6.26.
            default -> throw ENOSYS.error("futex operation");
        }
        return 0;
    }

    private static boolean hasTimeout(int command) {
        return switch (command) {
            case Futex.FUTEX_WAIT, Futex.FUTEX_LOCK_PI, Futex.FUTEX_LOCK_PI2, Futex.FUTEX_WAIT_BITSET,
                    Futex.FUTEX_WAIT_REQUEUE_PI -> true;
            default -> false;
        };
    }

    private static FutexDeadline deadline(Task task, long address, int command, boolean realtime) throws ErrnoException {
        Timespec timeout = task.memory().read(address, Timespec.CODEC);
        if (!timeout.isValid()) {
            throw EINVAL.error("timeout");
        }
        long ns = timeout.toNanos();
        if (command == Futex.FUTEX_WAIT) {
            long at = task.kernel().clocks().monotonicNs() + ns;
            return new FutexDeadline(task.kernel().clocks(), false, at < 0 ? Long.MAX_VALUE : at);
        }
        // FUTEX_LOCK_PI has always used the real-time clock.
        return new FutexDeadline(task.kernel().clocks(), realtime || command == Futex.FUTEX_LOCK_PI,
                realtime || command == Futex.FUTEX_LOCK_PI ? ns : task.process().set().time().toSandbox(WallClock.MONOTONIC, ns));
    }

    private static int bitset(int bits) throws ErrnoException {
        if (bits == 0) {
            throw EINVAL.error("empty bitset");
        }
        return bits;
    }
}
