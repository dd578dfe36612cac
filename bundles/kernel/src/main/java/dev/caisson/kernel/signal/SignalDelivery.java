package dev.caisson.kernel.signal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.spi.platform.Registers;

/**
 * The part of the task loop that acts on pending signals and restarts interrupted system calls. As in Linux, a call was
 * interrupted when {@code orig_rax} is not negative and {@code rax} holds a negated restart code.
 *
 * <p>All methods run on the task's own thread, without locks.
 */
public final class SignalDelivery {
    private static final int NR_RESTART_SYSCALL = 219;
    /** What remains in the flags when a handler starts: everything but DF, RF and TF. */
    private static final long HANDLER_FLAGS = ~(0x400L | 0x10000L | 0x100L);

    /** How the task goes on. */
    public enum Outcome {
        /** Run the guest. */
        RUN,
        /** The group is stopped: sleep until {@link SignalThread#wakeUp}, then deliver again. */
        STOP,
        /** The group ends with {@link ProcessSignals#endStatus}. */
        EXIT_GROUP,
        /** This thread ends, its group does not. */
        EXIT_THREAD
    }

    private SignalDelivery() {}

    /**
     * Delivers what is pending: to be called before the guest runs, when {@link SignalState#hasWork}, when a call returned a
     * restart code, or when {@link SignalState#isMaskSaved}.
     *
     * @param state the calling thread's state
     * @return how the task goes on
     */
    public static Outcome deliver(SignalState state) {
        ProcessSignals process = state.process();
        while (true) {
            SignalInfo info = null;
            SignalAction action = null;
            int stopped = 0;
            int stopSignal = 0;
            long continues;
            SignalTrace trace;
            process.lock.lock();
            try {
                if (process.isEnding()) {
                    return Outcome.EXIT_GROUP;
                }
                if (state.dying) {
                    return Outcome.EXIT_THREAD;
                }
                continues = process.jobControl().continuesLocked();
                trace = state.trace();
                if (trace != null && (state.hasTraps() || process.jobControl().mustStopLocked(state))) {
                    boolean isGroupStop = process.jobControl().isStoppingLocked() || !trace.isSeized();
                    stopSignal = isGroupStop ? process.jobControl().stopSignal() : 0;
                    // What comes from here on, SIGCONT first of all, is news to the tracer.
                    state.clearTrapsLocked(SignalState.TRAP_STOP | SignalState.TRAP_NOTIFY);
                } else if (process.jobControl().mustStopLocked(state)) {
                    stopped = process.jobControl().arriveLocked(state);
                } else {
                    info = state.pending.takeSynchronous(SignalSets.SYNCHRONOUS & ~state.mask());
                    if (info == null) {
                        info = process.dequeueLocked(state, state.mask());
                    }
                    if (info == null) {
                        state.workLocked(false);
                        break;
                    }
                    if (trace == null || info.signal() == Signals.SIGKILL || info.signal() == state.immutable) {
                        trace = null;
                        action = decideLocked(process, info.signal());
                    }
                }
            } finally {
                process.lock.unlock();
            }
            if (info == null) {
                if (trace != null) {
                    trace.trap(stopSignal);
                    continue;
                }
                if (stopped != 0) {
                    process.owner().jobControlChanged(SignalCodes.CLD_STOPPED, stopped);
                }
                return Outcome.STOP;
            }
            if (trace != null) {
                info = trace.deliver(info);
                if (info == null) {
                    continue;
                }
                if (state.isBlocked(info.signal())) {
                    process.requeue(state, info);
                    continue;
                }
                process.lock.lock();
                try {
                    action = process.isEnding() ? null : decideLocked(process, info.signal());
                } finally {
                    process.lock.unlock();
                }
            }
            if (action == null) {
                continue;
            }
            state.thread().receives(info);
            if (!action.isDefault()) {
                startHandler(state, info, action);
                // Further signals stack their frames on top; the mask of this handler is in force already.
                continue;
            }
            if (SignalSets.has(SignalSets.STOP, info.signal())) {
                stop(process, info.signal(), continues);
            }
        }
        finishWithoutHandler(state);
        return Outcome.RUN;
    }

    /** The action of a signal that was taken, or null when there is nothing to do; a fatal one ends the group. */
    private static SignalAction decideLocked(ProcessSignals process, int signal) {
        SignalAction action = process.handlers().action(signal);
        if (action.isIgnore() || action.isDefault() && !actsByDefaultLocked(process, signal)) {
            return null;
        }
        if (!action.isDefault() && action.has(Signals.SA_RESETHAND)) {
            process.handlers().replace(signal, SignalAction.DEFAULT);
        }
        return action;
    }

