package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EADDRNOTAVAIL;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENETUNREACH;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** What TCP and UDP sockets share: names, ports, options, pending errors. */
abstract class InetSocket extends SocketFile {
    static final int RECEIVE_SHUT = 1;
    static final int SEND_SHUT = 2;
    /** sin6_scope_id. */
    private static final int SCOPE_AT = 24;

    final LoopbackStack stack;
    final PortTable ports;
    final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    final SocketOptions options;
    final IpOptions ip;
    final int uid;
    final AtomicReference<Errno> pendingError = new AtomicReference<>();
    private volatile Endpoint local;
    private volatile Endpoint remote;
    /** The port was chosen by the stack for one connection, not asked for. */
    private volatile boolean sharedPort;
    /** The port was chosen by the stack for a socket that sent without bind(2). */
    private volatile boolean portChosen;

    InetSocket(LoopbackStack stack, PortTable ports, int family, int type, int protocol, SocketOptions options, IpOptions ip, int uid) {
        super(family, type, protocol);
        this.stack = stack;
        this.ports = ports;
        this.options = options;
        this.ip = ip;
        this.uid = uid;
    }

    final Endpoint local() {
        return local;
    }

    final void local(Endpoint endpoint) {
        local = endpoint;
    }

    final Endpoint remote() {
        return remote;
    }

    final void remote(Endpoint endpoint) {
        remote = endpoint;
    }

    final boolean isV6Only() {
        return ip.isV6Only();
    }

    final boolean isSharedPort() {
        return sharedPort;
    }

    /** Whether bind(2) lets both have a port with overlapping addresses. */
    boolean maySharePortWith(InetSocket other) {
        boolean reuse = options.reuseAddress() && other.options.reuseAddress();
        boolean reusePort = options.reusePort() && other.options.reusePort() && uid == other.uid;
        return reuse || reusePort;
    }

    /** The address of a bind(2) or connect(2) as an endpoint of this socket. */
    final Endpoint endpoint(byte[] address) throws ErrnoException {
        return Endpoint.of(address, family());
    }

    boolean mayBind() {
        return local == null;
    }

    @Override
    public final void bind(byte[] address, SocketCaller caller) throws ErrnoException {
        byte[] given = address;
        if (family() == Socket.AF_INET && address.length >= SocketAddress.INET_BYTES && SocketAddress.family(address) == Socket.AF_UNSPEC
                && new Endpoint(Endpoint.of(withFamily(address), Socket.AF_INET).address(), 0).isAny()) {
            given = withFamily(address); // old programs leave the family out with the wildcard
        }
        Endpoint wanted = endpoint(given);
        boolean foreign = !wanted.isAny() && !wanted.isLocal();
        if (family() == Socket.AF_INET6 && needsScope(wanted, given)) {
            throw EINVAL.error("an address of a link, and no interface");
        }
        if (family() == Socket.AF_INET6 && !wanted.isV4() && wanted.isMulticast() && type() == Socket.SOCK_STREAM) {
            throw EINVAL.error("a stream to a group");
        }
        boolean special = wanted.isV4() ? wanted.isMulticast() || wanted.isBroadcast()
                : wanted.isMulticast() && type() == Socket.SOCK_DGRAM;
        if (foreign && !ip.isFreeBind() && !special) {
            throw EADDRNOTAVAIL.error();
        }
        if (family() == Socket.AF_INET6 && wanted.isV4() && isV6Only()) {
            throw EINVAL.error();
        }
        if (wanted.port() != 0 && wanted.port() < caller.firstUnprivilegedPort() && !caller.credentials().has(Capability.CAP_NET_BIND_SERVICE)) {
            throw EACCES.error();
        }
        synchronized (this) {
            if (!mayBind()) {
                throw EINVAL.error();
            }
            ports.bind(this, wanted);
        }
    }

    /** fe80::/10 and ff02::/16 mean something with an interface only. */
    private static boolean needsScope(Endpoint wanted, byte[] given) {
        byte[] address = wanted.address();
        boolean ofLink = address[0] == (byte) 0xfe && (address[1] & 0xc0) == 0x80 || address[0] == (byte) 0xff && (address[1] & 15) == 2;
        return ofLink && (given.length < SCOPE_AT + 4 || MemorySegment.ofArray(given).get(U32, SCOPE_AT) == 0);
    }

    private static byte[] withFamily(byte[] address) {
        byte[] copy = address.clone();
        copy[0] = Socket.AF_INET;
        return copy;
    }

    /** Takes any port, for a socket that is used without bind(2). */
    final synchronized void autobind() throws ErrnoException {
        if (local == null) {
            portChosen = true;
            ports.bind(this, Endpoint.any(family(), 0));
        }
    }

