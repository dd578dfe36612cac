package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISCONN;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.UserCredentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** A local socket with connections: SOCK_STREAM and SOCK_SEQPACKET. */
final class UnixConnectionSocket extends UnixSocket {
    private enum State { UNCONNECTED, LISTENING, CONNECTED }

    /** Largest piece of a stream that is one packet. */
    private static final int MAX_PIECE_BYTES = 65536;

    private final AtomicReference<State> state = new AtomicReference<>(State.UNCONNECTED);
    /** Connections to be accepted; guarded by {@link #lock}. */
    private final ArrayDeque<UnixConnectionSocket> backlog = new ArrayDeque<>();
    private int maxBacklog;
    /** Nobody has accepted it yet, and might want to know who sent what came until then. */
    private volatile boolean isEmbryo;

    UnixConnectionSocket(UnixSockets sockets, int type, SocketOptions options, SocketCaller owner) {
        super(sockets, type, options, owner);
    }

    /** Joins two sockets, for socketpair(2). */
    static void join(UnixSocket one, UnixSocket other) {
        one.peerCredentials = other.owner;
        other.peerCredentials = one.owner;
        one.peer = other;
        other.peer = one;
        if (one instanceof UnixConnectionSocket first && other instanceof UnixConnectionSocket second) {
            first.state.set(State.CONNECTED);
            second.state.set(State.CONNECTED);
        }
    }

    @Override
    public void listen(int wanted, SocketCaller caller) throws ErrnoException {
        if (!hasName()) {
            throw EINVAL.error();
        }
        if (!state.compareAndSet(State.UNCONNECTED, State.LISTENING) && state.get() != State.LISTENING) {
            throw EINVAL.error();
        }
        List<UnixSocket> waiting;
        lock.lock();
        try {
            waiting = wanted > maxBacklog ? takeWaitingLocked() : List.of();
            maxBacklog = wanted;
            peerCredentials = UnixIdentity.ofPeer(caller);
            peerGroups = caller.credentials().groups();
        } finally {
            lock.unlock();
        }
        tellRoom(waiting);
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        String name = UnixName.path(address);
        if (name.isEmpty()) {
            throw EINVAL.error();
        }
        if (options.passCredentials() && !hasName()) {
            autobind();
        }
        UnixConnectionSocket listener = (UnixConnectionSocket) sockets.find(name, type(), (UnixCaller) caller);
        if (listener == this) {
            throw state.get() == State.LISTENING ? EINVAL.error() : ECONNREFUSED.error();
        }
        listener.lock.lock();
        try {
            if (listener.dead || listener.state.get() != State.LISTENING || (listener.shut & RECEIVE_SHUT) != 0) {
                throw ECONNREFUSED.error();
            }
            if (listener.backlog.size() > listener.maxBacklog) {
                listener.waitForRoomLocked(this);
                return WOULD_BLOCK;
            }
            if (!state.compareAndSet(State.UNCONNECTED, State.CONNECTED)) {
                throw state.get() == State.CONNECTED ? EISCONN.error() : EINVAL.error();
            }
            UnixConnectionSocket accepted = new UnixConnectionSocket(sockets, type(), new SocketOptions(), caller);
            accepted.addressOf(listener);
            accepted.peerCredentials = UnixIdentity.ofPeer(caller);
            accepted.peerGroups = caller.credentials().groups();
            accepted.state.set(State.CONNECTED);
            accepted.isEmbryo = true;
            accepted.peer = this;
            peerCredentials = listener.peerCredentials;
            peerGroups = listener.peerGroups;
            peer = accepted;
            listener.backlog.add(accepted);
        } finally {
            listener.lock.unlock();
        }
        listener.waitQueue().notify(READABLE);
        waitQueue().notify(WRITABLE);
        return 0;
    }

    @Override
    public SocketFile accept() throws ErrnoException {
        UnixConnectionSocket accepted;
        List<UnixSocket> waiting;
        lock.lock();
        try {
            if (state.get() != State.LISTENING) {
                throw EINVAL.error();
            }
            accepted = backlog.poll();
            if (accepted == null) {
                if ((shut & RECEIVE_SHUT) != 0) {
                    throw EINVAL.error();
                }
                return null;
            }
            waiting = takeWaitingLocked();
        } finally {
            lock.unlock();
        }
        accepted.isEmbryo = false;
        if (options.passCredentials()) {
            accepted.options.set(Socket.SO_PASSCRED, SocketOptions.flag(true), null);
        }
        tellRoom(waiting);
        return accepted;
    }

    @Override
    boolean wantsIdentity() {
        return isEmbryo || super.wantsIdentity();
    }

    @Override
    List<UnixSocket> embryosLocked() {
        List<UnixSocket> all = List.copyOf(backlog);
        backlog.clear();
        return all;
    }

