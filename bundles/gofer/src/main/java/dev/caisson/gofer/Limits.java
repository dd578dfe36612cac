package dev.caisson.gofer;

/**
 * What clients may make the gofer hold. Each bound is one that a hostile client runs into; an honest one does not.
 *
 * @param messageBytes largest message (9P's msize)
 * @param bufferBytes memory for messages, of all connections
 * @param fidsEach fids of a connection
 * @param fids of all connections
 * @param handles open descriptors for files, of all connections
 * @param workers threads of a connection, and with that its requests that are worked on at once; further ones stay in the socket
 * @param xattrBytes values of extended attributes that the fids of a connection hold
 * @param connections at once; further ones wait
 * @param strangerNs when others wait, for how long a client that is attached to nothing keeps its connection
 */
record Limits(int messageBytes, long bufferBytes, int fidsEach, int fids, int handles, int workers, int xattrBytes, int connections,
    long strangerNs) {
    private static final int KEPT_DESCRIPTORS = 256;
    private static final long STRANGER_NS = 5_000_000_000L;

    /**
     * The limits of a gofer with 64 MiB of heap.
     *
     * @param descriptors how many the host allows
     * @return the limits
     */
    static Limits of(long descriptors) {
        int handles = Math.clamp(descriptors - KEPT_DESCRIPTORS, 64, 1 << 18);
        return new Limits(1 << 20, 256 << 20, Math.min(handles / 4, 1 << 15), 1 << 17, handles, 8, 1 << 20, 32,
            STRANGER_NS);
    }
}
