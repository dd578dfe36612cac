package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMFILE;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EPROTO;
import static dev.caisson.abi.Errno.EXDEV;
import static dev.caisson.abi.Fcntl.O_CREAT;
import static dev.caisson.abi.Fcntl.O_RDONLY;
import static dev.caisson.abi.Fcntl.O_RDWR;
import static dev.caisson.gofer.NinepClient.ROOT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client gets that lies, pushes and grabs; and that another client never notices. */
class HostileClientTest {
    private static final Limits SMALL = new Limits(1 << 20, 8 << 20, 50, 80, 60, 4, 70_000, 6, Long.MAX_VALUE);

    @TempDir Path directory;
    private GoferFixture gofer;
    private NinepClient honest;
    private NinepClient hostile;

    @BeforeEach void start() throws Exception {
        gofer = new GoferFixture(directory, SMALL);
        gofer.write("file", "content");
        honest = gofer.client("rw");
        hostile = gofer.client("rw");
    }

    @AfterEach void theHonestClientIsServedAndAllIsReturned() throws Exception {
        hostile.close();
        assertEquals(1, honest.walk(ROOT, 1, "file"));
        assertEquals(0, honest.open(1, O_RDONLY));
        assertEquals("content", honest.read(1, 0, 100));
        honest.close();
        assertEquals("secret", Files.readString(directory.resolve("outside")));
        try (GoferFixture ended = gofer) {
            assertTrue(ended.isCleanAtTheEnd(), "fids " + ended.environment.fids() + " handles " + ended.environment.handles().used());
        }
    }

