package dev.caisson.fs.ninep;

import dev.caisson.abi.ErrnoException;

/** Makes connections to one server: by its address, or by starting it. */
interface Connector {
    /**
     * Connects.
     *
     * @return a connected stream socket of the host; the caller closes it
     * @throws ErrnoException what connect(2) says; EHOSTUNREACH for an unknown host
     */
    int connect() throws ErrnoException;

    /** {@return whether {@link #connect} can be asked again when a connection is lost} */
    boolean isLasting();

    /** No connection is wanted any more. */
    default void close() {}
}
