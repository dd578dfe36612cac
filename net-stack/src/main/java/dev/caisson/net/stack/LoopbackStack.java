package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;
import static dev.caisson.abi.Errno.ESOCKTNOSUPPORT;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.Route;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A network that is one loopback interface: 127.0.0.0/8 and ::1. Everything else is unreachable. */
public final class LoopbackStack implements NetworkStack {
    /** Index of the loopback interface. */
    static final int INDEX = 1;
    private static final int RT_TABLE_LOCAL = 255;
    private static final int RT_SCOPE_HOST = 254;
    private static final int RTN_LOCAL = 2;
    private static final byte[] ADDRESS_4 = {127, 0, 0, 1};

    private static final List<NetworkInterface> INTERFACES = List.of(new NetworkInterface(INDEX, "lo",
            NetworkInterface.IFF_UP | NetworkInterface.IFF_LOOPBACK | NetworkInterface.IFF_RUNNING | NetworkInterface.IFF_LOWER_UP, 65536,
            NetworkInterface.ARPHRD_LOOPBACK, new byte[6],
            List.of(new NetworkInterface.Address(ADDRESS_4, 8, RT_SCOPE_HOST),
                    new NetworkInterface.Address(Endpoint.LOCAL6, 128, RT_SCOPE_HOST))));
    private static final List<Route> ROUTES = List.of(
            new Route(new byte[] {127, 0, 0, 0}, 8, null, INDEX, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL, 0),
            new Route(ADDRESS_4, 32, null, INDEX, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL, 0),
            new Route(Endpoint.LOCAL6, 128, null, INDEX, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL, 0));

    private final PortTable tcpPorts = new PortTable();
    private final PortTable udpPorts = new PortTable();
    private final GroupTable groups = new GroupTable();
    private final AtomicInteger nextListener = new AtomicInteger();

    /** Makes a network without sockets. */
    public LoopbackStack() {}

    @Override
    public String name() {
        return "none";
    }

    PortTable tcpPorts() {
        return tcpPorts;
    }

    PortTable udpPorts() {
        return udpPorts;
    }

    GroupTable groups() {
        return groups;
    }

    /** Gives a datagram to everybody who is bound to its port and wants what is sent to the group, or to all. */
    void deliverToMany(UdpSocket.Datagram datagram) {
        for (InetSocket each : udpPorts.at(datagram.destination().port())) {
            UdpSocket socket = (UdpSocket) each;
            if (socket.isAmong(datagram.destination(), datagram.source())) {
                socket.deliver(datagram);
            }
        }
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
        int uid = caller.credentials().euid();
        switch (type) {
            case Socket.SOCK_STREAM -> {
                if (protocol == 0 || protocol == Socket.IPPROTO_TCP) {
                    return new TcpSocket(this, family, uid);
                }
                throw EPROTONOSUPPORT.error();
            }
            case Socket.SOCK_DGRAM -> {
                if (protocol == 0 || protocol == Socket.IPPROTO_UDP) {
                    return new UdpSocket(this, family, uid);
                }
                if (protocol == Socket.IPPROTO_ICMP || protocol == Socket.IPPROTO_ICMPV6) {
                    throw EACCES.error(); // /proc/sys/net/ipv4/ping_group_range is empty
                }
                throw EPROTONOSUPPORT.error();
            }
            case Socket.SOCK_RAW -> {
                if (protocol == 0) {
                    throw EPROTONOSUPPORT.error();
                }
                if (!caller.credentials().has(Capability.CAP_NET_RAW)) {
                    throw EPERM.error();
                }
                throw EPROTONOSUPPORT.error("raw sockets are not supported");
            }
            default -> throw ESOCKTNOSUPPORT.error();
        }
    }

    /** Who listens at an address: one bound to it rather than to a wildcard; among equals they take turns. */
    TcpSocket listener(Endpoint target) {
        List<TcpSocket> best = new ArrayList<>(1);
        int bestScore = -1;
        for (InetSocket each : tcpPorts.at(target.port())) {
            Endpoint name = each.local();
            if (name == null || !each.isListening()) {
                continue;
            }
            int score;
            if (name.isAny()) {
                boolean fits = target.isV4() ? name.isV4() || !each.isV6Only() : !name.isV4();
                score = fits ? name.isV4() ? 1 : 0 : -1;
            } else {
                score = name.hasAddress(target) ? 2 : -1;
            }
            if (score < 0 || score < bestScore) {
                continue;
            }
            if (score > bestScore) {
                best.clear();
                bestScore = score;
            }
            best.add((TcpSocket) each);
        }
        return best.isEmpty() ? null : best.get(Math.floorMod(nextListener.getAndIncrement(), best.size()));
    }

    /** Who gets a datagram; among equals with SO_REUSEPORT the sender decides, so that a flow stays with one. */
    UdpSocket udpReceiver(Endpoint target, Endpoint from) {
        UdpSocket best = null;
        int bestScore = -1;
        int equals = 0;
        for (InetSocket each : udpPorts.at(target.port())) {
            UdpSocket socket = (UdpSocket) each;
            int score = socket.score(target, from);
            if (score < 0 || score < bestScore) {
                continue;
            }
            equals = score == bestScore ? equals + 1 : 1;
            // With SO_REUSEADDR alone the last one bound gets everything.
            if (score > bestScore || !socket.options.reusePort() || Math.floorMod(from.hashCode() * 0x9e3779b1, equals) == 0) {
                best = socket;
            }
            bestScore = score;
        }
        return best;
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return INTERFACES;
    }

    @Override
    public List<Route> routes() {
        return ROUTES;
    }

    @Override
    public List<SocketStatus> sockets() {
        List<SocketStatus> all = new ArrayList<>();
        for (InetSocket each : tcpPorts.all()) {
            TcpSocket socket = (TcpSocket) each;
            all.add(status(each, Socket.IPPROTO_TCP, socket.stateNumber(), socket.receiveQueueBytes()));
        }
        for (InetSocket each : udpPorts.all()) {
            UdpSocket socket = (UdpSocket) each;
            all.add(status(each, Socket.IPPROTO_UDP, each.remote() == null ? 7 : 1, socket.receiveQueueBytes()));
        }
        return all;
    }

    private static SocketStatus status(InetSocket socket, int protocol, int state, long queued) {
        Endpoint peer = socket.remote();
        byte[] remote = (peer != null ? peer : Endpoint.any(socket.family(), 0)).sockaddr(socket.family());
        return new SocketStatus(socket.family(), protocol, socket.localAddress(), remote, state, 0, queued, socket.uid, socket.number());
    }

    @Override
    public NetworkStack newNamespace() {
        return new LoopbackStack();
    }
}
