package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.fs.Inode;
import java.nio.charset.StandardCharsets;

/** The name of a local socket, unix(7) "Address format": none, a path, or an abstract one. It is given once. */
final class UnixName {
    private static final byte[] NONE = SocketAddress.ofFamily(Socket.AF_UNIX, 2);

    private final UnixSockets sockets;
    private final UnixSocket socket;
    /** Null without a name. Written under the monitor. */
    private volatile byte[] address;
    /** Guarded by the monitor, as the next. */
    private String abstractName;
    private Inode boundNode;

    UnixName(UnixSockets sockets, UnixSocket socket) {
        this.sockets = sockets;
        this.socket = socket;
    }

    /** Checks a sockaddr_un and gives the path part: empty, a path without its NUL, or an abstract name that starts with NUL. */
    static String path(byte[] address) throws ErrnoException {
        if (address.length < 2 || address.length > SocketAddress.UNIX_BYTES || SocketAddress.family(address) != Socket.AF_UNIX) {
            throw EINVAL.error();
        }
        int end = address.length;
        if (end > 2 && address[2] != 0) {
            end = 2;
            while (end < address.length && address[end] != 0) {
                end++;
            }
        }
        return new String(address, 2, end - 2, StandardCharsets.ISO_8859_1);
    }

    /** bind(2). */
    void bind(byte[] newAddress, UnixCaller caller) throws ErrnoException {
        String path = path(newAddress);
        if (path.isEmpty()) {
            autobind();
            return;
        }
        if (address != null) {
            throw EINVAL.error();
        }
        if (path.charAt(0) == 0) {
            bindAbstract(path, newAddress);
            return;
        }
        Inode node = caller.createSocketNode(path);
        synchronized (this) {
            if (address != null) {
                throw EINVAL.error();
            }
            boundNode = node;
            node.attachment(UnixSockets.Bound.class, () -> new UnixSockets.Bound(socket, this));
            byte[] whole = SocketAddress.ofFamily(Socket.AF_UNIX, 2 + path.length() + 1);
            System.arraycopy(newAddress, 2, whole, 2, path.length());
            address = whole;
        }
    }

    /** Another filesystem serves the file that the socket is bound to. */
    synchronized void moveTo(Inode next) {
        boundNode = next;
    }

    private synchronized void bindAbstract(String path, byte[] newAddress) throws ErrnoException {
        if (address != null) {
            throw EINVAL.error();
        }
        sockets.register(path, socket);
        abstractName = path;
        address = newAddress.clone();
    }

    /** Takes an abstract name that nobody has, unless there is a name already. */
    synchronized void autobind() throws ErrnoException {
        if (address == null) {
            abstractName = sockets.registerAny(socket);
            byte[] made = SocketAddress.ofFamily(Socket.AF_UNIX, 2 + abstractName.length());
            for (int i = 0; i < abstractName.length(); i++) {
                made[2 + i] = (byte) abstractName.charAt(i);
            }
            address = made;
        }
    }

    /** Nobody finds the socket by its name any more; the name stays what it was. */
    synchronized void unbind() {
        if (abstractName != null) {
            sockets.unregister(abstractName, socket);
        }
        if (boundNode != null) {
            boundNode.detach(UnixSockets.Bound.class);
        }
    }

    /** Tells the name of another socket, by which this one cannot be found. */
    void copy(UnixName other) {
        address = other.address;
    }

    boolean isGiven() {
        return address != null;
    }

    /** {@return a sockaddr; a bare family without a name; never written to} */
    byte[] address() {
        byte[] own = address;
        return own != null ? own : NONE;
    }
}
