package dev.caisson.syscalls.memory;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mman;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/** madvise(2), msync(2), mincore(2), mlock(2) and their kin. */
public final class SysMadvise {
    private static final long PAGE_BYTES = 4096;
    /** Pages of mincore(2) handled in one go: one page of answers, like Linux. */
    private static final int CHUNK_PAGES = 4096;

    private SysMadvise() {}

    /** madvise(2). */
    public static long madvise(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().advise(args.address(0), args.value(1), args.i32(2));
        return 0;
    }

    /** mseal(2). */
    public static long mseal(Task task, SyscallArgs args) throws ErrnoException {
        if (args.value(2) != 0) {
            throw EINVAL.error("no flags are defined");
        }
        task.memory().seal(args.address(0), args.value(1));
        return 0;
    }

    /** msync(2). */
    public static long msync(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().sync(args.address(0), args.value(1), args.i32(2));
        return 0;
    }

    /** mincore(2). */
    public static long mincore(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        long length = args.value(1);
        if ((address & PAGE_BYTES - 1) != 0) {
            throw EINVAL.error("mincore: address is not page aligned");
        }
        long limit = task.memory().layout().addressLimit;
        if (length < 0 || address < 0 || address > limit || length > limit - address) {
            throw ENOMEM.error();
        }
        long pages = (length + PAGE_BYTES - 1) / PAGE_BYTES;
        long vector = args.address(2);
        if (vector < 0 || vector > limit - pages) {
            throw EFAULT.error();
        }
        byte[] chunk = new byte[(int) Math.min(pages, CHUNK_PAGES)];
        for (long done = 0; done < pages; done += chunk.length) {
            int count = (int) Math.min(pages - done, chunk.length);
            task.memory().residency(address + done * PAGE_BYTES, count, chunk);
            task.memory().copyOut(vector + done, MemorySegment.ofArray(chunk), 0, count);
        }
        return 0;
    }

    /** mlock(2). */
    public static long mlock(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().lock(args.address(0), args.value(1), false);
        return 0;
    }

    /** mlock2(2). */
    public static long mlock2(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        if ((flags & ~Mman.MLOCK_ONFAULT) != 0) {
            throw EINVAL.error("mlock2: unknown flag");
        }
        task.memory().lock(args.address(0), args.value(1), flags != 0);
        return 0;
    }

    /** munlock(2). */
    public static long munlock(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().unlock(args.address(0), args.value(1));
        return 0;
    }

    /** mlockall(2). */
    public static long mlockall(Task task, SyscallArgs args) throws ErrnoException {
        task.memory().lockAll(args.i32(0));
        return 0;
    }

    /** munlockall(2). */
    public static long munlockall(Task task, SyscallArgs args) {
        task.memory().unlockAll();
        return 0;
    }
}