    /** {@return connections that wait, for the search for cycles} */
    List<UnixSocket> waitingConnections() {
        lock.lock();
        try {
            return List.copyOf(backlog);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        boolean stream = isStream();
        UnixSocket target = peer;
        if (stream && message != null && message.address != null && message.address.length > 0) {
            throw state.get() == State.CONNECTED ? EISCONN.error() : EOPNOTSUPP.error();
        }
        if (!stream) {
            throwPendingError();
        }
        if (target == null || state.get() != State.CONNECTED) {
            throw ENOTCONN.error();
        }
        if (!stream) {
            if (target.dead) {
                throw EPIPE.error();
            }
            return UnixMessages.send(this, target, source, message);
        }
        return sendStream(target, source, message);
    }

    private long sendStream(UnixSocket target, IoBuffer source, SocketMessage message) throws ErrnoException {
        UserCredentials identity = senderIdentity(message, target);
        List<FileDescription> files = files(message);
        int piece = Math.clamp((options.sendBufferBytes() >> 1) - 64, 1024, MAX_PIECE_BYTES);
        long sent = 0;
        try {
            while (source.remaining() > 0) {
                if ((shut & SEND_SHUT) != 0) {
                    throw EPIPE.error();
                }
                if (isFull()) {
                    return sent > 0 ? sent : WOULD_BLOCK;
                }
                byte[] data = copyIn(source, (int) Math.min(piece, source.remaining()));
                UnixPacket packet = new UnixPacket(data, this, identity, files);
                target.lock.lock();
                try {
                    if (target.dead || (target.shut & RECEIVE_SHUT) != 0) {
                        throw EPIPE.error();
                    }
                    target.queueLocked(packet);
                } finally {
                    target.lock.unlock();
                }
                files = null;
                sent += data.length;
                target.waitQueue().notify(READABLE);
            }
        } catch (ErrnoException failure) {
            if (sent > 0) {
                return sent;
            }
            throw failure;
        }
        if (files != null) {
            files.forEach(FileDescription::release); // a stream carries no files without a byte
        }
        return sent;
    }

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        if (state.get() != State.CONNECTED) {
            throw isStream() ? EINVAL.error() : ENOTCONN.error();
        }
        return isStream() ? receiveStream(target, message, flags) : UnixMessages.receive(this, target, message, flags);
    }

    private long receiveStream(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        boolean peek = (flags & Socket.MSG_PEEK) != 0;
        boolean discard = (flags & Socket.MSG_TRUNC) != 0;
        List<FileDescription> unwanted = new ArrayList<>(0);
        List<UnixPacket> done = new ArrayList<>(2);
        long wanted = target.remaining();
        long copied = 0;
        UserCredentials glued = null;
        lock.lock();
        try {
            Iterator<UnixPacket> packets = received.iterator();
            if (!packets.hasNext()) {
                throwPendingError();
                return (shut & RECEIVE_SHUT) != 0 ? 0 : WOULD_BLOCK;
            }
            while (packets.hasNext()) {
                UnixPacket packet = packets.next();
                if (glued == null) {
                    glued = packet.credentials;
                    giveIdentity(packet, message);
                } else if (options.passCredentials() && !glued.equals(packet.credentials)) {
                    break; // never glue what different processes wrote
                }
                int step = (int) Math.min(packet.left(), wanted - copied);
                int moved = step;
                if (!discard && step > 0) {
                    try {
                        moved = (int) target.put(MemorySegment.ofArray(packet.data), packet.start, step);
                    } catch (ErrnoException fault) {
                        if (copied == 0) {
                            throw fault;
                        }
                        break;
                    }
                }
                copied += moved;
                boolean hadFiles = packet.files != null;
                giveFiles(packet, message, peek, unwanted);
                int left = packet.left() - moved;
                if (!peek) {
                    packet.start += moved;
                    receivedBytes -= moved;
                    if (left == 0) {
                        packets.remove();
                        done.add(packet);
                    }
                }
                if (left > 0 || hadFiles || copied == wanted) {
                    break;
                }
            }
        } finally {
            lock.unlock();
        }
        done.forEach(UnixSocket::uncharge);
        unwanted.forEach(FileDescription::release);
        return copied;
    }

    @Override
    boolean hasInputLocked() {
        return super.hasInputLocked() || !backlog.isEmpty();
    }

    @Override
    boolean canSendNow() {
        return state.get() != State.LISTENING && isWritable();
    }

    @Override
    boolean isHungUp() {
        return state.get() == State.UNCONNECTED;
    }

    @Override
    boolean isListening() {
        return state.get() == State.LISTENING;
    }

    @Override
    public byte[] remoteAddress() throws ErrnoException {
        UnixSocket other = peer;
        if (other == null || state.get() != State.CONNECTED) {
            throw ENOTCONN.error();
        }
        return other.localAddress();
    }

    @Override
    boolean isConnected() {
        return state.get() == State.CONNECTED;
    }

    @Override
    public List<UnixStatus> status() {
        List<UnixStatus> all = new ArrayList<>(super.status());
        lock.lock();
        try {
            backlog.forEach(each -> all.add(each.statusOf(0)));
        } finally {
            lock.unlock();
        }
        return all;
    }
}
