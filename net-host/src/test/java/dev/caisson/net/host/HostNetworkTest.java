package dev.caisson.net.host;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.ENOPROTOOPT;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPROTONOSUPPORT;
import static dev.caisson.abi.Errno.ESOCKTNOSUPPORT;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Socket.AF_INET;
import static dev.caisson.abi.Socket.AF_INET6;
import static dev.caisson.abi.Socket.SOCK_DGRAM;
import static dev.caisson.abi.Socket.SOCK_RAW;
import static dev.caisson.abi.Socket.SOCK_SEQPACKET;
import static dev.caisson.abi.Socket.SOCK_STREAM;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static dev.caisson.testing.kit.SocketTexts.CALLER;
import static dev.caisson.testing.kit.SocketTexts.receive;
import static dev.caisson.testing.kit.SocketTexts.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.net.NetworkInterface;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.spi.wait.Waiter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** On the loopback interface of this machine. */
final class HostNetworkTest {
    private static final byte[] LOCAL = {127, 0, 0, 1};
    private static final byte[] ON = {1, 0, 0, 0};
    private static final long PATIENCE_SECONDS = 60;

    private final HostNetwork network = new HostNetwork();
    private final List<SocketFile> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(SocketFile::close);
        network.close();
    }

    private SocketFile kept(SocketFile socket) {
        open.add(socket);
        return socket;
    }

    private SocketFile socket(int type) throws ErrnoException {
        return kept(network.create(AF_INET, type, 0, CALLER));
    }

    private SocketFile bound(int type) throws ErrnoException {
        SocketFile socket = socket(type);
        socket.bind(SocketAddress.of(LOCAL, 0), CALLER);
        return socket;
    }

    private SocketFile listener() throws ErrnoException {
        SocketFile listener = bound(SOCK_STREAM);
        listener.listen(5, CALLER);
        return listener;
    }

    /** Waits as a task does: first the queue, then the question. */
    private static void await(SocketFile socket, int events) {
        Semaphore happened = new Semaphore(0);
        Waiter waiter = mask -> happened.release();
        socket.waitQueue().add(waiter, -1);
        try {
            while ((socket.readiness(events) & events) == 0) {
                assertTrue(happened.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS), "no event");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            socket.waitQueue().remove(waiter);
        }
    }

    private SocketFile connected(SocketFile listener) throws ErrnoException {
        SocketFile client = socket(SOCK_STREAM);
        if (client.connect(listener.localAddress(), CALLER) == SocketFile.IN_PROGRESS) {
            await(client, POLLOUT);
            assertEquals(0, client.finishConnect());
        }
        return client;
    }

    private SocketFile accepted(SocketFile listener) throws ErrnoException {
        await(listener, POLLIN);
        return kept(listener.accept());
    }

    @Test
    void bytesGoBothWaysAndNamesMatch() throws ErrnoException {
        SocketFile listener = listener();
        assertNull(listener.accept());
        SocketFile client = connected(listener);
        SocketFile server = accepted(listener);
        assertArrayEquals(client.localAddress(), server.remoteAddress());
        assertArrayEquals(server.localAddress(), client.remoteAddress());
        assertNull(receive(server));
        send(client, "question");
        await(server, POLLIN);
        assertEquals("question", receive(server, 100, Socket.MSG_PEEK));
        assertEquals("quest", receive(server, 5, 0));
        assertEquals("ion", receive(server));
        client.shutdown(Socket.SHUT_WR);
        await(server, POLLIN);
        assertEquals("", receive(server));
        send(server, "answer");
        await(client, POLLIN);
        assertEquals("answer", receive(client));
    }

    @Test
    void nobodyListeningRefuses() throws ErrnoException {
        SocketFile listener = listener();
        byte[] address = listener.localAddress();
        listener.shutdown(Socket.SHUT_RDWR);
        SocketFile client = socket(SOCK_STREAM);
        assertErrno(ECONNREFUSED, () -> {
            client.connect(address, CALLER);
            await(client, POLLOUT);
            client.finishConnect();
        });
        assertErrno(ENOTCONN, client::remoteAddress);
        byte[] taken = bound(SOCK_STREAM).localAddress();
        assertErrno(EADDRINUSE, () -> socket(SOCK_STREAM).bind(taken, CALLER));
        assertErrno(EINVAL, () -> socket(SOCK_STREAM).bind(new byte[3], CALLER));
    }

    @Test
    void datagramsKeepTheirBoundsAndTellWhereTheyComeFrom() throws ErrnoException {
        SocketFile one = bound(SOCK_DGRAM);
        SocketFile other = bound(SOCK_DGRAM);
        other.option(Socket.SOL_IP, Socket.IP_PKTINFO, ON, CALLER);
        SocketMessage message = new SocketMessage();
        message.address = other.localAddress();
        assertEquals(0, sendParts(one, message));
        assertEquals(9, sendParts(one, message, "from ", "par", "t"));
        await(other, POLLIN);
        SocketMessage received = new SocketMessage();
        received.wantsControl = true;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(5);
            assertEquals(0, other.receive(IoBuffer.of(buffer), received, 0), "the empty one");
            await(other, POLLIN);
            received.clear();
            assertEquals(9, other.receive(IoBuffer.of(buffer), received, Socket.MSG_TRUNC));
            assertEquals("from ", new String(buffer.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1));
        }
        assertEquals(Socket.MSG_TRUNC, received.flags);
        assertArrayEquals(one.localAddress(), received.address);
        assertEquals(Socket.IP_PKTINFO, received.control.getFirst().type());
        assertEquals(12, received.control.getFirst().data().length);
        assertErrno(EMSGSIZE, () -> sendParts(one, message, "x".repeat(70_000)));
    }

    /** Sends what lies in several places as one message. */
    private static long sendParts(SocketFile socket, SocketMessage message, String... parts) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            Deque<MemorySegment> left = new ArrayDeque<>();
            for (String part : parts) {
                byte[] bytes = part.getBytes(StandardCharsets.ISO_8859_1);
                MemorySegment run = arena.allocate(bytes.length);
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, run, 0, bytes.length);
                left.add(run);
            }
            return socket.send(new IoBuffer() {
                @Override
                public long remaining() {
                    return left.stream().mapToLong(MemorySegment::byteSize).sum();
                }

                @Override
                public MemorySegment run() {
                    return left.peek();
                }

                @Override
                public void advance(long lengthBytes) {
                    MemorySegment run = left.remove();
                    if (lengthBytes < run.byteSize()) {
                        left.addFirst(run.asSlice(lengthBytes));
                    }
                }
            }, message, 0);
        }
    }

    @Test
    void aFullSocketTellsWhenItHasRoomAgain() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        SocketFile server = accepted(listener);
        String block = "b".repeat(100_000);
        long sent = 0;
        for (long now = send(client, block); now != WOULD_BLOCK; now = send(client, block)) {
            sent += now;
        }
        long received = 0;
        while (received < sent) {
            await(server, POLLIN);
            received += receive(server, 1 << 20, 0).length();
        }
        assertEquals(sent, received);
        await(client, POLLOUT);
        assertTrue(send(client, block) > 0);
    }

    @Test
    void whatIsNotOnTheListDoesNotReachTheHost() throws ErrnoException {
        assertErrno(EAFNOSUPPORT, () -> network.create(Socket.AF_NETLINK, SOCK_RAW, 0, CALLER));
        assertErrno(EAFNOSUPPORT, () -> network.create(Socket.AF_VSOCK, SOCK_STREAM, 0, CALLER));
        assertErrno(ESOCKTNOSUPPORT, () -> network.create(AF_INET, SOCK_SEQPACKET, 0, CALLER));
        assertErrno(EPROTONOSUPPORT, () -> network.create(AF_INET, SOCK_STREAM, Socket.IPPROTO_SCTP, CALLER));
        assertErrno(EPROTONOSUPPORT, () -> network.create(AF_INET6, SOCK_DGRAM, Socket.IPPROTO_ICMP, CALLER));
        SocketFile socket = socket(SOCK_STREAM);
        assertErrno(ENOPROTOOPT, () -> socket.option(Socket.SOL_TCP, Socket.TCP_ULP, "tls".getBytes(StandardCharsets.US_ASCII), CALLER));
        assertErrno(ENOPROTOOPT, () -> socket.option(Socket.SOL_TCP, Socket.TCP_ZEROCOPY_RECEIVE, 64));
        assertErrno(EOPNOTSUPP, () -> socket.option(Socket.SOL_SOCKET, Socket.SO_ATTACH_FILTER, new byte[16], CALLER));
        assertErrno(EOPNOTSUPP, () -> socket.option(Socket.IPPROTO_UDP, 1, ON, CALLER));
    }

    @Test
    void optionsAreTheHosts() throws ErrnoException {
        SocketFile socket = socket(SOCK_STREAM);
        socket.option(Socket.SOL_TCP, Socket.TCP_NODELAY, ON, CALLER);
        assertArrayEquals(ON, socket.option(Socket.SOL_TCP, Socket.TCP_NODELAY, 4));
        assertArrayEquals(new byte[4], socket.option(Socket.SOL_SOCKET, Socket.SO_ACCEPTCONN, 4));
        socket.option(Socket.SOL_SOCKET, Socket.SO_RCVBUF, SocketOptions.integer(10_000), CALLER);
        assertEquals(20_000, SocketOptions.integer(socket.option(Socket.SOL_SOCKET, Socket.SO_RCVBUF, 4)));
        byte[] linger = {1, 0, 0, 0, 100, 0, 0, 0};
        socket.option(Socket.SOL_SOCKET, Socket.SO_LINGER, linger, CALLER);
        assertArrayEquals(linger, socket.option(Socket.SOL_SOCKET, Socket.SO_LINGER, 8), "as it was set, though the host's close never waits");
        assertEquals(0, MemorySegment.ofArray(socket.option(Socket.SOL_SOCKET, Socket.SO_ERROR, 4)).get(U32, 0));
    }

    @Test
    void interfacesAreTheHosts() {
        List<NetworkInterface> all = network.interfaces();
        NetworkInterface local = all.stream().filter(each -> each.addresses().stream().anyMatch(address -> address.bytes()[0] == 127)).findFirst().orElseThrow();
        assertTrue(local.index() > 0 && local.mtu() > 0 && !local.name().isEmpty(), local::toString);
        assertTrue((local.flags() & NetworkInterface.IFF_UP) != 0, local::toString);
        assertTrue(network.routes().stream().anyMatch(each -> each.destination().length == 4 && each.destination()[0] == 127), "a route to lo");
    }

    @Test
    void socketsWithAPortAreListed() throws ErrnoException {
        SocketFile listener = listener();
        socket(SOCK_STREAM);
        assertEquals(1, network.sockets().size());
        assertEquals(10, network.sockets().getFirst().state());
        assertArrayEquals(listener.localAddress(), network.sockets().getFirst().local());
        connected(listener);
        assertEquals(2, network.sockets().size());
        listener.close();
        open.remove(listener);
        assertEquals(1, network.sockets().size());
    }

    @Test
    void lowPortsNeedTheGuestsRight() throws ErrnoException {
        SocketFile socket = socket(SOCK_STREAM);
        SocketCaller ordinary = new SocketCaller() {
            @Override
            public Credentials credentials() {
                return Credentials.ofUser(1000, 1000);
            }

            @Override
            public int processId() {
                return 1;
            }
        };
        assertErrno(EACCES, () -> socket.bind(SocketAddress.of(LOCAL, 1), ordinary));
    }
}
