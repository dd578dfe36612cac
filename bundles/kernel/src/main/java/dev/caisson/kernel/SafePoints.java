package dev.caisson.kernel;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
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

    /** The calling task is at a safe point and stays there while somebody pauses. */
    void arrive(Task task) {
        lock.lock();
        try {
            if (pauses == 0) {
                task.clearWork(Task.WORK_PAUSE);
                return;
            }
            boolean detached = switching;
            if (detached) {
                try {
                    task.detachContext();
                } catch (ErrnoException gone) {
                    Kernel.LOG.warn("{}: lost its registers in a change of platform: {}", task, gone.getMessage());
                    task.process().exitGroup(Signals.SIGKILL);
                }
            }
            arrived++;
            changed.signalAll();
            while (pauses > 0) {
                changed.awaitUninterruptibly();
            }
            arrived--;
            task.clearWork(Task.WORK_PAUSE);
            changed.signalAll();
            if (detached) {
                task.attachContext();
            }
        } catch (ErrnoException gone) {
            Kernel.LOG.warn("{}: cannot go on with the new platform: {}", task, gone.getMessage());
            task.process().exitGroup(Signals.SIGKILL);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until every task is at a safe point, and keeps them there until {@link #resume}. Pauses nest.
     *
     * @param platformChanges whether the tasks give up their contexts meanwhile
     */
    void pause(boolean platformChanges) {
        lock.lock();
        try {
            // A pause for a change of platform needs every task to arrive anew, so that it gives up its context.
            while (platformChanges && (pauses > 0 || arrived > 0)) {
                changed.awaitUninterruptibly();
            }
            pauses++;
            switching = platformChanges;
            for (Task task : running) {
                task.raise(Task.WORK_PAUSE);
            }
            int expectedSelf = Thread.currentThread() instanceof TaskThreads.TaskThread ? 1 : 0;
            while (arrived < running.size() - expectedSelf) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
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
