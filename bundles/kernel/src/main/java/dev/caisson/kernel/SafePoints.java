package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.spi.platform.Platform;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Brings every task to a point where nothing that matters lives outside the kernel's objects: the top of its loop, or its sleep in a
 * system call. A leaf lock; whoever stops the world holds no other.
 */
final class SafePoints {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Tasks whose threads are in their loop. Guarded by {@link #lock}. */
    private final Set<Task> running = new HashSet<>();
    /** Those of them that stand still. Guarded by {@link #lock}. */
    private final Set<Task> standing = new HashSet<>();
    private int arrived;
    private int pauses;
    private boolean switching;

    /** A task's thread starts. */
    void enter(Task task) {
        lock.lock();
        try {
            // Nobody waits for a task that has no context yet; it joins when the pause is over.
            while (pauses > 0) {
                changed.awaitUninterruptibly();
            }
            running.add(task);
            if (isFrozen(task)) {
                task.raise(TaskSleep.WORK_PAUSE);
            }
        } finally {
            lock.unlock();
        }
    }

    /** A task's thread ends. */
    void leave(Task task) {
        lock.lock();
        try {
            if (running.remove(task)) {
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The calling task is at a safe point and stays there while somebody pauses, or its set is frozen. */
    void arrive(Task task) {
        lock.lock();
        try {
            standing.add(task);
            while (pauses > 0 || isFrozen(task)) {
                if (pauses > 0) {
                    standThroughPause(task);
                } else {
                    changed.signalAll();
                    changed.awaitUninterruptibly(); // a pause may come meanwhile, and wants it to arrive
                }
            }
            task.clearWork(TaskSleep.WORK_PAUSE);
        } finally {
            standing.remove(task);
            lock.unlock();
        }
    }

    /** The lock is held. */
    private void standThroughPause(Task task) {
        boolean detached = switching;
        if (detached) {
            detach(task);
        }
        arrived++;
        changed.signalAll();
        while (pauses > 0) {
            changed.awaitUninterruptibly();
        }
        arrived--;
        changed.signalAll();
        if (detached) {
            attach(task);
        }
    }

    private static boolean isFrozen(Task task) {
        return task.process().set().isFrozen() && !task.kernel().isEnding();
    }

    /**
     * Lets the tasks of a set stand still.
     *
     * @param set whose
     * @param patienceNs how long they may take to arrive
     * @return false when not all of them arrived; then all go on
     */
    boolean freeze(ProcessSet set, long patienceNs) {
        lock.lock();
        try {
            set.isFrozen(true);
            for (Task task : running) {
                if (task.process().set() == set) {
                    task.raise(TaskSleep.WORK_PAUSE);
                }
            }
            long left = patienceNs;
            while (running.stream().anyMatch(task -> task.process().set() == set && !standing.contains(task))) {
                if (left <= 0) {
                    set.isFrozen(false);
                    changed.signalAll();
                    return false;
                }
                left = awaitChange(left);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Ends {@link #freeze}. */
    void thaw(ProcessSet set) {
        lock.lock();
        try {
            set.isFrozen(false);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The kernel ends: nobody stays frozen. */
    void melt() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a change; how long there is left. An interrupt leaves nothing. */
    private long awaitChange(long leftNs) {
        try {
            return changed.awaitNanos(leftNs);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }

    private static void detach(Task task) {
        try {
            task.onPlatform().detach();
        } catch (ErrnoException gone) {
            Kernel.LOG.warn("{}: lost its registers in a change of platform: {}", task, gone.getMessage());
            task.process().exitGroup(Signals.SIGKILL);
        }
    }

    private void attach(Task task) {
        try {
            task.onPlatform().attach();
        } catch (ErrnoException failed) {
            if (!awaitWayBack(task, failed)) {
                Kernel.LOG.warn("{}: cannot go on with the new platform: {}", task, failed.getMessage());
                task.process().exitGroup(Signals.SIGKILL);
            }
        }
    }

    /**
     * The platform could not run the calling task for the first time: waits for the pause in which the sandbox goes back to the platform
     * before.
     *
     * @param task the caller
     * @param failure what the platform said
     * @return false when there is no platform to go back to
     */
    boolean awaitWayBack(Task task, Throwable failure) {
        Platform failed = task.onPlatform().platform();
        if (!task.kernel().platformChanges().failed(failed, failure)) {
            return false;
        }
        lock.lock();
        try {
            while (pauses == 0 && task.kernel().platform() == failed) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        return true;
    }

    /**
     * Pauses as {@link #pause} does, if the tasks arrive in time: one may be in the middle of a long call of the host.
     *
     * @param patienceNs how long they may take
     * @return false when not every task arrived; then nobody pauses
     */
    boolean pauseWithin(long patienceNs) {
        lock.lock();
        try {
            awaitPlatform();
            return startPauseWithin(false, patienceNs);
        } finally {
            lock.unlock();
        }
    }

    /** Tasks that arrive while the platform changes have to know it. */
    private void awaitPlatform() {
        while (switching && !(Thread.currentThread() instanceof TaskThreads.TaskThread)) {
            changed.awaitUninterruptibly();
        }
    }

    private boolean startPauseWithin(boolean platformChanges, long patienceNs) {
        startPause(platformChanges);
        if (awaitEveryone(patienceNs)) {
            return true;
        }
        resume();
        return false;
    }

    private boolean awaitEveryone(long patienceNs) {
        long left = patienceNs;
        while (!hasEveryoneArrived()) {
            if (left <= 0) {
                return false;
            }
            left = awaitChange(left);
        }
        return true;
    }

    /** Waits until every task is at a safe point, and keeps them there until {@link #resume}. Pauses nest. */
    void pause() {
        lock.lock();
        try {
            awaitPlatform();
            startPause(false);
            while (!hasEveryoneArrived()) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Pauses for a change of platform: the tasks give up their contexts. A platform that does not let a task go must not keep the
     * others from running.
     *
     * @param patienceNs how long the tasks may take
     * @return false when not every task arrived; then nobody pauses
     */
    boolean pauseDetached(long patienceNs) {
        lock.lock();
        try {
            // Every task has to arrive anew, so that it gives up its context.
            while (pauses > 0 || arrived > 0) {
                changed.awaitUninterruptibly();
            }
            return startPauseWithin(true, patienceNs);
        } finally {
            lock.unlock();
        }
    }

    private void startPause(boolean platformChanges) {
        pauses++;
        switching = platformChanges;
        changed.signalAll();
        for (Task task : running) {
            task.raise(TaskSleep.WORK_PAUSE);
        }
    }

    private boolean hasEveryoneArrived() {
        int expectedSelf = Thread.currentThread() instanceof TaskThreads.TaskThread ? 1 : 0;
        return arrived >= running.size() - expectedSelf;
    }

    /** Ends a pause. */
    void resume() {
        lock.lock();
        try {
            pauses--;
            switching = false;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
