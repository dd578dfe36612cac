package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;
import static dev.caisson.abi.Errno.EPROTOTYPE;
import static dev.caisson.abi.Errno.ESOCKTNOSUPPORT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.InodeAttachment;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketOptions;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The local sockets of one network namespace: makes them and knows their abstract names. */
public final class UnixSockets {
    /** What hangs on the inode of a bound socket. */
    record Bound(UnixSocket socket, UnixName name) implements InodeAttachment {
        @Override
        public void movedTo(Inode next) {
            name.moveTo(next);
        }
    }

    private static final int AUTOBIND_NAMES = 1 << 20;

    private final ConcurrentHashMap<String, UnixSocket> abstractNames = new ConcurrentHashMap<>();
    private final AtomicInteger nextAutobind = new AtomicInteger();
    private final FilesInFlight rights;
    private final Supplier<List<NetworkInterface>> interfaces;

    /**
     * Makes an empty namespace.
     *
     * @param interfaces what SIOCGIFCONF tells on local sockets
     * @param later runs a task a little later on another thread: the search for sockets that only messages hold
     */
    public UnixSockets(Supplier<List<NetworkInterface>> interfaces, Consumer<Runnable> later) {
        this.interfaces = interfaces;
        this.rights = new FilesInFlight(later);
    }

    /**
     * Makes a socket, socket(2) with AF_UNIX.
     *
     * @param type SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET; SOCK_RAW is taken for a datagram socket as Linux does
     * @param protocol 0 or AF_UNIX
     * @param caller who asks
     * @return a socket without a name
     * @throws ErrnoException EPROTONOSUPPORT, ESOCKTNOSUPPORT
     */
    public UnixSocket create(int type, int protocol, SocketCaller caller) throws ErrnoException {
        if (protocol != 0 && protocol != Socket.AF_UNIX) {
            throw EPROTONOSUPPORT.error();
        }
        return switch (type) {
            case Socket.SOCK_STREAM, Socket.SOCK_SEQPACKET -> new UnixConnectionSocket(this, type, new SocketOptions(), caller);
            case Socket.SOCK_DGRAM, Socket.SOCK_RAW -> new UnixDatagramSocket(this, caller);
            default -> throw ESOCKTNOSUPPORT.error();
        };
    }

    /**
     * Connects two fresh sockets to each other, socketpair(2).
     *
     * @param one a socket of {@link #create}
     * @param other another one of the same type
     */
    public void join(UnixSocket one, UnixSocket other) {
        UnixConnectionSocket.join(one, other);
    }

    FilesInFlight rights() {
        return rights;
    }

    List<NetworkInterface> interfaces() {
        return interfaces.get();
    }

    void register(String name, UnixSocket socket) throws ErrnoException {
        if (abstractNames.putIfAbsent(name, socket) != null) {
            throw EADDRINUSE.error();
        }
    }

    String registerAny(UnixSocket socket) throws ErrnoException {
        for (int tries = 0; tries < AUTOBIND_NAMES; tries++) {
            String name = "\0" + String.format("%05x", nextAutobind.getAndIncrement() & AUTOBIND_NAMES - 1);
            if (abstractNames.putIfAbsent(name, socket) == null) {
                return name;
            }
        }
        throw ENOSPC.error();
    }

    void unregister(String name, UnixSocket socket) {
        abstractNames.remove(name, socket);
    }

    /** The socket of a name that is not empty. */
    UnixSocket find(String name, int type, UnixCaller caller) throws ErrnoException {
        UnixSocket found;
        if (name.isEmpty()) {
            throw ECONNREFUSED.error();
        }
        if (name.charAt(0) == 0) {
            found = abstractNames.get(name);
        } else {
            Inode inode = caller.findSocketNode(name);
            if ((inode.mode() & Stat.S_IFMT) != Stat.S_IFSOCK) {
                throw ECONNREFUSED.error();
            }
            Bound bound = inode.attachment(Bound.class, null);
            found = bound == null ? null : bound.socket();
        }
        if (found == null || found.dead) {
            throw ECONNREFUSED.error();
        }
        if (found.type() != type) {
            throw EPROTOTYPE.error();
        }
        return found;
    }
}
