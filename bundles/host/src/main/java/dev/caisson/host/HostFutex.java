package dev.caisson.host;

import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** futex(2), of words that the host's processes share. */
public final class HostFutex {
    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;

    private HostFutex() {}

    /**
     * {@code FUTEX_WAIT} on a word that may be shared with other processes. Blocks while the word has the value, spurious returns
     * included.
     *
     * @param word native address, a multiple of 4
     * @param value what the caller saw there
     * @param timeoutNs nanoseconds, or -1 for ever
     * @return 0, or negated EAGAIN, ETIMEDOUT, EINTR
     */
    public static long await(long word, int value, long timeoutNs) {
        if (timeoutNs < 0) {
            return HostCalls.call(SyscallNumber.FUTEX, word, FUTEX_WAIT, value, 0);
        }
        long timeout = Scratch.mine().structure(timeoutNs / 1_000_000_000, timeoutNs % 1_000_000_000, 0, 0);
        return HostCalls.call(SyscallNumber.FUTEX, word, FUTEX_WAIT, value, timeout);
    }

    /**
     * {@code FUTEX_WAKE}.
     *
     * @param word native address, a multiple of 4
     * @param count how many waiters at most
     * @return the number woken or a negated error number
     */
    public static long wake(long word, int count) {
        return HostCalls.call(SyscallNumber.FUTEX, word, FUTEX_WAKE, count);
    }
}
