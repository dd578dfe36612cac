package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.EADDRNOTAVAIL;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.ECONNRESET;
import static dev.caisson.abi.Errno.ENETUNREACH;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Poll.POLLERR;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Socket.AF_INET;
import static dev.caisson.abi.Socket.AF_INET6;
import static dev.caisson.abi.Socket.SOCK_DGRAM;
import static dev.caisson.abi.Socket.SOCK_STREAM;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static dev.caisson.testing.kit.SocketTexts.CALLER;
import static dev.caisson.testing.kit.SocketTexts.receive;
import static dev.caisson.testing.kit.SocketTexts.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.spi.net.SocketFile;
import org.junit.jupiter.api.Test;

final class LoopbackStackTest {
    private static final byte[] LOCAL = {127, 0, 0, 1};
    private static final byte[] LOCAL6 = Endpoint.LOCAL6;
    private static final byte[] ON = {1, 0, 0, 0};

    private final LoopbackStack stack = new LoopbackStack();

    private SocketFile socket(int family, int type) throws ErrnoException {
        return stack.create(family, type, 0, CALLER);
    }

    private SocketFile bound(int family, int type, byte[] host) throws ErrnoException {
        SocketFile socket = socket(family, type);
        socket.bind(SocketAddress.of(host, 0), CALLER);
        return socket;
    }

    private SocketFile listener() throws ErrnoException {
        SocketFile listener = bound(AF_INET, SOCK_STREAM, LOCAL);
        listener.listen(5, CALLER);
        return listener;
    }

    private SocketFile connected(SocketFile listener) throws ErrnoException {
        SocketFile client = socket(AF_INET, SOCK_STREAM);
        assertEquals(SocketFile.IN_PROGRESS, client.connect(listener.localAddress(), CALLER));
        assertEquals(0, client.finishConnect());
        return client;
    }

