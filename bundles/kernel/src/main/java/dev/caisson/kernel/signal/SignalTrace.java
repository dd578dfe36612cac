package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalInfo;

/**
 * What a tracer (ptrace(2)) makes of a thread's signals. On the thread's own Java thread and without locks, unless a method says otherwise.
 */
public interface SignalTrace {
    /**
     * A signal was taken and is about to be acted on: signal-delivery-stop.
     *
     * @param info the signal, never SIGKILL
     * @return what to deliver instead, or null for nothing
     */
    SignalInfo deliver(SignalInfo info);

    /**
     * Group-stop, or the stop of PTRACE_INTERRUPT.
     *
     * @param stopSignal what stopped the thread group; 0 when it is not stopped
     */
    void trap(int stopSignal);

    /** {@return whether PTRACE_SEIZE began it; any thread} */
    boolean isSeized();

    /** A trap waits for the thread ({@link SignalState#hasTraps}). Any thread; the signal lock is held, none is taken. */
    void trapPending();

    /**
     * A handler is about to start: flags in its frame are those of the program.
     *
     * @return whether the thread was being stepped
     */
    boolean endStep();

    /** The first instruction of a handler is next, in a thread that was being stepped. */
    void stepIntoHandler();
}
