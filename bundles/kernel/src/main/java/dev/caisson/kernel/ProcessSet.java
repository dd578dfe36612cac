package dev.caisson.kernel;

import dev.caisson.kernel.time.TimeOffsets;
import dev.caisson.memory.MemoryAccount;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
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
    /** Null for who is counted with all others only. */
    private final MemoryAccount account;
    /** More tasks than this are EAGAIN: pids.max. */
    private volatile long taskLimit = Long.MAX_VALUE;
    private volatile boolean diesTogether;
    private volatile TimeOffsets time = TimeOffsets.NONE;
    /** Written under the lock of the kernel's {@link SafePoints}. */
    private volatile boolean isFrozen;
    /** Guarded by this. */
    private long memoryKills;
    private final List<Runnable> memoryKillActions = new CopyOnWriteArrayList<>();

    private ProcessSet(Kernel kernel, MemoryAccount account) {
        this.kernel = kernel;
        this.account = account;
    }

    /** The set of all that is nobody else's. */
    static ProcessSet root(Kernel kernel) {
        return new ProcessSet(kernel, null);
    }

    /**
     * A set without a process, whose memory is counted.
     *
     * @param kernel whose processes
     */
    public ProcessSet(Kernel kernel) {
        this(kernel, kernel.memoryFile().newAccount());
    }

    /** No process will be in it any more. */
    public void close() {
        kernel.memoryFile().closeAccount(account);
        kernel.closeTimeOffsets(time);
    }

    /** {@return by how much their clocks differ from the sandbox's} */
    public TimeOffsets time() {
        return time;
    }

    /**
     * Sets by how much their clocks differ from the sandbox's; before the first one is made.
     *
     * @param offsets made by the kernel
     */
    public void time(TimeOffsets offsets) {
        time = offsets;
    }

    /** {@return whether its memory is counted apart from that of others, so that it can have a limit: in one kernel that of 255 sets is} */
    public boolean isCounted() {
        return account != null;
    }

    /** {@return what counts and limits its memory, or null} */
    MemoryAccount account() {
        return account;
    }

    /**
     * Says whether all of them are killed when one is because no memory is left: memory.oom.group.
     *
     * @param value whether
     */
    public void diesTogether(boolean value) {
        diesTogether = value;
    }

    /** {@return whether all of them are killed when one is because no memory is left} */
    public boolean diesTogether() {
        return diesTogether;
    }

    /** {@return bytes of memory that its processes have made be used, cached pages of files included} */
    public long memoryBytes() {
        return account == null ? kernel.memoryFile().usedBytes() : account.usedBytes();
    }

    /** {@return the most bytes that there ever were} */
    public long peakMemoryBytes() {
        return account == null ? kernel.memoryFile().peakBytes() : account.peakBytes();
    }

    /** {@return how often there was no room left for them} */
    public long memoryRefusals() {
        return account == null ? kernel.memoryFile().wholeAccount().refusals() : account.refusals();
    }

    /** {@return most bytes; that of all processes where there is no other limit} */
    public long memoryLimitBytes() {
        long whole = kernel.memoryFile().limitBytes();
        return account == null || !account.isLimited() ? whole : Math.min(whole, account.limitBytes());
    }

    /**
     * Limits how much memory they use together; the process that uses most of it is killed beyond that. What is there stays. Without effect where
     * it is not {@linkplain #isCounted counted}.
     *
     * @param bytes most of it, 0 for no limit but that of all processes
     */
    public void limitMemory(long bytes) {
        if (account != null) {
            account.limitBytes(bytes);
        }
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

    /**
     * Adds what is done before a process is killed because no memory is left.
     *
     * @param action does not wait
     */
    public void onMemoryKill(Runnable action) {
        memoryKillActions.add(action);
    }

    void killedForMemory() {
        synchronized (this) {
            memoryKills++;
            notifyAll();
        }
        memoryKillActions.forEach(Runnable::run);
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
