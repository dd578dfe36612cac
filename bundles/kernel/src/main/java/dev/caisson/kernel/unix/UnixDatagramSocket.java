package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;

/** A local socket of type SOCK_DGRAM. */
final class UnixDatagramSocket extends UnixSocket {
    UnixDatagramSocket(UnixSockets sockets, SocketCaller owner) {
        super(sockets, Socket.SOCK_DGRAM, new SocketOptions(), owner);
    }

    @Override
    public long connect(byte[] address, SocketCaller caller) throws ErrnoException {
        if (address.length < 2) {
            throw EINVAL.error();
        }
        UnixSocket old = peer;
        if (SocketAddress.family(address) == Socket.AF_UNSPEC) {
            peer = null;
        } else {
            String name = UnixName.path(address);
            if (options.passCredentials() && !hasName()) {
                autobind();
            }
            UnixSocket other = sockets.find(name, type(), (UnixCaller) caller);
            if (other.peer != null && other.peer != this) {
                throw EPERM.error();
            }
            peer = other;
        }
        if (old != null && old != peer) {
            discardReceived();
            if (old.peer == this) {
                // The other side learns that it lost its peer.
                old.pendingError.set(Errno.ECONNRESET);
                old.waitQueue().notify(dev.caisson.abi.Poll.POLLERR);
            }
        }
        return 0;
    }

    @Override
    public long send(IoBuffer source, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        throwPendingError();
        UnixSocket target;
        if (message != null && message.address != null && message.address.length > 0) {
            String name = UnixName.path(message.address);
            if (name.isEmpty()) {
                throw EINVAL.error();
            }
            if (options.passCredentials() && !hasName()) {
                autobind();
            }
            target = sockets.find(name, type(), (UnixCaller) message.caller);
        } else {
            target = peer;
            if (target == null) {
                throw ENOTCONN.error();
            }
            if (target.dead) {
                peer = null;
                throw ECONNREFUSED.error();
            }
        }
        return UnixMessages.send(this, target, source, message);
    }

    @Override
    public long receive(IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        if ((flags & Socket.MSG_OOB) != 0) {
            throw EOPNOTSUPP.error();
        }
        return UnixMessages.receive(this, target, message, flags);
    }

    @Override
    void peerClosed(UnixSocket other, boolean unread) {
        if (other.peer == this && unread) {
            other.pendingError.set(Errno.ECONNRESET);
            other.waitQueue().notify(dev.caisson.abi.Poll.POLLERR);
        }
    }

    @Override
    boolean canSendNow() {
        if (!isWritable()) {
            return false;
        }
        UnixSocket target = peer;
        if (target == null || target == this) {
            return true;
        }
        target.lock.lock();
        try {
            if (UnixMessages.isFullFor(this, target) && !target.dead) {
                target.waitForRoomLocked(this);
                return false;
            }
            return true;
        } finally {
            target.lock.unlock();
        }
    }
}
