package dev.caisson.syscalls.ipc;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.Resource;
import dev.caisson.abi.SharedMemoryStatus;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ipc.IpcLimits;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.kernel.ipc.SharedMemory;
import dev.caisson.kernel.ipc.SharedSegment;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** shmget(2), shmat(2), shmdt(2), shmctl(2). */
public final class SysShm {
    private static final int INFO_BYTES = 72, SHM_INFO_BYTES = 48;
    /** {@code ULONG_MAX - (1 << 24)}, as /proc/sys/kernel/shmmax has it. */

    private SysShm() {}

    static IpcNamespace namespace(Task task) {
        return task.namespaces().ipc();
    }

    private static SharedMemory memory(Task task) {
        return namespace(task).sharedMemory();
    }

    /** shmget(2). */
    public static long shmget(Task task, SyscallArgs args) throws ErrnoException {
        return memory(task).get(args.i32(0), args.value(1), args.i32(2), task.credentials(), task.process().pid());
    }

    /** shmat(2). */
    public static long shmat(Task task, SyscallArgs args) throws ErrnoException {
        return memory(task).attach(args.i32(0), args.address(1), args.i32(2), task.memory(), task.credentials(), task.process().pid());
    }

    /** shmdt(2). */
    public static long shmdt(Task task, SyscallArgs args) throws ErrnoException {
        memory(task).detach(args.address(0), task.memory(), task.process().pid());
        return 0;
    }

    /** shmctl(2). */
    public static long shmctl(Task task, SyscallArgs args) throws ErrnoException {
        int id = args.i32(0);
        int command = args.i32(1);
        long address = args.address(2);
        if (command < 0 || id < 0) {
            throw EINVAL.error();
        }
        SharedMemory memory = memory(task);
        switch (command) {
            case Ipc.IPC_INFO -> {
                return limits(task, memory, address);
            }
            case Ipc.SHM_INFO -> {
                return totals(task, memory, address);
            }
            case Ipc.IPC_STAT, Ipc.SHM_STAT, Ipc.SHM_STAT_ANY -> {
                boolean bySlot = command != Ipc.IPC_STAT;
                SharedSegment segment = memory.find(id, bySlot, command == Ipc.SHM_STAT_ANY ? 0 : 0444, task.credentials());
                task.memory().write(address, SharedMemoryStatus.CODEC, segment.status());
                return bySlot ? segment.id() : 0;
            }
            case Ipc.IPC_SET -> memory.change(id, task.memory().read(address, IpcPermissions.CODEC), task.credentials());
            case Ipc.IPC_RMID -> memory.remove(id, task.credentials());
            case Ipc.SHM_LOCK, Ipc.SHM_UNLOCK -> memory.lock(id, command == Ipc.SHM_LOCK, task.credentials(),
                    task.process().limits().soft(Resource.RLIMIT_MEMLOCK));
            default -> throw EINVAL.error();
        }
        return 0;
    }

    /** struct shminfo64: shmmax, shmmin, shmmni, shmseg, shmall, four unused words. */
    private static long limits(Task task, SharedMemory memory, long address) throws ErrnoException {
        MemorySegment info = MemorySegment.ofArray(new byte[INFO_BYTES]);
        IpcLimits limits = task.namespaces().ipc().limits();
        info.set(U64, 0, limits.get(IpcLimits.Limit.SHMMAX));
        info.set(U64, 8, 1);
        info.set(U64, 16, limits.get(IpcLimits.Limit.SHMMNI));
        info.set(U64, 24, limits.get(IpcLimits.Limit.SHMMNI));
        info.set(U64, 32, limits.get(IpcLimits.Limit.SHMALL));
        task.memory().copyOut(address, info, 0, INFO_BYTES);
        return memory.highestSlot();
    }

    /** struct shm_info: used_ids (int), shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes. */
    private static long totals(Task task, SharedMemory memory, long address) throws ErrnoException {
        MemorySegment info = MemorySegment.ofArray(new byte[SHM_INFO_BYTES]);
        info.set(U32, 0, memory.used());
        info.set(U64, 8, memory.totalPages());
        info.set(U64, 16, memory.residentPages());
        task.memory().copyOut(address, info, 0, SHM_INFO_BYTES);
        return memory.highestSlot();
    }
}
