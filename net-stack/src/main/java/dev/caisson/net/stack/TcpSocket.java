package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EALREADY;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.ECONNRESET;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISCONN;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Poll.POLLPRI;
import static dev.caisson.abi.Poll.POLLRDHUP;
import static dev.caisson.abi.Poll.POLLRDNORM;
import static dev.caisson.abi.Poll.POLLWRNORM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.abi.Terminal;
import dev.caisson.kernel.pipe.ByteRing;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A TCP socket whose peer is in the same sandbox. Bytes go straight into the peer's receive queue; there are no segments, but what
 * programs see of connection set-up, half close, reset and refusal is as tcp(7) has it.
 *
 * <p>Deviation: there is no TIME_WAIT that keeps a port busy.
 */
final class TcpSocket extends InetSocket {
    private enum State { CLOSED, LISTENING, CONNECTING, CONNECTED }

    static final int READABLE = POLLIN | POLLRDNORM;
    static final int WRITABLE = POLLOUT | POLLWRNORM;
    private static final int SEND_BYTES = 16384;
    private static final int RECEIVE_BYTES = 131072;
    /** What a connection holds unless buffer sizes were set: Linux grows its buffers by itself to several megabytes. */
    private static final int GROWN_BYTES = 1 << 20;

    private final AtomicReference<State> state = new AtomicReference<>(State.CLOSED);
    private final TcpOptions tcp;
    private volatile TcpSocket peer;
    /** Bits of the directions that are shut, by us or by the peer's FIN. */
    private volatile int shut;
    private volatile boolean finReceived;
    private volatile boolean dead;
    /** A connect(2) was begun and nobody has been told yet how it ended. */
    private volatile boolean attempted;

    /** Guarded by {@link #lock}. */
    private final ByteRing received = new ByteRing();
    /** Guarded by {@link #lock}. */
    private final UrgentByte urgent = new UrgentByte();
    private final TcpBacklog backlog = new TcpBacklog(this);

    TcpSocket(LoopbackStack stack, int family, int uid) {
        this(stack, family, new SocketOptions(SEND_BYTES, RECEIVE_BYTES), new IpOptions(family == Socket.AF_INET6, true), new TcpOptions(), uid);
    }

    private TcpSocket(LoopbackStack stack, int family, SocketOptions options, IpOptions ip, TcpOptions tcp, int uid) {
        super(stack, stack.tcpPorts(), family, Socket.SOCK_STREAM, Socket.IPPROTO_TCP, options, ip, uid);
        this.tcp = tcp;
    }

    // ---- connections

    @Override
    public void listen(int most, SocketCaller caller) throws ErrnoException {
        State now = state.get();
        if (now == State.CONNECTED || now == State.CONNECTING) {
            throw EINVAL.error();
        }
        autobind();
        if (now == State.CLOSED) {
            state.set(State.LISTENING);
            if (ports.conflictsNow(this)) {
                state.set(State.CLOSED);
                throw EADDRINUSE.error();
            }
            shut = 0;
        }
        this.backlog.most(most);
    }

    @Override
    boolean maySharePortWith(InetSocket other) {
        boolean reuse = options.reuseAddress() && other.options.reuseAddress() && !other.isListening();
        return reuse || options.reusePort() && other.options.reusePort() && uid == other.uid;
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        if (address.length < 2) {
            throw EINVAL.error();
        }
        if (SocketAddress.family(address) == Socket.AF_UNSPEC) {
            disconnect();
            return 0;
        }
        switch (state.get()) {
            case LISTENING -> throw EISCONN.error();
            case CONNECTING -> throw EALREADY.error();
            case CONNECTED -> {
                if (attempted) {
                    attempted = false;
                    return 0;
                }
                throw EISCONN.error();
            }
            default -> {
                if (attempted) {
                    finishConnect();
                }
            }
        }
        Endpoint wanted = reachable(endpoint(address));
        autobindTo(wanted);
        shut = 0;
        finReceived = false;
        if (!state.compareAndSet(State.CLOSED, State.CONNECTING)) {
            throw EALREADY.error();
        }
        attempted = true;
        remote(wanted);
        TcpSocket listener = stack.listener(wanted);
        if (listener == null || !listener.backlog.take(this)) {
            refuse();
        }
        return IN_PROGRESS;
    }

