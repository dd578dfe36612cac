package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.UserCredentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Sending and receiving whole messages: datagrams and SOCK_SEQPACKET. */
final class UnixMessages {
    /** /proc/sys/net/unix/max_dgram_qlen. */
    static final int MAX_QUEUED = 10;

    private UnixMessages() {}

    static boolean isFullFor(UnixSocket sender, UnixSocket target) {
        return target.peer != sender && target.received.size() > MAX_QUEUED;
    }

    static long send(UnixSocket sender, UnixSocket target, IoBuffer source, SocketMessage message) throws ErrnoException {
        long length = source.remaining();
        if (length > sender.options.sendBufferBytes() - 32L) {
            throw EMSGSIZE.error();
        }
        UserCredentials identity = sender.senderIdentity(message, target);
        if ((sender.shut & UnixSocket.SEND_SHUT) != 0) {
            throw EPIPE.error();
        }
        if (sender.isFull()) {
            return WOULD_BLOCK;
        }
        List<FileDescription> files = UnixSocket.files(message);
        // A full target is found out before the data is taken out of the caller's buffer.
        target.lock.lock();
        try {
            if (!target.dead && mayHave(sender, target) && isFullFor(sender, target) && (target.shut & UnixSocket.RECEIVE_SHUT) == 0) {
                target.waitForRoomLocked(sender);
                return WOULD_BLOCK;
            }
        } finally {
            target.lock.unlock();
        }
        byte[] data = UnixSocket.copyIn(source, (int) length);
        UnixPacket packet = new UnixPacket(data, sender, identity, files);
        target.lock.lock();
        try {
            if (target.dead) {
                throw dev.caisson.abi.Errno.ECONNREFUSED.error();
            }
            if (!mayHave(sender, target)) {
                throw EPERM.error();
            }
            if ((target.shut & UnixSocket.RECEIVE_SHUT) != 0) {
                throw EPIPE.error();
            }
            target.queueLocked(packet);
        } finally {
            target.lock.unlock();
        }
        target.waitQueue().notify(UnixSocket.READABLE);
        return length;
    }

    /** A socket that is connected takes messages of its peer only. */
    private static boolean mayHave(UnixSocket sender, UnixSocket target) {
        UnixSocket of = target.peer;
        return of == null || of == sender;
    }

    static long receive(UnixSocket socket, IoBuffer target, SocketMessage message, int flags) throws ErrnoException {
        boolean peek = (flags & Socket.MSG_PEEK) != 0;
        List<FileDescription> unwanted = new ArrayList<>(0);
        List<UnixSocket> waiting;
        UnixPacket packet;
        long copied;
        socket.lock.lock();
        try {
            packet = socket.received.peek();
            if (packet == null) {
                socket.throwPendingError();
                return (socket.shut & UnixSocket.RECEIVE_SHUT) != 0 ? 0 : WOULD_BLOCK;
            }
            socket.giveIdentity(packet, message);
            socket.giveFiles(packet, message, peek, unwanted);
            if (!peek) {
                socket.received.poll();
                socket.receivedBytes -= packet.left();
            }
            waiting = peek ? List.of() : socket.takeWaitingLocked();
        } finally {
            socket.lock.unlock();
        }
        if (!peek) {
            UnixSocket.uncharge(packet);
            UnixSocket.tellRoom(waiting);
        }
        unwanted.forEach(FileDescription::release);
        int wanted = (int) Math.min(packet.data.length, target.remaining());
        copied = wanted == 0 ? 0 : target.put(MemorySegment.ofArray(packet.data), 0, wanted);
        if (copied < wanted) {
            throw EFAULT.error();
        }
        if (wanted < packet.data.length && message != null) {
            message.flags |= Socket.MSG_TRUNC;
        }
        return (flags & Socket.MSG_TRUNC) != 0 ? packet.data.length : copied;
    }
}
