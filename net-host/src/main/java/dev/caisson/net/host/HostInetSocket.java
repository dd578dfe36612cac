package dev.caisson.net.host;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENOBUFS;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.abi.Terminal;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostInet;
import dev.caisson.host.HostReady;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.spi.net.SocketStatus;
import dev.caisson.spi.wait.HostWatcher;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** A socket that is one of the host, which never blocks; the host's events are passed to whoever waits. */
final class HostInetSocket extends SocketFile {
    private static final int EPOLLET = 0x80000000;
    private static final int EVENTS = Poll.EPOLLIN | Poll.EPOLLOUT | Poll.EPOLLRDHUP | Poll.EPOLLPRI | EPOLLET;
    private static final long EINPROGRESS = -115;
    private static final int SENT = Socket.MSG_OOB | Socket.MSG_DONTROUTE | Socket.MSG_EOR | Socket.MSG_CONFIRM | Socket.MSG_MORE;
    private static final int RECEIVED = Socket.MSG_OOB | Socket.MSG_PEEK | Socket.MSG_TRUNC | Socket.MSG_ERRQUEUE;
    /** Of an IP packet; UDP takes a little less. */
    private static final int MOST_DATAGRAM_BYTES = 65535;
    /** How much of a stream is looked at without taking it. */
    private static final int MOST_PEEKED_BYTES = 1 << 20;
    private static final int CONTROL_HEADER_BYTES = 16;
    private static final int TCP_CLOSE = 7;

    private final HostNetwork network;
    private final int fd;
    private final int uid;
    /** What the host is not asked: rights and filters it would not grant. */
    private final SocketOptions own = new SocketOptions();
    private HostWatcher.Registration registration;

    HostInetSocket(HostNetwork network, int fd, int family, int type, int protocol, int uid) {
        super(family, type, protocol);
        this.network = network;
        this.fd = fd;
        this.uid = uid;
    }

    void watch(HostWatcher watcher) throws ErrnoException {
        registration = watcher.register(fd, EVENTS, waitQueue()::notify);
    }

    // ---- names and connections

    @Override
    public void bind(byte[] address, SocketCaller caller) throws ErrnoException {
        if (address.length >= SocketAddress.INET_BYTES && SocketAddress.family(address) == family()) {
            int port = SocketAddress.port(address);
            if (port != 0 && port < caller.firstUnprivilegedPort() && !caller.credentials().has(Capability.CAP_NET_BIND_SERVICE)) {
                throw EACCES.error();
            }
        }
        Errno.check(HostInet.bind(fd, address));
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        long result = HostInet.connect(fd, address);
        return result == EINPROGRESS ? IN_PROGRESS : Errno.check(result);
    }

    @Override
    public long finishConnect() throws ErrnoException {
        if (HostReady.poll(fd, Poll.POLLOUT) == 0) {
            return WOULD_BLOCK;
        }
        byte[] error = new byte[Integer.BYTES];
        Errno.check(HostInet.option(fd, Socket.SOL_SOCKET, Socket.SO_ERROR, error));
        return Errno.check(-MemorySegment.ofArray(error).get(U32, 0));
    }

    @Override
    public void listen(int backlog, SocketCaller caller) throws ErrnoException {
        Errno.check(HostInet.listen(fd, backlog));
    }

    @Override
    public SocketFile accept() throws ErrnoException {
        long accepted = HostInet.accept(fd);
        return accepted == WOULD_BLOCK ? null : network.adopt((int) Errno.check(accepted), family(), type(), protocol(), uid);
    }

    @Override
    public byte[] localAddress() {
        byte[] address = new byte[HostInet.ADDRESS_BYTES];
        long length = HostInet.name(fd, false, address);
        return length < 0 ? SocketAddress.ofFamily(family(), SocketAddress.INET_BYTES) : Arrays.copyOf(address, (int) length);
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        byte[] address = new byte[HostInet.ADDRESS_BYTES];
        return Arrays.copyOf(address, (int) Errno.check(HostInet.name(fd, true, address)));
    }

    @Override
    public void shutdown(int how) throws ErrnoException {
        Errno.check(HostInet.shutdown(fd, how));
    }