    /** Makes the other end of a client's connection to this listener, whose lock is held; null when the client has gone or has no address. */
    TcpSocket serveLocked(TcpSocket client) {
        Endpoint from = client.local();
        Endpoint to = client.remote();
        if (from == null || to == null) {
            return null;
        }
        TcpSocket server = new TcpSocket(stack, family(), options.copy(), ip.copy(), tcp.copy(), uid);
        server.peer = client;
        server.state.set(State.CONNECTED);
        server.adopt(to, from);
        client.peer = server;
        if (client.state.compareAndSet(State.CONNECTING, State.CONNECTED)) {
            return server;
        }
        server.releasePort();
        return null;
    }

    /** Nobody accepts what was served. */
    void abandon() {
        TcpSocket client = peer;
        if (client != null) {
            client.reset();
        }
        dead = true;
        releasePort();
    }

    boolean isDead() {
        return dead;
    }

    /** Nobody listens. */
    void refuse() {
        pendingError.set(ECONNREFUSED);
        shut = 3;
        state.compareAndSet(State.CONNECTING, State.CLOSED);
        waitQueue().notify(READABLE | WRITABLE | POLLERR | POLLHUP | POLLRDHUP);
    }

    @Override
    public long finishConnect() throws ErrnoException {
        if (state.get() == State.CONNECTING) {
            return WOULD_BLOCK;
        }
        attempted = false;
        if (state.get() != State.CONNECTED) {
            Errno error = pendingError.getAndSet(null);
            forgetConnection();
            throw (error == null ? Errno.ECONNABORTED : error).error();
        }
        return 0;
    }

    private void forgetConnection() {
        remote(null);
        peer = null;
        shut = 0;
        finReceived = false;
        if (isSharedPort()) {
            releasePort();
        }
    }

    /** connect(2) with AF_UNSPEC: an end without farewell. */
    private void disconnect() {
        State was = state.getAndSet(State.CLOSED);
        if (was == State.LISTENING) {
            backlog.stop();
        }
        TcpSocket other = peer;
        if (other != null && was == State.CONNECTED) {
            other.reset();
        }
        lock.lock();
        try {
            received.clear();
            urgent.clear();
        } finally {
            lock.unlock();
        }
        pendingError.set(null);
        attempted = false;
        forgetConnection();
    }

    @Override
    public SocketFile accept() throws ErrnoException {
        return backlog.accept();
    }

