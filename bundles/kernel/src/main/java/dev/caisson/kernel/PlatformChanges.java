package dev.caisson.kernel;

import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Platform;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Moves a running sandbox from platform to platform, and back when the new one cannot run the tasks.
 *
 * <p>All tasks come to their safe points, where registers and FPU state are taken out of the old platform; every address space drops its
 * mirror, which faults rebuild on the new one. A task that the new platform cannot run for a first time waits, unchanged, for the way
 * back.
 */
final class PlatformChanges {
    /** How long the caller of a change waits for the first task that ran; all may be asleep. */
    private static final long VERDICT_MS = 100;

    private final Kernel kernel;
    /** One change after the other. Held by whoever changes, never by a task. */
    private final ReentrantLock changing = new ReentrantLock();
    private volatile Change latest;
    /** How long tasks may take to their safe points. */
    private volatile long patienceNs = 10_000_000_000L;
    /** Of the latest pause, how long it took until every task stood, for the log. Guarded by {@link #changing}. */
    private long stoodNs;

    PlatformChanges(Kernel kernel) {
        this.kernel = kernel;
    }

    /** A move. Guarded by itself. */
    private static final class Change {
        private final Platform to;
        private Platform from;
        private Throwable failure;
        /** Nobody waits for the verdict any more. */
        private boolean isLate;
        private boolean isRunBack;
        private final CountDownLatch verdict = new CountDownLatch(1);

        Change(Platform from, Platform to) {
            this.from = from;
            this.to = to;
        }

        /** Takes the way back, once: null when there is none or it was taken. */
        synchronized Platform wayBack() {
            if (isRunBack) {
                return null;
            }
            isRunBack = true;
            return from;
        }

        /** {@return the failure so far; from now on, failures are late} */
        synchronized Throwable end() {
            isLate = true;
            return failure;
        }

        synchronized void forget(Platform gone) {
            if (from == gone) {
                from = null;
            }
        }
    }

    /** For tests. */
    void patienceNs(long value) {
        patienceNs = value;
    }

    /** See {@link Kernel#selectPlatform}. */
    long change(Platform next) throws PlatformException {
        changing.lock();
        try {
            Platform old = kernel.platform();
            if (next == old) {
                return 0;
            }
            Change change = new Change(old, next);
            latest = change;
            long pauseNs = move(next);
            try {
                change.verdict.await(VERDICT_MS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Throwable failure = change.end();
            if (failure != null) {
                goBack(change);
                throw new PlatformException("platform " + next.name() + " failed, the sandbox is back on " + kernel.platform().name() + ": "
                        + failure.getMessage(), failure);
            }
            Kernel.LOG.info("moved from platform {} to {}, pause {} µs, of these {} µs until every task stood", old.name(), next.name(),
                    pauseNs / 1000, stoodNs / 1000);
            return pauseNs;
        } finally {
            changing.unlock();
        }
    }

    private long move(Platform next) throws PlatformException {
        long start = System.nanoTime();
        SafePoints safePoints = kernel.safePoints();
        if (!safePoints.pauseDetached(patienceNs)) {
            throw new PlatformException("platform " + kernel.platform().name() + " did not let every task go within "
                    + patienceNs / 1_000_000 + " ms", null);
        }
        stoodNs = System.nanoTime() - start;
        try {
            List<MemoryManager> memories = kernel.memories(false);
            for (MemoryManager memory : memories) {
                if (!memory.fitsBelow(next.addressLimit())) {
                    throw new PlatformException("platform " + next.name() + " ends at address 0x" + Long.toHexString(next.addressLimit())
                            + ", and a program uses memory above", null);
                }
            }
            kernel.setPlatform(next);
            memories.forEach(memory -> memory.switchPlatform(next));
        } finally {
            safePoints.resume();
        }
        long pauseNs = System.nanoTime() - start;
        kernel.threads().dropContexts(next);
        return pauseNs;
    }

    /** {@return what is held while platform or filesystem change, by whoever changes them} */
    ReentrantLock changing() {
        return changing;
    }

    private void goBack(Change change) {
        Platform from = change.wayBack();
        if (from == null || kernel.platform() != change.to) {
            return;
        }
        try {
            move(from);
            latest = null;
            Kernel.LOG.warn("platform {} failed, back on {}: {}", change.to.name(), from.name(), change.failure.getMessage());
        } catch (PlatformException e) {
            Kernel.LOG.error("cannot go back to platform {}; the sandbox ends", from.name(), e);
            kernel.shutdown();
        }
    }

    /** A task ran guest code in a new context; it may be on its way from the platform before. */
    void proved(Platform platform) {
        Change change = latest;
        if (change != null && change.to == platform) {
            change.verdict.countDown();
        }
    }

    /**
     * The present platform could not run a task for the first time. Any task, no locks.
     *
     * @param platform what the task's context is of
     * @param failure what it said
     * @return whether the sandbox goes back to the platform before: the task waits for that
     */
    boolean failed(Platform platform, Throwable failure) {
        Change change = latest;
        if (change == null || change.to != platform) {
            return kernel.platform() != platform; // on the way back already
        }
        boolean isLate;
        synchronized (change) {
            if (change.from == null) {
                return false;
            }
            isLate = change.isLate && change.failure == null;
            if (change.failure == null) {
                change.failure = failure;
            }
        }
        change.verdict.countDown();
        if (isLate) {
            Thread thread = new Thread(() -> {
                changing.lock();
                try {
                    goBack(change);
                } finally {
                    changing.unlock();
                }
            }, "platform rollback");
            thread.setDaemon(true);
            thread.start();
        }
        return true;
    }

    /** A platform is about to go: no way leads back to it. */
    void forget(Platform gone) {
        Change change = latest;
        if (change != null) {
            change.forget(gone);
        }
    }
}
