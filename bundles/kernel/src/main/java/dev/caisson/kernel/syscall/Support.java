package dev.caisson.kernel.syscall;

/** How far a system call is implemented. */
public enum Support {
    /** All of it. */
    FULL,
    /** Some of it; the row's note says what is missing. */
    PARTIAL,
    /** None of it; the row's note says why, and its errno is the answer. */
    ABSENT
}
