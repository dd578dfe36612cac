package dev.caisson.kernel.futex;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FutexBucketTest {
    private final FutexBucket bucket = new FutexBucket(0);
    private final List<FutexWaiter> waiters = new ArrayList<>();

    private void add(int... priorities) {
        for (int priority : priorities) {
            FutexWaiter waiter = new FutexWaiter(events -> { }, null);
            waiter.priority = priority;
            waiters.add(waiter);
            bucket.addLocked(waiter);
        }
    }

    private List<Integer> order() {
        List<Integer> order = new ArrayList<>();
        FutexWaiter last = null;
        for (FutexWaiter waiter = bucket.head; waiter != null; waiter = waiter.next) {
            assertEquals(last, waiter.previous);
            order.add(waiters.indexOf(waiter));
            last = waiter;
        }
        assertEquals(last, bucket.tail);
        return order;
    }

    @Test
    void equalsStandInOrderOfArrival() {
        add(0, 0, 0);
        assertEquals(List.of(0, 1, 2), order());
    }

    @Test
    void higherPrioritiesStandBeforeLowerOnes() {
        add(0, 5, 1, 5, 99, 0);
        assertEquals(List.of(4, 1, 3, 2, 0, 5), order());
    }

    @Test
    void anyoneMayLeave() {
        add(0, 5, 1);
        bucket.removeLocked(waiters.get(1));
        assertEquals(List.of(2, 0), order());
        bucket.removeLocked(waiters.get(0));
        bucket.removeLocked(waiters.get(2));
        assertEquals(List.of(), order());
        assertEquals(0, bucket.count);
    }
}