    @Test
    void bytesGoBothWaysAndNamesMatch() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        SocketFile server = listener.accept();
        assertArrayEquals(client.localAddress(), server.remoteAddress());
        assertArrayEquals(server.localAddress(), client.remoteAddress());
        send(client, "question");
        assertEquals("question", receive(server));
        send(server, "answer");
        assertEquals("answer", receive(client));
        assertNull(receive(client));
    }

    @Test
    void nobodyListeningRefuses() throws ErrnoException {
        SocketFile client = socket(AF_INET, SOCK_STREAM);
        assertEquals(SocketFile.IN_PROGRESS, client.connect(SocketAddress.of(LOCAL, 9), CALLER));
        assertEquals(POLLIN | POLLOUT | POLLERR | POLLHUP, client.readiness(POLLIN | POLLOUT));
        assertErrno(ECONNREFUSED, client::finishConnect);
    }

    @Test
    void otherMachinesAreUnreachable() throws ErrnoException {
        byte[] elsewhere = {10, 0, 0, 1};
        assertErrno(ENETUNREACH, () -> socket(AF_INET, SOCK_STREAM).connect(SocketAddress.of(elsewhere, 80), CALLER));
        assertErrno(EADDRNOTAVAIL, () -> bound(AF_INET, SOCK_STREAM, elsewhere));
    }

    @Test
    void halfACloseLeavesTheOtherHalf() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        SocketFile server = listener.accept();
        client.shutdown(Socket.SHUT_WR);
        assertEquals("", receive(server));
        assertErrno(EPIPE, () -> send(client, "x"));
        send(server, "still");
        assertEquals("still", receive(client));
    }

    @Test
    void unreadDataOrNoLingerResets() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        SocketFile server = listener.accept();
        send(client, "unread");
        server.close();
        assertErrno(ECONNRESET, () -> receive(client));

        SocketFile other = connected(listener);
        SocketFile abrupt = listener.accept();
        abrupt.option(Socket.SOL_SOCKET, Socket.SO_LINGER, new byte[] {1, 0, 0, 0, 0, 0, 0, 0}, CALLER);
        abrupt.close();
        assertErrno(ECONNRESET, () -> receive(other));
    }

    @Test
    void whatIsSentAfterThePeerLeftBreaksThePipe() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        listener.accept().close();
        assertEquals(1, send(client, "x"), "the first write only provokes the reset");
        assertErrno(EPIPE, () -> send(client, "x"));
        assertEquals("", receive(client));
    }

    @Test
    void aClosedListenerResetsThoseWhoWait() throws ErrnoException {
        SocketFile listener = listener();
        SocketFile client = connected(listener);
        listener.close();
        assertErrno(ECONNRESET, () -> receive(client));
    }

    @Test
    void aFullQueueKeepsConnectionsPendingUntilThereIsRoom() throws ErrnoException {
        SocketFile listener = bound(AF_INET, SOCK_STREAM, LOCAL);
        listener.listen(0, CALLER);
        connected(listener);
        SocketFile waiting = socket(AF_INET, SOCK_STREAM);
        waiting.connect(listener.localAddress(), CALLER);
        assertEquals(WOULD_BLOCK, waiting.finishConnect());
        listener.accept();
        assertEquals(0, waiting.finishConnect());
    }

    @Test
    void portsAreSharedOnlyByAgreement() throws ErrnoException {
        SocketFile first = bound(AF_INET, SOCK_STREAM, LOCAL);
        byte[] address = first.localAddress();
        assertErrno(EADDRINUSE, () -> socket(AF_INET, SOCK_STREAM).bind(address, CALLER));
        first.option(Socket.SOL_SOCKET, Socket.SO_REUSEADDR, ON, CALLER);
        SocketFile second = socket(AF_INET, SOCK_STREAM);
        second.option(Socket.SOL_SOCKET, Socket.SO_REUSEADDR, ON, CALLER);
        second.bind(address, CALLER);
        first.listen(1, CALLER);
        assertErrno(EADDRINUSE, () -> second.listen(1, CALLER));
    }

    @Test
    void anIpv6WildcardTakesIpv4ConnectionsUnlessItSaysOtherwise() throws ErrnoException {
        SocketFile listener = bound(AF_INET6, SOCK_STREAM, Endpoint.ANY6);
        listener.listen(5, CALLER);
        int port = SocketAddress.port(listener.localAddress());
        socket(AF_INET, SOCK_STREAM).connect(SocketAddress.of(LOCAL, port), CALLER);
        SocketFile server = listener.accept();
        assertEquals(AF_INET6, server.family());
        assertArrayEquals(Endpoint.LOCAL4, SocketAddress.host(server.remoteAddress()));

        SocketFile only = socket(AF_INET6, SOCK_STREAM);
        only.option(Socket.SOL_IPV6, 26, ON, CALLER);
        only.bind(SocketAddress.of(Endpoint.ANY6, 0), CALLER);
        only.listen(5, CALLER);
        SocketFile client = socket(AF_INET, SOCK_STREAM);
        client.connect(SocketAddress.of(LOCAL, SocketAddress.port(only.localAddress())), CALLER);
        assertErrno(ECONNREFUSED, client::finishConnect);
    }

    @Test
    void datagramsFindTheBestReceiver() throws ErrnoException {
        SocketFile receiver = bound(AF_INET, SOCK_DGRAM, LOCAL);
        SocketFile sender = socket(AF_INET, SOCK_DGRAM);
        sender.connect(receiver.localAddress(), CALLER);
        send(sender, "one");
        send(sender, "");
        assertEquals("one", receive(receiver));
        assertEquals("", receive(receiver));
        receiver.close();
        assertEquals(1, send(sender, "x"));
        assertErrno(ECONNREFUSED, () -> send(sender, "x"));
    }

    @Test
    void ipv6HasItsOwnLoopback() throws ErrnoException {
        SocketFile receiver = bound(AF_INET6, SOCK_DGRAM, LOCAL6);
        SocketFile sender = socket(AF_INET6, SOCK_DGRAM);
        sender.connect(receiver.localAddress(), CALLER);
        send(sender, "six");
        assertEquals("six", receive(receiver));
    }
}
