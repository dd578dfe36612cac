package dev.caisson.vfs;

/** A filesystem cannot take the place of another one; everything is as it was. The message is one line for the operator. */
public final class FileSystemSwapException extends Exception {
    private static final long serialVersionUID = 1;

    /**
     * Says why.
     *
     * @param message for the person who asked
     * @param cause or null
     */
    public FileSystemSwapException(String message, Throwable cause) {
        super(message, cause);
    }
}
