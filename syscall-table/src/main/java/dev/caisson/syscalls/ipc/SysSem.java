package dev.caisson.syscalls.ipc;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.SemaphoreOperation;
import dev.caisson.abi.SemaphoreStatus;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ipc.IpcLimits;
import dev.caisson.kernel.ipc.SemaphoreSet;
import dev.caisson.kernel.ipc.SemaphoreUndo;
import dev.caisson.kernel.ipc.Semaphores;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.wait.Blocker;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** semget(2), semop(2), semtimedop(2), semctl(2). */
public final class SysSem {
    private static final int INFO_BYTES = 40;

    private SysSem() {}

    private static Semaphores semaphores(Task task) {
        return SysShm.namespace(task).semaphores();
    }

    /** semget(2). */
    public static long semget(Task task, SyscallArgs args) throws ErrnoException {
        return semaphores(task).get(args.i32(0), args.i32(1), args.i32(2), task.credentials());
    }

    /** semop(2). */
    public static long semop(Task task, SyscallArgs args) throws ErrnoException {
        return operate(task, args.i32(0), args.address(1), args.value(2) & 0xffffffffL, Blocker.FOREVER);
    }

    /** semtimedop(2). */
    public static long semtimedop(Task task, SyscallArgs args) throws ErrnoException {
        long deadlineNs = Blocker.FOREVER;
        if (args.address(3) != 0) {
            Timespec timeout = task.memory().read(args.address(3), Timespec.CODEC);
            if (!timeout.isValid()) {
                throw EINVAL.error();
            }
            long timeoutNs = timeout.toNanos();
            deadlineNs = timeoutNs > Long.MAX_VALUE / 2 ? Blocker.FOREVER : System.nanoTime() + timeoutNs;
        }
        return operate(task, args.i32(0), args.address(1), args.value(2) & 0xffffffffL, deadlineNs);
    }

    private static long operate(Task task, int id, long address, long count, long deadlineNs) throws ErrnoException {
        if (count < 1 || id < 0) {
            throw EINVAL.error();
        }
        if (count > task.namespaces().ipc().limits().get(IpcLimits.Limit.SEMOPM)) {
            throw E2BIG.error();
        }
        byte[] bytes = new byte[(int) count * SemaphoreOperation.BYTES];
        task.memory().copyIn(address, bytes);
        List<SemaphoreOperation> operations = new ArrayList<>((int) count);
        for (int i = 0; i < count; i++) {
            operations.add(SemaphoreOperation.CODEC.read(MemorySegment.ofArray(bytes), (long) i * SemaphoreOperation.BYTES));
        }
        semaphores(task).operate(id, operations, () -> task.process().attachments().of(SemaphoreUndo.class, SemaphoreUndo::new),
                task.credentials(), task.process().pid(), task, deadlineNs);
        return 0;
    }

    /** semctl(2). */
    public static long semctl(Task task, SyscallArgs args) throws ErrnoException {
        int id = args.i32(0);
        int number = args.i32(1);
        int command = args.i32(2);
        long argument = args.value(3);
        if (id < 0) {
            throw EINVAL.error();
        }
        Semaphores semaphores = semaphores(task);
        switch (command) {
            case Ipc.IPC_INFO, Ipc.SEM_INFO -> {
                return info(task, semaphores, command == Ipc.SEM_INFO, argument);
            }
            case Ipc.IPC_STAT, Ipc.SEM_STAT, Ipc.SEM_STAT_ANY -> {
                boolean bySlot = command != Ipc.IPC_STAT;
                SemaphoreSet set = semaphores.find(id, bySlot, command == Ipc.SEM_STAT_ANY ? 0 : 0444, task.credentials());
                task.memory().write(argument, SemaphoreStatus.CODEC, set.status());
                return bySlot ? set.id() : 0;
            }
            case Ipc.GETVAL, Ipc.GETPID, Ipc.GETNCNT, Ipc.GETZCNT -> {
                return semaphores.ask(id, number, command, task.credentials());
            }
            case Ipc.GETALL -> {
                int[] values = semaphores.values(id, task.credentials());
                MemorySegment array = MemorySegment.ofArray(new byte[values.length * 2]);
                for (int i = 0; i < values.length; i++) {
                    array.set(U16, i * 2L, (short) values[i]);
                }
                task.memory().copyOut(argument, array, 0, array.byteSize());
            }
            case Ipc.SETALL -> {
                int count = semaphores.find(id, false, 0222, task.credentials()).count();
                byte[] bytes = new byte[count * 2];
                task.memory().copyIn(argument, bytes);
                int[] values = new int[count];
                for (int i = 0; i < count; i++) {
                    values[i] = MemorySegment.ofArray(bytes).get(U16, i * 2L) & 0xffff;
                }
                semaphores.setAll(id, values, task.credentials(), task.process().pid());
            }
            case Ipc.SETVAL -> semaphores.set(id, number, (int) argument, task.credentials(), task.process().pid());
            case Ipc.IPC_SET -> semaphores.change(id, task.memory().read(argument, IpcPermissions.CODEC), task.credentials());
            case Ipc.IPC_RMID -> semaphores.remove(id, task.credentials());
            default -> throw EINVAL.error();
        }
        return 0;
    }

    /** struct seminfo: semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem, all ints. */
    private static long info(Task task, Semaphores semaphores, boolean used, long address) throws ErrnoException {
        MemorySegment info = MemorySegment.ofArray(new byte[INFO_BYTES]);
        IpcLimits limits = task.namespaces().ipc().limits();
        int most = limits.intValue(IpcLimits.Limit.SEMMNS);
        info.set(U32, 0, most);
        info.set(U32, 4, limits.intValue(IpcLimits.Limit.SEMMNI));
        info.set(U32, 8, most);
        info.set(U32, 12, most);
        info.set(U32, 16, limits.intValue(IpcLimits.Limit.SEMMSL));
        info.set(U32, 20, limits.intValue(IpcLimits.Limit.SEMOPM));
        info.set(U32, 24, limits.intValue(IpcLimits.Limit.SEMOPM));
        info.set(U32, 28, used ? semaphores.used() : 20);
        info.set(U32, 32, SemaphoreSet.MAX_VALUE);
        info.set(U32, 36, used ? semaphores.total() : SemaphoreSet.MAX_VALUE);
        task.memory().copyOut(address, info, 0, INFO_BYTES);
        return semaphores.highestSlot();
    }
}
