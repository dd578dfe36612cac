package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.wait.WaitQueue;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/**
 * The signals of a thread group (the part of Linux's struct signal_struct that concerns them): what is pending for the group,
 * its handlers, its threads, whether it is stopped or ending. One lock of rank SIGNAL guards all of it.
 */
public final class ProcessSignals {
    private static final SignalState[] NOBODY = new SignalState[0];

    /** Guards this object and the {@link SignalState}s of its threads. Wake-ups happen under it, nothing else is called. */
    final RankedLock lock = RankedLock.of(LockRank.SIGNAL);

    private final SignalOwner owner;
    /** What is pending for the group. Guarded by the lock. */
    final PendingSignals shared = new PendingSignals();
    private final WaitQueue readers = new WaitQueue();
    private volatile SignalHandlers handlers;
    /** Live threads, the oldest first. Copied on write under the lock. */
    private volatile SignalState[] threads = NOBODY;
    /** Written under the lock. */
    volatile boolean unkillable;
    /** Odd while a thread is being removed. Written under the lock. */
    private volatile int leaving;

    private volatile boolean ending;
    private int endStatus;
    private final JobControl jobControl = new JobControl(this);
    private final SignalRouting routing = new SignalRouting(this);

    /**
     * Makes the signals of a new thread group.
     *
     * @param owner the thread group
     * @param handlers its handlers; shared ones are CLONE_SIGHAND
     * @param unkillable whether it is the init process of a pid namespace: signals without a handler do not reach it from inside
     */
    public ProcessSignals(SignalOwner owner, SignalHandlers handlers, boolean unkillable) {
        this.owner = owner;
        this.handlers = handlers;
        this.unkillable = unkillable;
    }

    /** {@return the handlers} */
    public SignalHandlers handlers() {
        return handlers;
    }

    /**
     * Replaces the handlers, for execve(2): {@link SignalHandlers#afterExec}.
     *
     * @param next the new handlers
     */
    public void handlers(SignalHandlers next) {
        handlers = next;
    }

    /**
     * Whether a signal has no effect, by choice or by default; any thread.
     *
     * @param signal 1 to 64
     * @return whether it is ignored
     */
    public boolean isIgnored(int signal) {
        return handlers.isIgnored(signal);
    }

    /** {@return the thread group} */
    SignalOwner owner() {
        return owner;
    }

    SignalRouting routing() {
        return routing;
    }

    JobControl jobControl() {
        return jobControl;
    }

    /** {@return the live threads; not to be written to} */
    SignalState[] threads() {
        return threads;
    }

    /** {@return how many threads have not begun to exit; any thread} */
    public int threadCount() {
        return threads.length;
    }

    /**
     * Adds something up over the threads that have not begun to exit, and what those left behind that have. Any thread, without locks.
     *
     * @param value what to add
     * @param left what {@link SignalOwner#threadLeaves} has added up
     * @return the sum; a thread that leaves meanwhile is counted once
     */
    public long sum(ToLongFunction<SignalThread> value, LongSupplier left) {
        while (true) {
            int version = leaving;
            long sum = left.getAsLong();
            for (SignalState state : threads) {
                sum += value.applyAsLong(state.thread());
            }
            if ((version & 1) == 0 && version == leaving) {
                return sum;
            }
            Thread.onSpinWait();
        }
    }

    /** {@return what is pending for the group; any thread} */
    public long pendingSet() {
        return shared.set();
    }

    /** {@return where signalfd(2) readers of the group's threads wait} */
    public WaitQueue signalReaders() {
        return readers;
    }

    /** {@return whether signals without a handler do not reach it from inside its pid namespace} */
    public boolean isUnkillable() {
        return unkillable;
    }

    void killableLocked() {
        unkillable = false;
    }

    /**
     * Makes a thread known.
     *
     * @param state the new thread's state
     */
    public void add(SignalState state) {
        lock.lock();
        try {
            SignalState[] more = Arrays.copyOf(threads, threads.length + 1);
            more[threads.length] = state;
            threads = more;
            if (ending) {
                state.pending.addBare(Signals.SIGKILL);
            }
            jobControl.joinedLocked(state);
            state.workLocked(state.needsWorkLocked());
        } finally {
            lock.unlock();
        }
    }

    /**
     * A thread ends: it takes no more signals, and others take what was meant for it.
     *
     * @param state the thread's state
     */
    public void remove(SignalState state) {
        int stopSignal = 0;
        lock.lock();
        try {
            if (state.exiting) {
                return;
            }
            state.exiting = true;
            leaveLocked(state);
            state.pending.clear();
            state.workLocked(false);
            if (!ending) {
                routing.retargetLocked(state, ~state.mask());
                stopSignal = jobControl.leftLocked(state);
            }
            if (threads.length == 0) {
                shared.clear();
            }
        } finally {
            lock.unlock();
        }
        if (stopSignal != 0) {
            owner.jobControlChanged(SignalCodes.CLD_STOPPED, stopSignal);
        }
    }

