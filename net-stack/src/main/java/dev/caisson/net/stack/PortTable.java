package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EADDRNOTAVAIL;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** Which sockets of one protocol have which local ports. */
final class PortTable {
    /** /proc/sys/net/ipv4/ip_local_port_range. */
    static final int FIRST_EPHEMERAL = 32768;
    static final int LAST_EPHEMERAL = 60999;

    /** Lists are replaced, not changed, so that lookups may keep them. Guarded by this. */
    private final Map<Integer, List<InetSocket>> byPort = new HashMap<>();

    /** Takes a port: the wanted one, or any for 0. Sets the socket's local endpoint. */
    synchronized void bind(InetSocket socket, Endpoint wanted) throws ErrnoException {
        int port = wanted.port();
        if (port == 0) {
            port = freePort(socket, wanted);
        } else if (conflicts(socket, wanted)) {
            throw EADDRINUSE.error();
        }
        socket.local(new Endpoint(wanted.address(), port));
        List<InetSocket> there = new ArrayList<>(byPort.getOrDefault(port, List.of()));
        there.add(socket);
        byPort.put(port, there);
    }

    private int freePort(InetSocket socket, Endpoint wanted) throws ErrnoException {
        int span = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
        int start = ThreadLocalRandom.current().nextInt(span);
        for (int i = 0; i < span; i++) {
            int port = FIRST_EPHEMERAL + (start + i) % span;
            if (!byPort.containsKey(port)) {
                return port;
            }
        }
        for (int i = 0; i < span; i++) {
            int port = FIRST_EPHEMERAL + (start + i) % span;
            if (!conflicts(socket, new Endpoint(wanted.address(), port))) {
                return port;
            }
        }
        throw EADDRINUSE.error();
    }

    /** Takes an ephemeral port for a connection: it may be shared with connections to other peers. */
    synchronized void bindForConnection(InetSocket socket, byte[] address, Endpoint peer) throws ErrnoException {
        int span = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
        int start = ThreadLocalRandom.current().nextInt(span);
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < span; i++) {
                int port = FIRST_EPHEMERAL + (start + i) % span;
                List<InetSocket> there = byPort.get(port);
                if (there == null || round == 1 && there.stream().allMatch(each -> each.isSharedPort() && !peer.equals(each.remote()))) {
                    socket.local(new Endpoint(address, port));
                    List<InetSocket> more = there == null ? new ArrayList<>(1) : new ArrayList<>(there);
                    more.add(socket);
                    byPort.put(port, more);
                    return;
                }
            }
        }
        throw EADDRNOTAVAIL.error();
    }

    private boolean conflicts(InetSocket socket, Endpoint wanted) {
        for (InetSocket other : byPort.getOrDefault(wanted.port(), List.of())) {
            if (other != socket && overlaps(socket, wanted, other, other.local()) && !socket.maySharePortWith(other)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a packet could be for both. */
    private static boolean overlaps(InetSocket one, Endpoint first, InetSocket other, Endpoint second) {
        if (first.isAny() || second.isAny()) {
            boolean firstTakesV4 = first.isV4() || first.isAny() && !one.isV6Only();
            boolean secondTakesV4 = second.isV4() || second.isAny() && !other.isV6Only();
            boolean firstTakesV6 = !first.isV4();
            boolean secondTakesV6 = !second.isV4();
            return firstTakesV4 && secondTakesV4 || firstTakesV6 && secondTakesV6;
        }
        return first.hasAddress(second);
    }

    /** A connection that was accepted shares its listener's port. */
    synchronized void share(InetSocket socket) {
        List<InetSocket> there = new ArrayList<>(byPort.getOrDefault(socket.local().port(), List.of()));
        there.add(socket);
        byPort.put(socket.local().port(), there);
    }

    synchronized void release(InetSocket socket, int port) {
        List<InetSocket> there = byPort.get(port);
        if (there == null) {
            return;
        }
        List<InetSocket> fewer = new ArrayList<>(there);
        fewer.remove(socket);
        if (fewer.isEmpty()) {
            byPort.remove(port);
        } else {
            byPort.put(port, fewer);
        }
    }

    /** Whether listening would clash with another listener, checked when a shared port begins to listen. */
    synchronized boolean conflictsNow(InetSocket socket) {
        return conflicts(socket, socket.local());
    }

    /** {@return the sockets of a port; an immutable view} */
    synchronized List<InetSocket> at(int port) {
        return byPort.getOrDefault(port, List.of());
    }

    synchronized List<InetSocket> all() {
        List<InetSocket> all = new ArrayList<>();
        byPort.values().forEach(all::addAll);
        return all;
    }
}
