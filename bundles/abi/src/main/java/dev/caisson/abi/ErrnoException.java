package dev.caisson.abi;

/**
 * The one checked exception by which kernel code fails a system call. It has no stack trace and cannot be suppressed, so that
 * one instance per {@link Errno} serves everywhere. Only the dispatcher turns it into a negative result.
 */
public final class ErrnoException extends Exception {
    static final boolean TRACING = Boolean.getBoolean("caisson.errno.trace");

    private static final long serialVersionUID = 1L;

    /** The error. */
    private final Errno errno;

    ErrnoException(Errno errno, String message) {
        super(message, null, false, TRACING);
        this.errno = errno;
    }

    /** {@return the error} */
    public Errno errno() {
        return errno;
    }

    /** {@return the result a system call gives for this error: the negated number} */
    public long result() {
        return -errno.number();
    }
}
