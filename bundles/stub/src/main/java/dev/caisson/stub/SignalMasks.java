package dev.caisson.stub;

import dev.caisson.abi.Signals;

/** Signal masks: bit n-1 stands for signal n. */
public final class SignalMasks {
    /** Exceptions of the processor; a thread that executes code must not block them. */
    public static final long FAULTS = bit(Signals.SIGSEGV) | bit(Signals.SIGBUS) | bit(Signals.SIGFPE) | bit(Signals.SIGILL)
        | bit(Signals.SIGTRAP);
    /** What can wait while we do our own work. */
    public static final long ALL_BUT_FAULTS = ~FAULTS;

    private SignalMasks() {}

    /**
     * The bit of a signal.
     *
     * @param signal its number
     * @return the mask of it alone
     */
    public static long bit(int signal) {
        return 1L << (signal - 1);
    }
}