    // ---- data

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & (Socket.MSG_FASTOPEN | Socket.MSG_ZEROCOPY)) != 0) {
            throw EOPNOTSUPP.error();
        }
        throwPendingError();
        switch (state.get()) {
            case CONNECTING -> {
                return WOULD_BLOCK;
            }
            case CONNECTED -> { }
            default -> throw EPIPE.error();
        }
        if ((shut & SEND_SHUT) != 0) {
            throw EPIPE.error();
        }
        TcpSocket target = peer;
        long wanted = source.remaining();
        if (wanted == 0) {
            return 0;
        }
        boolean lost = false;
        boolean marked = (flags & Socket.MSG_OOB) != 0;
        long sent = 0;
        target.lock.lock();
        try {
            if (target.dead) {
                lost = true;
            } else {
                int room = capacityTowards(target) - target.received.used();
                if (room <= 0) {
                    return WOULD_BLOCK;
                }
                sent = target.received.fill(source, (int) Math.min(room, wanted));
                marked &= source.remaining() == 0;
                if (marked) {
                    target.markLastLocked();
                }
            }
        } finally {
            target.lock.unlock();
        }
        if (lost) {
            // As much data leaves as a peer would have room for, and the answer to it is a reset.
            reset();
            sent = Math.min(wanted, capacityTowards(target));
            for (long left = sent; left > 0;) {
                long step = Math.min(left, source.run().byteSize());
                source.advance(step);
                left -= step;
            }
            return sent;
        }
        target.waitQueue().notify(marked ? READABLE | POLLPRI : READABLE);
        return sent;
    }

    /** The last byte received is urgent. An older one that comes next, and that nobody will see in the stream, goes. */
    private void markLastLocked() {
        if (urgent.isNext() && !options.urgentInline()) {
            removeLocked(1);
        }
        int last = received.used() - 1;
        urgent.arrived(received.copy(last, 1)[0], last);
    }

    private void removeLocked(int count) {
        received.skip(count);
        urgent.removed(count);
    }

    private int capacityTowards(TcpSocket target) {
        int send = options.sendBufferBytes();
        int receive = target.options.receiveBufferBytes();
        return send == SEND_BYTES && receive == RECEIVE_BYTES ? GROWN_BYTES : (int) Math.min((long) send + receive, 1 << 29);
    }

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            return receiveUrgent(target, message, flags);
        }
        if ((flags & Socket.MSG_ERRQUEUE) != 0) {
            return WOULD_BLOCK;
        }
        TcpSocket sender = peer;
        boolean crossed = false;
        long done;
        lock.lock();
        try {
            int used = received.used();
            boolean peek = (flags & Socket.MSG_PEEK) != 0;
            int hole = leavesOutNextLocked() ? 1 : 0;
            if (used == hole) {
                if (hole > 0 && !peek) {
                    removeLocked(hole); // who reads past the mark gives up what is there
                }
                return receiveNothing();
            }
            int wanted = (int) Math.min(urgent.before(used) - hole, target.remaining());
            if (peek) {
                return received.peek(target, hole, wanted);
            }
            if ((flags & Socket.MSG_TRUNC) != 0) {
                done = wanted;
            } else {
                done = received.peek(target, hole, wanted);
            }
            removeLocked((int) done + hole);
            if (sender != null) {
                int capacity = sender.capacityTowards(this);
                crossed = !hasRoom(capacity, used) && hasRoom(capacity, received.used());
            }
        } finally {
            lock.unlock();
        }
        if (crossed) {
            sender.waitQueue().notify(WRITABLE);
        }
        return done;
    }

    /** Whether the next byte is the urgent one, and not part of the stream. */
    private boolean leavesOutNextLocked() {
        return urgent.isNext() && !options.urgentInline();
    }

    private long receiveUrgent(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if (isListening()) {
            throw ENOTCONN.error();
        }
        lock.lock();
        try {
            if (options.urgentInline() || !urgent.isUnread()) {
                throw EINVAL.error();
            }
            if (message != null) {
                message.flags |= target.remaining() > 0 ? Socket.MSG_OOB : Socket.MSG_OOB | Socket.MSG_TRUNC;
            }
            long done = Math.min(1, target.remaining());
            if (done > 0 && (flags & Socket.MSG_TRUNC) == 0) {
                target.put(MemorySegment.ofArray(new byte[] {urgent.value()}), 0, done);
            }
            if ((flags & Socket.MSG_PEEK) == 0) {
                urgent.markRead();
            }
            return done;
        } finally {
            lock.unlock();
        }
    }

    private long receiveNothing() throws ErrnoException {
        if (finReceived) {
            return 0;
        }
        throwPendingError();
        State now = state.get();
        if (now == State.LISTENING) {
            throw ENOTCONN.error();
        }
        if ((shut & RECEIVE_SHUT) != 0) {
            return 0;
        }
        if (now == State.CLOSED) {
            throw ENOTCONN.error();
        }
        return WOULD_BLOCK;
    }

    private static boolean hasRoom(int capacity, int used) {
        return capacity - used >= capacity / 3;
    }

    // ---- the end

    @Override
    public void shutdown(int how) throws ErrnoException {
        State now = state.get();
        int bits = how + 1;
        switch (now) {
            case CLOSED -> throw ENOTCONN.error();
            case LISTENING -> {
                if ((bits & RECEIVE_SHUT) != 0) {
                    state.set(State.CLOSED);
                    backlog.stop();
                }
            }
            case CONNECTING -> {
                state.set(State.CLOSED);
                shut = 3;
                waitQueue().notify(READABLE | WRITABLE | POLLHUP);
            }
            case CONNECTED -> {
                if (isOver()) {
                    throw ENOTCONN.error();
                }
                int before = shut;
                shut = before | bits;
                TcpSocket other = peer;
                if ((bits & SEND_SHUT) != 0 && (before & SEND_SHUT) == 0 && other != null) {
                    other.receiveFin();
                }
                waitQueue().notify(READABLE | WRITABLE | POLLRDHUP | (shut == 3 ? POLLHUP : 0));
            }
        }
    }

    /** The peer sends no more. */
    private void receiveFin() {
        lock.lock();
        try {
            finReceived = true;
            shut |= RECEIVE_SHUT;
        } finally {
            lock.unlock();
        }
        waitQueue().notify(READABLE | POLLRDHUP | (shut == 3 ? POLLHUP : 0));
    }

    /** The peer is gone and did not read everything, or gets what it does not want. */
    private void reset() {
        lock.lock();
        try {
            pendingError.set(finReceived ? EPIPE : ECONNRESET);
            shut = 3;
            state.compareAndSet(State.CONNECTED, State.CLOSED);
        } finally {
            lock.unlock();
        }
        waitQueue().notify(READABLE | WRITABLE | POLLERR | POLLHUP | POLLRDHUP);
    }

    @Override
    public void close() {
        State was = state.getAndSet(State.CLOSED);
        boolean unread;
        lock.lock();
        try {
            dead = true;
            unread = received.used() > 0;
            received.clear();
            urgent.clear();
        } finally {
            lock.unlock();
        }
        if (was == State.LISTENING) {
            backlog.stop();
        }
        TcpSocket other = peer;
        if (was == State.CONNECTED && other != null) {
            if (unread || options.lingerSeconds() == 0) {
                other.reset();
            } else if ((shut & SEND_SHUT) == 0) {
                other.receiveFin();
            }
            other.waitQueue().notify(WRITABLE); // what it sends now is lost, but not blocked
        }
        releasePort();
    }

    // ---- what can be asked

    @Override
    public int readiness(int mask) {
        State now = state.get();
        int ready = 0;
        if (now == State.LISTENING) {
            return backlog.size() == 0 ? 0 : READABLE & mask;
        }
        int down = shut;
        if (down == 3 || now == State.CLOSED) {
            ready |= POLLHUP;
        }
        if ((down & RECEIVE_SHUT) != 0) {
            ready |= READABLE | POLLRDHUP;
        }
        if (now != State.CONNECTING) {
            lock.lock();
            try {
                if (received.used() - (leavesOutNextLocked() ? 1 : 0) >= Math.max(1, Math.min(options.receiveLowWater(), options.receiveBufferBytes() / 2))) {
                    ready |= READABLE;
                }
                if (urgent.isUnread()) {
                    ready |= POLLPRI;
                }
            } finally {
                lock.unlock();
            }
            if ((mask & WRITABLE) != 0 && ((down & SEND_SHUT) != 0 || canSend())) {
                ready |= WRITABLE;
            }
        }
        if (pendingError.get() != null) {
            ready |= POLLERR;
        }
        return ready & (mask | POLLERR | POLLHUP);
    }

    private boolean canSend() {
        TcpSocket target = peer;
        if (target == null || target.dead) {
            return true;
        }
        target.lock.lock();
        try {
            return hasRoom(capacityTowards(target), target.received.used());
        } finally {
            target.lock.unlock();
        }
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        if (state.get() != State.CONNECTED || isOver()) {
            throw ENOTCONN.error();
        }
        return super.remoteAddress();
    }

    @Override
    boolean isListening() {
        return state.get() == State.LISTENING;
    }

    /** Both sides have said that they are done: the acknowledgement takes no time here, and Linux's socket is as good as closed. */
    private boolean isOver() {
        return (shut & SEND_SHUT) != 0 && finReceived;
    }

    /** {@return the number of the state in RFC 9293's machine as Linux counts it} */
    int stateNumber() {
        return switch (state.get()) {
            case LISTENING -> 10;
            case CONNECTING -> 2;
            case CLOSED -> 7;
            case CONNECTED -> {
                boolean sent = (shut & SEND_SHUT) != 0;
                yield sent ? finReceived ? 7 : 5 : finReceived ? 8 : 1;
            }
        };
    }

    int receiveQueueBytes() {
        if (isListening()) {
            return backlog.size();
        }
        lock.lock();
        try {
            return received.used();
        } finally {
            lock.unlock();
        }
    }

    /** {@return bytes that one read can give: up to the urgent byte, which counts for nothing itself} */
    private int readableBytes() {
        lock.lock();
        try {
            int used = received.used();
            return options.urgentInline() ? used : leavesOutNextLocked() ? 0 : urgent.before(used);
        } finally {
            lock.unlock();
        }
    }

    private boolean isAtMark() {
        lock.lock();
        try {
            return urgent.isNext();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        switch (command) {
            case Terminal.FIONREAD -> {
                if (isListening()) {
                    throw EINVAL.error();
                }
                writeInt(memory, argument, readableBytes());
            }
            case Terminal.TIOCOUTQ -> {
                if (isListening()) {
                    throw EINVAL.error();
                }
                writeInt(memory, argument, 0);
            }
            case Terminal.SIOCATMARK -> writeInt(memory, argument, isAtMark() ? 1 : 0);
            default -> {
                return super.ioctl(memory, command, argument);
            }
        }
        return 0;
    }

    @Override
    byte[] transportOption(int name, int maxBytes) throws ErrnoException {
        return tcp.get(name, maxBytes, stateNumber());
    }

    @Override
    void transportOption(int name, byte[] value, SocketCaller caller) throws ErrnoException {
        tcp.set(name, value);
    }
}
