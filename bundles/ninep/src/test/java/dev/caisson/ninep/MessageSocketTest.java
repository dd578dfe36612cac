package dev.caisson.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostReady;
import dev.caisson.host.HostSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class MessageSocketTest {
    private final long pair = HostSocket.pair();
    private final MessageSocket ours = new MessageSocket((int) pair, 20, 1000);
    private final MessageSocket theirs = new MessageSocket((int) (pair >>> 32), 20, 1000);
    private final int raw = (int) (pair >>> 32);
    private final WireWriter out = new WireWriter();

    @AfterEach
    void close() {
        ours.close();
        theirs.close();
    }

    private void sendRaw(int... bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(bytes.length);
            for (int i = 0; i < bytes.length; i++) {
                memory.set(Layouts.U8, i, (byte) bytes[i]);
            }
            assertEquals(bytes.length, HostFile.write(raw, memory.address(), bytes.length));
        }
    }

    private void expect(MessageSocket.Received received) throws ErrnoException {
        assertEquals(received, ours.receive());
    }

    @Test
    void messagesArriveOneByOneHoweverTheyWereSent() throws ErrnoException {
        sendRaw(7, 0, 0, 0, 121, 5, 0, 7, 0, 0, 0, 121, 6, 0, 11, 0, 0);
        expect(MessageSocket.Received.MESSAGE);
        assertEquals(5, ours.tag());
        expect(MessageSocket.Received.MESSAGE);
        assertEquals(6, ours.tag());
        assertTrue(ours.fields().isConsumed());
        expect(MessageSocket.Received.NOTHING);
        sendRaw(0, 119, 7, 0, 9, 0);
        expect(MessageSocket.Received.NOTHING);
        sendRaw(0, 0);
        expect(MessageSocket.Received.MESSAGE);
        assertEquals(9, ours.fields().u32());
    }

    @Test
    void manyMessagesFitThroughASmallBuffer() throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(8000);
            for (int i = 0; i < 200; i++) {
                data.set(Layouts.U32, 0, i);
                theirs.send(out.start(MessageType.RREAD, i).u32(8000), data, -1);
                expect(MessageSocket.Received.MESSAGE);
                assertEquals(i, ours.tag());
                int length = ours.fields().u32();
                assertEquals(i, ours.data(11, length).get(Layouts.U32, 0));
            }
        }
    }

    @Test
    void dataMustBeAsLongAsItSays() throws ErrnoException {
        sendRaw(13, 0, 0, 0, 117, 1, 0, 9, 0, 0, 0, 1, 2);
        expect(MessageSocket.Received.MESSAGE);
        assertNull(ours.data(11, ours.fields().u32()));
        assertNull(ours.data(11, -1));
        assertEquals(2, ours.data(11, 2).byteSize());
    }

    @Test
    void sizesThatCannotBeAreEproto() {
        sendRaw(6, 0, 0, 0, 121, 5, 0);
        assertEquals(Errno.EPROTO, assertThrows(ErrnoException.class, ours::receive).errno());
    }

    @Test
    void sizesAboveTheLimitAreEproto() {
        sendRaw(0, 0, 0, 0x7f, 121, 5, 0);
        assertEquals(Errno.EPROTO, assertThrows(ErrnoException.class, ours::receive).errno());
    }

    @Test
    void negativeSizesAreEproto() {
        sendRaw(255, 255, 255, 255, 121, 5, 0);
        assertEquals(Errno.EPROTO, assertThrows(ErrnoException.class, ours::receive).errno());
    }

    @Test
    void theEndIsTold() throws ErrnoException {
        sendRaw(7, 0);
        theirs.close();
        expect(MessageSocket.Received.END);
    }

    @Test
    void descriptorsComeWithTheirMessages() throws ErrnoException {
        for (int i = 0; i < 3; i++) {
            int file = (int) HostMemory.createFile("file" + i, 1);
            HostMemory.resize(file, 100 + i);
            theirs.send(out.start(MessageType.RCLUNK, i));
            theirs.send(out.start(MessageType.ROPENAT, i).u8(1), null, file);
            HostFile.close(file);
        }
        for (int i = 0; i < 3; i++) {
            expect(MessageSocket.Received.MESSAGE);
            expect(MessageSocket.Received.MESSAGE);
            assertEquals(MessageType.ROPENAT.number(), ours.type());
            int file = ours.takeDescriptor();
            assertNotEquals(-1, file);
            assertEquals(100 + i, HostFile.size(file));
            HostFile.close(file);
        }
        assertEquals(-1, ours.takeDescriptor());
    }

    @Test
    void descriptorsThatNobodyWantsEndTheStream() throws ErrnoException {
        int file = (int) HostMemory.createFile("unwanted", 1);
        for (int i = 0; i < 9; i++) {
            theirs.send(out.start(MessageType.RCLUNK, i), null, file);
        }
        HostFile.close(file);
        assertThrows(ErrnoException.class, () -> {
            for (int i = 0; i < 9; i++) {
                ours.receive();
            }
        });
    }

    @Test
    void aPeerThatDoesNotReadIsGivenUp() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(1 << 20);
            assertThrows(ErrnoException.class, () -> {
                for (int i = 0; i < 64; i++) {
                    ours.send(out.start(MessageType.TWRITE, i).u32(1).u64(0).u32(1 << 20), data, -1);
                }
            });
        }
        assertThrows(ErrnoException.class, () -> ours.send(out.start(MessageType.TCLUNK, 1).u32(1)));
    }

    /** Does something over and over, slower than the socket's slices, until the body is done. */
    private static void meanwhile(Runnable drip, Executable body) throws Throwable {
        AtomicBoolean isOver = new AtomicBoolean();
        Thread thread = new Thread(() -> {
            while (!isOver.get()) {
                drip.run();
                LockSupport.parkNanos(5_000_000);
            }
        });
        thread.start();
        try {
            body.execute();
        } finally {
            isOver.set(true);
            thread.join();
        }
    }

    @Test
    @Timeout(180)
    void aPeerThatSendsAByteNowAndThenKeepsNobodyWaiting() throws Throwable {
        sendRaw(0, 31, 0, 0, 121, 5, 0);
        AtomicInteger left = new AtomicInteger(7900); // never the whole message
        meanwhile(() -> {
            if (left.decrementAndGet() > 0) {
                sendRaw(1);
            }
        }, () -> {
            expect(MessageSocket.Received.NOTHING);
            expect(MessageSocket.Received.NOTHING);
        });
    }

    @Test
    @Timeout(180)
    void aPeerThatReadsAByteNowAndThenIsGivenUp() throws Throwable {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment data = arena.allocate(8 << 20);
            MemorySegment read = arena.allocate(1);
            meanwhile(() -> HostReady.receive(raw, read.address(), 1),
                    () -> assertThrows(ErrnoException.class, () -> ours.send(out.start(MessageType.TWRITE, 1).u32(1), data, -1)));
        }
    }

    @Test
    void connectingToWhoAcceptsNobodyEnds(@TempDir Path directory) {
        String path = directory.resolve("socket").toString();
        int listener = (int) HostSocket.listenUnix(path, 0);
        List<Integer> waiting = new ArrayList<>();
        long fd;
        while ((fd = HostSocket.connectUnix(path, 20)) >= 0 && waiting.size() < 10) {
            waiting.add((int) fd);
        }
        assertEquals(-Errno.EAGAIN.number(), fd);
        waiting.forEach(HostFile::close);
        HostFile.close(listener);
    }
}
