package dev.caisson.platform.ptrace;

import dev.caisson.abi.Signals;

/** Signal masks: bit n-1 stands for signal n. */
final class SignalMasks {
    /** Exceptions of the processor; a thread that executes code must not block them. */
    static final long FAULTS = bit(Signals.SIGSEGV) | bit(Signals.SIGBUS) | bit(Signals.SIGFPE) | bit(Signals.SIGILL)
        | bit(Signals.SIGTRAP);
    static final long ALL_BUT_FAULTS = ~FAULTS;

    private SignalMasks() {}

    static long bit(int signal) {
        return 1L << (signal - 1);
    }
}
