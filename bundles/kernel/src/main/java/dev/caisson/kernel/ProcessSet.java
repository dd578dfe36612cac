package dev.caisson.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * Processes that belong together, whoever their parents are and whatever their namespaces: what a control group is in Linux. A process is
 * in the set of the one that made it, all its life. The tasks of a set are counted, and limited in number; {@link Kernel#freeze} lets them
 * stand still together.
 */
public final class ProcessSet {
    /** How late a waiter may notice that all is over. */
    private static final long OVER_STEP_MS = 200;

    private final Kernel kernel;
    private final AtomicInteger tasks = new AtomicInteger();
    /** More tasks than this are EAGAIN: pids.max. */
    private volatile long taskLimit = Long.MAX_VALUE;
    /** Written under the lock of the kernel's {@link SafePoints}. */
    private volatile boolean isFrozen;
    /** Guarded by this. */
    private long memoryKills;

    /**
     * A set without a process.
     *
     * @param kernel whose processes
     */
    public ProcessSet(Kernel kernel) {
        this.kernel = kernel;
    }

    /** {@return the processes in it, zombies included, in order of their numbers in the sandbox; a snapshot} */
    public List<GuestProcess> processes() {
        List<GuestProcess> own = new ArrayList<>();
        for (GuestProcess process : kernel.rootPids().processes()) {
            if (process.set() == this) {
                own.add(process);
            }
        }
        return own;
    }

    /** {@return how many tasks there are} */
    public int taskCount() {
        return tasks.get();
    }

    /** {@return most tasks; {@link Long#MAX_VALUE} for no limit} */
    public long taskLimit() {
        return taskLimit;
    }

    /**
     * Limits how many tasks there are. What is there stays.
     *
     * @param limit most tasks; {@link Long#MAX_VALUE} for no limit
     */
    public void taskLimit(long limit) {
        taskLimit = limit;
    }

    /** Whether one more task would be too many. */
    boolean isFull() {
        return tasks.get() >= taskLimit;
    }

    void taskStarted() {
        tasks.incrementAndGet();
    }

    void taskEnded() {
        tasks.decrementAndGet();
    }

    /** {@return how many processes were killed because no memory was left: oom_kill of memory.events} */
    public synchronized long memoryKills() {
        return memoryKills;
    }

    synchronized void killedForMemory() {
        memoryKills++;
        notifyAll();
    }

    /**
     * Waits until more processes were killed because no memory was left.
     *
     * @param known how many are known
     * @param isOver ends the wait, too; asked from time to time
     * @return how many there were
     * @throws InterruptedException when the calling thread is interrupted
     */
    public synchronized long awaitMemoryKill(long known, BooleanSupplier isOver) throws InterruptedException {
        while (memoryKills <= known && !isOver.getAsBoolean()) {
            wait(OVER_STEP_MS);
        }
        return memoryKills;
    }

    /** {@return whether its tasks stand still, or are about to} */
    public boolean isFrozen() {
        return isFrozen;
    }

    void isFrozen(boolean value) {
        isFrozen = value;
    }
}
