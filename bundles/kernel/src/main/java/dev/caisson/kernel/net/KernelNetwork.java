package dev.caisson.kernel.net;

import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;
import static dev.caisson.abi.Errno.ESOCKTNOSUPPORT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.time.Alarm;
import dev.caisson.kernel.time.Timers;
import dev.caisson.kernel.unix.UnixSockets;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The network of a sandbox: local sockets, and whatever stack is selected now. A service of the kernel. */
public final class KernelNetwork {
    private static final long LATER_NS = 20_000_000;

    private volatile NetworkStack stack;
    private volatile int firstUnprivilegedPort = SocketCaller.FIRST_UNPRIVILEGED_PORT;
    private final UnixSockets unixSockets;
    private final Set<Integer> netlinkPorts = ConcurrentHashMap.newKeySet();

    /**
     * Makes a network that has local sockets only.
     *
     * @param timers run what has to be done later
     */
    public KernelNetwork(Timers timers) {
        this.unixSockets = new UnixSockets(this::interfaces,
                task -> timers.arm(new Alarm(task), System.nanoTime() + LATER_NS));
    }

    /**
     * The network of a kernel.
     *
     * @param kernel the kernel
     * @return its network, made at the first call
     */
    public static KernelNetwork of(Kernel kernel) {
        return kernel.services().of(KernelNetwork.class, () -> new KernelNetwork(kernel.timers()));
    }

    /** {@return the first port that may be bound without CAP_NET_BIND_SERVICE: net.ipv4.ip_unprivileged_port_start} */
    public int firstUnprivilegedPort() {
        return firstUnprivilegedPort;
    }

    /**
     * Sets the first port that may be bound without CAP_NET_BIND_SERVICE.
     *
     * @param port 0 to 65535
     */
    public void firstUnprivilegedPort(int port) {
        firstUnprivilegedPort = port;
    }

    /** {@return the stack that makes new sockets; null when there is none} */
    public NetworkStack stack() {
        return stack;
    }

    /**
     * Selects a stack. New sockets come from it; open ones stay with the stack that made them.
     *
     * @param next the new one, or null for none
     */
    public void select(NetworkStack next) {
        stack = next;
    }

    /** {@return the local sockets} */
    public UnixSockets unixSockets() {
        return unixSockets;
    }

    /** {@return the interfaces of the selected stack} */
    public List<NetworkInterface> interfaces() {
        NetworkStack now = stack;
        return now == null ? List.of() : now.interfaces();
    }

    /**
     * Makes a socket.
     *
     * @param family {@code AF_*}
     * @param type {@code SOCK_*} without flags
     * @param protocol protocol number
     * @param caller who asks
     * @return the socket
     * @throws ErrnoException as socket(2) has it
     */
    public SocketFile create(int family, int type, int protocol, SocketCaller caller) throws ErrnoException {
        if (family == Socket.AF_UNIX) {
            return unixSockets.create(type, protocol, caller);
        }
        NetworkStack now = stack;
        if (family == Socket.AF_NETLINK) {
            return netlink(now, type, protocol, caller);
        }
        if (now == null) {
            throw EAFNOSUPPORT.error();
        }
        return now.create(family, type, protocol, caller);
    }

    /** A stack that lets itself be configured has netlink sockets of its own; for the others the kernel answers questions. */
    private SocketFile netlink(NetworkStack now, int type, int protocol, SocketCaller caller) throws ErrnoException {
        if (now != null) {
            try {
                return now.create(Socket.AF_NETLINK, type, protocol, caller);
            } catch (ErrnoException refused) {
                if (refused.errno() != EAFNOSUPPORT) {
                    throw refused;
                }
            }
        }
        if (type != Socket.SOCK_RAW && type != Socket.SOCK_DGRAM) {
            throw ESOCKTNOSUPPORT.error();
        }
        if (protocol != NetlinkRouteSocket.NETLINK_ROUTE && protocol != NetlinkRouteSocket.NETLINK_SOCK_DIAG
                && protocol != NetlinkRouteSocket.NETLINK_KOBJECT_UEVENT) {
            throw EPROTONOSUPPORT.error();
        }
        return new NetlinkRouteSocket(type, protocol, netlinkPorts, this::stack);
    }
}
