package dev.caisson.fs.ninep;

import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostPath;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.MessageSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireWriter;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.testing.kit.Await;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever a server answers, calls fail with an errno, and the next ones work. */
@Timeout(600)
class HostileServerTest {
    private static final long SEED = 20261122;
    private static final long FUZZ_NS = 2_000_000_000L;

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private FakeServer server;
    private NinepFileSystem fileSystem;

    private NinepDirectory mount(String version, CachePolicy policy, long timeoutMs) throws ErrnoException {
        server = new FakeServer(version);
        fileSystem = new NinepFileSystem(new ServerOptions(server, "", "root", 0, 64 << 10, timeoutMs, true), policy, false, memory);
        return (NinepDirectory) fileSystem.root();
    }

    private NinepDirectory mount() throws ErrnoException {
        return mount(Protocol.VERSION, CachePolicy.SHARED, 5000);
    }

    private NinepDirectory mountExtended() throws ErrnoException {
        return mount(Protocol.EXTENDED_VERSION, CachePolicy.EXCLUSIVE, 5000);
    }

    @AfterEach
    void unmount() {
        if (fileSystem != null) {
            server.lies.clear();
            fileSystem.close();
            server.close();
        }
    }

    private static Inode find(NinepDirectory root, String name) throws ErrnoException {
        Inode inode = root.lookup(name);
        assertNotNull(inode);
        return inode;
    }

