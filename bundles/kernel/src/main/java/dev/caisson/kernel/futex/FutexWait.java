package dev.caisson.kernel.futex;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.ERESTART_RESTARTBLOCK;
import static dev.caisson.abi.Errno.ETIMEDOUT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Futex;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.RestartBlock;

/** Waiting on futexes as system calls do it, with their restarts. */
public final class FutexWait {
    private FutexWait() {}

    /** How an interrupted wait with a deadline goes on. */
    private record Restart(long address, boolean shared, int expected, int bitset, FutexDeadline deadline) implements RestartBlock {
        @Override
        public long restart(Task task) throws ErrnoException {
            return FutexWait.await(task, address, shared, expected, bitset, deadline);
        }
    }

    /**
     * FUTEX_WAIT and FUTEX_WAIT_BITSET.
     *
     * @param task the caller
     * @param address the word
     * @param shared whether other address spaces may wake
     * @param expected the value the word must have
     * @param bitset which wakers count, not 0
     * @param deadline when to give up
     * @return 0
     * @throws ErrnoException EAGAIN, EFAULT, EINVAL, ETIMEDOUT, or a restart code
     */
    public static long await(Task task, long address, boolean shared, int expected, int bitset, FutexDeadline deadline)
            throws ErrnoException {
        FutexWaiter waiter = TaskFutexes.of(task).waiter;
        try {
            task.kernel().futexes().await(waiter, task, task.memory(), address, shared, expected, bitset, deadline);
            return 0;
        } catch (ErrnoException failed) {
            if (failed.errno() == ERESTARTSYS && deadline.isSet()) {
                task.signals().restartBlock(new Restart(address, shared, expected, bitset, deadline));
                throw ERESTART_RESTARTBLOCK.error();
            }
            throw failed;
        }
    }

    /**
     * One futex of futex_waitv(2).
     *
     * @param address the word
     * @param shared whether other address spaces may wake
     * @param expected the value the word must have
     */
    public record Word(long address, boolean shared, int expected) {}

    /**
     * futex_waitv(2): waits for the first of several.
     *
     * @param task the caller
     * @param words the futexes
     * @param deadline when to give up
     * @return the index of one that was woken
     * @throws ErrnoException EAGAIN, EFAULT, EINVAL, ETIMEDOUT, ERESTARTSYS
     */
    public static int awaitAny(Task task, Word[] words, FutexDeadline deadline) throws ErrnoException {
        FutexTable table = task.kernel().futexes();
        FutexWaiter[] waiters = new FutexWaiter[words.length];
        for (int i = 0; i < words.length; i++) {
            waiters[i] = new FutexWaiter(task.waiter(), task);
            waiters[i].prepare(FutexTable.key(task.memory(), words[i].address, words[i].shared), words[i].address,
                    Futex.FUTEX_BITSET_MATCH_ANY);
        }
        int queued = 0;
        int woken = -1;
        ErrnoException failure = null;
        try {
            while (queued < waiters.length) {
                table.enqueue(waiters[queued], task.memory(), words[queued].expected);
                queued++;
            }
            while (firstWoken(waiters) < 0) {
                if (!task.block(deadline.hostNs()) && deadline.hasPassed()) {
                    throw ETIMEDOUT.error();
                }
            }
        } catch (ErrnoException stopped) {
            failure = stopped;
        }
        for (int i = 0; i < queued; i++) {
            if (!table.dequeue(waiters[i])) {
                woken = i;
            }
        }
        // As in Linux, a wake-up counts more than whatever else ended the wait.
        if (woken >= 0) {
            return woken;
        }
        throw failure != null ? failure : EAGAIN.error();
    }

    private static int firstWoken(FutexWaiter[] waiters) {
        for (int i = 0; i < waiters.length; i++) {
            if (waiters[i].bucket == null) {
                return i;
            }
        }
        return -1;
    }
}
