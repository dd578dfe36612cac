package dev.caisson.kernel.futex;

import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A task that is nothing but its Java thread. */
final class ThreadBlocker implements Blocker {
    private final Semaphore events = new Semaphore(0);
    private volatile boolean signalled;
    final FutexWaiter futex = new FutexWaiter(waiter(), null);

    @Override
    public Waiter waiter() {
        return told -> events.release();
    }

    void signal() {
        signalled = true;
        events.release();
    }

    @Override
    public boolean block(long deadlineNs) throws ErrnoException {
        try {
            boolean told;
            if (deadlineNs == FOREVER) {
                events.acquire();
                told = true;
            } else {
                told = events.tryAcquire(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
            }
            if (signalled) {
                throw ERESTARTSYS.error();
            }
            return told;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
