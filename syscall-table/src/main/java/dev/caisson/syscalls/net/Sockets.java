package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTSOCK;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.kernel.BlockingIo;
import dev.caisson.kernel.Task;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.vfs.AnonymousFiles;
import dev.caisson.vfs.FileDescription;

/** What the socket calls share: descriptors, addresses in guest memory, waiting. */
final class Sockets {
    private Sockets() {}

    /** The socket behind a description that the caller has borrowed. */
    static SocketFile of(FileDescription description) throws ErrnoException {
        if (description.file() instanceof SocketFile socket) {
            return socket;
        }
        throw ENOTSOCK.error();
    }

    /** A description of a new socket. */
    static FileDescription describe(Task task, SocketFile socket, int typeFlags) {
        AnonymousFiles files = task.kernel().vfs().anonymous();
        AnonymousFiles.Node node = files.node(AnonymousFiles.Kind.SOCKET, "", task.credentials());
        socket.number(node.number());
        return files.describe(node, socket, Fcntl.O_RDWR | typeFlags & Socket.SOCK_NONBLOCK, task.credentials());
    }

    /** Reads a sockaddr; EINVAL for an impossible length, EFAULT. */
    static byte[] readAddress(Task task, long address, int length) throws ErrnoException {
        if (length < 0 || length > SocketAddress.MAX_BYTES) {
            throw EINVAL.error();
        }
        byte[] bytes = new byte[length];
        if (length > 0) {
            task.memory().copyIn(address, bytes);
        }
        return bytes;
    }

    /** Writes a sockaddr, cut to the room the guest says it has, and its full length. */
    static void writeAddress(Task task, byte[] bytes, long address, long lengthAddress) throws ErrnoException {
        int room = task.memory().readInt(lengthAddress);
        if (room < 0) {
            throw EINVAL.error();
        }
        copyAddress(task, bytes, address, room);
        task.memory().writeInt(lengthAddress, bytes.length);
    }

    static void copyAddress(Task task, byte[] bytes, long address, int room) throws ErrnoException {
        int length = Math.min(room, bytes.length);
        if (length > 0) {
            task.memory().copyOut(address, length == bytes.length ? bytes : java.util.Arrays.copyOf(bytes, length));
        }
    }

    /** When a socket's own timeout is over. */
    static long deadline(long timeoutNs) {
        return timeoutNs == 0 ? Blocker.FOREVER : System.nanoTime() + timeoutNs;
    }

    /**
     * Waits for a socket.
     *
     * @param mayNotWait O_NONBLOCK or MSG_DONTWAIT
     * @param timeoutNs SO_RCVTIMEO or SO_SNDTIMEO
     * @throws ErrnoException EAGAIN; ERESTARTSYS, or EINTR when there is a timeout, since that would begin anew
     */
    static long await(Task task, SocketFile socket, int mask, boolean mayNotWait, long timeoutNs, BlockingIo.Operation operation)
            throws ErrnoException {
        return awaitUntil(task, socket, mask, mayNotWait, timeoutNs != 0, deadline(timeoutNs), operation);
    }

    static long awaitUntil(Task task, SocketFile socket, int mask, boolean mayNotWait, boolean limited, long deadlineNs,
            BlockingIo.Operation operation) throws ErrnoException {
        if (mayNotWait) {
            throw EAGAIN.error();
        }
        return BlockingIo.waitLimited(task, socket.waitQueue(), mask, limited, deadlineNs, operation);
    }
}