    private static String read(OpenFile file) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(100);
            long count = file.read(IoBuffer.of(segment), 0);
            return new String(segment.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static List<String> list(NinepDirectory directory) throws ErrnoException {
        List<String> names = new ArrayList<>();
        OpenFile file = directory.open(Fcntl.O_RDONLY);
        try {
            file.readDirectory(0, (name, inode, type, next) -> names.size() < 100 && names.add(name));
        } finally {
            file.close();
        }
        return names;
    }

    @Test
    void anHonestServerIsBelieved() throws ErrnoException {
        NinepDirectory root = mount();
        Inode file = find(root, "file");
        OpenFile open = file.open(Fcntl.O_RDONLY);
        assertEquals("hello", read(open));
        open.close();
        assertNull(root.lookup("none"));
        assertEquals("file", find(root, "link").readLink());
        assertEquals(List.of(".", ".."), list(root));
    }

    @Test
    void theAnswerToAnotherQuestionIsEproto() throws ErrnoException {
        NinepDirectory root = mount();
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RCLUNK, tag)));
        Inode link = find(root, "link");
        fails(Errno.EPROTO, link::readLink);
        server.lies.clear();
        assertEquals("file", link.readLink());
    }

    @Test
    void answersThatAreTooShortOrTooLongAreEproto() throws ErrnoException {
        NinepDirectory root = mount();
        Inode link = find(root, "link");
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RREADLINK, tag)));
        fails(Errno.EPROTO, link::readLink);
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RREADLINK, tag).u16(100).u8(1)));
        fails(Errno.EPROTO, link::readLink);
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RREADLINK, tag).string("a").u8(1)));
        fails(Errno.EPROTO, link::readLink);
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RREADLINK, tag).string("a\0b")));
        fails(Errno.EPROTO, link::readLink);
    }

    @Test
    void errorsThatAreNoneAreEio() throws ErrnoException {
        NinepDirectory root = mount();
        Inode link = find(root, "link");
        for (int number : new int[] {0, 512, 516, -1, 99999}) {
            server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RLERROR, tag).u32(number)));
            fails(Errno.EIO, link::readLink);
        }
    }

    @Test
    void moreDataThanAskedForIsEproto() throws ErrnoException {
        NinepDirectory root = mount();
        OpenFile open = find(root, "file").open(Fcntl.O_RDONLY);
        byte[] much = new byte[5000];
        server.lies.put(MessageType.TREAD, (socket, tag, in, out) -> socket.send(
                out.start(MessageType.RREAD, tag).u32(much.length).bytes(much, 0, much.length)));
        fails(Errno.EPROTO, () -> read(open));
        server.lies.put(MessageType.TREAD, (socket, tag, in, out) -> socket.send(out.start(MessageType.RREAD, tag).u32(-1)));
        fails(Errno.EPROTO, () -> read(open));
        server.lies.clear();
        assertEquals("hello", read(open));
        open.close();
    }

    @Test
    void moreWrittenThanGivenIsEproto() throws ErrnoException {
        NinepDirectory root = mount();
        OpenFile open = find(root, "file").open(Fcntl.O_RDWR);
        for (int count : new int[] {6, -1, Integer.MAX_VALUE}) {
            server.lies.put(MessageType.TWRITE, (socket, tag, in, out) -> socket.send(out.start(MessageType.RWRITE, tag).u32(count)));
            try (Arena arena = Arena.ofConfined()) {
                fails(Errno.EPROTO, () -> open.write(IoBuffer.of(arena.allocate(5)), 0));
            }
        }
        server.lies.put(MessageType.TWRITE, (socket, tag, in, out) -> socket.send(out.start(MessageType.RWRITE, tag).u32(0)));
        try (Arena arena = Arena.ofConfined()) {
            fails(Errno.EIO, () -> open.write(IoBuffer.of(arena.allocate(5)), 0));
        }
        open.close();
    }

    @Test
    void attributesThatContradictThemselvesAreEproto() throws ErrnoException {
        NinepDirectory root = mount();
        for (FileAttributes lie : List.of(attributes(Qid.DIRECTORY, 0100644, 5), attributes(Qid.FILE, 040755, 5), attributes(Qid.FILE, 0, 5),
                attributes(Qid.FILE, 0xf000, 5), attributes(Qid.FILE, 0100644, -1))) {
            server.lies.put(MessageType.TGETATTR, (socket, tag, in, out) -> {
                lie.write(out.start(MessageType.RGETATTR, tag).u64(lie.valid()));
                socket.send(out);
            });
            fails(Errno.EPROTO, () -> root.lookup("file"));
        }
    }

    private static FileAttributes attributes(int qidType, int mode, long size) {
        return new FileAttributes(new Qid(qidType, 0, FakeServer.FILE), mode, 0, 0, 1, 0, size, 4096, 8, 1, 2, 3, Long.MIN_VALUE);
    }

    @Test
    void namesThatAreNoneAreNotTold() throws ErrnoException {
        NinepDirectory root = mount();
        String[] names = {"..", "a/b", "", "good", "x".repeat(300), "a\0b", "."};
        server.lies.put(MessageType.TREADDIR, (socket, tag, in, out) -> {
            in.u32();
            boolean isStart = in.u64() == 0;
            out.start(MessageType.RREADDIR, tag).u32(0);
            for (int i = 0; isStart && i < names.length; i++) {
                FakeServer.qid(FakeServer.FILE).write(out);
                out.u64(i + 1).u8(8).string(names[i]);
            }
            out.patch32(Protocol.HEADER_BYTES, out.position() - Protocol.HEADER_BYTES - 4);
            socket.send(out);
        });
        assertEquals(List.of(".", "..", "good"), list(root));
    }

    @Test
    void directoriesThatNeverEndGoOnlyAsFarAsTheirReaderAsks() throws ErrnoException {
        NinepDirectory root = mountExtended();
        lieOfDirectory(1, "name");
        assertEquals(100, list(root).size());
    }

    @Test
    void directoriesWithoutProgressAreEproto() throws ErrnoException {
        NinepDirectory root = mountExtended();
        lieOfDirectory(0, "name");
        assertThrows(ErrnoException.class, () -> list(root));
        lieOfDirectory(1, "a/b");
        assertThrows(ErrnoException.class, () -> list(root));
    }

    private void lieOfDirectory(int step, String name) {
        server.lies.put(MessageType.TOPENAT, (socket, tag, in, out) -> {
            FakeServer.attributes(FakeServer.ROOT).write(out.start(MessageType.ROPENAT, tag).u8(0));
            socket.send(out);
        });
        server.lies.put(MessageType.TREADDIRATTR, (socket, tag, in, out) -> {
            in.u32();
            long offset = in.u64();
            out.start(MessageType.RREADDIRATTR, tag).u8(0).u32(0);
            int start = out.position();
            FakeServer.attributes(FakeServer.FILE).write(out);
            out.u64(offset + step).u8(8).string(name);
            out.patch32(start - 4, out.position() - start);
            socket.send(out);
        });
    }

    @Test
    void aDirectoryBelowItselfEnds() throws ErrnoException {
        NinepDirectory root = mount(Protocol.EXTENDED_VERSION, CachePolicy.SHARED, 5000);
        server.lies.put(MessageType.TWALKGETATTR, (socket, tag, in, out) -> {
            FakeServer.attributes(FakeServer.DIRECTORY).write(out.start(MessageType.RWALKGETATTR, tag).u32(0).u16(1));
            socket.send(out);
        });
        NinepDirectory at = (NinepDirectory) root.lookup("dir");
        for (int i = 0; i < 5; i++) {
            at = (NinepDirectory) at.lookup("dir");
        }
        fileSystem.fids().close(); // so that it has to be walked to
        NinepDirectory lost = at;
        fails(Errno.EIO, () -> lost.getXattr("user.x"));
    }

    @Test
    void anAnswerThatNeverComesIsEioAndTheNextOneWorks() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 100);
        Inode link = find(root, "link");
        CountDownLatch flushed = new CountDownLatch(1);
        AtomicReference<Integer> late = new AtomicReference<>();
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> late.set(tag));
        server.lies.put(MessageType.TFLUSH, (socket, tag, in, out) -> {
            assertEquals(late.get(), in.u16());
            socket.send(new WireWriter().start(MessageType.RREADLINK, late.get()).string("late"));
            socket.send(out.start(MessageType.RFLUSH, tag));
            flushed.countDown();
        });
        fails(Errno.EIO, link::readLink);
        flushed.await();
        server.lies.clear();
        assertEquals("file", link.readLink());
        assertEquals(1, server.count(MessageType.TFLUSH));
    }

    /** To diod a fid is a path: when others give the name to another file, an open with the old fid opens that one. */
    @Test
    void aFidThatLeadsToAnotherFileByNowIsWalkedAnew() throws ErrnoException {
        NinepDirectory root = mount();
        Inode file = find(root, "file");
        server.lies.put(MessageType.TLOPEN, (socket, tag, in, out) -> {
            server.lies.remove(MessageType.TLOPEN);
            FakeServer.qid(FakeServer.INNER).write(out.start(MessageType.RLOPEN, tag));
            socket.send(out.u32(0));
        });
        OpenFile open = file.open(Fcntl.O_RDONLY);
        assertEquals("hello", read(open));
        open.close();
        assertEquals(2, server.count(MessageType.TLOPEN));
    }

    @Test
    void aServerThatStopsAnsweringCostsTheConnectionOnly() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 50);
        Inode link = find(root, "link");
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> { });
        server.lies.put(MessageType.TFLUSH, (socket, tag, in, out) -> { });
        Callable<Void> reader = () -> {
            fails(Errno.EIO, link::readLink);
            return null;
        };
        try (ExecutorService threads = Executors.newFixedThreadPool(140)) { // a tag for each, and one for each Tflush
            for (Future<Void> result : threads.invokeAll(Collections.nCopies(140, reader))) {
                result.get();
            }
        }
        server.lies.clear();
        assertEquals("file", link.readLink());
    }

    @Test
    void tagsOfCallsThatWereGivenUpComeBackThoughNobodyIsLeftToReceive() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 300);
        Inode link = find(root, "link");
        int calls = 127; // with their Tflush, all tags but two
        CountDownLatch flushed = new CountDownLatch(calls);
        List<Integer> flushes = new CopyOnWriteArrayList<>();
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> { });
        server.lies.put(MessageType.TFLUSH, (socket, tag, in, out) -> {
            flushes.add(tag);
            flushed.countDown();
            if (flushed.getCount() == 0) {
                for (int one : flushes) {
                    socket.send(new WireWriter().start(MessageType.RFLUSH, one));
                }
            }
        });
        try (ExecutorService threads = Executors.newFixedThreadPool(calls)) {
            threads.invokeAll(Collections.nCopies(calls, () -> {
                assertThrows(ErrnoException.class, link::readLink);
                return null;
            }));
        }
        flushed.await();
        server.lies.remove(MessageType.TREADLINK);
        assertEquals("file", link.readLink());
        assertEquals(1, server.count(MessageType.TVERSION), "the same connection");
    }

    @Test
    void aServerThatTalksForEverKeepsNobody() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 100);
        Inode link = find(root, "link");
        AtomicBoolean isOver = new AtomicBoolean();
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> {
            while (!isOver.get()) {
                socket.send(new WireWriter().start(MessageType.RFLUSH, 77));
            }
        });
        try {
            fails(Errno.EIO, link::readLink);
        } finally {
            isOver.set(true);
        }
    }

    @Test
    void aServerThatHangsUpWheneverLocksAreTakenAnewIsNotConnectedToForEver() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 5000);
        Inode file = find(root, "file");
        server.lies.put(MessageType.TLOCK, (socket, tag, in, out) -> socket.send(out.start(MessageType.RLOCK, tag).u8(0)));
        assertTrue(file.lockElsewhere(Fcntl.F_WRLCK, 0, 9));
        long before = server.count(MessageType.TATTACH);
        server.lies.put(MessageType.TWALK, (socket, tag, in, out) -> socket.shutdown());
        server.hangUp();
        assertThrows(ErrnoException.class, () -> root.lookup("file"));
        assertTrue(server.count(MessageType.TATTACH) - before < 100, "not one connection inside the other");
        server.lies.remove(MessageType.TWALK);
        assertNotNull(root.lookup("file"));
        assertTrue(file.lockElsewhere(Fcntl.F_UNLCK, 0, Long.MAX_VALUE));
    }

    @Test
    void aConnectionThatIsMadeDuringUnmountingIsClosed() throws Exception {
        server = new FakeServer(Protocol.VERSION);
        CountDownLatch connecting = new CountDownLatch(1);
        CountDownLatch unmounted = new CountDownLatch(1);
        AtomicBoolean isSlow = new AtomicBoolean();
        Connector slow = new Connector() {
            @Override
            public int connect() throws ErrnoException {
                if (isSlow.get()) {
                    connecting.countDown();
                    try {
                        unmounted.await();
                    } catch (InterruptedException e) {
                        throw Errno.EINTR.error();
                    }
                }
                return server.connect();
            }

            @Override
            public boolean isLasting() {
                return true;
            }
        };
        NinepFileSystem own = new NinepFileSystem(new ServerOptions(slow, "", "root", 0, 64 << 10, 5000, true), CachePolicy.SHARED, false,
                memory);
        isSlow.set(true);
        server.hangUp();
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            Future<Errno> busy = threads.submit(() -> assertThrows(ErrnoException.class, () -> own.root().lookup("file")).errno());
            connecting.await();
            own.close();
            unmounted.countDown();
            assertEquals(Errno.EIO, busy.get());
        }
        Await.until(() -> server.connections.get() == 0, "no connection is left");
    }

    @Test
    void moreCallersThanTagsTakeTurns() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 100_000);
        Callable<Void> caller = () -> {
            for (int i = 0; i < 10; i++) {
                assertNotNull(root.lookup("file")); // a walk, a look, and a clunk that nobody waits for
            }
            return null;
        };
        try (ExecutorService threads = Executors.newFixedThreadPool(300)) {
            for (Future<Void> result : threads.invokeAll(Collections.nCopies(300, caller))) {
                result.get();
            }
        }
        assertEquals(1, server.count(MessageType.TVERSION), "the same connection");
    }

    @Test
    void fidsOfCallsThatWereGivenUpAreFreedByTheirLateAnswers() throws Exception {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.SHARED, 100);
        int before = fileSystem.session().fidCount();
        CountDownLatch clunked = new CountDownLatch(1);
        AtomicReference<Integer> late = new AtomicReference<>();
        AtomicReference<Integer> made = new AtomicReference<>();
        server.lies.put(MessageType.TWALK, (socket, tag, in, out) -> {
            in.u32();
            int fid = in.u32();
            if (late.get() == null) {
                late.set(tag);
                made.set(fid);
                return;
            }
            FakeServer.qid(FakeServer.FILE).write(out.start(MessageType.RWALK, tag).u16(1));
            socket.send(out);
        });
        server.lies.put(MessageType.TFLUSH, (socket, tag, in, out) -> {
            WireWriter answer = new WireWriter().start(MessageType.RWALK, late.get()).u16(0);
            socket.send(answer);
            socket.send(out.start(MessageType.RFLUSH, tag));
        });
        server.lies.put(MessageType.TCLUNK, (socket, tag, in, out) -> {
            if (in.u32() == made.get()) {
                clunked.countDown();
            }
            socket.send(out.start(MessageType.RCLUNK, tag));
        });
        fails(Errno.EIO, () -> root.lookup("file"));
        do {
            assertThrows(ErrnoException.class, fileSystem::status); // what nobody waits for goes with the next request
        } while (!clunked.await(1, TimeUnit.MILLISECONDS));
        assertTrue(fileSystem.session().fidCount() <= before + 1);
    }

    @Test
    void answersThatNobodyWaitsForAreDropped() throws ErrnoException {
        NinepDirectory root = mount();
        Inode link = find(root, "link");
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> {
            for (int other : new int[] {tag + 1, 200, 255, 256, 65534, 65535}) {
                socket.send(new WireWriter().start(MessageType.RREADLINK, other).string("wrong"));
            }
            socket.send(out.start(MessageType.RREADLINK, tag).string("right"));
        });
        assertEquals("right", link.readLink());
        server.lies.clear();
        assertNotNull(root.lookup("file"));
    }

    @Test
    void aConnectionThatIsLostIsMadeAgainBehindTheBack() throws ErrnoException {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.EXCLUSIVE, 5000);
        NinepDirectory directory = (NinepDirectory) find(root, "dir");
        OpenFile open = find(root, "file").open(Fcntl.O_RDONLY);
        assertEquals("hello", read(open));
        server.hangUp();
        assertNotNull(directory.lookup("file"));
        assertEquals("hello", read(open));
        assertEquals(2, server.count(MessageType.TATTACH));
        open.close();
    }

    @Test
    void aMessageOfImpossibleSizeCostsTheConnectionOnly() throws ErrnoException {
        NinepDirectory root = mount();
        Inode link = find(root, "link");
        AtomicBoolean isLying = new AtomicBoolean(true);
        server.lies.put(MessageType.TREADLINK, (socket, tag, in, out) -> {
            if (isLying.getAndSet(false)) {
                socket.send(new WireWriter().start(MessageType.RREADLINK, tag).u64(0), memoryOf(200 << 10), -1);
            } else {
                socket.send(out.start(MessageType.RREADLINK, tag).string("file"));
            }
        });
        assertEquals("file", link.readLink());
        assertEquals(2, server.count(MessageType.TATTACH));
    }

    private static MemorySegment memoryOf(int bytes) {
        return Arena.ofAuto().allocate(bytes);
    }

    @Test
    void anotherTreeAfterTheConnectionWasLostIsEio() throws ErrnoException {
        NinepDirectory root = mount();
        server.lies.put(MessageType.TGETATTR, (socket, tag, in, out) -> {
            FileAttributes other = FakeServer.attributes(FakeServer.DIRECTORY);
            other.write(out.start(MessageType.RGETATTR, tag).u64(other.valid()));
            socket.send(out);
        });
        server.hangUp();
        fails(Errno.EIO, () -> root.lookup("file"));
    }

    @Test
    void aServerWithRoomForFewFidsGetsFew() throws ErrnoException {
        NinepDirectory root = mount(Protocol.VERSION, CachePolicy.EXCLUSIVE, 5000);
        List<Inode> kept = new ArrayList<>();
        AtomicInteger fids = new AtomicInteger(1);
        server.lies.put(MessageType.TWALK, (socket, tag, in, out) -> {
            if (fids.get() >= 50) {
                FakeServer.error(socket, Errno.EMFILE);
                return;
            }
            in.u32();
            in.u32();
            out.start(MessageType.RWALK, tag).u16(in.u16());
            if (in.remaining() > 0) {
                new Qid(Qid.FILE, 0, 1000 + fids.get()).write(out);
            }
            fids.incrementAndGet();
            socket.send(out);
        });
        AtomicInteger numbers = new AtomicInteger(1000);
        server.lies.put(MessageType.TGETATTR, (socket, tag, in, out) -> {
            FileAttributes a = new FileAttributes(new Qid(Qid.FILE, 0, numbers.incrementAndGet()), 0100644, 0, 0, 1, 0, 0, 512, 0, 1, 1, 1,
                    Long.MIN_VALUE);
            a.write(out.start(MessageType.RGETATTR, tag).u64(a.valid()));
            socket.send(out);
        });
        server.lies.put(MessageType.TCLUNK, (socket, tag, in, out) -> {
            fids.decrementAndGet();
            socket.send(out.start(MessageType.RCLUNK, tag));
        });
        for (int i = 0; i < 300; i++) {
            kept.add(root.lookup("file" + i));
        }
        assertEquals(300, kept.size());
        assertTrue(fids.get() <= 50);
    }

    private void donate(int descriptor, int donated) {
        server.lies.put(MessageType.TOPENAT, (socket, tag, in, out) -> {
            FakeServer.attributes(FakeServer.FILE).write(out.start(MessageType.ROPENAT, tag).u8(donated));
            socket.send(out, null, descriptor);
        });
    }

    private static long openDescriptors() {
        return new File("/proc/self/fd").list().length;
    }

    @Test
    void descriptorsThatAreNotWhatWasAskedForAreEprotoAndClosed() throws ErrnoException {
        NinepDirectory root = mountExtended();
        OpenFile open = find(root, "file").open(Fcntl.O_RDONLY);
        long pipe = HostFile.pipe(Fcntl.O_CLOEXEC);
        int writable = (int) HostMemory.createFile("donated", 1);
        long before = openDescriptors();
        for (int wrong : new int[] {(int) pipe, (int) (pipe >>> 32), writable}) {
            donate(wrong, 1); // a memory file is open for writing, too, which nobody asked for
            fails(Errno.EPROTO, () -> read(open));
        }
        donate(-1, 1);
        fails(Errno.EPROTO, () -> read(open));
        donate(writable, 0); // stays behind
        assertEquals("hello", read(open));
        assertEquals(before + 1, openDescriptors());
        open.close();
        fileSystem.session().close();
        for (int fd : new int[] {(int) pipe, (int) (pipe >>> 32), writable}) {
            HostFile.close(fd);
        }
    }

    @Test
    void aDonatedFileIsReadWithoutTheServer() throws ErrnoException {
        NinepDirectory root = mountExtended();
        OpenFile open = find(root, "file").open(Fcntl.O_RDWR);
        int file = (int) HostMemory.createFile("donated", 1);
        try (Arena arena = Arena.ofConfined()) {
            HostFile.pwrite(file, arena.allocateFrom("again").address(), 5, 0);
        }
        donate(file, 1);
        assertEquals("again", read(open));
        server.hangUp();
        assertEquals("again", read(open));
        assertEquals(5, open.sizeBytes());
        open.close();
        HostFile.close(file);
    }

    /** The server is honest here, and another task quick. */
    @Test
    void aFileThatLosesItsNameWhileItIsOpenedIsReadAllTheSame() throws Exception {
        NinepDirectory root = mountExtended();
        Inode inode = find(root, "file");
        OpenFile open = inode.open(Fcntl.O_RDONLY);
        int file = (int) HostMemory.createFile("donated", 1);
        int readable = (int) HostPath.open(Fcntl.AT_FDCWD, "/proc/self/fd/" + file, Fcntl.O_RDONLY | Fcntl.O_CLOEXEC, 0);
        try (Arena arena = Arena.ofConfined()) {
            HostFile.pwrite(file, arena.allocateFrom("kept").address(), 4, 0);
        }
        AtomicReference<Integer> late = new AtomicReference<>();
        CountDownLatch asked = new CountDownLatch(1);
        server.lies.put(MessageType.TOPENAT, (socket, tag, in, out) -> {
            if (late.get() == null) {
                late.set(tag); // the reader's
                asked.countDown();
                return;
            }
            FakeServer.attributes(FakeServer.FILE).write(out.start(MessageType.ROPENAT, tag).u8(1));
            socket.send(out, null, readable);
        });
        server.lies.put(MessageType.TUNLINKAT, (socket, tag, in, out) -> {
            WireWriter other = new WireWriter().start(MessageType.ROPENAT, late.get()).u8(0);
            FakeServer.attributes(FakeServer.INNER).write(other);
            socket.send(other); // another file has the name already
            socket.send(out.start(MessageType.RUNLINKAT, tag));
        });
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            Future<String> reader = threads.submit(() -> read(open));
            asked.await();
            root.unlink("file", inode);
            assertEquals("kept", reader.get());
        }
        open.close();
        HostFile.close(readable);
        HostFile.close(file);
    }

    @Test
    void aFileThatIsClosedWhileItLosesItsNameIsGone() throws Exception {
        NinepDirectory root = mountExtended();
        Inode inode = find(root, "file");
        OpenFile open = inode.open(Fcntl.O_RDONLY);
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        server.lies.put(MessageType.TOPENAT, (socket, tag, in, out) -> {
            asked.countDown();
            try {
                closed.await();
            } catch (InterruptedException e) {
                throw Errno.EINTR.error();
            }
            FakeServer.attributes(FakeServer.FILE).write(out.start(MessageType.ROPENAT, tag).u8(0));
            socket.send(out);
        });
        server.lies.put(MessageType.TUNLINKAT, (socket, tag, in, out) -> socket.send(out.start(MessageType.RUNLINKAT, tag)));
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
            Future<?> remover = threads.submit(() -> {
                root.unlink("file", inode);
                return null;
            });
            asked.await();
            open.close();
            closed.countDown();
            remover.get();
        }
        fails(Errno.ESTALE, () -> inode.open(Fcntl.O_RDONLY)); // so that whoever found it looks again
    }

    @Test
    void noAnswersHarmTheKernel() throws ErrnoException {
        Random random = new Random(SEED);
        NinepDirectory root = mount(Protocol.EXTENDED_VERSION, CachePolicy.SHARED, 50);
        for (MessageType type : MessageType.values()) {
            if (type.isRequest() && type != MessageType.TVERSION && type != MessageType.TATTACH) {
                server.lies.put(type, (socket, tag, in, out) -> scramble(random, socket, type, tag, out));
            }
        }
        long end = System.nanoTime() + FUZZ_NS;
        List<Inode> found = new ArrayList<>(List.of(root));
        Random choices = new Random(SEED + 1);
        while (System.nanoTime() - end < 0) {
            Inode inode = found.get(choices.nextInt(found.size()));
            try {
                Inode next = operate(choices, inode, root);
                if (next != null && found.size() < 50) {
                    found.add(next);
                }
            } catch (ErrnoException e) {
                assertTrue(e.errno().number() < 512, e.errno()::toString);
            }
        }
    }

    private static void scramble(Random random, MessageSocket socket, MessageType type, int tag, WireWriter out) throws ErrnoException {
        int what;
        int length = random.nextInt(3) == 0 ? random.nextInt(400) : random.nextInt(24);
        synchronized (random) {
            what = random.nextInt(100);
        }
        if (what < 3) {
            return; // no answer
        }
        out.start(what < 80 ? type.reply() : MessageType.values()[random.nextInt(MessageType.values().length)], what < 95 ? tag : random.nextInt());
        if (what < 50 && type == MessageType.TWALKGETATTR || type == MessageType.TGETATTR || type == MessageType.TOPENAT) {
            FileAttributes attributes = FakeServer.attributes(1 + random.nextInt(5));
            if (type == MessageType.TWALKGETATTR) {
                attributes.write(out.u32(0).u16(1));
            } else if (type == MessageType.TOPENAT) {
                attributes.write(out.u8(0));
            } else {
                attributes.write(out.u64(random.nextLong()));
            }
        } else {
            for (int i = 0; i < length; i++) {
                out.u8(random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(3));
            }
        }
        socket.send(out);
    }

    private static Inode operate(Random random, Inode inode, NinepDirectory root) throws ErrnoException {
        NinepDirectory directory = inode instanceof NinepDirectory own ? own : root;
        switch (random.nextInt(12)) {
            case 0, 1 -> {
                return directory.lookup(random.nextBoolean() ? "file" : "dir");
            }
            case 2 -> inode.attributes();
            case 3 -> inode.getXattr("user.x");
            case 4 -> inode.listXattrs();
            case 5 -> {
                return directory.create("new" + random.nextInt(9), new NewNode(random.nextBoolean() ? 0100600 : 040700, 0, 0, 0));
            }
            case 6 -> list(directory);
            case 7 -> directory.unlink("file", inode);
            case 8 -> directory.rename("file", inode, root, "other", null, 0);
            case 9 -> inode.fileSystem().status();
            default -> {
                OpenFile file = inode.open(random.nextInt(3));
                try {
                    if (random.nextBoolean()) {
                        read(file);
                    } else {
                        file.write(IoBuffer.of(Arena.ofAuto().allocate(10)), random.nextInt(100));
                    }
                } finally {
                    file.close();
                }
            }
        }
        return null;
    }
}
