package dev.caisson.oci.runtime;

import java.util.Locale;

/** Where a container is in its life; the runtime specification's words, and runc's {@code paused}. */
public enum Status {
    /** Its sandbox is being made. */
    CREATING,
    /** All is there, and the program has not started. */
    CREATED,
    /** The program runs. */
    RUNNING,
    /** The program stands still. */
    PAUSED,
    /** The program is over, or the sandbox is lost. */
    STOPPED;

    /** {@return the specification's word} */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Finds a status.
     *
     * @param word the specification's word
     * @return the status
     * @throws IllegalArgumentException when there is none
     */
    public static Status of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
