package dev.caisson.kernel.signal;

import dev.caisson.abi.Signals;

/** Sets of signals as Linux has them in one word: bit n-1 stands for signal n. */
public final class SignalSets {
    /** No program can block, ignore or catch these. */
    public static final long UNMASKABLE = bit(Signals.SIGKILL) | bit(Signals.SIGSTOP);
    /** Default action: stop the process. */
    public static final long STOP = bit(Signals.SIGSTOP) | bit(Signals.SIGTSTP) | bit(Signals.SIGTTIN) | bit(Signals.SIGTTOU);
    /** Default action: nothing. */
    public static final long IGNORE = bit(Signals.SIGCONT) | bit(Signals.SIGCHLD) | bit(Signals.SIGWINCH) | bit(Signals.SIGURG);
    /** Default action: end the process with a core dump. */
    public static final long CORE = bit(Signals.SIGQUIT) | bit(Signals.SIGILL) | bit(Signals.SIGTRAP) | bit(Signals.SIGABRT)
            | bit(Signals.SIGFPE) | bit(Signals.SIGSEGV) | bit(Signals.SIGBUS) | bit(Signals.SIGSYS) | bit(Signals.SIGXCPU)
            | bit(Signals.SIGXFSZ);
    /** Signals that an instruction of the thread itself causes; they are delivered first. */
    public static final long SYNCHRONOUS = bit(Signals.SIGSEGV) | bit(Signals.SIGBUS) | bit(Signals.SIGILL) | bit(Signals.SIGTRAP)
            | bit(Signals.SIGFPE) | bit(Signals.SIGSYS);

    private SignalSets() {}

    /**
     * The set of one signal.
     *
     * @param signal 1 to 64
     * @return its bit
     */
    public static long bit(int signal) {
        return 1L << signal - 1;
    }

    /**
     * Whether a set has a signal.
     *
     * @param set the set
     * @param signal 1 to 64
     * @return whether it has
     */
    public static boolean has(long set, int signal) {
        return (set >>> signal - 1 & 1) != 0;
    }

    /**
     * The lowest signal of a set.
     *
     * @param set not empty
     * @return 1 to 64
     */
    public static int lowest(long set) {
        return Long.numberOfTrailingZeros(set) + 1;
    }

    /**
     * Whether a number is a signal.
     *
     * @param signal any number
     * @return whether it is 1 to 64
     */
    public static boolean isValid(int signal) {
        return signal >= 1 && signal <= Signals.SIGRTMAX;
    }
}