    /** Whether bind(2) was never called: the port came with the first use. */
    final boolean isPortChosen() {
        return portChosen;
    }

    /** Takes a port for a connection. */
    final synchronized void autobindTo(Endpoint peer) throws ErrnoException {
        if (local == null) {
            sharedPort = true;
            ports.bindForConnection(this, peer.sourceAddress(), peer);
        } else if (local.isAny()) {
            local = new Endpoint(peer.sourceAddress(), local.port());
        }
    }

    /** An accepted connection has its listener's port. */
    final void adopt(Endpoint name, Endpoint peer) {
        local = name;
        remote = peer;
        ports.share(this);
    }

    final synchronized void releasePort() {
        Endpoint name = local;
        if (name != null) {
            ports.release(this, name.port());
            local = null;
            sharedPort = false;
            portChosen = false;
        }
    }

    /** Refuses what is not on this machine. */
    final Endpoint reachable(Endpoint peer) throws ErrnoException {
        Endpoint destination = peer.destination();
        if (family() == Socket.AF_INET6 && destination.isV4() && isV6Only()) {
            throw ENETUNREACH.error();
        }
        if (destination.isForMany() && type() == Socket.SOCK_DGRAM) {
            return reachableMany(destination);
        }
        if (!destination.isLocal()) {
            throw ENETUNREACH.error();
        }
        if (destination.isBroadcast()) {
            throw ENETUNREACH.error(); // no stream goes to everybody
        }
        return destination;
    }

    /** No route leads to groups and everybody: the interface is chosen, or follows from the socket's own address. */
    private Endpoint reachableMany(Endpoint destination) throws ErrnoException {
        if (destination.isBroadcast() && !options.broadcast()) {
            throw EACCES.error();
        }
        Endpoint own = local;
        boolean bound = own != null && own.isLocal() && !own.isForMany();
        boolean chosen = destination.isLocal() || destination.isMulticast() && ip.hasGroupInterface();
        if (!bound && !chosen) {
            throw ENETUNREACH.error();
        }
        return destination;
    }

    @Override
    public final byte[] localAddress() {
        Endpoint name = local;
        return (name != null ? name : Endpoint.any(family(), 0)).sockaddr(family());
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        Endpoint peer = remote;
        if (peer == null) {
            throw ENOTCONN.error();
        }
        return peer.sockaddr(family());
    }

    final void throwPendingError() throws ErrnoException {
        Errno error = pendingError.getAndSet(null);
        if (error != null) {
            throw error.error();
        }
    }

    boolean isListening() {
        return false;
    }

    /** Options of the transport protocol. */
    abstract byte[] transportOption(int name, int maxBytes) throws ErrnoException;

    abstract void transportOption(int name, byte[] value, SocketCaller caller) throws ErrnoException;

    @Override
    public final byte[] option(int level, int name, int maxBytes) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            return switch (name) {
                case Socket.SO_ERROR -> {
                    Errno error = pendingError.getAndSet(null);
                    yield SocketOptions.integer(error == null ? 0 : error.number());
                }
                case Socket.SO_ACCEPTCONN -> SocketOptions.flag(isListening());
                case Socket.SO_COOKIE -> {
                    byte[] value = new byte[8];
                    MemorySegment.ofArray(value).set(U64, 0, number());
                    yield value;
                }
                case Socket.SO_PEERNAME -> remoteAddress();
                default -> options.get(name);
            };
        }
        if (level == Socket.SOL_IP || level == Socket.SOL_IPV6 && family() == Socket.AF_INET6) {
            return ip.get(level, name, remote != null, maxBytes);
        }
        if (level == protocol()) {
            return transportOption(name, maxBytes);
        }
        throw level == Socket.SOL_RAW ? ENOPROTOOPT.error() : Errno.EOPNOTSUPP.error();
    }

    @Override
    public final void option(int level, int name, byte[] value, SocketCaller caller) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            if (name == Socket.SO_PEEK_OFF) {
                throw Errno.EOPNOTSUPP.error();
            }
            options.set(name, value, caller);
        } else if (level == Socket.SOL_IP || level == Socket.SOL_IPV6 && family() == Socket.AF_INET6) {
            ip.set(level, name, value, caller, local != null);
        } else if (level == protocol()) {
            transportOption(name, value, caller);
        } else {
            throw ENOPROTOOPT.error();
        }
    }

    static void writeInt(IoctlMemory memory, long address, int value) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(4);
            number.set(U32, 0, value);
            memory.copyOut(address, number);
        }
    }

    @Override
    public final List<NetworkInterface> interfaces() {
        return stack.interfaces();
    }
}
