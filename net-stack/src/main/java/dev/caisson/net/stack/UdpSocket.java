package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.EDESTADDRREQ;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLRDHUP;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRBAND;
import static dev.caisson.abi.Poll.POLLWRNORM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;

/** A UDP socket whose peers are in the same sandbox, udp(7). What a full queue does not take is lost. */
final class UdpSocket extends InetSocket {
    /** What is sent: bytes, addresses, time, time to live or hop limit, type of service or traffic class. */
    record Datagram(byte[] data, Endpoint source, Endpoint destination, long timeNs, int hops, int service) {
        /** A part of the bytes with the same addresses. */
        Datagram piece(int at, int mostBytes) {
            return withData(Arrays.copyOfRange(data, at, Math.min(data.length, at + mostBytes)));
        }

        Datagram withData(byte[] other) {
            return new Datagram(other, source, destination, timeNs, hops, service);
        }
    }

    private static final int READABLE = POLLIN | POLLRDNORM;
    private static final int WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND;
    private static final int MAX_BYTES_4 = 65507;
    private static final int MAX_BYTES_6 = 65527;
    private static final int OVERHEAD_BYTES = 768;
    /** UDP_MAX_SEGMENTS. */
    private static final int MOST_SEGMENTS = 128;
    private static final int UDP_CORK = 1;
    private static final int UDP_ENCAP = 100;
    private static final int UDP_NO_CHECK6_TX = 101;
    private static final int UDP_NO_CHECK6_RX = 102;
    private static final int UDP_SEGMENT = 103;
    private static final int UDP_GRO = 104;

    /** Guarded by {@link #lock}. */
    private final ArrayDeque<Datagram> received = new ArrayDeque<>();
    private long receivedBytes;
    private volatile int shut;
    private volatile boolean joins;
    private volatile boolean corked;
    private volatile int segmentBytes;
    private volatile boolean sendsNoChecksum;
    private volatile boolean takesNoChecksum;
    private final CorkedDatagram uncork = new CorkedDatagram();

