package dev.caisson.spi.net;

import dev.caisson.spi.cred.Credentials;

/** The task that calls a socket, as far as a stack may know it. Valid during the call only. */
public interface SocketCaller {
    /** {@return its credentials: binding low ports, raw sockets, SO_PEERCRED} */
    Credentials credentials();

    /** {@return its process id, for SO_PEERCRED and SCM_CREDENTIALS} */
    int processId();
}
