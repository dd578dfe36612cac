package dev.caisson.syscalls.futex;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.abi.Time;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.futex.FutexDeadline;
import dev.caisson.kernel.futex.FutexWait;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.WallClock;
import java.lang.foreign.MemorySegment;

/**
 * futex_waitv(2), and futex_wake, futex_wait, futex_requeue of Linux 6.7. Their futexes are described by
 * {@code struct futex_waitv}: val (8 bytes), uaddr (8), flags (4), reserved (4).
 */
public final class SysFutex2 {
    private static final int ENTRY_BYTES = 24;
    private static final int KNOWN_FLAGS = Futex.FUTEX_32 | Futex.FUTEX_PRIVATE_FLAG;

    private SysFutex2() {}

    /** futex_waitv(2). */
    public static long futexWaitv(Task task, SyscallArgs args) throws ErrnoException {
        long waiters = args.address(0);
        int count = args.i32(1);
        if (args.i32(2) != 0 || count <= 0 || count > Futex.FUTEX_WAITV_MAX || waiters == 0) {
            throw EINVAL.error();
        }
        FutexDeadline deadline = deadline(task, args.address(3), args.i32(4));
        MemorySegment entries = entries(task, waiters, count);
        FutexWait.Word[] words = new FutexWait.Word[count];
        for (int i = 0; i < count; i++) {
            long at = (long) i * ENTRY_BYTES;
            int flags = entries.get(U32, at + 16);
            checkFlags(flags);
            if (entries.get(U32, at + 20) != 0 || entries.get(U64, at) >>> 32 != 0) {
                throw EINVAL.error("not a 32-bit futex");
            }
            words[i] = new FutexWait.Word(entries.get(U64, at + 8), (flags & Futex.FUTEX_PRIVATE_FLAG) == 0, (int) entries.get(U64, at));
        }
        return FutexWait.awaitAny(task, words, deadline);
    }

    /** futex_wake(2). */
    public static long futexWake(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        checkFlags(flags);
        return task.kernel().futexes().wake(task.memory(), args.address(0), (flags & Futex.FUTEX_PRIVATE_FLAG) == 0, args.i32(2),
                mask(args.value(1)));
    }

    /** futex_wait(2). */
    public static long futexWait(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        checkFlags(flags);
        int mask = mask(args.value(2));
        if (args.value(1) >>> 32 != 0) {
            throw EINVAL.error("val");
        }
        FutexDeadline deadline = deadline(task, args.address(4), args.i32(5));
        return FutexWait.await(task, args.address(0), (flags & Futex.FUTEX_PRIVATE_FLAG) == 0, (int) args.value(1), mask, deadline);
    }

    /** futex_requeue(2). */
    public static long futexRequeue(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(1) != 0) {
            throw EINVAL.error("flags");
        }
        int wakeLimit = args.i32(2);
        int moveLimit = args.i32(3);
        MemorySegment entries = entries(task, args.address(0), 2);
        int fromFlags = entries.get(U32, 16);
        int toFlags = entries.get(U32, ENTRY_BYTES + 16);
        checkFlags(fromFlags);
        checkFlags(toFlags);
        if (entries.get(U64, 0) >>> 32 != 0 || entries.get(U32, 20) != 0 || entries.get(U32, ENTRY_BYTES + 20) != 0
                || ((fromFlags ^ toFlags) & Futex.FUTEX_PRIVATE_FLAG) != 0) {
            throw EINVAL.error();
        }
        long from = entries.get(U64, 8);
        long to = entries.get(U64, ENTRY_BYTES + 8);
        int expected = (int) entries.get(U64, 0);
        return task.kernel().futexes().requeue(task.memory(), from, to, (fromFlags & Futex.FUTEX_PRIVATE_FLAG) == 0, wakeLimit, moveLimit,
                true, expected);
    }

    private static MemorySegment entries(Task task, long address, int count) throws ErrnoException {
        MemorySegment entries = task.scratch().asSlice(0, (long) count * ENTRY_BYTES);
        task.copyIn(address, entries);
        return entries;
    }

    private static void checkFlags(int flags) throws ErrnoException {
        if ((flags & ~KNOWN_FLAGS) != 0 || (flags & 3) != Futex.FUTEX_32) {
            throw EINVAL.error("flags");
        }
    }

    private static int mask(long mask) throws ErrnoException {
        if (mask == 0 || mask >>> 32 != 0) {
            throw EINVAL.error("mask");
        }
        return (int) mask;
    }

    private static FutexDeadline deadline(Task task, long address, int clock) throws ErrnoException {
        if (address == 0) {
            return FutexDeadline.NONE;
        }
        if (clock != Time.CLOCK_MONOTONIC && clock != Time.CLOCK_REALTIME) {
            throw EINVAL.error("clockid");
        }
        Timespec timeout = task.memory().read(address, Timespec.CODEC);
        if (!timeout.isValid()) {
            throw EINVAL.error("timeout");
        }
        return new FutexDeadline(task.kernel().clocks(), clock == Time.CLOCK_REALTIME,
                task.process().set().time().toSandbox(WallClock.of(clock), timeout.toNanos()));
    }
}
