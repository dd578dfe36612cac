package dev.caisson.spi.wait;

import dev.caisson.abi.ErrnoException;

/**
 * The calling task, as far as code that must wait needs it. The idiom:
 *
 * <pre>
 * Waiter waiter = blocker.waiter();
 * queue.add(waiter, POLLIN);
 * try {
 *     while (!condition()) {
 *         blocker.block(deadlineNs);
 *     }
 * } finally {
 *     queue.remove(waiter);
 * }
 * </pre>
 */
public interface Blocker {
    /** A deadline that never comes. */
    long FOREVER = Long.MAX_VALUE;

    /** {@return the task's waiter: any event makes the next or current {@link #block} return} */
    Waiter waiter();

    /**
     * Sleeps until the waiter was told of an event since the last return. No ranked lock may be held.
     *
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}, or {@link #FOREVER}
     * @return false when the deadline has passed without an event
     * @throws ErrnoException ERESTARTSYS when a signal is to be delivered or the task must reach its safe point; the caller undoes what
     *     it did and lets it pass, or turns it into another restart code or EINTR
     */
    boolean block(long deadlineNs) throws ErrnoException;
}
