package dev.caisson.spi.lock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class RankedLockTest {
    private final RankedLock lock = RankedLock.of(LockRank.INODE);
    private final CountDownLatch looked = new CountDownLatch(1);
    private final AtomicBoolean isEnough = new AtomicBoolean();
    private final AtomicBoolean isAcquired = new AtomicBoolean();

    private Thread waiter() {
        Thread waiter = new Thread(() -> {
            isAcquired.set(lock.lockUnless(waitedNs -> {
                looked.countDown();
                return isEnough.get();
            }));
            if (isAcquired.get()) {
                lock.unlock();
            }
        });
        waiter.start();
        return waiter;
    }

    @Test
    void whoHasWaitedEnoughLeavesWithoutTheLock() throws InterruptedException {
        lock.lock();
        Thread waiter = waiter();
        looked.await();
        isEnough.set(true);
        waiter.join();
        assertFalse(isAcquired.get());
        lock.unlock();
        assertFalse(lock.isHeld());
    }

    @Test
    void whoIsPatientGetsTheLock() throws InterruptedException {
        lock.lock();
        Thread waiter = waiter();
        looked.await();
        lock.unlock();
        waiter.join();
        assertTrue(isAcquired.get());
    }

    @Test
    void anInterruptionIsKeptAndEndsNoWait() throws InterruptedException {
        lock.lock();
        AtomicBoolean isInterrupted = new AtomicBoolean();
        Thread waiter = new Thread(() -> {
            Thread.currentThread().interrupt();
            isAcquired.set(lock.lockUnless(waitedNs -> {
                looked.countDown();
                return false;
            }));
            isInterrupted.set(Thread.currentThread().isInterrupted());
            lock.unlock();
        });
        waiter.start();
        looked.await();
        lock.unlock();
        waiter.join();
        assertTrue(isAcquired.get());
        assertTrue(isInterrupted.get());
    }

    @Test
    void aFreeLockIsTakenWithoutAQuestion() {
        assertTrue(lock.lockUnless(waitedNs -> {
            throw new AssertionError("asked after " + waitedNs);
        }));
        lock.unlock();
    }

    @Test
    void theOrderHoldsForItAsWell() {
        RankedLock outer = RankedLock.of(LockRank.MOUNTS);
        lock.lock();
        AssertionError error = assertThrows(AssertionError.class, () -> outer.lockUnless(waitedNs -> true));
        assertEquals("lock order: MOUNTS after INODE", error.getMessage());
        lock.unlock();
    }
}
