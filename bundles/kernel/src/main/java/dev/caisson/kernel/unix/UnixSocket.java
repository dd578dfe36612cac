package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLRDHUP;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRBAND;
import static dev.caisson.abi.Poll.POLLWRNORM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Terminal;
import dev.caisson.abi.UserCredentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** What local sockets of all types share: name, receive queue, accounting, options, readiness. */
public abstract class UnixSocket extends SocketFile {
    static final int READABLE = POLLIN | POLLRDNORM;
    static final int WRITABLE = POLLOUT | POLLWRNORM | POLLWRBAND;
    static final int RECEIVE_SHUT = 1;
    static final int SEND_SHUT = 2;
    static final int SIOCOUTQ = Terminal.TIOCOUTQ;

    final UnixSockets sockets;
    final RankedLock lock = RankedLock.of(LockRank.OBJECT);
    /** Guarded by {@link #lock}. */
    final ArrayDeque<UnixPacket> received = new ArrayDeque<>();
    /** Bytes in {@link #received}; guarded by the lock. */
    long receivedBytes;
    /** Sockets that wait for room here, to send or to connect; guarded by the lock. */
    private final Set<UnixSocket> waitingForRoom = new HashSet<>();

    /** Bytes sent and not yet received by anybody. */
    final AtomicInteger inFlight = new AtomicInteger();
    final AtomicReference<Errno> pendingError = new AtomicReference<>();
    final SocketOptions options;
    final UserCredentials owner;
    volatile UnixSocket peer;
    volatile int shut;
    volatile boolean dead;
    volatile UserCredentials peerCredentials;
    volatile int[] peerGroups = {};
    private final UnixName name;

    UnixSocket(UnixSockets sockets, int type, SocketOptions options, SocketCaller owner) {
        super(Socket.AF_UNIX, type, 0);
        this.sockets = sockets;
        this.options = options;
        this.owner = UnixIdentity.ofPeer(owner);
        this.name = new UnixName(sockets, this);
    }

    // ---- names

    @Override
    public void bind(byte[] newAddress, SocketCaller caller) throws ErrnoException {
        name.bind(newAddress, (UnixCaller) caller);
    }

    /** Gives a socket without a name an abstract one. */
    final void autobind() throws ErrnoException {
        name.autobind();
    }

    /** A connection has the name of the socket that accepted it. */
    final void addressOf(UnixSocket listener) {
        name.copy(listener.name);
    }

    final boolean hasName() {
        return name.isGiven();
    }

    @Override
    public final byte[] localAddress() {
        return name.address();
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        UnixSocket other = peer;
        if (other == null) {
            throw ENOTCONN.error();
        }
        return other.localAddress();
    }

    /** {@return what /proc/net/unix tells: of the socket itself, then of connections to it that nobody has accepted yet} */
    public List<UnixStatus> status() {
        return List.of(statusOf(number()));
    }

    final UnixStatus statusOf(long inode) {
        return new UnixStatus(type(), isListening(), isConnected(), inode, localAddress());
    }

    boolean isConnected() {
        return peer != null;
    }

    // ---- sending

    /** Who a message is from, if one of the sides has asked for it with SO_PASSCRED by now. */
    final UserCredentials senderIdentity(SocketMessage message, UnixSocket target) throws ErrnoException {
        return UnixIdentity.ofSender(message, options.passCredentials() || target.wantsIdentity(), owner);
    }

    /** Whether messages to this socket have to say who sent them. */
    boolean wantsIdentity() {
        return options.passCredentials();
    }

    static List<FileDescription> files(SocketMessage message) {
        if (message == null || message.files == null || message.files.isEmpty()) {
            return null;
        }
        List<FileDescription> files = new ArrayList<>(message.files.size());
        for (Object file : message.files) {
            files.add((FileDescription) file);
        }
        return files;
    }

    static byte[] copyIn(IoBuffer source, int lengthBytes) throws ErrnoException {
        byte[] data = new byte[lengthBytes];
        if (lengthBytes > 0 && source.get(MemorySegment.ofArray(data), 0, lengthBytes) < lengthBytes) {
            throw EFAULT.error();
        }
        return data;
    }

    final boolean isFull() {
        return inFlight.get() >= options.sendBufferBytes();
    }

    final boolean isWritable() {
        return inFlight.get() <= options.sendBufferBytes() >> 2;
    }

