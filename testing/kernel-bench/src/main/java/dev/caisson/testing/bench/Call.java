package dev.caisson.testing.bench;

import dev.caisson.spi.platform.Registers;

/**
 * One system call with fixed arguments.
 *
 * @param number its number
 * @param expected its result; {@link #ANY} when that does not matter
 * @param arguments six values
 */
public record Call(int number, long expected, long[] arguments) {
    /** Any result will do. */
    public static final long ANY = Long.MIN_VALUE;

    private static final int ARGUMENTS = 6;

    /**
     * Makes a call.
     *
     * @param expected its result, or {@link #ANY}
     * @param number its number
     * @param arguments at most six values
     * @return the call
     */
    public static Call of(long expected, int number, long... arguments) {
        long[] all = new long[ARGUMENTS];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        return new Call(number, expected, all);
    }

    /** Puts the call where a platform would put it. */
    void issue(Registers registers) {
        registers.rdi(arguments[0]);
        registers.rsi(arguments[1]);
        registers.rdx(arguments[2]);
        registers.r10(arguments[3]);
        registers.r8(arguments[4]);
        registers.r9(arguments[5]);
        registers.origRax(number);
        registers.rax(NO_RESULT);
    }

    /** What a platform leaves in rax: -ENOSYS. */
    private static final long NO_RESULT = -38;

    /** Throws when a result is not the expected one. */
    void check(long result) {
        if (result != expected && expected != ANY) {
            throw new IllegalStateException("system call " + number + " gave " + result + " instead of " + expected);
        }
    }
}