    UdpSocket(LoopbackStack stack, int family, int uid) {
        super(stack, stack.udpPorts(), family, Socket.SOCK_DGRAM, Socket.IPPROTO_UDP, new SocketOptions(),
                new IpOptions(family == Socket.AF_INET6, false, stack.groups()), uid);
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        if (address.length < 2) {
            throw EINVAL.error();
        }
        if (SocketAddress.family(address) == Socket.AF_UNSPEC) {
            remote(null);
            if (isSharedPort() || isPortChosen()) {
                releasePort();
            }
            return 0;
        }
        Endpoint peer = reachable(endpoint(address));
        autobindTo(peer);
        remote(peer);
        return 0;
    }

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        long length = source.remaining();
        if (length > mostBytes()) {
            throw EMSGSIZE.error();
        }
        Endpoint target;
        if (message != null && message.address != null && message.address.length > 0) {
            Endpoint given = sendTarget(message.address);
            if (given.port() == 0) {
                throw EINVAL.error();
            }
            target = reachable(given);
        } else {
            target = remote();
            if (target == null) {
                throw EDESTADDRREQ.error();
            }
        }
        throwPendingError();
        if ((shut & SEND_SHUT) != 0) {
            throw EPIPE.error();
        }
        autobind();
        int segment = segmentBytes(message);
        if (segment > 0 && length > (long) segment * MOST_SEGMENTS) {
            throw EINVAL.error();
        }
        byte[] data = new byte[(int) length];
        if (length > 0 && source.get(MemorySegment.ofArray(data), 0, length) < length) {
            throw EFAULT.error();
        }
        Endpoint name = local();
        Endpoint from = name.isAny() || name.isForMany() ? new Endpoint(target.sourceAddress(), name.port()) : name;
        boolean v4 = target.isV4();
        boolean group = v4 && target.isMulticast();
        Datagram datagram = new Datagram(data, from, target, FileClock.nowNs(),
                named(message, v4, true, group ? ip.groupHops() : ip.hops(v4)), named(message, v4, false, ip.service(v4)));
        if (uncork.hold(datagram, corked || (flags & Socket.MSG_MORE) != 0, mostBytes())) {
            return length;
        }
        datagram = uncork.take(datagram);
        if (segment > 0) {
            for (int at = 0; at < datagram.data().length || at == 0; at += segment) {
                transmit(datagram.piece(at, segment));
            }
        } else {
            transmit(datagram);
        }
        return length;
    }

    private int mostBytes() {
        return family() == Socket.AF_INET ? MAX_BYTES_4 : MAX_BYTES_6;
    }

    /** How many bytes each datagram of a send has: what the message says, or UDP_SEGMENT; 0 for all in one. */
    private int segmentBytes(SocketMessage message) {
        if (message != null && message.control != null) {
            for (SocketMessage.Control control : message.control) {
                if (control.level() == Socket.IPPROTO_UDP && control.type() == UDP_SEGMENT && control.data().length >= 2) {
                    return MemorySegment.ofArray(control.data()).get(Layouts.U16, 0) & 0xffff;
                }
            }
        }
        return segmentBytes;
    }

    private void transmit(Datagram datagram) {
        Endpoint target = datagram.destination();
        if (target.isForMany()) {
            if (datagram.hops() > 0) {
                stack.deliverToMany(datagram);
            }
            return;
        }
        UdpSocket receiver = stack.udpReceiver(target, datagram.source());
        if (receiver != null) {
            receiver.deliver(datagram);
        } else if (remote() != null || ip.wantsErrors()) {
            // The answer would be an ICMP message, which only who is connected hears of.
            pendingError.set(ECONNREFUSED);
            waitQueue().notify(POLLERR);
        }
    }

    /** A target as sendto(2) takes it: AF_INET with no family, and from an IPv6 socket IPv4 as it is. */
    private Endpoint sendTarget(byte[] address) throws ErrnoException {
        int given = address.length < 2 ? -1 : SocketAddress.family(address);
        if (address.length >= SocketAddress.INET_BYTES && (family() == Socket.AF_INET ? given == Socket.AF_UNSPEC : given == Socket.AF_INET)) {
            byte[] copy = address.clone();
            copy[0] = Socket.AF_INET;
            return Endpoint.of(copy, Socket.AF_INET);
        }
        return endpoint(address);
    }

    /** Time to live or type of service: that of the message's control data, or the socket's. */
    private static int named(SocketMessage message, boolean v4, boolean hops, int usual) {
        if (message != null && message.control != null) {
            int type = v4 ? hops ? Socket.IP_TTL : Socket.IP_TOS : hops ? Socket.IPV6_HOPLIMIT : Socket.IPV6_TCLASS;
            for (SocketMessage.Control control : message.control) {
                if (control.level() == (v4 ? Socket.SOL_IP : Socket.SOL_IPV6) && control.type() == type && control.data().length > 0) {
                    return control.data()[0] & 0xff;
                }
            }
        }
        return usual;
    }

    void deliver(Datagram datagram) {
        lock.lock();
        try {
            if (receivedBytes > options.receiveBufferBytes()) {
                return;
            }
            received.add(datagram);
            receivedBytes += datagram.data().length + OVERHEAD_BYTES;
        } finally {
            lock.unlock();
        }
        waitQueue().notify(READABLE);
    }

    /** Whether a datagram to a group or to everybody is for this socket. */
    boolean isAmong(Endpoint target, Endpoint from) {
        Endpoint name = local();
        Endpoint peer = remote();
        if (name == null || name.port() != target.port() || !name.isV4() && (isV6Only() || !name.isAny())
                || !name.isAny() && !name.hasAddress(target) || peer != null && !peer.equals(from)) {
            return false;
        }
        return !target.isMulticast() || ip.takesGroup(target);
    }

    /** How well this socket fits a datagram: -1 not at all, more is better. */
    int score(Endpoint target, Endpoint from) {
        Endpoint name = local();
        if (name == null || name.port() != target.port()) {
            return -1;
        }
        if (target.isV4() && !name.isV4() && (isV6Only() || !name.isAny()) || !target.isV4() && name.isV4()) {
            return -1;
        }
        int score = name.isV4() ? 1 : 0;
        if (!name.isAny()) {
            if (!name.hasAddress(target)) {
                return -1;
            }
            score += 4;
        }
        Endpoint peer = remote();
        if (peer != null) {
            if (!peer.equals(from)) {
                return -1;
            }
            score += 8;
        }
        return score;
    }

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_ERRQUEUE) != 0) {
            return WOULD_BLOCK;
        }
        boolean peek = (flags & Socket.MSG_PEEK) != 0;
        Datagram datagram;
        lock.lock();
        try {
            datagram = received.peek();
            if (datagram == null) {
                throwPendingError();
                return (shut & RECEIVE_SHUT) != 0 ? 0 : WOULD_BLOCK;
            }
            if (!peek) {
                received.poll();
                receivedBytes -= datagram.data().length + OVERHEAD_BYTES;
            }
        } finally {
            lock.unlock();
        }
        int length = datagram.data().length;
        int wanted = (int) Math.min(length, target.remaining());
        if (wanted > 0 && target.put(MemorySegment.ofArray(datagram.data()), 0, wanted) < wanted) {
            throw EFAULT.error();
        }
        if (message != null) {
            if (wanted < length) {
                message.flags |= Socket.MSG_TRUNC;
            }
            if (message.wantsAddress) {
                message.address = datagram.source().sockaddr(family());
            }
            if (message.wantsControl) {
                addControl(datagram, message);
            }
        }
        return (flags & Socket.MSG_TRUNC) != 0 ? length : wanted;
    }

    private void addControl(Datagram datagram, SocketMessage message) {
        if (options.timestamp() || options.timestampNs()) {
            byte[] time = new byte[16];
            long seconds = Math.floorDiv(datagram.timeNs(), 1_000_000_000L);
            long rest = Math.floorMod(datagram.timeNs(), 1_000_000_000L);
            MemorySegment.ofArray(time).set(U64, 0, seconds);
            MemorySegment.ofArray(time).set(U64, 8, options.timestampNs() ? rest : rest / 1000);
            message.addControl(Socket.SOL_SOCKET, options.timestampNs() ? Socket.SCM_TIMESTAMPNS : Socket.SCM_TIMESTAMP, time);
        }
        byte[] address = datagram.destination().address();
        if (ip.wantsPacketInfo4() && datagram.destination().isV4()) {
            byte[] info = new byte[12]; // in_pktinfo: ipi_ifindex, ipi_spec_dst, ipi_addr
            MemorySegment.ofArray(info).set(U32, 0, LoopbackStack.INDEX);
            System.arraycopy(address, 12, info, 4, 4);
            System.arraycopy(address, 12, info, 8, 4);
            message.addControl(Socket.SOL_IP, Socket.IP_PKTINFO, info);
        }
        if (datagram.destination().isV4()) {
            if (ip.isSet(Socket.SOL_IP, Socket.IP_RECVTTL)) {
                message.addControl(Socket.SOL_IP, Socket.IP_TTL, SocketOptions.integer(datagram.hops()));
            }
            if (ip.isSet(Socket.SOL_IP, Socket.IP_RECVTOS)) {
                message.addControl(Socket.SOL_IP, Socket.IP_TOS, new byte[] {(byte) datagram.service()});
            }
        }
        if (ip.wantsPacketInfo6()) {
            byte[] info = new byte[20]; // in6_pktinfo: ipi6_addr, ipi6_ifindex
            System.arraycopy(address, 0, info, 0, 16);
            MemorySegment.ofArray(info).set(U32, 16, LoopbackStack.INDEX);
            message.addControl(Socket.SOL_IPV6, Socket.IPV6_PKTINFO, info);
        }
        if (ip.isSet(Socket.SOL_IPV6, Socket.IPV6_RECVHOPLIMIT)) {
            message.addControl(Socket.SOL_IPV6, Socket.IPV6_HOPLIMIT, SocketOptions.integer(datagram.hops()));
        }
        if (ip.isSet(Socket.SOL_IPV6, Socket.IPV6_RECVTCLASS)) {
            message.addControl(Socket.SOL_IPV6, Socket.IPV6_TCLASS, SocketOptions.integer(datagram.service()));
        }
    }

    @Override
    public void shutdown(int how) throws ErrnoException {
        if (remote() == null) {
            throw ENOTCONN.error();
        }
        shut |= how + 1;
        waitQueue().notify(READABLE | WRITABLE | POLLRDHUP | (shut == 3 ? POLLHUP : 0));
    }

    @Override
    public int readiness(int mask) {
        int ready = WRITABLE;
        lock.lock();
        try {
            if (!received.isEmpty()) {
                ready |= READABLE;
            }
        } finally {
            lock.unlock();
        }
        int down = shut;
        if ((down & RECEIVE_SHUT) != 0) {
            ready |= READABLE | POLLRDHUP;
        }
        if (down == 3) {
            ready |= POLLHUP;
        }
        if (pendingError.get() != null) {
            ready |= POLLERR;
        }
        return ready & (mask | POLLERR | POLLHUP);
    }

    long receiveQueueBytes() {
        lock.lock();
        try {
            return receivedBytes;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        switch (command) {
            case Terminal.FIONREAD -> {
                int first;
                lock.lock();
                try {
                    first = received.isEmpty() ? 0 : received.peek().data().length;
                } finally {
                    lock.unlock();
                }
                writeInt(memory, argument, first);
            }
            case Terminal.TIOCOUTQ -> writeInt(memory, argument, 0);
            default -> {
                return super.ioctl(memory, command, argument);
            }
        }
        return 0;
    }

    @Override
    byte[] transportOption(int name, int maxBytes) throws ErrnoException {
        if (name == UDP_CORK) {
            return SocketOptions.flag(corked);
        }
        if (name == UDP_GRO) {
            return SocketOptions.flag(joins);
        }
        return switch (name) {
            case UDP_SEGMENT -> SocketOptions.integer(segmentBytes);
            case UDP_ENCAP -> SocketOptions.integer(0);
            case UDP_NO_CHECK6_TX -> SocketOptions.flag(sendsNoChecksum);
            case UDP_NO_CHECK6_RX -> SocketOptions.flag(takesNoChecksum);
            default -> throw ENOPROTOOPT.error();
        };
    }

    @Override
    void transportOption(int name, byte[] value, SocketCaller caller) throws ErrnoException {
        int number = SocketOptions.integer(value);
        switch (name) {
            case UDP_CORK -> {
                corked = number != 0;
                Datagram held = corked ? null : uncork.take(null);
                if (held != null) {
                    transmit(held);
                }
            }
            case UDP_GRO -> joins = number != 0; // allowed, not asked for: datagrams come one by one
            case UDP_SEGMENT -> {
                if (number < 0 || number > 0xffff) {
                    throw EINVAL.error();
                }
                segmentBytes = number;
            }
            case UDP_NO_CHECK6_TX -> sendsNoChecksum = number != 0; // nothing has a checksum here
            case UDP_NO_CHECK6_RX -> takesNoChecksum = number != 0;
            default -> {
                if (name != UDP_ENCAP || number != 0) {
                    throw ENOPROTOOPT.error("no encapsulation");
                }
            }
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            received.clear();
            receivedBytes = 0;
            shut = 3;
        } finally {
            lock.unlock();
        }
        ip.leaveGroups();
        releasePort();
    }
}
