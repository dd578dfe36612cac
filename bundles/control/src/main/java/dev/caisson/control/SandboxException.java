package dev.caisson.control;

/** A sandbox or its program could not be started. The message is one line for the person who asked: what, why, what to do. */
public final class SandboxException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Exit status for Caisson's own failures. */
    public static final int OWN_FAILURE = 125;
    /** Exit status for a program that cannot be executed. */
    public static final int NOT_EXECUTABLE = 126;
    /** Exit status for a program that was not found. */
    public static final int NOT_FOUND = 127;

    private final int exitStatus;

    /**
     * Makes a failure.
     *
     * @param exitStatus what the command exits with
     * @param message one line
     */
    public SandboxException(int exitStatus, String message) {
        super(message);
        this.exitStatus = exitStatus;
    }

    /**
     * Makes a failure of Caisson itself.
     *
     * @param message one line
     * @param cause what failed, or null
     */
    public SandboxException(String message, Throwable cause) {
        super(message, cause);
        this.exitStatus = OWN_FAILURE;
    }

    /** {@return what the command exits with} */
    public int exitStatus() {
        return exitStatus;
    }
}
