package dev.caisson.spi.net;

import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * One network: its interfaces, routes and sockets, as a network namespace has them. Implementations are OSGi services that carry
 * {@link #NAME}; the configuration {@code caisson.network} names the wanted one.
 *
 * <p>When the sandbox changes to another stack, new sockets come from the new one; sockets that are open stay with the stack that made
 * them until they are closed, so a stack keeps working as long as it has sockets. Safe for use by many tasks at once.
 */
@ConsumerType
public interface NetworkStack {
    /** Service property: the name by which configuration chooses a stack. */
    String NAME = "caisson.name";

    /** {@return the name, as in the service property} */
    String name();

    /**
     * Makes a socket, socket(2).
     *
     * @param family {@code AF_INET}, {@code AF_INET6}, {@code AF_NETLINK}, {@code AF_PACKET}, ...; never {@code AF_UNIX}
     * @param type {@code SOCK_*} without SOCK_NONBLOCK and SOCK_CLOEXEC
     * @param protocol {@code IPPROTO_*}, or 0 for the type's usual one
     * @param caller who asks
     * @return a socket that is neither bound nor connected
     * @throws ErrnoException EAFNOSUPPORT for a family it does not have, ESOCKTNOSUPPORT or EPROTONOSUPPORT for a type or protocol, EPERM
     */
    SocketFile create(int family, int type, int protocol, SocketCaller caller) throws ErrnoException;

    /** {@return the interfaces, loopback included, by rising index} */
    List<NetworkInterface> interfaces();

    /** {@return the routing table; interface addresses imply routes that are listed, too} */
    List<Route> routes();

    /** {@return a snapshot of the sockets that have a local port, for /proc/net/tcp and its siblings} */
    List<SocketStatus> sockets();

    /**
     * A network of its own with nothing but a loopback interface, for a new network namespace.
     *
     * @return a stack that shares nothing with this one
     * @throws ErrnoException EPERM when this provider has only one network
     */
    default NetworkStack newNamespace() throws ErrnoException {
        throw EPERM.error();
    }
}
