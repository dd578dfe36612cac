package dev.caisson.net.host;

import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;
import static dev.caisson.abi.Errno.ESOCKTNOSUPPORT;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostInet;
import dev.caisson.kernel.HostEvents;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.Route;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketStatus;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The network {@code host}: TCP, UDP and ping sockets of the host's own stack. */
@Component(service = NetworkStack.class, property = NetworkStack.NAME + "=host")
public final class HostNetwork implements NetworkStack {
    static final Logger LOG = LoggerFactory.getLogger(HostNetwork.class);

    private final Set<HostInetSocket> sockets = ConcurrentHashMap.newKeySet();
    /** Tells which sockets are ready; null until there is one. Guarded by this. */
    private HostEvents events;
    private boolean isClosed;

    /** Makes the network; the host is asked for nothing before the first socket. */
    @Activate
    public HostNetwork() {}

    /** Stops watching when the last socket is closed. */
    @Deactivate
    public synchronized void close() {
        isClosed = true;
        stopIfIdle();
    }

    @Override
    public String name() {
        return "host";
    }

    @Override
    public SocketFile create(int family, int type, int protocol, SocketCaller caller) throws ErrnoException {
        if (family == Socket.AF_PACKET && !caller.credentials().has(Capability.CAP_NET_RAW)) {
            throw EPERM.error();
        }
        if (family != Socket.AF_INET && family != Socket.AF_INET6) {
            throw EAFNOSUPPORT.error();
        }
        if (protocol < 0 || protocol > Socket.IPPROTO_MPTCP) {
            throw EINVAL.error();
        }
        int chosen = protocol(family, type, protocol, caller);
        int fd = (int) Errno.check(HostInet.socket(family, type, chosen));
        return adopt(fd, family, type, chosen, caller.credentials().euid());
    }

    private static int protocol(int family, int type, int protocol, SocketCaller caller) throws ErrnoException {
        int ping = family == Socket.AF_INET ? Socket.IPPROTO_ICMP : Socket.IPPROTO_ICMPV6;
        switch (type) {
            case Socket.SOCK_STREAM -> {
                if (protocol == 0 || protocol == Socket.IPPROTO_TCP) {
                    return Socket.IPPROTO_TCP;
                }
            }
            case Socket.SOCK_DGRAM -> {
                if (protocol == 0 || protocol == Socket.IPPROTO_UDP) {
                    return Socket.IPPROTO_UDP;
                }
                if (protocol == ping) {
                    return ping;
                }
            }
            case Socket.SOCK_RAW -> {
                if (protocol != 0 && !caller.credentials().has(Capability.CAP_NET_RAW)) {
                    throw EPERM.error();
                }
            }
            default -> throw ESOCKTNOSUPPORT.error();
        }
        throw EPROTONOSUPPORT.error("only TCP, UDP and ping sockets are passed to the host");
    }

    /** Makes a file of a descriptor, which it closes. */
    HostInetSocket adopt(int fd, int family, int type, int protocol, int uid) throws ErrnoException {
        try {
            HostInetSocket socket = new HostInetSocket(this, fd, family, type, protocol, uid);
            sockets.add(socket);
            socket.watch(events());
            return socket;
        } catch (ErrnoException e) {
            HostFile.close(fd);
            throw e;
        }
    }

    private synchronized HostEvents events() throws ErrnoException {
        if (events == null) {
            events = new HostEvents();
        }
        return events;
    }

    void closed(HostInetSocket socket) {
        sockets.remove(socket);
        synchronized (this) {
            stopIfIdle();
        }
    }

    private void stopIfIdle() {
        if (isClosed && sockets.isEmpty() && events != null) {
            events.close();
            events = null;
        }
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return RouteDump.interfaces();
    }

    @Override
    public List<Route> routes() {
        return RouteDump.routes();
    }

    @Override
    public List<SocketStatus> sockets() {
        return sockets.stream().map(HostInetSocket::status).filter(java.util.Objects::nonNull).toList();
    }
}
