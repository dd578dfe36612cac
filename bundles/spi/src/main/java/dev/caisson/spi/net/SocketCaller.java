package dev.caisson.spi.net;

import dev.caisson.spi.cred.Credentials;

/** The task that calls a socket, as far as a stack may know it. Valid during the call only. */
public interface SocketCaller {
    /** The first port that Linux lets everybody bind, unless net.ipv4.ip_unprivileged_port_start says another. */
    int FIRST_UNPRIVILEGED_PORT = 1024;

    /** {@return ports below this one need CAP_NET_BIND_SERVICE} */
    default int firstUnprivilegedPort() {
        return FIRST_UNPRIVILEGED_PORT;
    }

    /** {@return its credentials: binding low ports, raw sockets, SO_PEERCRED} */
    Credentials credentials();

    /** {@return its process id, for SO_PEERCRED and SCM_CREDENTIALS} */
    int processId();
}
