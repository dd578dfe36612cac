package dev.caisson.spi.net;

import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A socket, socket(7). Like every open file it never blocks: what is not possible now is answered with {@link #WOULD_BLOCK} (or null)
 * and announced on the {@link #waitQueue}; timeouts, MSG_DONTWAIT, MSG_WAITALL and SIGPIPE are the caller's business.
 *
 * <p>Addresses are the bytes of a {@code struct sockaddr}, 2 to 128 of them, family first; the socket checks length and family. Safe for
 * use by many tasks at once.
 */
@ConsumerType
public abstract class SocketFile extends OpenFile {
    /** Result of {@link #connect}: it goes on in the background; POLLOUT announces the end, {@link #finishConnect} tells it. */
    public static final long IN_PROGRESS = -115;

    private static final AtomicLong NUMBERS = new AtomicLong(1000);

    private final int family;
    private final int type;
    private final int protocol;
    private volatile long number = NUMBERS.incrementAndGet();
    private final WaitQueue queue = new WaitQueue();

    private volatile long receiveTimeoutNs;
    private volatile long sendTimeoutNs;

    /**
     * For subclasses.
     *
     * @param family {@code AF_*}, SO_DOMAIN
     * @param type {@code SOCK_*}, SO_TYPE
     * @param protocol {@code IPPROTO_*} after defaults were applied, SO_PROTOCOL
     */
    protected SocketFile(int family, int type, int protocol) {
        this.family = family;
        this.type = type;
        this.protocol = protocol;
    }

    /** {@return the address family} */
    public final int family() {
        return family;
    }

    /** {@return the type, {@code SOCK_*}} */
    public final int type() {
        return type;
    }

    /** {@return the protocol} */
    public final int protocol() {
        return protocol;
    }

    /** {@return a number of its own, for {@code socket:[...]}} */
    public final long number() {
        return number;
    }

    /**
     * The kernel gave the socket an inode; its number is the socket's from now on.
     *
     * @param inodeNumber {@code st_ino}
     */
    public final void number(long inodeNumber) {
        number = inodeNumber;
    }

    /** {@return whether bytes have no boundaries, so that MSG_WAITALL, partial sends and SIGPIPE apply} */
    public final boolean isStream() {
        return type == Socket.SOCK_STREAM;
    }

    @Override
    public final long readTimeoutNs() {
        return receiveTimeoutNs;
    }

    @Override
    public final long writeTimeoutNs() {
        return sendTimeoutNs;
    }

    /**
     * Sets SO_RCVTIMEO or SO_SNDTIMEO.
     *
     * @param sending which of the two
     * @param timeoutNs nanoseconds; 0 for none
     */
    public final void timeout(boolean sending, long timeoutNs) {
        if (sending) {
            sendTimeoutNs = timeoutNs;
        } else {
            receiveTimeoutNs = timeoutNs;
        }
    }

    /**
     * Gives the socket a name, bind(2).
     *
     * @param address the name
     * @param caller who asks
     * @throws ErrnoException EINVAL for a bad length or a socket that has a name, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL, EACCES
     */
    public abstract void bind(byte[] address, SocketCaller caller) throws ErrnoException;

    /**
     * Connects, connect(2); or for datagrams sets the peer, or with AF_UNSPEC takes it away.
     *
     * @param address the peer
     * @param caller who asks
     * @return 0 when connected, {@link #IN_PROGRESS} when it was begun, {@link #WOULD_BLOCK} when it could not even begin (a full backlog of
     *     a local socket): the caller waits for POLLOUT and repeats the call, or gives EAGAIN
     * @throws ErrnoException EISCONN, EALREADY, ECONNREFUSED, ENETUNREACH, EAFNOSUPPORT, EINVAL, EPROTOTYPE, EACCES, EADDRNOTAVAIL
     */
    public abstract long connect(byte[] address, SocketCaller caller) throws ErrnoException;

    /**
     * Asks how a connection attempt ended, after {@link #connect} gave {@link #IN_PROGRESS}.
     *
     * @return 0 when connected, {@link #WOULD_BLOCK} while it goes on
     * @throws ErrnoException why it failed; the pending error is cleared
     */
    public long finishConnect() throws ErrnoException {
        return 0;
    }

    /**
     * Waits for connections from now on, listen(2).
     *
     * @param backlog how many may wait, already cut to 0 to SOMAXCONN
     * @param caller who asks
     * @throws ErrnoException EOPNOTSUPP, EINVAL, EADDRINUSE
     */
    public void listen(int backlog, SocketCaller caller) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * Takes the first waiting connection, accept(2).
     *
     * @return a connected socket, or null when none waits
     * @throws ErrnoException EOPNOTSUPP, EINVAL when it does not listen, ECONNABORTED
     */
    public SocketFile accept() throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /** {@return the socket's name; a bare family when it has none} */
    public abstract byte[] localAddress();

    /**
     * The peer's name, getpeername(2).
     *
     * @return a sockaddr
     * @throws ErrnoException ENOTCONN
     */
    public abstract byte[] remoteAddress() throws ErrnoException;

    /**
     * Sends data, send(2).
     *
     * @param source data; for datagrams all of {@link IoBuffer#remaining} is one message, possibly of 0 bytes
     * @param message destination, control messages, files; null when there is nothing of the kind
     * @param flags {@code MSG_*}; an unknown one that Linux ignores is ignored
     * @return bytes sent (a stream may take fewer), or {@link #WOULD_BLOCK}
     * @throws ErrnoException EPIPE, ENOTCONN, EDESTADDRREQ, EMSGSIZE, ECONNREFUSED, ECONNRESET, EISCONN, EOPNOTSUPP, EFAULT, ENOBUFS
     */
    public abstract long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException;

    /**
     * Receives data, recv(2).
     *
     * @param target where to; possibly of 0 bytes
     * @param message takes source, control messages, files and flags; null when only the data is wanted
     * @param flags MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_CMSG_CLOEXEC, MSG_ERRQUEUE; the others are done above
     * @return bytes received (with MSG_TRUNC on datagrams the full length), 0 at the end, or {@link #WOULD_BLOCK}
     * @throws ErrnoException ENOTCONN, ECONNREFUSED, ECONNRESET, EOPNOTSUPP, EINVAL, EFAULT
     */
    public abstract long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException;

    /**
     * Ends one or both directions, shutdown(2).
     *
     * @param how SHUT_RD, SHUT_WR or SHUT_RDWR, already checked
     * @throws ErrnoException ENOTCONN
     */
    public abstract void shutdown(int how) throws ErrnoException;

    /**
     * Reads an option, getsockopt(2). SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_RCVTIMEO and SO_SNDTIMEO are answered above.
     *
     * @param level {@code SOL_*}
     * @param name the option
     * @param maxBytes room the caller has; variable-length options cut themselves
     * @return the value; the caller cuts it to its room
     * @throws ErrnoException ENOPROTOOPT for one it does not know, EINVAL
     */
    public byte[] option(int level, int name, int maxBytes) throws ErrnoException {
        throw ENOPROTOOPT.error();
    }

    /**
     * Sets an option, setsockopt(2).
     *
     * @param level {@code SOL_*}
     * @param name the option
     * @param value bytes as given
     * @param caller who asks
     * @throws ErrnoException ENOPROTOOPT for one it does not know, EINVAL for a bad value or length, EPERM
     */
    public void option(int level, int name, byte[] value, SocketCaller caller) throws ErrnoException {
        throw ENOPROTOOPT.error();
    }

    /** {@return the interfaces of the network this socket belongs to, for SIOCGIF* requests} */
    public List<NetworkInterface> interfaces() {
        return List.of();
    }

    @Override
    public final boolean isSeekable() {
        return false;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        return receive(target, null, 0);
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        return send(source, null, 0);
    }

    /** Answers requests about interfaces; subclasses add theirs (FIONREAD, SIOCATMARK) and pass the rest on. */
    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        return InterfaceIoctls.handle(interfaces(), memory, command, argument);
    }

    @Override
    public final WaitQueue waitQueue() {
        return queue;
    }
}
