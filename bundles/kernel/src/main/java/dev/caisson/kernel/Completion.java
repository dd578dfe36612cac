package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.wait.WaitQueue;

/** Something that happens once, for which a task waits. */
final class Completion {
    private final WaitQueue queue = new WaitQueue();
    private volatile boolean done;

    /** It has happened. Any thread. */
    void complete() {
        done = true;
        queue.notify(1);
    }

    /**
     * Waits; only death ends the wait early.
     *
     * @param task the calling task
     * @throws ErrnoException ERESTARTSYS when the task is to leave
     */
    void awaitKillable(Task task) throws ErrnoException {
        queue.add(task.waiter(), 1);
        try {
            while (!done) {
                task.blockKillable(Task.FOREVER);
            }
        } finally {
            queue.remove(task.waiter());
        }
    }
}
