package dev.caisson.kernel.futex;

import dev.caisson.kernel.Task;
import dev.caisson.memory.FutexKey;
import dev.caisson.spi.wait.Waiter;

/** One task that waits on one futex. Reused for all waits of the task; futex_waitv(2) makes more. */
final class FutexWaiter {
    /** Whom to wake; null in no case while queued. */
    final Waiter waiter;
    /** The task, for PI futexes; null in tests of plain ones. */
    final Task task;
    FutexKey key;
    /** {@link dev.caisson.kernel.TaskScheduling#urgency} of the task when it began to wait. */
    int priority;
    int bitset;
    /** The word's address in the task's memory; follows a requeue. */
    long address;
    /** Where it is queued, null when it is not: it was woken, or never slept. Written under the bucket's lock. */
    volatile FutexBucket bucket;
    FutexWaiter next;
    FutexWaiter previous;

    /** The lock it wants; null for a plain wait. */
    PiState pi;
    /** FUTEX_WAIT_REQUEUE_PI: the lock it lets itself be moved to; else null. */
    FutexKey requeueKey;
    long requeueAddress;
    /** It owns the lock now: somebody handed it over. Written under the bucket's lock, read after the wake-up. */
    boolean acquired;

    FutexWaiter(Waiter waiter, Task task) {
        this.waiter = waiter;
        this.task = task;
    }

    void prepare(FutexKey newKey, long newAddress, int newBitset) {
        key = newKey;
        address = newAddress;
        bitset = newBitset;
        priority = task == null ? 0 : task.scheduling().urgency();
        pi = null;
        requeueKey = null;
        acquired = false;
    }
}