    @Test void namesThatAreNoNamesLeadNowhere() throws Exception {
        for (String name : new String[] {"", "/", "a/b", "../outside", "/etc/passwd", "x\0y", "..\0", "./file"}) {
            assertEquals(EINVAL.number(), hostile.walkErrno(ROOT, 1, name), name);
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TMKDIR, w -> w.u32(ROOT).string(name).u32(0700).u32(-1)), name);
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string(name).u32(0)), name);
            assertEquals(EINVAL.number(),
                hostile.errno(MessageType.TRENAMEAT, w -> w.u32(ROOT).string("file").u32(ROOT).string(name)), name);
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TSYMLINK, w -> w.u32(ROOT).string(name).string("t").u32(-1)), name);
            hostile.walk(ROOT, 2);
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TLCREATE, w -> w.u32(2).string(name).u32(O_RDWR).u32(0600).u32(-1)));
            hostile.clunk(2);
        }
        for (String name : new String[] {".", ".."}) {
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TUNLINKAT, w -> w.u32(ROOT).string(name).u32(0x200)));
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TRENAMEAT, w -> w.u32(ROOT).string(name).u32(ROOT).string("x")));
            assertEquals(EINVAL.number(), hostile.errno(MessageType.TLINK, w -> w.u32(ROOT).u32(ROOT).string(name)));
        }
        assertEquals(ENAMETOOLONG.number(), hostile.walkErrno(ROOT, 1, "x".repeat(256)));
        assertEquals(EINVAL.number(), hostile.errno(MessageType.TSYMLINK, w -> w.u32(ROOT).string("l").string("a\0b").u32(-1)));
    }

    @Test void aDirectoryReplacedByALinkIsNotWalkedThrough() throws Exception {
        Files.createDirectories(gofer.tree.resolve("d/sub"));
        hostile.walk(ROOT, 1, "d");
        Files.delete(gofer.tree.resolve("d/sub"));
        Files.createSymbolicLink(gofer.tree.resolve("d/sub"), directory);
        hostile.walk(1, 2, "sub");
        assertEquals(20, hostile.walkErrno(2, 3, "outside")); // ENOTDIR: a link is no directory
        assertEquals(1, hostile.walk(ROOT, 3, "d", "sub", "outside") == 2 ? 1 : 0);
    }

    @Test void filesOfTwoExportsAreNotMixed() {
        hostile.ask(MessageType.TATTACH, w -> w.u32(9).u32(-1).string("").string("ro").u32(HostCredentials.effectiveUser()));
        hostile.walk(9, 10, "file");
        assertEquals(EXDEV.number(), hostile.errno(MessageType.TLINK, w -> w.u32(ROOT).u32(10).string("stolen")));
        assertEquals(EXDEV.number(), hostile.errno(MessageType.TRENAME, w -> w.u32(10).u32(ROOT).string("stolen")));
        assertEquals(ENOENT.number(),
            hostile.errno(MessageType.TATTACH, w -> w.u32(11).u32(-1).string("").string("/etc").u32(HostCredentials.effectiveUser())));
    }

    @Test void framesThatLieEndTheConnection() {
        for (byte[] frame : new byte[][] {{0, 0, 0, 0, 120, 0, 0}, {6, 0, 0, 0, 120, 0, 0}, {-1, -1, -1, -1, 120, 0, 0},
            {-1, -1, -1, 127, 120, 0, 0}, {1, 0, 2, 0, 120, 0, 0}}) {
            try (NinepClient client = gofer.client("rw")) {
                client.sendRaw(frame);
                assertNull(client.receive());
            }
        }
    }

    @Test void messagesThatAreTooShortOrTooLongFailAlone() {
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TCLUNK, w -> w.u16(1)));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TCLUNK, w -> w.u32(1).u32(1)));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TWALK, w -> w.u32(ROOT).u32(1).u16(16).string("a")));
        assertEquals(EINVAL.number(), hostile.errno(MessageType.TWALK, w -> w.u32(ROOT).u32(1).u16(17)));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TWALK, w -> w.u32(ROOT).u32(1).u16(1).u16(0xffff).u8('x')));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TWRITE, w -> w.u32(ROOT).u64(0).u32(100).u8(1)));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TWRITE, w -> w.u32(ROOT).u64(0).u32(-1).u8(1)));
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TMKDIR, w -> {
            w.u32(ROOT).string("y".repeat(30_000)).u32(0).u32(0);
        }));
        assertEquals(95, hostile.errno(MessageType.TLERROR, w -> w.u32(1)));
        hostile.post(MessageType.RCLUNK, 5, w -> {});
        assertEquals(MessageType.RLERROR.number(), hostile.receive().type());
    }

    @Test void everythingNeedsAVersionFirst() {
        try (NinepClient client = gofer.connect()) {
            assertEquals(EPROTO.number(),
                client.errno(MessageType.TATTACH, w -> w.u32(0).u32(-1).string("").string("rw").u32(0)));
        }
    }

    @Test void aRequestThatIsHeldUpHoldsUpNoOther() throws Exception {
        // The answer is larger than the socket, and nobody takes it: its thread waits, and loses the lead.
        gofer.write("large", "x".repeat(1 << 20));
        try (NinepClient client = gofer.connect()) {
            client.version(1 << 20, "9P2000.L");
            client.attach("rw");
            client.walk(ROOT, 1, "large");
            client.open(1, O_RDONLY);
            client.post(MessageType.TREAD, 50, w -> w.u32(1).u64(0).u32(1 << 20));
            client.post(MessageType.TMKDIR, 51, w -> w.u32(ROOT).string("made").u32(0700).u32(-1));
            long end = System.nanoTime() + GoferFixture.PATIENCE_S * 1_000_000_000L;
            while (!Files.exists(gofer.tree.resolve("made")) && System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            assertTrue(Files.exists(gofer.tree.resolve("made")));
            assertEquals(Set.of(50, 51), Set.of(client.receive().tag(), client.receive().tag())); // whichever was sent first
        }
    }

    @Test void aTagThatIsInUseEndsTheConnection() {
        // A reply that nobody takes keeps its request in flight: large reads fill the socket.
        try (NinepClient client = gofer.connect()) {
            client.version(1 << 20, "9P2000.L");
            client.attach("rw");
            client.walk(ROOT, 1, "file");
            client.open(1, O_RDWR);
            client.ask(MessageType.TWRITE, w -> w.u32(1).u64(1 << 20).u32(1).u8(1));
            for (int i = 0; i < 2; i++) {
                client.post(MessageType.TREAD, 77, w -> w.u32(1).u64(0).u32(1 << 20));
            }
            // Either both are answered, one after the other, or the connection ends; nothing else happens.
            NinepClient.Message first = client.receive();
            assertTrue(first == null || first.type() == MessageType.RREAD.number());
        }
        hostile.close();
        reset();
    }

    private void reset() {
        honest.write(openFile(), 0, "content");
        honest.clunk(40);
    }

    private int openFile() {
        honest.walk(ROOT, 40, "file");
        honest.open(40, O_RDWR | Fcntl.O_TRUNC);
        return 40;
    }

    @Test void fidsAreBounded() {
        int made = 0;
        int errno = 0;
        for (int fid = 1; fid < 200 && errno == 0; fid++) {
            errno = hostile.walkErrno(ROOT, fid);
            made += errno == 0 ? 1 : 0;
        }
        assertEquals(EMFILE.number(), errno);
        assertEquals(SMALL.fidsEach() - 1, made);
        assertEquals(EBADF.number(), hostile.walkErrno(ROOT, 1));
        assertEquals(EBADF.number(), hostile.walkErrno(ROOT, Protocol.NO_FID));
        assertEquals(0, hostile.clunk(1));
        assertEquals(0, hostile.walkErrno(ROOT, 1));
    }

    @Test void valuesOfExtendedAttributesAreBounded() {
        int errno = 0;
        for (int fid = 1; fid < 10 && errno == 0; fid++) {
            hostile.walk(ROOT, fid);
            int number = fid;
            errno = hostile.errno(MessageType.TXATTRCREATE, w -> w.u32(number).string("user.x").u64(60_000).u32(0));
        }
        assertEquals(ENOMEM.number(), errno);
        assertEquals(7, hostile.errno(MessageType.TXATTRCREATE, w -> w.u32(ROOT).string("user.x").u64(1 << 20).u32(0))); // E2BIG
        assertEquals(EINVAL.number(), hostile.errno(MessageType.TWRITE, w -> w.u32(1).u64(5).u32(1).u8(0)));
    }

    @Test void attributesEndWhereTheyEnd() {
        hostile.ask(MessageType.TXATTRWALK, w -> w.u32(ROOT).u32(1).string(""));
        for (long offset : new long[] {1 << 20, 0x1_8000_0000L, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            assertEquals("", hostile.read(1, offset, 100));
        }
    }

    @Test void noAnswerIsLongerThanAMessage() throws Exception {
        Files.createSymbolicLink(gofer.tree.resolve("long"), Path.of("x".repeat(4095)));
        try (NinepClient client = gofer.connect()) {
            client.version(4096, "9P2000.L");
            client.attach("rw");
            client.walk(ROOT, 1, "long");
            assertEquals(ENAMETOOLONG.number(), client.errno(MessageType.TREADLINK, w -> w.u32(1)));
        }
        hostile.walk(ROOT, 1, "long");
        assertEquals(4095, hostile.ask(MessageType.TREADLINK, w -> w.u32(1)).string().length());
    }

    @Test void readsAreBoundedByTheMessageSize() {
        hostile.walk(ROOT, 1, "file");
        hostile.open(1, O_RDONLY);
        assertEquals("content", hostile.read(1, 0, -1));
        assertEquals("", hostile.read(1, Long.MAX_VALUE - 10, 5));
        assertEquals(EINVAL.number(), hostile.errno(MessageType.TREAD, w -> w.u32(1).u64(-1).u32(10)));
        hostile.walk(ROOT, 2);
        hostile.open(2, O_RDONLY);
        assertEquals(EINVAL.number(), hostile.errno(MessageType.TREADDIR, w -> w.u32(2).u64(-7).u32(4096)));
        assertEquals(21, hostile.errno(MessageType.TREAD, w -> w.u32(2).u64(0).u32(10))); // EISDIR
    }

    @Test void descriptorsSentByAClientAreNotKept() throws Exception {
        Set<String> before = descriptors();
        try (Arena arena = Arena.ofConfined()) {
            byte[] clunk = {11, 0, 0, 0, 120, 1, 0, 9, 0, 0, 0};
            for (int i = 0; i < 50; i++) {
                HostSocket.send(hostile.fd, arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_BYTE, clunk).address(), clunk.length, 0, 0, 0);
                assertNotNull(hostile.receive());
            }
        }
        assertTrue(descriptors().size() <= before.size() + 3);
    }

    private static Set<String> descriptors() {
        return new HashSet<>(Set.of(new java.io.File("/proc/self/fd").list()));
    }

    @Test void aClientThatTakesNoAnswersHoldsUpNobodyElse() {
        for (int i = 0; i < 3000; i++) {
            int number = i;
            try (Arena arena = Arena.ofConfined()) {
                byte[] message = {19, 0, 0, 0, 24, (byte) number, (byte) (number >> 8), 0, 0, 0, 0, -1, 7, 0, 0, 0, 0, 0, 0};
                var memory = arena.allocateFrom(java.lang.foreign.ValueLayout.JAVA_BYTE, message);
                HostSocket.setTimeout(hostile.fd, 50);
                if (HostSocket.send(hostile.fd, memory.address(), message.length, 0, 0, -1) != message.length) {
                    break; // its own socket is full: that is all it gets
                }
            }
        }
        assertEquals(1, honest.walk(ROOT, 30, "file"));
        assertEquals(0, honest.clunk(30));
    }

    @Test void moreConnectionsThanAllowedWaitForTheirTurn() throws Exception {
        try (NinepClient third = gofer.client("rw"); NinepClient fourth = gofer.client("rw"); NinepClient fifth = gofer.client("rw");
            NinepClient sixth = gofer.client("rw")) {
            assertNotNull(third);
            assertNotNull(fourth);
            assertNotNull(fifth);
            assertNotNull(sixth);
            NinepClient[] seventh = new NinepClient[1];
            Thread thread = new Thread(() -> seventh[0] = gofer.client("rw"));
            thread.start();
            thread.join(100);
            assertTrue(thread.isAlive());
            HostSocket.shutdown(sixth.fd);
            thread.join(GoferFixture.PATIENCE_S * 1000);
            assertFalse(thread.isAlive());
            seventh[0].close();
        }
    }

    @Test void whoNeverAttachesMakesRoomForWhoDoes() throws Exception {
        Limits impatient = new Limits(1 << 20, 8 << 20, 50, 80, 60, 4, 70_000, 3, 0);
        try (GoferFixture other = new GoferFixture(Files.createDirectory(directory.resolve("other")), impatient);
            NinepClient attached = other.client("rw"); NinepClient silent = other.connect(); NinepClient half = other.connect()) {
            half.version(8192, "9P2000.L");
            try (NinepClient newcomer = other.client("rw"); NinepClient next = other.client("rw")) {
                assertNull(silent.receive());
                assertNull(half.receive());
                assertEquals(0, next.walk(ROOT, 1));
                assertEquals(0, newcomer.walk(ROOT, 1));
                assertEquals(0, attached.walk(ROOT, 1));
            }
            HostSocket.shutdown(attached.fd);
            assertTrue(other.isCleanAtTheEnd());
        }
    }

    @Test void oneUserDoesNotHaveAllPlaces() {
        int stranger = 4242;
        try (NinepClient one = gofer.connectAs(stranger); NinepClient two = gofer.connectAs(stranger);
            NinepClient three = gofer.connectAs(stranger); NinepClient four = gofer.connectAs(stranger)) {
            assertNull(four.receive());
            assertEquals("9P2000.L", three.version(8192, "9P2000.L"));
            try (NinepClient another = gofer.connectAs(stranger + 1)) {
                assertEquals("9P2000.L", another.version(8192, "9P2000.L"));
            }
            assertEquals("9P2000.L", one.version(8192, "9P2000.L"));
            assertEquals("9P2000.L", two.version(8192, "9P2000.L"));
        }
        awaitPlaces(stranger);
    }

    /** Connections end a moment after their clients. */
    private void awaitPlaces(int user) {
        NinepClient[] clients = new NinepClient[3];
        boolean hasAll = false;
        for (long end = System.nanoTime() + GoferFixture.PATIENCE_S * 1_000_000_000L; !hasAll && System.nanoTime() < end;) {
            hasAll = true;
            for (int i = 0; i < clients.length; i++) {
                clients[i] = gofer.connectAs(user);
                clients[i].post(MessageType.TVERSION, Protocol.NO_TAG, w -> w.u32(8192).string("9P2000.L"));
            }
            for (NinepClient client : clients) {
                hasAll &= client.receive() != null;
                client.close();
            }
        }
        assertTrue(hasAll, "places come back");
    }

    @Test void flushIsAnsweredAfterWhatItFlushes() {
        hostile.walk(ROOT, 1);
        hostile.open(1, O_RDONLY);
        for (int i = 0; i < 200; i++) {
            hostile.post(MessageType.TREADDIR, 300, w -> w.u32(1).u64(0).u32(60000));
            hostile.post(MessageType.TFLUSH, 301, w -> w.u16(300));
            hostile.post(MessageType.TFLUSH, 302, w -> w.u16(9999));
            int directory = -1;
            int flush = -1;
            for (int at = 0; at < 3; at++) {
                int tag = hostile.receive().tag();
                directory = tag == 300 ? at : directory;
                flush = tag == 301 ? at : flush;
            }
            assertTrue(directory >= 0 && directory < flush);
        }
        assertEquals(EPROTO.number(), hostile.errno(MessageType.TFLUSH, w -> w.u8(1)));
    }

    @Test void openFlagsThatTheHostKnowsAndAClientShouldNotAreHarmless() {
        hostile.walk(ROOT, 1);
        assertEquals(EINVAL.number(), hostile.open(1, 3));
        int all = 0x7fffffff & ~Fcntl.O_ACCMODE & ~O_CREAT & ~Fcntl.O_TRUNC;
        hostile.walk(ROOT, 2, "file");
        int errno = hostile.open(2, all);
        assertTrue(errno == 0 || errno == 20 || errno == 1, "errno " + errno);
    }

    @Test void aConnectionThatBreaksOffInAMessageLeavesNothing() {
        for (int bytes = 1; bytes < 20; bytes++) {
            try (NinepClient client = gofer.client("rw")) {
                client.walk(ROOT, 1, "file");
                byte[] message = {21, 0, 0, 0, 116, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0};
                byte[] part = new byte[bytes];
                System.arraycopy(message, 0, part, 0, bytes);
                client.sendRaw(part);
            }
        }
    }

    @Test void twoThreadsOfAClientMayUseAndClunkAFidAtOnce() {
        hostile.version(65536, "9P2000.L");
        hostile.attach("rw");
        for (int i = 0; i < 300; i++) {
            hostile.walk(ROOT, 5, "file");
            hostile.open(5, O_RDONLY);
            for (int tag = 400; tag < 406; tag++) {
                hostile.post(MessageType.TREAD, tag, w -> w.u32(5).u64(0).u32(100));
            }
            hostile.post(MessageType.TCLUNK, 410, w -> w.u32(5));
            for (int at = 0; at < 7; at++) {
                NinepClient.Message reply = hostile.receive();
                if (reply.type() == MessageType.RLERROR.number()) {
                    assertEquals(EBADF.number(), reply.fields().u32());
                }
            }
        }
        assertEquals(EBADF.number(), hostile.clunk(5));
        assertTrue(HostFile.flags(hostile.fd) >= 0);
    }
}