    /** Puts a packet into the queue; the lock is held. */
    final void queueLocked(UnixPacket packet) {
        packet.sender.inFlight.addAndGet(packet.charge());
        received.add(packet);
        receivedBytes += packet.left();
        if (packet.files != null) {
            sockets.rights().sent(packet.files);
        }
    }

    /** The packet left the queue: its sender has room again. */
    static void uncharge(UnixPacket packet) {
        UnixSocket sender = packet.sender;
        sender.inFlight.addAndGet(-packet.charge());
        if (sender.isWritable()) {
            sender.waitQueue().notify(WRITABLE);
        }
    }

    /** Remembers who waits for room here, so that roomMade tells it; the lock is held. */
    final void waitForRoomLocked(UnixSocket waiting) {
        waitingForRoom.add(waiting);
    }

    /** Takes those who waited for room; the lock is held. They are told after it is released. */
    final List<UnixSocket> takeWaitingLocked() {
        if (waitingForRoom.isEmpty()) {
            return List.of();
        }
        List<UnixSocket> waiting = List.copyOf(waitingForRoom);
        waitingForRoom.clear();
        return waiting;
    }

    static void tellRoom(List<UnixSocket> waiting) {
        for (UnixSocket each : waiting) {
            each.waitQueue().notify(WRITABLE);
        }
    }

    // ---- receiving

    /** Hands the files of a packet to the receiver, or copies of them for MSG_PEEK. */
    final void giveFiles(UnixPacket packet, SocketMessage message, boolean peek, List<FileDescription> unwanted) {
        List<FileDescription> files = packet.files;
        if (files == null) {
            return;
        }
        if (peek) {
            if (message != null) {
                files.forEach(FileDescription::retain);
                message.files = new ArrayList<>(files);
            }
            return;
        }
        packet.files = null;
        sockets.rights().received(files);
        if (message != null) {
            message.files = new ArrayList<>(files);
        } else {
            unwanted.addAll(files);
        }
    }

    final void giveIdentity(UnixPacket packet, SocketMessage message) {
        if (message == null) {
            return;
        }
        if (message.wantsAddress && message.address == null) {
            message.address = packet.senderAddress.length > 2 ? packet.senderAddress : new byte[0];
        }
        if (options.passCredentials()) {
            byte[] data = new byte[UserCredentials.BYTES];
            UserCredentials.CODEC.write(MemorySegment.ofArray(data), 0, packet.credentials);
            message.addControl(Socket.SOL_SOCKET, Socket.SCM_CREDENTIALS, data);
        }
    }

    final void throwPendingError() throws ErrnoException {
        Errno error = pendingError.getAndSet(null);
        if (error != null) {
            throw error.error();
        }
    }

    /** Throws the queue's content away, for close and for the collection of cycles. */
    final void discardReceived() {
        List<UnixPacket> dropped;
        lock.lock();
        try {
            dropped = new ArrayList<>(received);
            received.clear();
            receivedBytes = 0;
        } finally {
            lock.unlock();
        }
        for (UnixPacket packet : dropped) {
            uncharge(packet);
            if (packet.files != null) {
                sockets.rights().received(packet.files);
                packet.files.forEach(FileDescription::release);
            }
        }
    }

    /** Sockets that were not accepted yet and go when this one goes; the lock is held. */
    List<UnixSocket> embryosLocked() {
        return List.of();
    }

    // ---- state

    @Override
    public void shutdown(int how) throws ErrnoException {
        int bits = how + 1;
        addShut(bits);
        UnixSocket other = peer;
        if (other != null && type() != Socket.SOCK_DGRAM) {
            other.addShut((bits & RECEIVE_SHUT) << 1 | (bits & SEND_SHUT) >> 1);
        }
    }

    final void addShut(int bits) {
        int now;
        lock.lock();
        try {
            now = shut | bits;
            shut = now;
        } finally {
            lock.unlock();
        }
        waitQueue().notify(READABLE | WRITABLE | POLLRDHUP | (now == 3 ? POLLHUP : 0));
    }

    boolean isHungUp() {
        return false;
    }

    boolean canSendNow() {
        return isWritable();
    }

    boolean hasInputLocked() {
        return !received.isEmpty();
    }

    @Override
    public int readiness(int mask) {
        int ready = 0;
        lock.lock();
        try {
            if (hasInputLocked()) {
                ready |= READABLE;
            }
        } finally {
            lock.unlock();
        }
        int down = shut;
        if (pendingError.get() != null) {
            ready |= POLLERR;
        }
        if (down == 3 || isHungUp()) {
            ready |= POLLHUP;
        }
        if ((down & RECEIVE_SHUT) != 0) {
            ready |= READABLE | POLLRDHUP;
        }
        if ((mask & WRITABLE) != 0 && canSendNow()) {
            ready |= WRITABLE;
        }
        return ready & (mask | POLLERR | POLLHUP);
    }

