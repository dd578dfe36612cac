package dev.caisson.kernel.net;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENETUNREACH;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRNORM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.Route;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A netlink socket of family NETLINK_ROUTE that answers questions about the selected stack, rtnetlink(7): getifaddrs(3) and ip(8) live on
 * it. It changes nothing: requests to do so are EPERM. With NETLINK_KOBJECT_UEVENT it is a socket on which nothing ever arrives; with
 * NETLINK_SOCK_DIAG it tells about sockets, {@link DiagAnswers}.
 */
final class NetlinkRouteSocket extends SocketFile implements NetlinkReceiver {
    static final int NETLINK_ROUTE = 0;
    static final int NETLINK_SOCK_DIAG = 4;
    static final int NETLINK_KOBJECT_UEVENT = 15;

    private static final int NLMSG_NOOP = 1, NLMSG_ERROR = 2, NLMSG_DONE = 3, NLMSG_MIN_TYPE = 16;
    private static final int NLM_F_REQUEST = 1, NLM_F_MULTI = 2, NLM_F_ACK = 4, NLM_F_DUMP = 0x300;
    private static final int RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_GETADDR = 22, RTM_GETROUTE = 26, RTM_GETNEIGH = 30, RTM_GETRULE = 34,
            RTM_GETQDISC = 38;
    private static final int IFLA_IFNAME = 3;
    private static final int RTA_DST = 1;
    private static final int RTN_LOCAL = 2;
    private static final int NETLINK_ADD_MEMBERSHIP = 1, NETLINK_LISTEN_ALL_NSID = 8, NETLINK_GET_STRICT_CHK = 12;
    private static final int MAX_REQUEST_BYTES = 65536;
    /** Most datagrams that wait when one more is delivered; Linux's buffer of 208 KiB has room for about as many small ones. */
    private static final int MAX_WAITING = 256;

    private final Supplier<NetworkStack> network;
    /** Ports in use, shared by the sockets of a sandbox. */
    private final Set<Integer> ports;
    private final SocketOptions options = new SocketOptions();
    private final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    /** Answers to be received; guarded by {@link #lock}. */
    private final ArrayDeque<byte[]> answers = new ArrayDeque<>();
    private volatile int port;
    private volatile boolean connected;

    NetlinkRouteSocket(int type, int protocol, Set<Integer> ports, Supplier<NetworkStack> network) {
        super(Socket.AF_NETLINK, type, protocol);
        this.ports = ports;
        this.network = network;
    }

    // ---- names: struct sockaddr_nl

    private static int portOf(byte[] address) throws ErrnoException {
        if (address.length < SocketAddress.NETLINK_BYTES || SocketAddress.family(address) != Socket.AF_NETLINK) {
            throw EINVAL.error();
        }
        return MemorySegment.ofArray(address).get(U32, 4);
    }

    @Override
    public void bind(byte[] address, SocketCaller caller) throws ErrnoException {
        int wanted = portOf(address);
        if (port != 0) {
            if (wanted != port) {
                throw EINVAL.error();
            }
            return;
        }
        if (wanted == 0) {
            autobind(caller);
        } else if (ports.add(wanted)) {
            port = wanted;
        } else {
            throw EADDRINUSE.error();
        }
    }

    private synchronized void autobind(SocketCaller caller) {
        if (port != 0) {
            return;
        }
        int wanted = caller == null ? 1 : caller.processId();
        for (int next = -4096; !ports.add(wanted); next--) {
            wanted = next;
        }
        port = wanted;
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        if (address.length >= 2 && SocketAddress.family(address) == Socket.AF_UNSPEC) {
            connected = false;
            return 0;
        }
        if (portOf(address) != 0) {
            throw EPERM.error();
        }
        autobind(caller);
        connected = true;
        return 0;
    }

    private static byte[] name(int number) {
        byte[] address = SocketAddress.ofFamily(Socket.AF_NETLINK, SocketAddress.NETLINK_BYTES);
        MemorySegment.ofArray(address).set(U32, 4, number);
        return address;
    }

    @Override
    public byte[] localAddress() {
        return name(port);
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        return name(0);
    }

