package dev.caisson.kernel;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.FrameThread;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/**
 * Java threads for tasks. A thread belongs to one task for the task's whole life and is then kept for a while for another one, since
 * making a thread costs more than the rest of fork(2) on this side; and so is the platform's context, which belongs to the thread.
 */
final class TaskThreads {
    private static final long STACK_BYTES = 256 << 10;
    private static final int MOST_IDLE = 8;
    private static final long IDLE_NS = 5_000_000_000L;
    /** About what fork(2) takes from reserving a thread to assigning its task. */
    private static final long SPIN_NS = 300_000;

    /** Guarded by itself. */
    private final ArrayDeque<TaskThread> idle = new ArrayDeque<>();
    /** After {@link #dropContexts}: the only platform whose contexts are kept. */
    private volatile Platform only;
    private volatile boolean isRestricted;

    /** A thread that runs tasks, one after the other. */
    static final class TaskThread extends FrameThread implements JobControl.Holder {
        private final TaskThreads pool;
        private volatile Task task;
        private volatile boolean cancelled;
        /** Somebody is about to assign a task. */
        private volatile boolean reserved;
        /** What the last task has left for the next one; null for nothing. Belongs to whoever has the thread: it, or who reserved it. */
        private GuestContext context;
        private Platform platform;
        /** Which address space the last task was in, as a number: a hint. */
        private int lastMemory;
        /** Somebody waits until {@link #context} is closed. */
        private volatile CountDownLatch dropped;

        private TaskThread(TaskThreads pool) {
            super("task", STACK_BYTES);
            this.pool = pool;
            setDaemon(true);
        }

        /** {@return the context on a platform that waits for the next task, or null; for who has reserved the thread} */
        GuestContext context(Platform wanted) {
            return platform == wanted ? context : null;
        }

        /** Takes the context that the last task left; null when there is none on this platform. On the thread itself. */
        GuestContext takeContext(Platform wanted) {
            GuestContext left = context;
            if (left != null && platform != wanted) {
                closeContext();
                return null;
            }
            context = null;
            return left;
        }

        /** Keeps a context for the next task, if the platform likes. On the thread itself, which runs nothing in it any more. */
        void leaveContext(GuestContext left, Platform of, MemoryManager memory) {
            if (left.reset()) {
                context = left;
                platform = of;
                lastMemory = memory == null ? 0 : hint(memory);
            } else {
                left.close();
            }
        }

        private void closeContext() {
            GuestContext left = context;
            context = null;
            platform = null;
            if (left != null) {
                left.close();
            }
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
                    CountDownLatch drop = dropped;
                    if (drop != null) {
                        closeContext();
                        dropped = null;
                        drop.countDown();
                        pool.giveBack(this);
                        continue;
                    }
                    if (reserved) {
                        awaitTask();
                        if (task != null) {
                            break;
                        }
                    }
                    long left = deadline - System.nanoTime();
                    if (left <= 0 && pool.retire(this)) {
                        closeContext();
                        return;
                    }
                    LockSupport.parkNanos(this, left <= 0 ? IDLE_NS : left);
                }
                if (cancelled) {
                    closeContext();
                    return;
                }
                try {
                    task.live();
                } finally {
                    task = null;
                }
                if (context != null && !context.reset()) { // by now the address space may be gone, too
                    closeContext();
                }
                if (!pool.giveBack(this)) {
                    closeContext();
                    return;
                }
            }
        }
    }

    /**
     * Takes an idle thread or makes one.
     *
     * @param memory the address space that the task will share, as {@link #hint} has it; 0 for a new one
     * @return a thread that waits for its task; it may still be starting
     * @throws ErrnoException EAGAIN when the host gives us no more threads
     */
    TaskThread reserve(int memory) throws ErrnoException {
        synchronized (idle) {
            TaskThread thread = pollLocked(memory);
            if (thread != null) {
                if (thread.context == null) {
                    thread.reserved = true;
                    LockSupport.unpark(thread);
                }
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

    /** The latest one, but first of all one whose context was in that address space. */
    private TaskThread pollLocked(int memory) {
        if (memory != 0) {
            for (Iterator<TaskThread> each = idle.descendingIterator(); each.hasNext();) {
                TaskThread thread = each.next();
                if (thread.context != null && thread.lastMemory == memory) {
                    each.remove();
                    return thread;
                }
            }
        }
        return idle.pollLast();
    }

    /** {@return a number for an address space, which others may have too; never 0} */
    static int hint(MemoryManager memory) {
        return System.identityHashCode(memory) | 1;
    }

    /**
     * Closes the contexts that wait for tasks on other platforms than the present one, and waits for that. Not for tasks' own threads.
     *
     * @param present the present platform; null for none
     */
    void dropContexts(Platform present) {
        List<CountDownLatch> all = new ArrayList<>();
        synchronized (idle) {
            only = present;
            isRestricted = true;
            for (Iterator<TaskThread> each = idle.iterator(); each.hasNext();) {
                TaskThread thread = each.next();
                if (thread.context != null && thread.platform != present) {
                    each.remove(); // it comes back by itself
                    CountDownLatch dropped = new CountDownLatch(1);
                    thread.dropped = dropped;
                    all.add(dropped);
                    LockSupport.unpark(thread);
                }
            }
        }
        for (CountDownLatch dropped : all) {
            try {
                dropped.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private boolean giveBack(TaskThread thread) {
        if (isRestricted && thread.platform != only && thread == Thread.currentThread()) {
            thread.closeContext();
        }
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
