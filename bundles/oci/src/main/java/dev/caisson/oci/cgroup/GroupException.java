package dev.caisson.oci.cgroup;

/** A limit that cannot be kept, or a group that cannot be made. The message is one line and names the field. */
public final class GroupException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Makes a failure.
     *
     * @param message what, why, what to do
     */
    public GroupException(String message) {
        super(message);
    }

    /**
     * Makes a failure with its reason.
     *
     * @param message what, why, what to do
     * @param cause what failed
     */
    public GroupException(String message, Throwable cause) {
        super(message, cause);
    }
}
