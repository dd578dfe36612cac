package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalAction;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** What a process does on each signal (Linux's struct sighand_struct); CLONE_SIGHAND shares it. Reading takes no lock. */
public final class SignalHandlers {
    private final AtomicReferenceArray<SignalAction> actions;

    /** All signals at their default. */
    public SignalHandlers() {
        actions = new AtomicReferenceArray<>(64);
        for (int i = 0; i < 64; i++) {
            actions.setPlain(i, SignalAction.DEFAULT);
        }
    }

    /**
     * The action of a signal.
     *
     * @param signal 1 to 64
     * @return the action
     */
    public SignalAction action(int signal) {
        return actions.get(signal - 1);
    }

    /**
     * Sets an action. What follows from it for pending signals is {@link ProcessSignals#setAction}.
     *
     * @param signal 1 to 64
     * @param action the new action
     * @return the old one
     */
    SignalAction replace(int signal, SignalAction action) {
        return actions.getAndSet(signal - 1, action);
    }

    /** {@return a copy, for fork(2)} */
    public SignalHandlers copy() {
        SignalHandlers copy = new SignalHandlers();
        for (int i = 0; i < 64; i++) {
            copy.actions.setPlain(i, actions.get(i));
        }
        return copy;
    }

    /** {@return what execve(2) leaves: ignored signals stay ignored, everything else is default} */
    public SignalHandlers afterExec() {
        SignalHandlers next = new SignalHandlers();
        for (int i = 0; i < 64; i++) {
            if (actions.get(i).isIgnore()) {
                next.actions.setPlain(i, new SignalAction(dev.caisson.abi.Signals.SIG_IGN, 0, 0, 0));
            }
        }
        return next;
    }

    /** {@return what CLONE_CLEAR_SIGHAND gives: ignored signals stay ignored, everything else is default} */
    public SignalHandlers cleared() {
        return afterExec();
    }

    /** {@return the ignored signals, by choice only (SigIgn of /proc)} */
    public long ignoredSet() {
        long set = 0;
        for (int i = 0; i < 64; i++) {
            if (actions.get(i).isIgnore()) {
                set |= 1L << i;
            }
        }
        return set;
    }

    /** {@return the caught signals (SigCgt of /proc)} */
    public long caughtSet() {
        long set = 0;
        for (int i = 0; i < 64; i++) {
            SignalAction action = actions.get(i);
            if (!action.isIgnore() && !action.isDefault()) {
                set |= 1L << i;
            }
        }
        return set;
    }

    /**
     * Whether a signal that arrives has no effect.
     *
     * @param signal 1 to 64
     * @return whether it is ignored, by choice or by default
     */
    public boolean isIgnored(int signal) {
        SignalAction action = action(signal);
        return action.isIgnore() || action.isDefault() && SignalSets.has(SignalSets.IGNORE, signal);
    }
}
