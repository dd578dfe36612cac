package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERESTARTNOHAND;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.StructCodec;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.spi.wait.Blocker;

/** Timeouts and signal masks of poll, select and epoll_wait, as fs/select.c treats them. */
final class Timeouts {
    private static final long MILLISECOND_NS = 1_000_000;
    private static final long MASK_BYTES = 8;

    /** A call that is at its end: what it gives the guest. */
    @FunctionalInterface
    interface Call {
        int run() throws ErrnoException;
    }

    private Timeouts() {}

    /** When a timeout in milliseconds is over; negative ones never are. */
    static long deadlineOfMillis(long timeout) {
        return timeout < 0 ? Blocker.FOREVER : deadlineAfter(timeout * MILLISECOND_NS);
    }

    /** personality(2): timeouts stay as they were, and so a call cannot be made again with what is left. */
    private static final int STICKY_TIMEOUTS = 0x4000000;

    static long deadlineAfter(long timeoutNs) {
        if (timeoutNs == 0) {
            return 0;
        }
        long now = System.nanoTime();
        return timeoutNs >= Long.MAX_VALUE / 2 ? Blocker.FOREVER : now + timeoutNs;
    }

    /** The deadline of a timespec or timeval in guest memory; address 0 means never. EFAULT, EINVAL. */
    static long deadline(Task task, long address, StructCodec<Timespec> codec) throws ErrnoException {
        if (address == 0) {
            return Blocker.FOREVER;
        }
        Timespec timeout = task.memory().read(address, codec);
        if (!timeout.isValid()) {
            throw EINVAL.error();
        }
        return deadlineAfter(timeout.toNanos());
    }

    /** Sleeps for the next event; false when there was none in time. Immediate deadlines are 0. */
    static boolean sleep(Task task, long deadlineNs) throws ErrnoException {
        return deadlineNs != 0 && task.block(deadlineNs);
    }

    /** Blocks other signals during the call; 0 leaves the mask alone. EINVAL, EFAULT. */
    static void suspend(Task task, long maskAddress, long maskBytes) throws ErrnoException {
        if (maskAddress == 0) {
            return;
        }
        if (maskBytes != MASK_BYTES) {
            throw EINVAL.error();
        }
        task.signals().suspendWith(task.memory().readLong(maskAddress));
    }

    /** The end of ppoll, select and pselect6: the guest gets the rest of its timeout, and its signal mask unless a signal is next. */
    static long finish(Task task, long address, StructCodec<Timespec> codec, long deadlineNs, Call call) throws ErrnoException {
        boolean restart = false;
        try {
            return call.run();
        } catch (ErrnoException failure) {
            restart = failure.errno() == ERESTARTNOHAND;
            throw restart && !writeRest(task, address, codec, deadlineNs) ? EINTR.error() : failure;
        } finally {
            if (!restart) {
                task.signals().restoreMask();
                writeRest(task, address, codec, deadlineNs);
            }
        }
    }

    private static boolean writeRest(Task task, long address, StructCodec<Timespec> codec, long deadlineNs) {
        if ((task.personality() & STICKY_TIMEOUTS) != 0) {
            return false;
        }
        if (address == 0 || deadlineNs == Blocker.FOREVER) {
            return true;
        }
        long rest = deadlineNs == 0 ? 0 : Math.max(0, deadlineNs - System.nanoTime());
        try {
            task.memory().write(address, codec, Timespec.ofNanos(rest));
            return true;
        } catch (ErrnoException fault) {
            return false;
        }
    }
}
