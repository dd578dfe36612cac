package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Mman;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.memory.MemoryManager;
import dev.caisson.syscalls.process.SysPidFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** process_vm_readv(2), process_vm_writev(2), process_madvise(2). */
public final class SysProcessMemory {
    private static final int MOST_VECTORS = 1024;
    private static final int CHUNK_BYTES = 64 << 10;

    private SysProcessMemory() {}

    /** process_vm_readv(2). */
    public static long readv(Task task, SyscallArgs args) throws ErrnoException {
        return transfer(task, args, false);
    }

    /** process_vm_writev(2). */
    public static long writev(Task task, SyscallArgs args) throws ErrnoException {
        return transfer(task, args, true);
    }

    /** process_madvise(2): hints only, so that nothing the other process has is lost. */
    public static long madvise(Task task, SyscallArgs args) throws ErrnoException {
        int advice = args.i32(3);
        if (args.i32(4) != 0) {
            throw EINVAL.error();
        }
        long[] vectors = vectors(task, args.address(1), args.value(2));
        GuestProcess process = SysPidFd.process(task, args.fd(0));
        Task target = process.leader();
        if (target == null || process.isZombie()) {
            throw ESRCH.error();
        }
        if (advice != Mman.MADV_COLD && advice != Mman.MADV_PAGEOUT && advice != Mman.MADV_WILLNEED) {
            throw EINVAL.error();
        }
        MemoryManager memory = process.memory();
        if (memory == null) {
            throw ESRCH.error();
        }
        if (!PtraceAccess.FILE_SYSTEM_IDS.allows(task, target)) {
            throw EACCES.error();
        }
        if (!task.credentials().has(Capability.CAP_SYS_NICE)) {
            throw EPERM.error();
        }
        long done = 0;
        for (int i = 0; i < vectors.length; i += 2) {
            try {
                memory.advise(vectors[i], vectors[i + 1], advice);
            } catch (ErrnoException refused) {
                if (done == 0) {
                    throw refused;
                }
                return done;
            }
            done += vectors[i + 1];
        }
        return done;
    }

    private static long transfer(Task task, SyscallArgs args, boolean write) throws ErrnoException {
        int pid = args.i32(0);
        if (args.value(5) != 0) {
            throw EINVAL.error("process_vm: no flags are defined");
        }
        long[] local = vectors(task, args.address(1), args.value(2));
        long[] remote = vectors(task, args.address(3), args.value(4));
        long localBytes = total(local);
        if (localBytes == 0 || remote.length == 0) {
            return 0;
        }
        Task target = task.pidNamespace().task(pid);
        MemoryManager memory = target == null ? null : target.memory();
        if (memory == null) {
            throw ESRCH.error();
        }
        if (!PtraceAccess.REAL_IDS.allows(task, target)) {
            throw EPERM.error();
        }
        try (Arena arena = Arena.ofConfined()) {
            return copy(task.memory(), local, memory, remote, write, arena.allocate(CHUNK_BYTES, 8));
        }
    }

    /** Copies piece by piece; a fault ends it with what was done, or EFAULT. */
    private static long copy(MemoryManager own, long[] local, MemoryManager other, long[] remote, boolean write, MemorySegment chunk)
            throws ErrnoException {
        long done = 0;
        int l = 0;
        int r = 0;
        long localAt = 0;
        long remoteAt = 0;
        while (l < local.length && r < remote.length) {
            long step = Math.min(Math.min(local[l + 1] - localAt, remote[r + 1] - remoteAt), CHUNK_BYTES);
            if (step > 0) {
                long from = write ? local[l] + localAt : remote[r] + remoteAt;
                long to = write ? remote[r] + remoteAt : local[l] + localAt;
                long got = (write ? own : other).copyInSome(from, chunk, 0, step);
                try {
                    (write ? other : own).copyOut(to, chunk, 0, got);
                } catch (ErrnoException fault) {
                    got = 0;
                }
                done += got;
                if (got < step) {
                    break;
                }
                localAt += step;
                remoteAt += step;
            }
            if (localAt == local[l + 1]) {
                l += 2;
                localAt = 0;
            }
            if (remoteAt == remote[r + 1]) {
                r += 2;
                remoteAt = 0;
            }
        }
        if (done == 0 && total(remote) > 0) {
            throw EFAULT.error();
        }
        return done;
    }

    /** Pairs of address and length, checked as import_iovec() does. */
    private static long[] vectors(Task task, long address, long count) throws ErrnoException {
        if (count < 0 || count > MOST_VECTORS) {
            throw EINVAL.error("process_vm: too many vectors");
        }
        long[] pairs = new long[(int) count * 2];
        byte[] bytes = new byte[pairs.length * 8];
        task.memory().copyIn(address, bytes);
        MemorySegment.copy(MemorySegment.ofArray(bytes), Layouts.U64, 0, pairs, 0, pairs.length);
        long sum = 0;
        for (int i = 1; i < pairs.length; i += 2) {
            sum += pairs[i];
            if (pairs[i] < 0 || sum < 0) {
                throw EINVAL.error("process_vm: length overflows");
            }
        }
        return pairs;
    }

    private static long total(long[] pairs) {
        long sum = 0;
        for (int i = 1; i < pairs.length; i += 2) {
            sum += pairs[i];
        }
        return sum;
    }
}
