package dev.caisson.kernel.futex;

import dev.caisson.memory.FutexKey;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;

/**
 * The waiters whose keys share a hash: by real-time priority, then in order of arrival. All but {@link #count} is guarded by
 * {@link #lock}.
 */
final class FutexBucket {
    final RankedLock lock = RankedLock.of(LockRank.FUTEX);
    final int index;
    FutexWaiter head;
    FutexWaiter tail;
    /** How many wait; read without the lock by wakers that then need not take it. */
    volatile int count;

    FutexBucket(int index) {
        this.index = index;
    }

    void addLocked(FutexWaiter waiter) {
        FutexWaiter before = tail;
        while (before != null && before.priority < waiter.priority) {
            before = before.previous;
        }
        FutexWaiter after = before == null ? head : before.next;
        waiter.previous = before;
        waiter.next = after;
        if (before == null) {
            head = waiter;
        } else {
            before.next = waiter;
        }
        if (after == null) {
            tail = waiter;
        } else {
            after.previous = waiter;
        }
        count++;
        waiter.bucket = this;
    }

    /** Counts somebody who may be about to wait. */
    void comingLocked(int change) {
        count += change;
    }

    /** Takes a waiter out; it is not woken yet. */
    void removeLocked(FutexWaiter waiter) {
        if (waiter.previous == null) {
            head = waiter.next;
        } else {
            waiter.previous.next = waiter.next;
        }
        if (waiter.next == null) {
            tail = waiter.previous;
        } else {
            waiter.next.previous = waiter.previous;
        }
        waiter.next = null;
        waiter.previous = null;
        count--;
        waiter.bucket = null;
    }

    /** Takes a waiter out and wakes it. */
    void wakeLocked(FutexWaiter waiter) {
        removeLocked(waiter);
        waiter.waiter.onEvent(0);
    }

    FutexWaiter firstLocked(FutexKey key) {
        for (FutexWaiter waiter = head; waiter != null; waiter = waiter.next) {
            if (waiter.key.equals(key)) {
                return waiter;
            }
        }
        return null;
    }
}