    // ---- requests

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        if (message != null && message.address != null && message.address.length > 0 && portOf(message.address) != 0) {
            throw ECONNREFUSED.error();
        }
        autobind(message == null ? null : message.caller);
        long length = source.remaining();
        if (length > MAX_REQUEST_BYTES) {
            throw EMSGSIZE.error();
        }
        byte[] bytes = new byte[(int) length];
        if (source.get(MemorySegment.ofArray(bytes), 0, length) < length) {
            throw EFAULT.error();
        }
        if (protocol() == NETLINK_KOBJECT_UEVENT) {
            throw ECONNREFUSED.error();
        }
        MemorySegment all = MemorySegment.ofArray(bytes);
        for (int at = 0; at + NetlinkWriter.HEADER_BYTES <= bytes.length;) {
            int size = all.get(U32, at);
            if (size < NetlinkWriter.HEADER_BYTES || size > bytes.length - at) {
                break;
            }
            answer(all.asSlice(at, size));
            at += size + 3 & -4;
        }
        return length;
    }

    private void answer(MemorySegment request) {
        int type = request.get(U16, 4) & 0xffff;
        int flags = request.get(U16, 6) & 0xffff;
        int sequence = request.get(U32, 8);
        if ((flags & NLM_F_REQUEST) == 0 || type < NLMSG_MIN_TYPE && type != NLMSG_NOOP) {
            return;
        }
        Errno error = null;
        boolean all = (flags & NLM_F_DUMP) == NLM_F_DUMP;
        boolean dump = all && (type & 3) == 2;
        try {
            if (type < NLMSG_MIN_TYPE) {
                return;
            } else if (protocol() == NETLINK_SOCK_DIAG) {
                diagnose(request, type, all, sequence);
                return;
            } else if (dump) {
                dump(request, type, sequence);
                return;
            }
            one(request, type, sequence);
        } catch (ErrnoException failure) {
            error = failure.errno();
        }
        if (error != null || (flags & NLM_F_ACK) != 0) {
            byte[] header = new byte[NetlinkWriter.HEADER_BYTES];
            MemorySegment.copy(request, 0, MemorySegment.ofArray(header), 0, header.length);
            put(new NetlinkWriter().begin(NLMSG_ERROR, 0, sequence, port).u32(error == null ? 0 : -error.number()).raw(header).end());
        }
    }

    private void diagnose(MemorySegment request, int type, boolean all, int sequence) throws ErrnoException {
        if (type != DiagAnswers.SOCK_DIAG_BY_FAMILY) {
            throw EINVAL.error();
        }
        NetworkStack stack = network.get();
        List<NetlinkWriter> found = DiagAnswers.dump(request, stack == null ? List.of() : stack.sockets(), sequence, port);
        if (!all) {
            throw ENOENT.error("one socket cannot be asked about");
        }
        found.forEach(this::put);
        finish(sequence);
    }

    private void finish(int sequence) {
        put(new NetlinkWriter().begin(NLMSG_DONE, NLM_F_MULTI, sequence, port).u32(0).end());
    }

    private int family(MemorySegment request) {
        return request.byteSize() > NetlinkWriter.HEADER_BYTES ? request.get(dev.caisson.abi.Layouts.U8, NetlinkWriter.HEADER_BYTES) : 0;
    }

    private List<NetworkInterface> interfacesNow() {
        NetworkStack stack = network.get();
        return stack == null ? List.of() : stack.interfaces();
    }

    private List<Route> routesNow() {
        NetworkStack stack = network.get();
        return stack == null ? List.of() : stack.routes();
    }

    private static boolean isWanted(int family, byte[] address) {
        return family == Socket.AF_UNSPEC || family == (address.length == 4 ? Socket.AF_INET : Socket.AF_INET6);
    }

    private void dump(MemorySegment request, int type, int sequence) throws ErrnoException {
        int family = family(request);
        RouteAnswers describe = new RouteAnswers(NLM_F_MULTI, sequence, port);
        NetlinkWriter writer = new NetlinkWriter();
        switch (type) {
            case RTM_GETLINK -> interfacesNow().forEach(each -> describe.link(() -> writer, each));
            case RTM_GETADDR -> {
                for (NetworkInterface each : interfacesNow()) {
                    for (NetworkInterface.Address address : each.addresses()) {
                        if (isWanted(family, address.bytes())) {
                            describe.address(() -> writer, each, address);
                        }
                    }
                }
            }
            case RTM_GETROUTE -> {
                for (Route each : routesNow()) {
                    if (isWanted(family, each.destination())) {
                        describe.route(() -> writer, each);
                    }
                }
            }
            case RTM_GETNEIGH, RTM_GETRULE, RTM_GETQDISC -> { }
            default -> throw EOPNOTSUPP.error();
        }
        if (!writer.isEmpty()) {
            put(writer);
        }
        finish(sequence);
    }

    private void one(MemorySegment request, int type, int sequence) throws ErrnoException {
        RouteAnswers describe = new RouteAnswers(0, sequence, port);
        NetlinkWriter writer = new NetlinkWriter();
        switch (type) {
            case RTM_GETLINK -> describe.link(() -> writer, link(request));
            case RTM_GETROUTE -> {
                byte[] destination = attribute(request, NetlinkWriter.HEADER_BYTES + 12, RTA_DST);
                Route route = destination == null ? null : routeTo(destination);
                if (route == null) {
                    throw ENETUNREACH.error();
                }
                describe.oneRoute(writer, route, destination, source(route, destination));
            }
            case RTM_NEWLINK -> {
                NetworkInterface found = link(request);
                int flags = request.get(U32, NetlinkWriter.HEADER_BYTES + 8);
                int change = request.get(U32, NetlinkWriter.HEADER_BYTES + 12);
                if (((flags ^ found.flags()) & change) != 0) {
                    throw EPERM.error("interfaces cannot be changed");
                }
                return;
            }
            default -> throw (type & 3) == 2 ? EOPNOTSUPP.error() : EPERM.error("the network cannot be changed");
        }
        put(writer);
    }

    private NetworkInterface link(MemorySegment request) throws ErrnoException {
        if (request.byteSize() < NetlinkWriter.HEADER_BYTES + 16) {
            throw EINVAL.error();
        }
        int index = request.get(U32, NetlinkWriter.HEADER_BYTES + 4);
        byte[] name = attribute(request, NetlinkWriter.HEADER_BYTES + 16, IFLA_IFNAME);
        for (NetworkInterface each : interfacesNow()) {
            if (index != 0 ? each.index() == index : name != null && each.name().equals(text(name))) {
                return each;
            }
        }
        throw ENODEV.error();
    }

    private static String text(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private Route routeTo(byte[] destination) {
        Route best = null;
        for (Route each : routesNow()) {
            if (each.destination().length == destination.length && matches(each, destination)
                    && (best == null || each.prefixBits() > best.prefixBits())) {
                best = each;
            }
        }
        return best;
    }

    /** The address that packets to a destination come from: of a local one itself, otherwise the interface's first; null without any. */
    private byte[] source(Route route, byte[] destination) {
        if (route.type() == RTN_LOCAL) {
            return destination;
        }
        for (NetworkInterface each : interfacesNow()) {
            for (NetworkInterface.Address address : each.addresses()) {
                if (each.index() == route.interfaceIndex() && address.bytes().length == destination.length) {
                    return address.bytes();
                }
            }
        }
        return null;
    }

    private static boolean matches(Route route, byte[] destination) {
        for (int bit = 0; bit < route.prefixBits(); bit++) {
            int mask = 0x80 >> (bit & 7);
            if (((route.destination()[bit >> 3] ^ destination[bit >> 3]) & mask) != 0) {
                return false;
            }
        }
        return true;
    }

    private static byte[] attribute(MemorySegment request, long from, int wanted) {
        for (long at = from; at + 4 <= request.byteSize();) {
            int size = request.get(U16, at) & 0xffff;
            if (size < 4 || size > request.byteSize() - at) {
                return null;
            }
            if ((request.get(U16, at + 2) & 0x3fff) == wanted) {
                byte[] value = new byte[size - 4];
                MemorySegment.copy(request, at + 4, MemorySegment.ofArray(value), 0, value.length);
                return value;
            }
            at += size + 3 & -4;
        }
        return null;
    }

    private void put(NetlinkWriter writer) {
        lock.lock();
        try {
            answers.add(writer.toBytes());
        } finally {
            lock.unlock();
        }
        waitQueue().notify(POLLIN | POLLRDNORM);
    }

    /** A socket that nobody reads loses what does not fit. */
    @Override
    public void deliver(byte[] datagram) {
        lock.lock();
        try {
            if (answers.size() >= MAX_WAITING) {
                return;
            }
            answers.add(datagram);
        } finally {
            lock.unlock();
        }
        waitQueue().notify(POLLIN | POLLRDNORM);
    }

    // ---- answers

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        byte[] answer;
        lock.lock();
        try {
            answer = (flags & Socket.MSG_PEEK) != 0 ? answers.peek() : answers.poll();
        } finally {
            lock.unlock();
        }
        if (answer == null) {
            return WOULD_BLOCK;
        }
        int wanted = (int) Math.min(answer.length, target.remaining());
        if (wanted > 0 && target.put(MemorySegment.ofArray(answer), 0, wanted) < wanted) {
            throw EFAULT.error();
        }
        if (message != null) {
            if (wanted < answer.length) {
                message.flags |= Socket.MSG_TRUNC;
            }
            if (message.wantsAddress) {
                message.address = name(0);
            }
        }
        return (flags & Socket.MSG_TRUNC) != 0 ? answer.length : wanted;
    }

    @Override
    public void shutdown(int how) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    @Override
    public int readiness(int mask) {
        lock.lock();
        try {
            return mask & (POLLOUT | POLLWRNORM | (answers.isEmpty() ? 0 : POLLIN | POLLRDNORM));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public byte[] option(int level, int name, int maxBytes) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            return name == Socket.SO_ERROR ? SocketOptions.integer(0) : options.get(name);
        }
        if (level != Socket.SOL_NETLINK || name < NETLINK_ADD_MEMBERSHIP || name > NETLINK_GET_STRICT_CHK) {
            throw ENOPROTOOPT.error();
        }
        return SocketOptions.integer(0);
    }

    @Override
    public void option(int level, int name, byte[] value, SocketCaller caller) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            options.set(name, value, caller);
        } else if (level != Socket.SOL_NETLINK || name < NETLINK_ADD_MEMBERSHIP || name > NETLINK_GET_STRICT_CHK) {
            throw ENOPROTOOPT.error();
        } else if (name == NETLINK_LISTEN_ALL_NSID) {
            throw EPERM.error();
        }
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return new ArrayList<>(interfacesNow());
    }

    @Override
    public void close() {
        if (port != 0) {
            ports.remove(port);
        }
        lock.lock();
        try {
            answers.clear();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "netlink " + Arrays.toString(localAddress()) + (connected ? " connected" : "");
    }
}
