package dev.caisson.kernel;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.JobControl;
import java.util.ArrayDeque;
import java.util.concurrent.locks.LockSupport;

/**
 * Java threads for tasks. A thread belongs to one task for the task's whole life and is then kept for a while for another one, since
 * making a thread costs more than the rest of fork(2) on this side.
 */
final class TaskThreads {
    private static final long STACK_BYTES = 256 << 10;
    private static final int MOST_IDLE = 8;
    private static final long IDLE_NS = 5_000_000_000L;
    /** About what fork(2) takes from reserving a thread to assigning its task. */
    private static final long SPIN_NS = 300_000;

    /** Guarded by itself. */
    private final ArrayDeque<TaskThread> idle = new ArrayDeque<>();

    /** A thread that runs tasks, one after the other. */
    static final class TaskThread extends Thread implements JobControl.Holder {
        private final TaskThreads pool;
        private volatile Task task;
        private volatile boolean cancelled;
        /** Somebody is about to assign a task. */
        private volatile boolean reserved;

        private TaskThread(TaskThreads pool) {
            super(null, null, "task", STACK_BYTES, false);
            this.pool = pool;
            setDaemon(true);
        }

        @Override
        public JobControl jobControl() {
            return task;
        }

        Task task() {
            return task;
        }

        /** Gives the thread its task and lets it run. */
        void assign(Task next) {
            next.thread(this);
            task = next;
            reserved = false;
            LockSupport.unpark(this);
        }

        /** There is no task after all. */
        void cancel() {
            reserved = false;
            pool.giveBack(this);
        }

        /** The task comes soon: a wake-up would take longer than to wait for it awake. */
        private void awaitTask() {
            long end = System.nanoTime() + SPIN_NS;
            while (task == null && !cancelled && reserved && System.nanoTime() - end < 0) {
                Thread.onSpinWait();
            }
        }

        @Override
        public void run() {
            for (;;) {
                long deadline = System.nanoTime() + IDLE_NS;
                while (task == null && !cancelled) {
                    if (reserved) {
                        awaitTask();
                        if (task != null) {
                            break;
                        }
                    }
                    long left = deadline - System.nanoTime();
                    if (left <= 0 && pool.retire(this)) {
                        return;
                    }
                    LockSupport.parkNanos(this, left <= 0 ? IDLE_NS : left);
                }
                if (cancelled) {
                    return;
                }
                try {
                    task.live();
                } finally {
                    task = null;
                }
                if (!pool.giveBack(this)) {
                    return;
                }
            }
        }
    }

    /**
     * Takes an idle thread or makes one.
     *
     * @return a thread that waits for its task; it may still be starting
     * @throws ErrnoException EAGAIN when the host gives us no more threads
     */
    TaskThread reserve() throws ErrnoException {
        synchronized (idle) {
            TaskThread thread = idle.pollLast();
            if (thread != null) {
                thread.reserved = true;
                LockSupport.unpark(thread);
                return thread;
            }
        }
        TaskThread thread = new TaskThread(this);
        thread.reserved = true;
        try {
            thread.start();
        } catch (OutOfMemoryError e) {
            // So the JVM says that clone(2) failed; the heap is not meant.
            throw Errno.EAGAIN.error("the host refuses more threads");
        }
        return thread;
    }

    private boolean giveBack(TaskThread thread) {
        synchronized (idle) {
            if (idle.size() < MOST_IDLE) {
                idle.addLast(thread);
                return true;
            }
        }
        thread.cancelled = true;
        LockSupport.unpark(thread);
        return false;
    }

    /** Whether an idle thread may end: false when somebody has just reserved it. */
    private boolean retire(TaskThread thread) {
        synchronized (idle) {
            return idle.remove(thread);
        }
    }
}
