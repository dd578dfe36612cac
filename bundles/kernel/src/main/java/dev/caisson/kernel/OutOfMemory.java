package dev.caisson.kernel;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Signals;
import dev.caisson.memory.MemoryAccount;
import dev.caisson.memory.MemoryManager;
import dev.caisson.memory.MemoryRelief;
import dev.caisson.memory.MemoryUsage;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * What happens when guests want more memory than they may have: the process that uses most of it is killed, mm/oom_kill.c. Where one group's limit is
 * the reason ({@link ProcessSet#account}), it is one of that group.
 */
final class OutOfMemory implements MemoryRelief {
    private static final int NEVER = -1000; // OOM_SCORE_ADJ_MIN
    private static final int ADJUSTMENT_UNIT = 1000;
    private static final long STEP_NS = 1_000_000;
    /** How often a call that cannot go on waits a little for those that are dying. */
    private static final int MOST_ATTEMPTS = 2000;
    private static final long CHOICE_PATIENCE_MS = 10_000;
    /** How many pages are wanted, where it was no account that had no room. */
    private static final int UNKNOWN = 0;

    /** Whom a search found. */
    private record Victim(GuestProcess process, boolean isDying, long dyingPages) {
        static final Victim NONE = new Victim(null, false, 0);
        /** There is room again: somebody has ended since it was missed. */
        static final Victim NEEDLESS = new Victim(null, false, 0);
    }

    private final Kernel kernel;
    /** Those that were killed and have not ended; on their way they have no address space any more, while its frames are in use. */
    private final Set<GuestProcess> killed = ConcurrentHashMap.newKeySet();

    OutOfMemory(Kernel kernel) {
        this.kernel = kernel;
    }

    /** No frame is left for a page fault, which will come again. On the task's own thread, without locks. */
    void atFault(Task task) {
        MemoryAccount full = task.frames().takeRefusal();
        Victim victim = full == null ? kill(kernel.memoryFile().wholeAccount(), UNKNOWN) : kill(full, task.frames().refusedPages());
        if (victim == Victim.NONE) {
            task.process().exitGroup(Signals.SIGKILL); // nobody may be killed, and this one cannot go on
        } else if (victim.process != task.process()) {
            LockSupport.parkNanos(STEP_NS);
        }
    }

    /**
     * A system call has failed for lack of memory. Where that is because of a limit, somebody is killed for it, and the call is made again if it
     * has done nothing so far. On the task's own thread, without locks.
     *
     * @return the call's result
     */
    long atCallEnd(Task task, long result) {
        MemoryAccount full = task.frames().takeRefusal();
        if (full == null) {
            return result;
        }
        Victim victim = kill(full, task.frames().refusedPages());
        if (victim == Victim.NONE || victim.process == task.process() || !RepeatableCalls.repeatsWithoutMemory(task.registers())) {
            return result;
        }
        LockSupport.parkNanos(STEP_NS);
        return -Errno.ERESTARTNOINTR.number();
    }

    /** In the middle of a call, under locks that whoever dies may want: it is not waited for, but what it has is lent at once. */
    @Override
    public boolean relieve(MemoryAccount full, int pages, int attempt) {
        Task task = Task.current();
        if (task == null || task.process().isExiting() || attempt >= MOST_ATTEMPTS) {
            return false;
        }
        if (attempt > 0) {
            LockSupport.parkNanos(STEP_NS);
        }
        // The locks of processes and signals come before those that this thread may hold.
        Thread killer = new Thread(() -> lend(full, kill(full, pages)), "out of memory");
        killer.setDaemon(true);
        killer.start();
        try {
            killer.join(CHOICE_PATIENCE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return !task.process().isExiting();
    }

    private static void lend(MemoryAccount full, Victim victim) {
        full.lend(victim.dyingPages);
        if (victim.process != null && victim.process.isZombie()) {
            full.lend(0); // it came before this with what it gave back, and nobody else will take the loan back
        }
    }

    /** A process has ended: it has given its memory back, and with it what was lent. */
    void released(GuestProcess process) {
        killed.remove(process);
        MemoryAccount own = process.set().account();
        if (own != null && own.lentPages() != 0) {
            own.lend(0);
        }
        MemoryAccount whole = kernel.memoryFile().wholeAccount();
        if (whole.lentPages() != 0) {
            whole.lend(0);
        }
    }

    /** Kills a process, unless one is dying already. */
    private synchronized Victim kill(MemoryAccount full, int pages) {
        Victim victim = choose(full);
        if (victim.process == null || victim.isDying) {
            return victim;
        }
        // Asked last: whoever was dying when the room was missed may have ended before the search.
        if (pages != UNKNOWN && kernel.memoryFile().hasRoom(full, pages)) {
            return Victim.NEEDLESS;
        }
        GuestProcess process = victim.process;
        MemoryManager memory = process.memory();
        MemoryUsage usage = memory == null ? null : memory.usage();
        long resident = usage == null ? 0 : usage.resident();
        Task leader = process.leader();
        Kernel.LOG.warn("{}: Killed process {} ({}) total-vm:{}kB, rss:{}kB, oom_score_adj:{}; limit {}kB, usage {}kB",
                full == kernel.memoryFile().wholeAccount() ? "Out of memory" : "Memory cgroup out of memory", process.pid(),
                leader == null ? "" : leader.comm(), usage == null ? 0 : usage.size() * 4, resident * 4, process.oomScoreAdjustment(),
                full.limitBytes() >>> 10, full.usedBytes() >>> 10);
        killed.add(process);
        process.set().killedForMemory();
        process.exitGroup(Signals.SIGKILL);
        if (process.isZombie()) {
            killed.remove(process);
        }
        if (process.set().diesTogether()) {
            for (GuestProcess each : process.set().processes()) {
                if (each != process && !each.isZombie() && each.oomScoreAdjustment() != NEVER) {
                    each.exitGroup(Signals.SIGKILL);
                }
            }
        }
        return new Victim(process, true, victim.dyingPages + resident);
    }

    /** Who has most, each address space once; or who is dying, and what that will give. */
    private Victim choose(MemoryAccount full) {
        boolean isWhole = full == kernel.memoryFile().wholeAccount();
        long total = Math.max(1, full.limitPages());
        GuestProcess worst = null;
        long most = Long.MIN_VALUE;
        GuestProcess dying = null;
        long dyingPages = 0;
        Set<MemoryManager> seen = new HashSet<>();
        for (GuestProcess process : kernel.rootPids().processes()) {
            if (process.isZombie() || !isWhole && process.set().account() != full) {
                continue;
            }
            MemoryManager memory = process.memory();
            if (memory == null) {
                dying = killed.contains(process) ? process : dying;
                continue;
            }
            long resident = memory.usage().resident();
            if (process.isExiting()) {
                dying = process;
                dyingPages += seen.add(memory) ? resident : 0;
                continue;
            }
            if (process.oomScoreAdjustment() == NEVER) {
                continue;
            }
            long score = resident + process.oomScoreAdjustment() * total / ADJUSTMENT_UNIT;
            if (score > most) {
                most = score;
                worst = process;
            }
        }
        if (dying != null) {
            return new Victim(dying, true, dyingPages);
        }
        return worst == null ? Victim.NONE : new Victim(worst, false, 0);
    }
}
