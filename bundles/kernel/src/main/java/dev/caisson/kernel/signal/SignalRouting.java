package dev.caisson.kernel.signal;

import dev.caisson.abi.Poll;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;

/** How a signal finds its thread: what is dropped, what is queued and where, who is woken (send_signal, complete_signal in kernel/signal.c). */
final class SignalRouting {
    /** What became of a signal. */
    enum Result { QUEUED, IGNORED, FULL }

    private final ProcessSignals signals;

    SignalRouting(ProcessSignals signals) {
        this.signals = signals;
    }

    /** Sends a signal, {@link ProcessSignals#send}; that of a POSIX timer comes with its source, others with null. */
    Result send(SignalInfo info, SignalState target, boolean fromOutside, SignalSource source) {
        int signal = info.signal();
        int continued = 0;
        Result result = Result.IGNORED;
        signals.lock.lock();
        try {
            if (signals.isEnding() && signal != Signals.SIGKILL || target != null && target.exiting || signals.threads().length == 0) {
                return Result.IGNORED;
            }
            if (SignalSets.has(SignalSets.STOP, signal)) {
                signals.discardLocked(SignalSets.bit(Signals.SIGCONT));
            } else if (signal == Signals.SIGCONT) {
                signals.discardLocked(SignalSets.STOP);
                continued = signals.jobControl().continueLocked();
            }
            SignalState first = target != null ? target : signals.threads()[0];
            if (!isDroppedLocked(first, signal, fromOutside)) {
                result = queueLocked(info, first, target == null, source);
            }
        } finally {
            signals.lock.unlock();
        }
        if (continued != 0) {
            int status = continued == SignalCodes.CLD_CONTINUED ? Signals.SIGCONT : signals.jobControl().stopSignal();
            signals.owner().jobControlChanged(continued, status);
        }
        return result;
    }

    private Result queueLocked(SignalInfo info, SignalState first, boolean forGroup, SignalSource source) {
        int signal = info.signal();
        PendingSignals queue = forGroup ? signals.shared : first.pending;
        boolean known = source != null ? queue.holds(source) : signal < Signals.SIGRTMIN && queue.has(signal);
        if (known) {
            return Result.QUEUED;
        }
        if (!queue.add(info, source, signals.owner())) {
            return Result.FULL;
        }
        signals.signalReaders().notify(Poll.POLLIN);
        completeLocked(signal, first, forGroup);
        return Result.QUEUED;
    }

    private boolean isDroppedLocked(SignalState state, int signal, boolean fromOutside) {
        if (state.isBlocked(signal) || SignalSets.has(state.realMask(), signal)) {
            return false;
        }
        if (state.trace() != null && signal != Signals.SIGKILL) {
            return false; // a tracer wants to know of ignored signals, too
        }
        SignalAction action = signals.handlers().action(signal);
        if (signals.unkillable && action.isDefault() && !(fromOutside && SignalSets.has(SignalSets.UNMASKABLE, signal))) {
            return true;
        }
        return signals.handlers().isIgnored(signal);
    }

    /** Finds a thread that takes the signal and wakes it; a fatal one ends the group at once. */
    private void completeLocked(int signal, SignalState first, boolean forGroup) {
        SignalState taker = null;
        if (wants(first, signal) && (!forGroup || !first.hasWork())) {
            taker = first;
        } else if (forGroup) {
            // One that has nothing to do yet; else any that will look.
            for (SignalState thread : signals.threads()) {
                if (wants(thread, signal)) {
                    taker = taker == null || !thread.hasWork() ? thread : taker;
                    if (!taker.hasWork()) {
                        break;
                    }
                }
            }
        }
        if (taker == null) {
            // Blocked everywhere.
            return;
        }
        if (isFatal(signal) && !signals.isEnding() && !SignalSets.has(taker.realMask(), signal)
                && !SignalSets.has(SignalSets.CORE, signal) && (signal == Signals.SIGKILL || first.trace() == null)) {
            signals.endLocked(signal);
            return;
        }
        taker.kickLocked();
    }

    private static boolean wants(SignalState state, int signal) {
        if (state.exiting || state.isBlocked(signal)) {
            return false;
        }
        return signal == Signals.SIGKILL || !state.trapped && (!state.stopped || state.trace() != null);
    }

    private boolean isFatal(int signal) {
        return signals.handlers().action(signal).isDefault() && !SignalSets.has(SignalSets.IGNORE | SignalSets.STOP, signal);
    }

    /** Wakes others for group signals that a thread no longer takes. */
    void retargetLocked(SignalState leaving, long which) {
        long orphaned = signals.shared.set() & which;
        if (orphaned == 0) {
            return;
        }
        for (SignalState thread : signals.threads()) {
            if (thread != leaving && (orphaned & ~thread.mask()) != 0) {
                orphaned &= thread.mask();
                thread.kickLocked();
                if (orphaned == 0) {
                    return;
                }
            }
        }
    }

    /** Sends a signal that the thread cannot escape, {@link ProcessSignals#force}. */
    void force(SignalState state, SignalInfo info, boolean alwaysFatal) {
        int signal = info.signal();
        signals.lock.lock();
        try {
            SignalAction action = signals.handlers().action(signal);
            if (state.isBlocked(signal) || action.isIgnore() || alwaysFatal) {
                signals.handlers().replace(signal, SignalAction.DEFAULT);
                action = SignalAction.DEFAULT;
                if (state.isBlocked(signal)) {
                    state.setMaskLocked(state.mask() & ~SignalSets.bit(signal));
                }
            }
            if (action.isDefault() && (state.trace() == null || alwaysFatal)) {
                signals.unkillable = false;
            }
            if (alwaysFatal) {
                state.immutable = signal;
            }
            if (!signals.isEnding() && !state.exiting && !state.pending.has(signal)) {
                state.pending.add(info, null, signals.owner());
            }
            state.kickLocked();
        } finally {
            signals.lock.unlock();
        }
    }
}
