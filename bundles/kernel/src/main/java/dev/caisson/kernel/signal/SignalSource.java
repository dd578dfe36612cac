package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalInfo;

/** A POSIX timer whose signal is queued at most once: it counts overruns meanwhile. */
@FunctionalInterface
public interface SignalSource {
    /**
     * Its signal leaves the queue. Called under the signal lock: takes leaf locks only.
     *
     * @param queued what was queued
     * @return what the program gets; null when the timer is gone and the signal with it
     */
    SignalInfo dequeued(SignalInfo queued);
}
