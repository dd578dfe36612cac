package dev.caisson.oci.runtime;

/** Something about a container's life cycle cannot be done. The message is one line, with runc's words where clients look for them. */
public final class ContainerException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Makes a failure.
     *
     * @param message one line: what, why, what to do
     */
    public ContainerException(String message) {
        super(message);
    }

    /**
     * Makes a failure with its reason.
     *
     * @param message one line: what, why, what to do
     * @param cause what failed
     */
    public ContainerException(String message, Throwable cause) {
        super(message, cause);
    }
}
