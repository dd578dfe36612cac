package dev.caisson.fs.ninep;

/**
 * How a server is spoken to.
 *
 * @param connector makes connections to it
 * @param tree which of its trees to attach (aname)
 * @param user name of the user to attach as
 * @param uid number of that user
 * @param messageBytes largest message to agree on
 * @param timeoutMs how long a request may stay unanswered
 * @param isExtended whether to offer the extension
 */
record ServerOptions(Connector connector, String tree, String user, int uid, int messageBytes, long timeoutMs, boolean isExtended) {
    /** Largest message unless configured. */
    static final int MESSAGE_BYTES = 256 << 10;
    /** Patience unless configured. */
    static final long TIMEOUT_MS = 60_000;
}
