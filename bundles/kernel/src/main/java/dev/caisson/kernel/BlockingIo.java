package dev.caisson.kernel;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FileDescription;

/** Waiting for files that answer {@link OpenFile#WOULD_BLOCK}. */
public final class BlockingIo {
    /** One try. */
    @FunctionalInterface
    public interface Operation {
        /**
         * Tries.
         *
         * @return the result, or {@link OpenFile#WOULD_BLOCK}
         * @throws ErrnoException the error for the guest
         */
        long attempt() throws ErrnoException;
    }

    private BlockingIo() {}

    /**
     * Tries until the operation has a result, sleeping in between; at once EAGAIN when the description is O_NONBLOCK.
     *
     * @param task the caller
     * @param description whose wait queue tells when to try again
     * @param mask poll(2) events to wait for
     * @param operation what to try
     * @return its result
     * @throws ErrnoException EAGAIN, ERESTARTSYS, and what the operation fails with
     */
    public static long untilReady(Task task, FileDescription description, int mask, Operation operation) throws ErrnoException {
        return untilReady(task, description, mask, Task.FOREVER, operation);
    }

    /**
     * As {@link #untilReady(Task, FileDescription, int, Operation)}, with a limit.
     *
     * @param task the caller
     * @param description whose wait queue tells when to try again
     * @param mask poll(2) events to wait for
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @param operation what to try
     * @return its result
     * @throws ErrnoException EAGAIN also when the deadline has passed, ERESTARTSYS, and what the operation fails with
     */
    public static long untilReady(Task task, FileDescription description, int mask, long deadlineNs, Operation operation)
            throws ErrnoException {
        long result = operation.attempt();
        if (result != OpenFile.WOULD_BLOCK) {
            return result;
        }
        if (description.isNonBlocking()) {
            throw EAGAIN.error();
        }
        return wait(task, description.waitQueue(), mask, deadlineNs, operation);
    }

    /**
     * Sleeps and tries until the operation has a result.
     *
     * @param task the caller
     * @param queue tells when to try again
     * @param mask poll(2) events to wait for
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @param operation what to try
     * @return its result
     * @throws ErrnoException EAGAIN when the deadline has passed, ERESTARTSYS, and what the operation fails with
     */
    public static long wait(Task task, WaitQueue queue, int mask, long deadlineNs, Operation operation) throws ErrnoException {
        if (queue == null) {
            throw EAGAIN.error("a file that is always ready would block");
        }
        queue.add(task.waiter(), mask);
        try {
            for (;;) {
                long result = operation.attempt();
                if (result != OpenFile.WOULD_BLOCK) {
                    return result;
                }
                if (!task.block(deadlineNs)) {
                    result = operation.attempt();
                    if (result != OpenFile.WOULD_BLOCK) {
                        return result;
                    }
                    throw EAGAIN.error();
                }
            }
        } finally {
            queue.remove(task.waiter());
        }
    }

    /**
     * As {@link #wait}, for a file that may have a timeout of its own (SO_RCVTIMEO, SO_SNDTIMEO): with one, an interrupted wait is not restarted,
     * since the timeout would begin anew.
     *
     * @param task the caller
     * @param queue tells when to try again
     * @param mask poll(2) events to wait for
     * @param limited whether there is a timeout
     * @param deadlineNs when it is over, on the clock of {@link System#nanoTime}
     * @param operation what to try
     * @return its result
     * @throws ErrnoException EAGAIN when the deadline has passed, EINTR or ERESTARTSYS, and what the operation fails with
     */
    public static long waitLimited(Task task, WaitQueue queue, int mask, boolean limited, long deadlineNs, Operation operation)
            throws ErrnoException {
        try {
            return wait(task, queue, mask, deadlineNs, operation);
        } catch (ErrnoException failure) {
            throw limited && failure.errno() == ERESTARTSYS ? EINTR.error() : failure;
        }
    }
}
