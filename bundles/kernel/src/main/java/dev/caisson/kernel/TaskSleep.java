package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.memory.FrameReader;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * How a task sleeps and what ends its sleep: an event, a signal, work at the top of its loop, a deadline. The sleeps are the task's
 * own thread's; {@link #tell}, {@link #wakeUp} and {@link #raise} are anybody's, take no lock and are never lost.
 */
final class TaskSleep {
    /** The task goes to its safe point and waits there. */
    static final int WORK_PAUSE = 2;
    /** A tracer waits for the end of a system call. Only the own thread asks for it. */
    static final int WORK_CALL_ENDED = 4;
    /** Something was put off until the call holds no locks: {@link Task#afterCall}. Only the own thread asks for it. */
    static final int WORK_PUT_OFF = 8;

    /** With one processor the other side cannot run while we spin. */
    private static final boolean SPINNING = Runtime.getRuntime().availableProcessors() > 1;
    /** About what a park and its wake-up cost. */
    private static final long MOST_SPIN_NS = 50_000;
    private static final long LEAST_SPIN_NS = 12_500;
    /** After finding the processors busy, so many waits do not spin. */
    private static final int SPIN_HOLIDAYS = 256;

    private static final int AWAKE = 0;
    private static final int TOLD = 1;
    private static final int PARKED = 2;
    private static final VarHandle WORK;
    private static final VarHandle SLEEP;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            WORK = lookup.findVarHandle(TaskSleep.class, "work", int.class);
            SLEEP = lookup.findVarHandle(TaskSleep.class, "sleep", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Task task;
    private final SignalState signals;
    private final Waiter waiter = events -> tell();

    /** WORK_* bits that others want done at the top of the loop. */
    @SuppressWarnings("unused")
    private volatile int work;
    /** AWAKE, TOLD (an event came), or PARKED. */
    @SuppressWarnings("unused")
    private volatile int sleep;
    /** Set by {@link #wakeUp}, for the sleep of a stopped task. */
    private volatile boolean kicked;

    /** How long the next wait spins before it parks; 0 for not at all. */
    private long spinNs;
    private int spinHolidays;
    /** Time slept since the last {@link #takeSleptNs}. */
    private long sleptNs;

    TaskSleep(Task task, SignalState signals) {
        this.task = task;
        this.signals = signals;
    }

    Waiter waiter() {
        return waiter;
    }

    boolean isParked() {
        return sleep == PARKED;
    }

    /** {@return time slept since {@link #takeSleptNs}, in nanoseconds} */
    long sleptNs() {
        return sleptNs;
    }

    /** {@return time slept since the last call, in nanoseconds} */
    long takeSleptNs() {
        long slept = sleptNs;
        sleptNs = 0;
        return slept;
    }

    // ---- what ends a sleep

    /** An event: ends the current or the next sleep. */
    private void tell() {
        if ((int) SLEEP.getAndSet(this, TOLD) == PARKED) {
            LockSupport.unpark(task.thread());
        }
    }

    /** See {@link dev.caisson.kernel.signal.SignalThread#wakeUp}. */
    void wakeUp() {
        kicked = true; // volatile: ordered before our look at the sleep state
        Thread thread = task.thread();
        if (Thread.currentThread() == thread) {
            return;
        }
        GuestContext current = task.context();
        if (current != null) {
            current.interrupt();
        }
        if (sleep == PARKED) {
            LockSupport.unpark(thread);
        }
    }

    /** Asks for work at the top of the loop. */
    void raise(int bits) {
        int old = (int) WORK.getAndBitwiseOr(this, bits);
        if ((old & bits) != bits) {
            wakeUp();
        }
    }

    /** Asks for work before the guest runs next; on the own thread. */
    void note(int bits) {
        WORK.getAndBitwiseOr(this, bits);
    }

    void clearWork(int bits) {
        WORK.getAndBitwiseAnd(this, ~bits);
    }

    int work() {
        return work;
    }

    /** Whether a signal waits; if {@code killableOnly}, one that kills. */
    boolean mustStop(boolean killableOnly) {
        return signals.hasWork() && (!killableOnly || signals.isEnding());
    }

    // ---- sleeping

    /** See {@link Blocker#block} and {@link Task#blockKillable}. */
    boolean block(long deadlineNs, boolean killableOnly) throws ErrnoException {
        for (;;) {
            if ((int) SLEEP.getAndSet(this, AWAKE) == TOLD) {
                return true;
            }
            if (mustStop(killableOnly)) {
                throw ERESTARTSYS.error();
            }
            if (deadlineNs != Blocker.FOREVER && deadlineNs - System.nanoTime() <= 0) {
                return false;
            }
            if ((work & WORK_PAUSE) != 0) {
                arriveAtSafePoint();
                continue;
            }
            boolean spins = spinNs > 0;
            if (spins && spin()) {
                continue;
            }
            park(deadlineNs, killableOnly, !spins);
        }
    }

    /** See {@link Task#sleepUninterruptibly}. */
    void sleepUninterruptibly(long deadlineNs) {
        if ((int) SLEEP.getAndSet(this, AWAKE) == TOLD) {
            return;
        }
        FrameReader frames = task.frames();
        int entered = frames.suspend();
        if (SLEEP.compareAndSet(this, AWAKE, PARKED)) {
            while (sleep == PARKED && deadlineNs - System.nanoTime() > 0) {
                if ((work & WORK_PAUSE) != 0) {
                    arriveAtSafePoint();
                }
                LockSupport.parkNanos(task, deadlineNs - System.nanoTime());
            }
        }
        frames.resume(entered);
        SLEEP.setVolatile(this, AWAKE);
    }

    /** A signal from now on ends the next {@link #sleepStopped} at once. */
    void forgetKick() {
        kicked = false;
    }

    /** Job control stopped the process: sleeps until {@link #wakeUp}. */
    void sleepStopped() {
        GuestContext current = task.context();
        FrameReader frames = task.frames();
        int entered = frames.suspend();
        current.sleeping();
        long start = System.nanoTime();
        while (!kicked && (work & WORK_PAUSE) == 0) {
            SLEEP.setVolatile(this, PARKED);
            if (!kicked && (work & WORK_PAUSE) == 0) {
                LockSupport.park(task);
            }
        }
        // An event that came meanwhile concerns no wait of ours: we are at the top of the loop.
        SLEEP.setVolatile(this, AWAKE);
        sleptNs += System.nanoTime() - start;
        current.awake();
        frames.resume(entered);
    }

    /** Stays at the safe point while somebody pauses the sandbox. */
    void arriveAtSafePoint() {
        FrameReader frames = task.frames();
        int entered = frames.suspend();
        task.kernel().safePoints().arrive(task);
        frames.resume(entered);
    }

    /**
     * Waits awake for a while, since a wake-up on another core costs more than a short wait. How long, the waits before have taught.
     *
     * @return whether an event came
     */
    private boolean spin() {
        long budget = spinNs;
        long start = System.nanoTime();
        long now;
        do {
            for (int i = 0; i < 8; i++) {
                Thread.onSpinWait();
            }
            now = System.nanoTime();
            if (sleep == TOLD || (work & WORK_PAUSE) != 0 || signals.hasWork()) {
                sleptNs += now - start;
                return true;
            }
        } while (now - start < budget);
        sleptNs += now - start;
        if (now - start > 2 * budget) {
            // Somebody else had our processor meanwhile: there are more threads than processors, so leave them alone for a while.
            spinNs = 0;
            spinHolidays = SPIN_HOLIDAYS;
        } else {
            spinNs = budget / 2 < LEAST_SPIN_NS ? 0 : budget / 2;
        }
        return false;
    }

    /** A wait without spinning took so long: a short one makes the next wait spin. */
    private void learn(long parkedNs) {
        if (spinHolidays > 0) {
            spinHolidays--;
        } else if (parkedNs < 2 * MOST_SPIN_NS) {
            spinNs = MOST_SPIN_NS;
        }
    }

    /** Parks until an event, the deadline, or work; the caller looks which it was. */
    private void park(long deadlineNs, boolean killableOnly, boolean teaches) {
        if (!SLEEP.compareAndSet(this, AWAKE, PARKED)) {
            return;
        }
        // Those who add work do so before they look whether we are parked, and we look for work after we said so: no wake-up is lost.
        long start = System.nanoTime();
        FrameReader frames = task.frames();
        int entered = frames.suspend();
        GuestContext current = task.context();
        if (current != null) {
            current.sleeping();
        }
        while (sleep == PARKED && (work & WORK_PAUSE) == 0 && !mustStop(killableOnly)) {
            if (deadlineNs == Blocker.FOREVER) {
                LockSupport.park(task);
            } else {
                long left = deadlineNs - System.nanoTime();
                if (left <= 0) {
                    break;
                }
                LockSupport.parkNanos(task, left);
            }
            if (Thread.interrupted()) {
                continue;
            }
        }
        if (current != null) {
            current.awake();
        }
        frames.resume(entered);
        SLEEP.compareAndSet(this, PARKED, AWAKE);
        long parkedNs = System.nanoTime() - start;
        sleptNs += parkedNs;
        if (SPINNING && teaches) {
            learn(parkedNs);
        }
        task.times().voluntarySwitches++;
    }
}