    // ---- data

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if (isStream()) {
            if ((flags & Socket.MSG_FASTOPEN) != 0) {
                throw EOPNOTSUPP.error();
            }
            if (source.remaining() == 0) {
                return Errno.check(HostInet.send(fd, 0, 0, flags & SENT));
            }
            return source.transfer(Long.MAX_VALUE, (run, bytes, done) -> {
                boolean isLast = bytes == source.remaining();
                return HostInet.send(fd, run.address(), bytes, (isLast ? flags : flags & ~Socket.MSG_OOB | Socket.MSG_MORE) & SENT);
            });
        }
        long length = source.remaining();
        if (length > MOST_DATAGRAM_BYTES) {
            throw EMSGSIZE.error();
        }
        byte[] to = message == null || message.address == null || message.address.length == 0 ? null : message.address;
        byte[] control = message == null || message.control == null ? null : sent(message.control);
        MemorySegment run = length == 0 ? MemorySegment.NULL : source.run();
        if (length == 0 || run.byteSize() == length) {
            long sent = HostInet.sendMessage(fd, run.address(), length, to, control, flags & SENT);
            if (sent > 0) {
                source.advance(sent);
            }
            return sent == WOULD_BLOCK ? sent : Errno.check(sent);
        }
        return gather(source, (int) length, to, control, flags & SENT);
    }

    /** A message that lies in several places. It is asked first whether it can go, since what was taken cannot be given back. */
    private long gather(IoBuffer source, int length, byte[] to, byte[] control, int flags) throws ErrnoException {
        if ((HostReady.poll(fd, Poll.POLLOUT) & (Poll.POLLOUT | Poll.POLLERR | Poll.POLLHUP)) == 0) {
            return WOULD_BLOCK;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(length);
            if (source.get(whole, 0, length) < length) {
                throw Errno.EFAULT.error();
            }
            long sent = HostInet.sendMessage(fd, whole.address(), length, to, control, flags);
            if (sent == WOULD_BLOCK) {
                throw ENOBUFS.error(); // another sender was faster
            }
            return Errno.check(sent);
        }
    }

    /** Control messages as the host wants them. */
    private static byte[] sent(List<SocketMessage.Control> messages) throws ErrnoException {
        byte[] control = new byte[HostInet.CONTROL_BYTES];
        MemorySegment target = MemorySegment.ofArray(control);
        int at = 0;
        for (SocketMessage.Control each : messages) {
            if (!PassedOptions.sends(each)) {
                if (each.level() == Socket.SOL_SOCKET) {
                    throw EINVAL.error();
                }
                continue; // as Linux does with levels that a protocol does not know
            }
            int length = CONTROL_HEADER_BYTES + each.data().length;
            if (at + length + 7 > control.length) {
                throw ENOBUFS.error();
            }
            target.set(U64, at, length);
            target.set(U32, at + 8, each.level());
            target.set(U32, at + 12, each.type());
            System.arraycopy(each.data(), 0, control, at + CONTROL_HEADER_BYTES, each.data().length);
            at += length + 7 & ~7;
        }
        return at == 0 ? null : Arrays.copyOf(control, at);
    }

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        int passed = flags & RECEIVED;
        boolean isPlain = isStream() && (passed & (Socket.MSG_OOB | Socket.MSG_ERRQUEUE)) == 0 && (message == null || !message.wantsControl);
        if (isPlain && (passed & Socket.MSG_PEEK) == 0 && target.remaining() > 0) {
            return target.transfer(Long.MAX_VALUE, (run, bytes, done) -> HostInet.receive(fd, run.address(), bytes, passed));
        }
        long wanted = target.remaining();
        MemorySegment run = wanted == 0 ? MemorySegment.NULL : target.run();
        HostInet.Received received = new HostInet.Received();
        if (run.byteSize() == wanted) {
            long count = HostInet.receiveMessage(fd, run.address(), wanted, passed, received);
            if (count > 0) {
                target.advance(Math.min(count, wanted));
            }
            return told(count, received, message);
        }
        int room = (int) Math.min(wanted, isStream() ? MOST_PEEKED_BYTES : MOST_DATAGRAM_BYTES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(room);
            long count = HostInet.receiveMessage(fd, whole.address(), room, passed, received);
            if (count > 0 && target.put(whole, 0, Math.min(count, room)) < Math.min(count, room)) {
                throw Errno.EFAULT.error();
            }
            return told(count, received, message);
        }
    }

    private static long told(long count, HostInet.Received received, SocketMessage message) throws ErrnoException {
        if (count == WOULD_BLOCK) {
            return count;
        }
        Errno.check(count);
        if (message != null) {
            message.flags = received.flags & (Socket.MSG_TRUNC | Socket.MSG_CTRUNC | Socket.MSG_EOR | Socket.MSG_OOB | Socket.MSG_ERRQUEUE);
            message.address = received.address.length == 0 ? null : received.address;
            MemorySegment control = MemorySegment.ofArray(received.control);
            for (int at = 0; at + CONTROL_HEADER_BYTES <= received.control.length;) {
                long length = control.get(U64, at);
                if (length < CONTROL_HEADER_BYTES || length > received.control.length - at) {
                    break;
                }
                message.addControl(control.get(U32, at + 8), control.get(U32, at + 12),
                        Arrays.copyOfRange(received.control, at + CONTROL_HEADER_BYTES, at + (int) length));
                at += (int) length + 7 & ~7;
            }
        }
        return count;
    }

    // ---- options and requests

    @Override
    public byte[] option(int level, int name, int maxBytes) throws ErrnoException {
        if (level == Socket.SOL_SOCKET && name == Socket.SO_COOKIE) {
            byte[] value = new byte[Long.BYTES];
            MemorySegment.ofArray(value).set(U64, 0, number());
            return value;
        }
        if (level == Socket.SOL_SOCKET && name == Socket.SO_PEERNAME) {
            return remoteAddress();
        }
        if (level == Socket.SOL_SOCKET && !isPassed(level, name)) {
            return own.get(name);
        }
        if (!isPassed(level, name)) {
            throw unknown(level);
        }
        byte[] value = new byte[Math.clamp(maxBytes, 0, HostInet.CONTROL_BYTES)];
        return Arrays.copyOf(value, (int) Errno.check(HostInet.option(fd, level, name, value)));
    }

    @Override
    public void option(int level, int name, byte[] value, SocketCaller caller) throws ErrnoException {
        if (level == Socket.SOL_SOCKET && name == Socket.SO_LINGER) {
            linger(value, caller);
        } else if (level == Socket.SOL_SOCKET && (name == Socket.SO_SNDBUFFORCE || name == Socket.SO_RCVBUFFORCE)) {
            own.set(name, value, caller); // whether the caller may; the host gives what it gives everybody
            Errno.check(HostInet.setOption(fd, level, name == Socket.SO_SNDBUFFORCE ? Socket.SO_SNDBUF : Socket.SO_RCVBUF, value));
        } else if (level == Socket.SOL_SOCKET && !isPassed(level, name)) {
            own.set(name, value, caller);
        } else if (!isPassed(level, name)) {
            throw unknown(level);
        } else {
            Errno.check(HostInet.setOption(fd, level, name, value));
        }
    }

    /** The host's close(2) must not wait, whatever the guest's would: only the reset of a time of 0 is its business. */
    private void linger(byte[] value, SocketCaller caller) throws ErrnoException {
        own.set(Socket.SO_LINGER, value, caller);
        byte[] hosts = new byte[8]; // struct linger
        hosts[0] = (byte) (own.lingerSeconds() == 0 ? 1 : 0);
        Errno.check(HostInet.setOption(fd, Socket.SOL_SOCKET, Socket.SO_LINGER, hosts));
    }

    private boolean isPassed(int level, int name) {
        return PassedOptions.has(family(), protocol(), level, name);
    }

    private ErrnoException unknown(int level) {
        boolean isKnown = level == Socket.SOL_IP || level == protocol() || level == Socket.SOL_RAW || level == Socket.SOL_IPV6 && family() == Socket.AF_INET6;
        return isKnown ? ENOPROTOOPT.error() : EOPNOTSUPP.error();
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command != Terminal.FIONREAD && command != Terminal.TIOCOUTQ && command != Terminal.SIOCATMARK) {
            return super.ioctl(memory, command, argument);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(U32);
            Errno.check(HostFile.ioctl(fd, command, number.address()));
            memory.copyOut(argument, number);
            return 0;
        }
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return network.interfaces();
    }

    @Override
    public int readiness(int mask) {
        long ready = HostReady.poll(fd, mask);
        return ready < 0 ? Poll.POLLERR : (int) ready;
    }

    /** For /proc/net; null for one without a port. */
    SocketStatus status() {
        byte[] local = localAddress();
        if (SocketAddress.port(local) == 0) {
            return null;
        }
        byte[] remote = new byte[HostInet.ADDRESS_BYTES];
        long length = HostInet.name(fd, true, remote);
        byte[] state = new byte[1]; // struct tcp_info begins with it
        boolean hasState = protocol() == Socket.IPPROTO_TCP && HostInet.option(fd, Socket.SOL_TCP, Socket.TCP_INFO, state) == 1;
        return new SocketStatus(family(), protocol(), local, length < 0 ? SocketAddress.ofFamily(family(), local.length) : Arrays.copyOf(remote, (int) length),
                hasState ? state[0] : length < 0 ? TCP_CLOSE : 1, queued(Terminal.TIOCOUTQ), queued(Terminal.FIONREAD), uid, number());
    }

    private long queued(int command) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(U32);
            return HostFile.ioctl(fd, command, number.address()) < 0 ? 0 : number.get(U32, 0);
        }
    }

    @Override
    public void close() {
        if (registration != null) {
            registration.close();
        }
        HostFile.close(fd);
        network.closed(this);
    }
}
