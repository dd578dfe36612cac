package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalCodes;

/** Stopping and continuing of one thread group. Guarded by the group's signal lock. */
final class JobControl {
    private enum Phase {
        RUNNING,
        /** A stop signal was delivered; not every thread has arrived. */
        STOPPING,
        STOPPED
    }

    private final ProcessSignals process;
    private volatile Phase phase = Phase.RUNNING;
    private int signal;
    /** Threads that have not reached the stop. */
    private int missing;
    /** For wait(2). */
    private int unreportedStop;
    private boolean unreportedContinue;
    /** How often SIGCONT was sent. */
    private long continues;

    JobControl(ProcessSignals process) {
        this.process = process;
    }

    boolean isStoppingLocked() {
        return phase != Phase.RUNNING;
    }

    /** Whether a thread has to stop. One with a tracer stops once, then its tracer decides. */
    boolean mustStopLocked(SignalState state) {
        return phase != Phase.RUNNING && !(state.stopped && state.trace() != null);
    }

    long continuesLocked() {
        return continues;
    }

    int stopSignal() {
        return signal;
    }

    boolean isStopped() {
        return phase == Phase.STOPPED;
    }

    /** A stop signal with its default action was taken by a thread. */
    void stopLocked(int stopSignal) {
        if (phase != Phase.RUNNING) {
            stopReleasedLocked(stopSignal);
            return;
        }
        phase = Phase.STOPPING;
        signal = stopSignal;
        SignalState[] threads = process.threads();
        missing = threads.length;
        for (SignalState thread : threads) {
            thread.stopped = false;
            callLocked(thread);
        }
    }

    /** Threads that their tracers have let go on stop again. */
    private void stopReleasedLocked(int stopSignal) {
        signal = stopSignal;
        for (SignalState thread : process.threads()) {
            if (thread.stopped && thread.trace() != null) {
                thread.stopped = false;
                missing += phase == Phase.STOPPING ? 1 : 0;
                callLocked(thread);
            }
        }
    }

    /** Makes a thread look at what has changed. */
    private static void callLocked(SignalState thread) {
        SignalTrace trace = thread.trace();
        if (trace != null && trace.isSeized()) {
            thread.trapLocked(SignalState.TRAP_NOTIFY);
        } else {
            thread.kickLocked();
        }
    }

    /**
     * A thread has reached the stop.
     *
     * @return the signal when it was the last one, so that the parent must be told; else 0
     */
    int arriveLocked(SignalState state) {
        if (state.stopped) {
            return 0;
        }
        state.stopped = true;
        missing--;
        return completeLocked();
    }

    private int completeLocked() {
        if (phase != Phase.STOPPING || missing > 0) {
            return 0;
        }
        phase = Phase.STOPPED;
        unreportedStop = signal;
        unreportedContinue = false;
        return signal;
    }

    void joinedLocked(SignalState state) {
        state.stopped = false;
        if (phase == Phase.STOPPING) {
            missing++;
        }
    }

    /** A thread ended; returns as {@link #arriveLocked}. */
    int leftLocked(SignalState state) {
        if (phase == Phase.STOPPING && !state.stopped) {
            missing--;
            return completeLocked();
        }
        return 0;
    }

    /**
     * SIGCONT was sent.
     *
     * @return the CLD_ code the parent must be told, 0 for none
     */
    int continueLocked() {
        continues++;
        for (SignalState thread : process.threads()) {
            SignalTrace trace = thread.trace();
            if (trace != null && trace.isSeized()) {
                thread.trapLocked(SignalState.TRAP_NOTIFY);
            }
        }
        if (phase == Phase.RUNNING) {
            return 0;
        }
        // An unfinished stop that is taken back reports the stop, a finished one the continuation.
        boolean wasStopped = phase == Phase.STOPPED;
        cancelLocked();
        if (wasStopped) {
            unreportedContinue = true;
        }
        unreportedStop = 0;
        return wasStopped ? SignalCodes.CLD_CONTINUED : SignalCodes.CLD_STOPPED;
    }

    /** Lets everybody run. */
    void cancelLocked() {
        if (phase == Phase.RUNNING) {
            return;
        }
        phase = Phase.RUNNING;
        missing = 0;
        unreportedStop = 0;
        for (SignalState thread : process.threads()) {
            thread.stopped = false;
            thread.kickLocked();
        }
    }

    int takeStopped(boolean consume) {
        process.lock.lock();
        try {
            int stop = unreportedStop;
            if (consume) {
                unreportedStop = 0;
            }
            return stop;
        } finally {
            process.lock.unlock();
        }
    }

    boolean takeContinued(boolean consume) {
        process.lock.lock();
        try {
            boolean was = unreportedContinue;
            if (consume) {
                unreportedContinue = false;
            }
            return was;
        } finally {
            process.lock.unlock();
        }
    }
}