    /**
     * The default action, as far as it can be decided under the lock.
     *
     * @return whether there is more to do: a stop
     */
    private static boolean actsByDefaultLocked(ProcessSignals process, int signal) {
        if (SignalSets.has(SignalSets.IGNORE, signal)) {
            return false;
        }
        if (process.isUnkillable() && !SignalSets.has(SignalSets.UNMASKABLE, signal)) {
            return false;
        }
        if (SignalSets.has(SignalSets.STOP, signal)) {
            return true;
        }
        // Deviation: core dumps are never written, so the status has no core flag (as with RLIMIT_CORE 0).
        process.endLocked(signal);
        return false;
    }

    private static void stop(ProcessSignals process, int signal, long continues) {
        // The question about the process group takes a lock that comes before ours, so a SIGCONT may slip in: it takes the stop back.
        if (signal != Signals.SIGSTOP && process.owner().isInOrphanedGroup()) {
            return;
        }
        process.lock.lock();
        try {
            if (!process.isEnding() && process.jobControl().continuesLocked() == continues) {
                process.jobControl().stopLocked(signal);
            }
        } finally {
            process.lock.unlock();
        }
    }

    private static boolean isRestartCode(long result) {
        return result <= -Errno.ERESTARTSYS.number() && result >= -Errno.ERESTART_RESTARTBLOCK.number();
    }

    private static void startHandler(SignalState state, SignalInfo info, SignalAction action) {
        Registers registers = state.thread().registers();
        if (registers.origRax() >= 0 && isRestartCode(registers.rax())) {
            prepareRestart(registers, action);
        }
        registers.origRax(-1);
        SignalTrace trace = state.trace();
        boolean stepping = trace != null && trace.endStep();
        boolean pushed = state.frame().push(state, info, action);
        if (!pushed) {
            // Linux: signal_setup_done with failed set. A SIGSEGV that cannot be delivered kills.
            forceSegmentationFault(state, info.signal() == Signals.SIGSEGV);
            return;
        }
        registers.eflags(registers.eflags() & HANDLER_FLAGS);
        state.forgetSavedMask();
        long blocked = state.mask() | action.mask();
        if (!action.has(Signals.SA_NODEFER)) {
            blocked |= SignalSets.bit(info.signal());
        }
        if ((state.alternateStack().flags() & Signals.SS_AUTODISARM) != 0) {
            state.resetStack();
        }
        state.setMask(blocked);
        if (stepping) {
            trace.stepIntoHandler();
        }
    }

    /** A handler runs first: what the call's result is afterwards. */
    private static void prepareRestart(Registers registers, SignalAction action) {
        Errno code = Errno.of(registers.rax());
        boolean again = switch (code) {
            case ERESTARTNOINTR -> true;
            case ERESTARTSYS -> action.has(Signals.SA_RESTART);
            default -> false;
        };
        if (again) {
            repeat(registers, registers.origRax());
        } else {
            registers.rax(-Errno.EINTR.number());
        }
    }

    private static void repeat(Registers registers, long number) {
        registers.rax(number);
        registers.rip(registers.rip() - 2); // sizeof syscall
    }

    private static void finishWithoutHandler(SignalState state) {
        Registers registers = state.thread().registers();
        if (registers.origRax() >= 0 && isRestartCode(registers.rax())) {
            repeat(registers, registers.rax() == -Errno.ERESTART_RESTARTBLOCK.number() ? NR_RESTART_SYSCALL : registers.origRax());
            registers.origRax(-1);
        }
        state.restoreMask();
    }

    /**
     * rt_sigreturn(2): goes back to what a handler interrupted. The registers say how the task goes on; a bad frame leaves SIGSEGV
     * pending.
     *
     * @param state the calling thread's state
     */
    public static void returnFromHandler(SignalState state) {
        Registers registers = state.thread().registers();
        boolean good;
        try {
            good = state.frame().pop(state);
        } catch (ErrnoException fault) {
            good = false;
        }
        registers.origRax(-1);
        if (!good) {
            forceSegmentationFault(state, false);
        }
    }

    /**
     * Sends the current thread SIGSEGV for something it did that has no address.
     *
     * @param state the calling thread's state
     * @param alwaysFatal whether a handler does not help
     */
    public static void forceSegmentationFault(SignalState state, boolean alwaysFatal) {
        state.process().force(state, SignalInfo.kernel(Signals.SIGSEGV), alwaysFatal);
    }

    /**
     * Sends the current thread the signal of a processor exception; a blocked or ignored one kills.
     *
     * @param state the calling thread's state
     * @param signal SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP
     * @param code {@code si_code}
     * @param address {@code si_addr}
     */
    public static void forceFault(SignalState state, int signal, int code, long address) {
        state.process().force(state, SignalInfo.fault(signal, code, address), false);
    }
}