    /** A descriptor was closed: perhaps only messages hold this socket now. */
    @Override
    public void flush() {
        sockets.rights().collectSoon();
    }

    @Override
    public void close() {
        name.unbind();
        boolean unread;
        List<UnixSocket> waiting;
        List<UnixSocket> embryos;
        lock.lock();
        try {
            dead = true;
            shut = 3;
            unread = !received.isEmpty();
            waiting = takeWaitingLocked();
            embryos = embryosLocked();
        } finally {
            lock.unlock();
        }
        UnixSocket other = peer;
        peer = null;
        if (other != null) {
            peerClosed(other, unread);
        }
        tellRoom(waiting);
        for (UnixSocket embryo : embryos) {
            embryo.closeUnaccepted();
        }
        discardReceived();
        sockets.rights().collectSoon();
    }

    /** Tells the other side that this socket is gone. */
    void peerClosed(UnixSocket other, boolean unread) {
        if (type() != Socket.SOCK_DGRAM) {
            if (unread) {
                other.pendingError.set(Errno.ECONNRESET);
            }
            other.addShut(3);
        }
    }

    /** A connection that nobody accepted is reset. */
    private void closeUnaccepted() {
        UnixSocket other = peer;
        if (other != null) {
            other.pendingError.set(Errno.ECONNRESET);
        }
        close();
    }

    // ---- options and ioctls

    @Override
    public byte[] option(int level, int name, int maxBytes) throws ErrnoException {
        if (level != Socket.SOL_SOCKET) {
            throw EOPNOTSUPP.error();
        }
        return switch (name) {
            case Socket.SO_ERROR -> {
                Errno error = pendingError.getAndSet(null);
                yield SocketOptions.integer(error == null ? 0 : error.number());
            }
            case Socket.SO_ACCEPTCONN -> SocketOptions.flag(isListening());
            case Socket.SO_PEERCRED -> {
                UserCredentials known = peerCredentials;
                byte[] value = new byte[UserCredentials.BYTES];
                UserCredentials.CODEC.write(MemorySegment.ofArray(value), 0, known != null ? known : new UserCredentials(0, -1, -1));
                yield value;
            }
            case Socket.SO_PEERGROUPS -> {
                if (peerCredentials == null) {
                    throw Errno.ENODATA.error();
                }
                byte[] value = new byte[4 * peerGroups.length];
                if (maxBytes < value.length) {
                    throw Errno.ERANGE.error();
                }
                for (int i = 0; i < peerGroups.length; i++) {
                    MemorySegment.ofArray(value).set(U32, 4L * i, peerGroups[i]);
                }
                yield value;
            }
            case Socket.SO_PEERSEC -> throw Errno.ENOPROTOOPT.error();
            case Socket.SO_COOKIE -> {
                byte[] value = new byte[8];
                MemorySegment.ofArray(value).set(dev.caisson.abi.Layouts.U64, 0, number());
                yield value;
            }
            default -> options.get(name);
        };
    }

    @Override
    public void option(int level, int name, byte[] value, SocketCaller caller) throws ErrnoException {
        if (level != Socket.SOL_SOCKET) {
            throw EOPNOTSUPP.error();
        }
        if (name == Socket.SO_PEEK_OFF || name == Socket.SO_RCVLOWAT && type() != Socket.SOCK_STREAM) {
            throw EOPNOTSUPP.error();
        }
        options.set(name, value, caller);
    }

    boolean isListening() {
        return false;
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        int value;
        if (command == Terminal.FIONREAD) {
            if (isListening()) {
                throw EINVAL.error();
            }
            lock.lock();
            try {
                UnixPacket first = received.peek();
                value = type() == Socket.SOCK_STREAM ? (int) receivedBytes : first == null ? 0 : first.left();
            } finally {
                lock.unlock();
            }
        } else if (command == SIOCOUTQ) {
            value = inFlight.get();
        } else {
            return super.ioctl(memory, command, argument);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(4);
            number.set(U32, 0, value);
            memory.copyOut(argument, number);
        }
        return 0;
    }

    @Override
    public List<NetworkInterface> interfaces() {
        return sockets.interfaces();
    }
}
