package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;
import static dev.caisson.abi.Errno.ERESTART_RESTARTBLOCK;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Resource;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.RestartBlock;
import dev.caisson.kernel.syscall.SyscallArgs;
import java.lang.foreign.MemorySegment;

/**
 * poll(2), ppoll(2).
 * <pre>
 *  struct pollfd (8 bytes)
 *  off size field
 *    0    4 fd
 *    4    2 events
 *    6    2 revents
 * </pre>
 * Source: include/uapi/asm-generic/poll.h.
 */
public final class SysPoll {
    private static final int BYTES = 8, EVENTS = 4, REVENTS = 6;

    private SysPoll() {}

    private record Restart(long address, int count, long deadlineNs) implements RestartBlock {
        @Override
        public long restart(Task task) throws ErrnoException {
            return pollUntil(task, address, count, deadlineNs);
        }
    }

    /** poll(2). */
    public static long poll(Task task, SyscallArgs args) throws ErrnoException {
        return pollUntil(task, args.address(0), args.i32(1), Timeouts.deadlineOfMillis(args.i32(2)));
    }

    private static long pollUntil(Task task, long address, int count, long deadlineNs) throws ErrnoException {
        try {
            return poll(task, address, count, deadlineNs);
        } catch (ErrnoException failure) {
            if (failure.errno() != ERESTARTNOHAND) {
                throw failure;
            }
            task.signals().restartBlock(new Restart(address, count, deadlineNs));
            throw ERESTART_RESTARTBLOCK.error();
        }
    }

    /** ppoll(2). */
    public static long ppoll(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        int count = args.i32(1);
        long timeout = args.address(2);
        long deadlineNs = Timeouts.deadline(task, timeout, Timespec.CODEC);
        Timeouts.suspend(task, args.address(3), args.value(4));
        return Timeouts.finish(task, timeout, Timespec.CODEC, deadlineNs, () -> poll(task, address, count, deadlineNs));
    }

    private static int poll(Task task, long address, int count, long deadlineNs) throws ErrnoException {
        long limit = task.process().limits().soft(Resource.RLIMIT_NOFILE);
        if (count < 0 || Long.compareUnsigned(count, limit) > 0) {
            throw EINVAL.error();
        }
        int bytes = count * BYTES;
        MemorySegment array = bytes <= Task.SCRATCH_BYTES ? task.scratch().asSlice(0, bytes) : MemorySegment.ofArray(new byte[bytes]);
        task.memory().copyIn(address, array, 0, bytes);
        PollSet set = new PollSet(count);
        for (int i = 0; i < count; i++) {
            set.add(array.get(U32, (long) i * BYTES), array.get(U16, (long) i * BYTES + EVENTS) & 0xffff);
        }
        int ready = set.await(task, deadlineNs);
        for (int i = 0; i < count; i++) {
            array.set(U16, (long) i * BYTES + REVENTS, (short) set.found(i));
        }
        task.memory().copyOut(address, array, 0, bytes);
        return ready;
    }
}
