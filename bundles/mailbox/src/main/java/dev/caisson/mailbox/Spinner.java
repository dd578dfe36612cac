package dev.caisson.mailbox;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Whether and how long the two sides of one slot spin before they sleep. A wake-up on another processor costs tens of
 * microseconds, so spinning for about as long is worth it where each side has a processor to itself. It is not when somebody outside
 * wants the processors, too, or when the guest computes for long between its calls. The kernel's side keeps accounts: when it has lost
 * more time by spinning in vain than spinning has saved, nobody spins for some time, longer each time: a turn is then best a switch of
 * threads on one processor. Nor is it worth while for a task that sleeps after every few calls, since two processors must wake up for
 * it then: what a task does between two sleeps is taken as a forecast of what it does until the next. Guest threads that spin share
 * the processors by {@link SpinPolicy}.
 *
 * <p>Belongs to one task's thread, but for {@link #callAway}.
 */
public final class Spinner {
    /** About the price of a sleep and a wake-up on another processor. */
    private static final long SPIN_NS = 60_000;
    /** The first time, when the stub is asleep and its processor may be another's. */
    private static final long FIRST_SPIN_NS = 400_000;
    private static final long TICKS_PER_US = 3_000;
    /** What a turn costs less when spinning was worth it. */
    private static final long SAVED_NS = 6_000;
    /** So much of what was saved may be lost again before it is enough. */
    private static final long MAX_CREDIT_NS = 1_000_000;
    private static final long PAUSE_NS = 5_000_000;
    /** Trying again so often costs a hundredth at most. */
    private static final long MAX_PAUSE_NS = 40_000_000;
    /** When spinning has worked for so many times the last pause, that is forgotten. */
    private static final int RECOVERY = 10;
    /** So many turns between two sleeps pay for waking two processors. */
    private static final int WORTH_WHILE = 24;
    /** After so many turns, a task that used to sleep early is believed to go on. */
    private static final int PROMISING = 12;

    private final SpinPolicy policy;
    private final BooleanSupplier calledAway;
    /** Turns since the last sleep. */
    private int turns;
    /** Turns between the two sleeps before. A new task has much to do. */
    private int lastTurns = WORTH_WHILE;
    /** What spinning has saved less what it has cost, lately. */
    private long creditNs;
    private boolean pausing;
    private long pauseNs = PAUSE_NS;
    private long pauseUntil;
    /** When the last pause ended. */
    private long sinceNs = System.nanoTime();
    /** Negative for none. */
    private int pair = -1;
    private long heldSince;
    private boolean first;
    /** Who waits for a pair. */
    private volatile Thread waiter;
    private volatile int granted = -1;

    /**
     * Makes one.
     *
     * @param policy of the platform
     * @param calledAway whether the task must not wait, any thread
     */
    public Spinner(SpinPolicy policy, BooleanSupplier calledAway) {
        this.policy = policy;
        this.calledAway = calledAway;
    }

    /**
     * Before the guest's turn: finds out whether to spin. May wait until others that spin have had their time.
     *
     * @return whether to spin; false also when the task was called away
     */
    public boolean begin() {
        turns++;
        if (!policy.hasPairs() || pausing && !isPauseOver() || !isWorthWhile()) {
            end();
            return false;
        }
        if (pair >= 0) {
            if (!policy.isTurnOver(heldSince)) {
                return true;
            }
            end();
        }
        waiter = Thread.currentThread();
        pair = policy.acquire(this);
        granted = -1;
        waiter = null;
        if (pair >= 0) {
            heldSince = System.nanoTime();
            first = true;
        }
        return pair >= 0;
    }

    private boolean isWorthWhile() {
        return pair >= 0 || turns > PROMISING || lastTurns >= WORTH_WHILE;
    }

    /** {@return the pair of processors to spin on: the processors of the sandbox with twice that index, and the one after} */
    public int pair() {
        return pair;
    }

    /** The task sleeps: others may spin. */
    public void sleeping() {
        lastTurns = turns;
        turns = 0;
        end();
    }

    /** The task has nothing more to do with a guest for now: others may spin. */
    public void end() {
        if (pair >= 0) {
            int mine = pair;
            pair = -1;
            policy.release(mine);
        }
    }

    /** Ends a wait in {@link #begin}, since the task is called away. */
    public void callAway() {
        Thread thread = waiter;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    boolean isCalledAway() {
        return calledAway.getAsBoolean();
    }

    int granted() {
        return granted;
    }

    /** Under the policy's monitor. */
    void grant(int index) {
        granted = index;
        LockSupport.unpark(waiter);
    }

    private boolean isPauseOver() {
        if (System.nanoTime() - pauseUntil < 0) {
            return false;
        }
        pausing = false;
        sinceNs = System.nanoTime();
        return true;
    }

    /** It was the kernel's turn before the spinning ended. */
    public void succeeded() {
        first = false;
        creditNs = Math.min(creditNs + SAVED_NS, MAX_CREDIT_NS);
    }

    /** The kernel spun in vain. */
    public void failed() {
        creditNs -= spinNs();
        first = false;
        end();
        if (creditNs < 0) {
            creditNs = 0;
            pausing = true;
            long now = System.nanoTime();
            pauseNs = now - sinceNs > RECOVERY * pauseNs ? PAUSE_NS : Math.min(2 * pauseNs, MAX_PAUSE_NS);
            pauseUntil = now + pauseNs;
        }
    }

    /** {@return how long the kernel's side should spin where it is worth it, in nanoseconds} */
    public long spinNs() {
        return first ? FIRST_SPIN_NS : SPIN_NS;
    }

    /** {@return how long the stub should, in ticks of the time stamp counter, of which more or less does not matter} */
    public static long spinTicks() {
        return SPIN_NS * TICKS_PER_US / 1000;
    }
}