    private void leaveLocked(SignalState state) {
        SignalState[] old = threads;
        int at = Arrays.asList(old).indexOf(state);
        if (at < 0) {
            return;
        }
        SignalState[] fewer = new SignalState[old.length - 1];
        System.arraycopy(old, 0, fewer, 0, at);
        System.arraycopy(old, at + 1, fewer, at, fewer.length - at);
        leaving++;
        owner.threadLeaves(state.thread());
        threads = fewer;
        leaving++;
    }

    /**
     * sigaction(2), with its effect on pending signals.
     *
     * @param signal 1 to 64, neither SIGKILL nor SIGSTOP when there is an action
     * @param action the new action, or null to ask only
     * @return the old action
     */
    public SignalAction setAction(int signal, SignalAction action) {
        if (action == null) {
            return handlers.action(signal);
        }
        lock.lock();
        try {
            SignalAction old = handlers.replace(signal, action);
            if (handlers.isIgnored(signal)) {
                // POSIX 3.3.1.3: setting a signal to be ignored discards it when it is pending.
                discardLocked(SignalSets.bit(signal));
            }
            return old;
        } finally {
            lock.unlock();
        }
    }

    /** Discards signals wherever they are pending. */
    void discardLocked(long mask) {
        shared.discard(mask);
        for (SignalState thread : threads) {
            thread.pending.discard(mask);
        }
    }

    /**
     * Sends a signal. Permissions were checked.
     *
     * @param info the signal
     * @param target the thread it is for, null for the group
     * @param fromOutside whether it comes from the kernel or from outside the pid namespace: SIGKILL and SIGSTOP then reach an
     *     unkillable process too
     * @return false when the queue of real-time signals is full (EAGAIN)
     */
    public boolean send(SignalInfo info, SignalState target, boolean fromOutside) {
        return routing.send(info, target, fromOutside, null) != SignalRouting.Result.FULL;
    }

    /**
     * Sends the signal of a POSIX timer, whose limit was checked when it was made.
     *
     * @param info the signal
     * @param target the thread it is for, null for the group
     * @param source the timer
     * @return false when the signal was ignored, so that nobody will dequeue it
     */
    public boolean sendFromTimer(SignalInfo info, SignalState target, SignalSource source) {
        return routing.send(info, target, true, source) == SignalRouting.Result.QUEUED;
    }

    /**
     * Sends a signal that the thread cannot escape: when it is blocked or ignored, it kills. For faults and for what the kernel
     * does to the current thread.
     *
     * @param state the current thread
     * @param info the signal
     * @param alwaysFatal whether a handler does not count either
     */
    public void force(SignalState state, SignalInfo info, boolean alwaysFatal) {
        routing.force(state, info, alwaysFatal);
    }

    /** {@return whether the group is ending: exit_group(2) or a fatal signal; any thread} */
    public boolean isEnding() {
        return ending;
    }

