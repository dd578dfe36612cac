package dev.caisson.kernel;

/** A sandbox could not be moved to another platform; it goes on with the one it had. The message is one line. */
public final class PlatformException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * Makes a failure.
     *
     * @param message what failed
     * @param cause why, or null
     */
    public PlatformException(String message, Throwable cause) {
        super(message, cause);
    }
}
