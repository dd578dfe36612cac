package dev.caisson.kernel.unix;

import static dev.caisson.abi.Errno.EADDRINUSE;
import static dev.caisson.abi.Errno.ECONNREFUSED;
import static dev.caisson.abi.Errno.ECONNRESET;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Errno.EPROTOTYPE;
import static dev.caisson.abi.Poll.POLLHUP;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLOUT;
import static dev.caisson.abi.Socket.MSG_PEEK;
import static dev.caisson.abi.Socket.MSG_TRUNC;
import static dev.caisson.spi.fs.OpenFile.WOULD_BLOCK;
import static dev.caisson.testing.kit.Errors.assertErrno;
import static dev.caisson.testing.kit.SocketTexts.receive;
import static dev.caisson.testing.kit.SocketTexts.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.abi.UserCredentials;
import dev.caisson.kernel.pipe.Pipe;
import dev.caisson.kernel.pipe.PipeFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.testing.kit.Bytes;
import dev.caisson.testing.kit.SocketTexts;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class UnixSocketTest {
    private static final UnixCaller CALLER = new UnixCaller() {
        @Override
        public Credentials credentials() {
            return SocketTexts.CALLER.credentials();
        }

        @Override
        public int processId() {
            return SocketTexts.CALLER_ID;
        }

        @Override
        public Inode createSocketNode(String path) throws ErrnoException {
            throw Errno.EACCES.error();
        }

        @Override
        public Inode findSocketNode(String path) throws ErrnoException {
            throw Errno.ENOENT.error();
        }
    };

    private final Vfs vfs = new Vfs();
    private final List<Runnable> planned = new ArrayList<>();
    private final UnixSockets sockets = new UnixSockets(List::of, planned::add);

    private static byte[] abstractName(String name) {
        byte[] address = SocketAddress.ofFamily(Socket.AF_UNIX, 3 + name.length());
        for (int i = 0; i < name.length(); i++) {
            address[3 + i] = (byte) name.charAt(i);
        }
        return address;
    }

    private UnixSocket[] pair(int type) throws ErrnoException {
        UnixSocket[] pair = {sockets.create(type, 0, CALLER), sockets.create(type, 0, CALLER)};
        sockets.join(pair[0], pair[1]);
        return pair;
    }

    private FileDescription describe(OpenFile file) {
        return vfs.anonymous().describe("test", file, Fcntl.O_RDWR, Credentials.ROOT);
    }

    private static void sendFile(SocketFile socket, FileDescription file) throws ErrnoException {
        SocketMessage message = new SocketMessage();
        message.caller = CALLER;
        file.retain();
        message.files = new ArrayList<>(List.of(file));
        socket.send(Bytes.of("f"), message, 0);
    }

    private UnixSocket listener(String name, int backlog) throws ErrnoException {
        UnixSocket listener = sockets.create(Socket.SOCK_STREAM, 0, CALLER);
        listener.bind(abstractName(name), CALLER);
        listener.listen(backlog, CALLER);
        return listener;
    }

    @Test
    void aStreamHasNoBoundaries() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        send(pair[0], "abc");
        send(pair[0], "def");
        assertEquals("abcd", receive(pair[1], 4, MSG_PEEK));
        assertEquals("abcd", receive(pair[1], 4, 0));
        assertEquals("ef", receive(pair[1], 4, 0));
        assertNull(receive(pair[1], 4, 0));
    }

    @Test
    void datagramsKeepTheirBoundaries() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_DGRAM);
        send(pair[0], "long message");
        send(pair[0], "");
        assertEquals(12, pair[1].receive(Bytes.room(4).buffer(), null, MSG_PEEK | MSG_TRUNC));
        assertEquals("long", receive(pair[1], 4, 0));
        assertEquals("", receive(pair[1], 4, 0));
        assertNull(receive(pair[1], 4, 0));
    }

    @Test
    void aSenderWaitsWhenItsBufferIsFullAndIsToldWhenThereIsRoom() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        int[] told = new int[1];
        while (pair[0].send(Bytes.zeros(4096), null, 0) != WOULD_BLOCK) {
            assertNotNull(pair[0]);
        }
        pair[0].waitQueue().add(events -> told[0]++, POLLOUT);
        assertEquals(0, pair[0].readiness(POLLOUT));
        while (receive(pair[1], 4096, 0) != null) {
            assertNotNull(pair[1]);
        }
        assertEquals(POLLOUT, pair[0].readiness(POLLOUT));
        assertEquals(true, told[0] > 0);
    }

    @Test
    void closingWithUnreadDataResetsThePeerOnce() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        send(pair[0], "unread");
        pair[1].close();
        assertErrno(ECONNRESET, () -> receive(pair[0], 1, 0));
        assertEquals("", receive(pair[0], 1, 0));
        assertErrno(EPIPE, () -> send(pair[0], "x"));
        assertEquals(POLLHUP, pair[0].readiness(0) & POLLHUP);
    }

    @Test
    void connectionsWaitToBeAccepted() throws ErrnoException {
        UnixSocket listener = listener("listener", 0);
        UnixSocket first = sockets.create(Socket.SOCK_STREAM, 0, CALLER);
        UnixSocket second = sockets.create(Socket.SOCK_STREAM, 0, CALLER);
        assertEquals(0, first.connect(abstractName("listener"), CALLER));
        send(first, "early");
        assertEquals(POLLIN, listener.readiness(POLLIN));
        assertEquals(WOULD_BLOCK, second.connect(abstractName("listener"), CALLER));
        int[] told = new int[1];
        second.waitQueue().add(events -> told[0]++, POLLOUT);
        SocketFile accepted = listener.accept();
        assertEquals(1, told[0]);
        assertEquals(0, second.connect(abstractName("listener"), CALLER));
        assertEquals("early", receive(accepted, 10, 0));
        listener.close();
        assertErrno(ECONNRESET, () -> receive(second, 1, 0));
    }

    @Test
    void namesAreTakenOnceAndHaveAType() throws ErrnoException {
        listener("taken", 1);
        UnixSocket other = sockets.create(Socket.SOCK_STREAM, 0, CALLER);
        assertErrno(EADDRINUSE, () -> other.bind(abstractName("taken"), CALLER));
        assertErrno(ECONNREFUSED, () -> other.connect(abstractName("nobody"), CALLER));
        UnixSocket datagram = sockets.create(Socket.SOCK_DGRAM, 0, CALLER);
        assertErrno(EPROTOTYPE, () -> datagram.connect(abstractName("taken"), CALLER));
        assertErrno(EINVAL, () -> other.bind(new byte[] {Socket.AF_UNIX}, CALLER));
    }

    @Test
    void filesGoAlongWithTheirBytes() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        FileDescription pipe = describe(new PipeFile(new Pipe(), Fcntl.O_RDWR));
        send(pair[0], "before");
        sendFile(pair[0], pipe);
        send(pair[0], "after");
        assertEquals(2, pipe.references());
        SocketMessage message = new SocketMessage();
        assertEquals(7, pair[1].receive(Bytes.room(100).buffer(), message, 0));
        assertEquals(List.of(pipe), message.files);
        assertEquals("after", receive(pair[1], 100, 0));
    }

    @Test
    void filesThatNobodyTakesAreClosed() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        FileDescription pipe = describe(new PipeFile(new Pipe(), Fcntl.O_RDWR));
        sendFile(pair[0], pipe);
        assertEquals("f", receive(pair[1], 100, 0));
        assertEquals(1, pipe.references());
        sendFile(pair[0], pipe);
        pair[1].close();
        assertEquals(1, pipe.references());
    }

    @Test
    void socketsThatOnlyHoldEachOtherAreCollected() throws ErrnoException {
        Pipe pipe = new Pipe();
        FileDescription writer = describe(new PipeFile(pipe, Fcntl.O_WRONLY));
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        FileDescription one = describe(pair[0]);
        FileDescription other = describe(pair[1]);
        sendFile(pair[0], one);
        sendFile(pair[1], other);
        sendFile(pair[0], writer);
        writer.release();
        pair[0].flush();
        planned.removeFirst().run();
        assertEquals(true, pipe.hasWriters(), "descriptors still hold the sockets");

        pair[0].flush();
        one.release();
        other.release();
        planned.removeFirst().run();
        assertEquals(false, pipe.hasWriters());
    }

    private static void wantCredentials(SocketFile socket) throws ErrnoException {
        socket.option(Socket.SOL_SOCKET, Socket.SO_PASSCRED, SocketOptions.flag(true), CALLER);
    }

    /** Receives a byte, and who sent it. */
    private static UserCredentials sender(SocketFile socket) throws ErrnoException {
        SocketMessage in = new SocketMessage();
        assertEquals(1, socket.receive(Bytes.room(1).buffer(), in, 0));
        SocketMessage.Control control = in.control.getFirst();
        assertEquals(Socket.SCM_CREDENTIALS, control.type());
        return UserCredentials.CODEC.read(MemorySegment.ofArray(control.data()), 0);
    }

    @Test
    void credentialsArriveWhereTheyAreWanted() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        wantCredentials(pair[1]);
        SocketMessage out = new SocketMessage();
        out.caller = CALLER;
        pair[0].send(Bytes.of("x"), out, 0);
        assertEquals(new UserCredentials(SocketTexts.CALLER_ID, 0, 0), sender(pair[1]));
    }

    @Test
    void whatWasSentBeforeAnybodyAskedIsFromNobody() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_STREAM);
        send(pair[0], "x");
        wantCredentials(pair[1]);
        send(pair[0], "y");
        assertEquals(new UserCredentials(0, 65534, 65534), sender(pair[1]));
        assertEquals(SocketTexts.CALLER_ID, sender(pair[1]).pid());
    }

    @Test
    void aSenderThatAsksForCredentialsGivesItsOwn() throws ErrnoException {
        UnixSocket[] pair = pair(Socket.SOCK_DGRAM);
        wantCredentials(pair[0]);
        send(pair[0], "x");
        wantCredentials(pair[1]);
        assertEquals(SocketTexts.CALLER_ID, sender(pair[1]).pid());
    }

    @Test
    void anAcceptedConnectionKnowsWhoSentWhatCameBefore() throws ErrnoException {
        UnixSocket listener = listener("asking", 1);
        wantCredentials(listener);
        UnixSocket client = sockets.create(Socket.SOCK_STREAM, 0, CALLER);
        client.connect(abstractName("asking"), CALLER);
        send(client, "x");
        SocketFile accepted = listener.accept();
        assertArrayEquals(SocketOptions.flag(true), accepted.option(Socket.SOL_SOCKET, Socket.SO_PASSCRED, 4));
        assertEquals(SocketTexts.CALLER_ID, sender(accepted).pid());
    }
}
