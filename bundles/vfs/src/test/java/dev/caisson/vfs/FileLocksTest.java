package dev.caisson.vfs;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FileLocksTest {
    private final FileDescription description = new TestFiles().describe(Fcntl.O_RDWR);
    private final FileLocks locks = FileLocks.of(description.inode());
    private final Object alice = new Object();
    private final Object bob = new Object();

    private static final class ThreadBlocker implements Blocker {
        final Semaphore events = new Semaphore(0);
        final Semaphore asleep = new Semaphore(0);
        private final Waiter waiter = mask -> events.release();

        @Override
        public Waiter waiter() {
            return waiter;
        }

        @Override
        public boolean block(long deadlineNs) throws ErrnoException {
            asleep.release();
            try {
                assertTrue(events.tryAcquire(180, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw Errno.ERESTARTSYS.error();
            }
            return true;
        }
    }

    @Test
    void readersShareAndWritersDoNot() throws ErrnoException {
        locks.lock(alice, 1, false, 0, 9, null);
        locks.lock(bob, 2, false, 5, 14, null);
        assertErrno(Errno.EAGAIN, () -> locks.lock(bob, 2, true, 9, 9, null));
        assertEquals(1, locks.test(bob, true, 0, 100).pid());
        assertNull(locks.test(bob, true, 10, 100));
        locks.unlock(alice, 0, FileLocks.TO_END);
        locks.lock(bob, 2, true, 0, 9, null);
    }

    @Test
    void unlockingTheMiddleSplitsALock() throws ErrnoException {
        locks.lock(alice, 1, true, 0, FileLocks.TO_END, null);
        locks.unlock(alice, 10, 19);
        locks.lock(bob, 2, true, 10, 19, null);
        assertErrno(Errno.EAGAIN, () -> locks.lock(bob, 2, true, 20, 20, null));
        assertErrno(Errno.EAGAIN, () -> locks.lock(bob, 2, true, 9, 9, null));
        locks.releaseOwner(bob);
        locks.lock(alice, 1, true, 10, 19, null);
        assertEquals(1, locks.ranges().size());
    }

    @Test
    void aWaiterGetsTheLockWhenItIsFree() throws Exception {
        locks.lock(alice, 1, true, 0, 0, null);
        ThreadBlocker blocker = new ThreadBlocker();
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> {
            try {
                locks.lock(bob, 2, true, 0, 0, blocker);
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
        });
        assertTrue(blocker.asleep.tryAcquire(180, TimeUnit.SECONDS));
        locks.unlock(alice, 0, 0);
        waiting.get(180, TimeUnit.SECONDS);
        assertNotNull(locks.test(alice, true, 0, 0));
    }

    @Test
    void circlesOfWaitingProcessesAreEdeadlk() throws Exception {
        locks.lock(alice, 1, true, 0, 0, null);
        locks.lock(bob, 2, true, 1, 1, null);
        ThreadBlocker blocker = new ThreadBlocker();
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> {
            try {
                locks.lock(bob, 2, true, 0, 0, blocker);
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
        });
        assertTrue(blocker.asleep.tryAcquire(180, TimeUnit.SECONDS));
        assertErrno(Errno.EDEADLK, () -> locks.lock(alice, 1, true, 1, 1, new ThreadBlocker()));
        locks.unlock(alice, 0, 0);
        waiting.get(180, TimeUnit.SECONDS);
    }

    @Test
    void wholeFileLocksBelongToDescriptions() throws ErrnoException {
        TestFiles file = new TestFiles();
        FileDescription one = file.describe(Fcntl.O_RDWR);
        FileDescription two = file.describe(Fcntl.O_RDWR);
        locks.flock(one, 1, Fcntl.LOCK_SH, null);
        locks.flock(two, 1, Fcntl.LOCK_SH, null);
        assertErrno(Errno.EAGAIN, () -> locks.flock(one, 1, Fcntl.LOCK_EX, null));
        locks.flock(two, 1, Fcntl.LOCK_UN, null);
        locks.flock(one, 1, Fcntl.LOCK_EX, null);
        assertErrno(Errno.EAGAIN, () -> locks.flock(two, 1, Fcntl.LOCK_SH, null));
        locks.releaseDescription(one);
        locks.flock(two, 1, Fcntl.LOCK_EX, null);
    }
}