    /** {@return the wait status the group ends with, once {@link #isEnding}} */
    public int endStatus() {
        lock.lock();
        try {
            return endStatus;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the group: every thread is woken and finds {@link SignalDelivery.Outcome#EXIT_GROUP}.
     *
     * @param status wait status: exit code times 256, or the signal with 128 for a core dump
     * @return false when it was ending already, with another status
     */
    public boolean end(int status) {
        lock.lock();
        try {
            if (ending) {
                return false;
            }
            endLocked(status);
            return true;
        } finally {
            lock.unlock();
        }
    }

    void endLocked(int status) {
        if (!ending) {
            endStatus = status;
            ending = true;
            jobControl.cancelLocked();
        }
        for (SignalState thread : threads) {
            thread.pending.addBare(Signals.SIGKILL);
            thread.kickLocked();
        }
    }

    /**
     * Tells all other threads to end, for execve(2); they find {@link SignalDelivery.Outcome#EXIT_THREAD}.
     *
     * @param survivor the thread that stays
     * @return false when the group is ending: the caller gives up (EAGAIN)
     */
    public boolean endOthers(SignalState survivor) {
        lock.lock();
        try {
            if (ending) {
                return false;
            }
            jobControl.cancelLocked();
            for (SignalState thread : threads) {
                if (thread != survivor) {
                    thread.dying = true;
                    thread.kickLocked();
                }
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    boolean wantsAttentionLocked(SignalState state) {
        return ending || state.dying || jobControl.mustStopLocked(state) || state.hasTraps();
    }

    /**
     * A tracer begins to look on at a thread.
     *
     * @param state the thread's state
     * @param trace the tracer's view
     * @param stops whether the thread stops at once, as a thread does whose creator is traced
     */
    public void trace(SignalState state, SignalTrace trace, boolean stops) {
        lock.lock();
        try {
            state.traceLocked(trace);
            if (stops && !trace.isSeized()) {
                state.pending.addBare(Signals.SIGSTOP);
                state.kickLocked();
            } else if (stops || state.stopped) {
                state.trapLocked(SignalState.TRAP_STOP); // a thread that job control has stopped is now its tracer's
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * A tracer lets go of a thread, which stops if its group is stopped.
     *
     * @param state the thread's state
     */
    public void endTrace(SignalState state) {
        lock.lock();
        try {
            state.traceLocked(null);
            state.trapsLocked(0);
            if (!state.exiting) {
                state.workLocked(state.needsWorkLocked());
                if (state.hasWork()) {
                    state.kickLocked();
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * PTRACE_INTERRUPT: the thread stops soon.
     *
     * @param state the thread's state
     */
    public void interrupt(SignalState state) {
        lock.lock();
        try {
            if (!state.exiting && !ending && !state.dying) {
                state.trapLocked(SignalState.TRAP_STOP);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * The calling thread enters a stop of its tracer's.
     *
     * @param state its state
     * @param isGroupStop whether it stops with its group, too
     * @return the signal when the whole group is stopped now, so that its parent must be told; else 0
     */
    public int enterTrap(SignalState state, boolean isGroupStop) {
        lock.lock();
        try {
            state.trapped = true;
            state.clearTrapsLocked(SignalState.TRAP_STOP);
            return isGroupStop && jobControl.mustStopLocked(state) ? jobControl.arriveLocked(state) : 0;
        } finally {
            lock.unlock();
        }
    }

    /**
     * The calling thread leaves a stop of its tracer's.
     *
     * @param state its state
     */
    public void leaveTrap(SignalState state) {
        lock.lock();
        try {
            state.trapped = false;
            state.workLocked(state.needsWorkLocked());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Puts a signal back that a tracer has let through while it is blocked.
     *
     * @param state the calling thread's state
     * @param info the signal
     */
    void requeue(SignalState state, SignalInfo info) {
        lock.lock();
        try {
            state.pending.add(info, null, owner);
        } finally {
            lock.unlock();
        }
    }

    /**
     * What is queued, for PTRACE_PEEKSIGINFO.
     *
     * @param state a thread's state
     * @param isShared whether what is pending for the group is wanted, not for the thread
     * @return the signals in order of arrival; a snapshot
     */
    public List<SignalInfo> queued(SignalState state, boolean isShared) {
        lock.lock();
        try {
            return (isShared ? shared : state.pending).queued();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the next signal that is not blocked.
     *
     * @param state the calling thread
     * @param blocked what to leave
     * @return its information, or null
     */
    SignalInfo dequeueLocked(SignalState state, long blocked) {
        while (true) {
            long own = state.pending.set() & ~blocked;
            long group = shared.set() & ~blocked;
            if ((own | group) == 0) {
                return null;
            }
            // Own signals go first, as a whole; among them synchronous ones, then the lowest number.
            PendingSignals queue = own != 0 ? state.pending : shared;
            long candidates = own != 0 ? own : group;
            long synchronous = candidates & SignalSets.SYNCHRONOUS;
            SignalInfo info = queue.take(SignalSets.lowest(synchronous != 0 ? synchronous : candidates));
            if (info != null) {
                return info;
            }
        }
    }

    /**
     * Takes a pending signal of a set without waiting, for rt_sigtimedwait(2) and signalfd(2).
     *
     * @param state the calling thread
     * @param wanted which
     * @return its information, or null
     */
    public SignalInfo take(SignalState state, long wanted) {
        if (((state.pending.set() | shared.set()) & wanted) == 0) {
            return null;
        }
        lock.lock();
        try {
            SignalInfo info = dequeueLocked(state, ~wanted);
            state.workLocked(state.needsWorkLocked());
            return info;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Starts waiting for signals as rt_sigtimedwait(2) does: until {@link #endAwait} they wake the thread without running a handler.
     *
     * @param state the calling thread
     * @param wanted the signals
     */
    public void beginAwait(SignalState state, long wanted) {
        lock.lock();
        try {
            state.beginAwaitLocked(wanted);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends {@link #beginAwait}.
     *
     * @param state the calling thread
     * @param wanted the signals
     * @return one that arrived, or null
     */
    public SignalInfo endAwait(SignalState state, long wanted) {
        lock.lock();
        try {
            state.endAwaitLocked();
            SignalInfo info = dequeueLocked(state, ~wanted);
            // What we do not take after all is for others that wait.
            routing.retargetLocked(state, wanted & state.mask());
            state.workLocked(state.needsWorkLocked());
            return info;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Discards what a deleted POSIX timer queued.
     *
     * @param source the timer
     */
    public void discard(SignalSource source) {
        lock.lock();
        try {
            shared.discard(source);
            for (SignalState thread : threads) {
                thread.pending.discard(source);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * The stop that wait(2) with WUNTRACED reports.
     *
     * @param consume whether it is reported only once
     * @return the signal, 0 for none
     */
    public int takeStopped(boolean consume) {
        return jobControl.takeStopped(consume);
    }

    /**
     * The continuation that wait(2) with WCONTINUED reports.
     *
     * @param consume whether it is reported only once
     * @return whether there was one
     */
    public boolean takeContinued(boolean consume) {
        return jobControl.takeContinued(consume);
    }

    /** {@return whether all threads are stopped (state T of /proc); any thread} */
    public boolean isStopped() {
        return jobControl.isStopped();
    }
}
