package dev.caisson.fs.ninep;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.testing.kit.Await;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is written where nobody else changes files and the server gives no descriptors: kept here, and brought to the server when due. */
@Timeout(600)
class WriteBackTest {
    private static final NewNode FILE = new NewNode(0100644, 0, 0, 0);
    private static final CacheOptions PATIENT = CacheOptions.of(CachePolicy.EXCLUSIVE);
    private static final long HOUR_NS = 3_600_000_000_000L;

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    private Path directory;
    private Path tree;
    private ServerProcess server;
    private NinepFileSystem fileSystem;

    @BeforeEach
    void start() throws IOException {
        tree = Files.createDirectory(directory.resolve("tree"));
        server = ServerProcess.gofer(List.of(tree), directory.resolve("socket"));
    }

    private NinepDirectory mount(CacheOptions caching) throws ErrnoException {
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 20_000, false),
                caching, false, memory, AnonymousDevices.next());
        return (NinepDirectory) fileSystem.root();
    }

    @AfterEach
    void stop() {
        if (fileSystem != null) {
            fileSystem.close();
        }
        server.close();
    }

    private static long write(OpenFile file, String text, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            MemorySegment memory = arena.allocate(Math.max(1, bytes.length));
            MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
            IoBuffer source = IoBuffer.of(memory.asSlice(0, bytes.length));
            return position < 0 ? file.append(source) : file.write(source, position);
        }
    }

    private static String read(OpenFile file, int length) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(length);
            int count = (int) file.read(IoBuffer.of(memory), 0);
            return new String(memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static AttributeChange change(int fields, long size, long modifyNs) {
        return new AttributeChange(fields, 0, 0, 0, size, 0, modifyNs, System.currentTimeMillis() * 1_000_000);
    }

    private String onHost(String name) throws IOException {
        return Files.readString(tree.resolve(name), StandardCharsets.ISO_8859_1);
    }

    private static long ns(FileTime time) {
        return time.to(TimeUnit.NANOSECONDS);
    }

    @Test
    void whatIsWrittenIsHereAtOnceAndAtTheServerWithFsync() throws Exception {
        NinepDirectory root = mount(PATIENT);
        Inode inode = root.create("file", FILE);
        OpenFile file = inode.open(Fcntl.O_RDWR);
        long before = System.currentTimeMillis() * 1_000_000;
        assertEquals(5, write(file, "hello", 0));
        assertEquals("", onHost("file"));
        assertEquals("hello", read(file, 10));
        Attributes unwritten = inode.attributes();
        assertEquals(5, unwritten.sizeBytes());
        assertTrue(unwritten.modifyNs() >= before);
        assertEquals(unwritten.modifyNs(), inode.attributes().modifyNs());
        assertEquals(4096, fileSystem.writeBack().unwrittenBytes());
        file.sync(false);
        assertEquals("hello", onHost("file"));
        assertEquals(unwritten.modifyNs(), ns(Files.getLastModifiedTime(tree.resolve("file"))));
        assertEquals(0, fileSystem.writeBack().unwrittenBytes());
        Attributes written = inode.attributes();
        assertEquals(unwritten.modifyNs(), written.modifyNs());
        assertEquals(unwritten.changeNs(), written.changeNs(), "storing is no change that a program can see");
        file.close();
    }

    @Test
    void whatIsOldOrTooMuchIsWrittenWithoutBeingAsked() throws Exception {
        NinepDirectory root = mount(PATIENT.withDirty(1 << 20, 30_000_000));
        OpenFile file = root.create("old", FILE).open(Fcntl.O_RDWR);
        write(file, "waits", 0);
        file.close();
        Await.until(() -> onHost("old").equals("waits"), "what is old");
        Await.until(() -> fileSystem.writeBack().unwrittenBytes() == 0, "written or dropped");
        fileSystem.close();

        root = mount(PATIENT.withDirty(1 << 20, HOUR_NS));
        OpenFile large = root.create("large", FILE).open(Fcntl.O_RDWR);
        String part = "x".repeat(100_000);
        for (int i = 0; i < 100; i++) {
            write(large, part, -1);
            assertTrue(fileSystem.writeBack().unwrittenBytes() < (1 << 20) + 110_000);
        }
        large.close();
        Await.until(() -> fileSystem.writeBack().unwrittenBytes() <= 1 << 19, "written or dropped");
        fileSystem.close();
        assertEquals(10_000_000, Files.size(tree.resolve("large")));
        fileSystem = null;
    }

    @Test
    void manySmallFilesDoNotKeepTheServersFilesOpen() throws Exception {
        NinepDirectory root = mount(PATIENT.withHandles(100, 20));
        for (int i = 0; i < 300; i++) {
            OpenFile file = root.create("file" + i, FILE).open(Fcntl.O_WRONLY);
            write(file, "number " + i, 0);
            file.close();
        }
        Await.until(() -> fileSystem.writeBack().unwritten().size() <= 20, "written or dropped");
        fileSystem.close();
        for (int i = 0; i < 300; i++) {
            assertEquals("number " + i, onHost("file" + i));
        }
        fileSystem = null;
    }

    @Test
    void anyOrderOfChangesEndsAsOnTheHost() throws Exception {
        Path model = directory.resolve("model");
        Files.createFile(model);
        Random random = new Random(5);
        NinepDirectory root = mount(PATIENT.withDirty(200_000, HOUR_NS));
        Inode inode = root.create("file", FILE);
        OpenFile file = inode.open(Fcntl.O_RDWR);
        byte[] expected = new byte[0];
        for (int i = 0; i < 600; i++) {
            int kind = random.nextInt(10);
            int at = random.nextInt(60_000);
            if (kind < 5) {
                String text = Integer.toString(i).repeat(1 + random.nextInt(3000));
                write(file, text, at);
                expected = put(expected, at, text);
            } else if (kind < 7) {
                String text = "a" + i;
                assertEquals(expected.length + text.length(), write(file, text, -1));
                expected = put(expected, expected.length, text);
            } else if (kind == 7) {
                inode.change(change(AttributeChange.SIZE, at, 0));
                expected = Arrays.copyOf(expected, at);
            } else if (kind == 8) {
                file.sync(true);
                assertArrayEquals(expected, Files.readAllBytes(tree.resolve("file")), "step " + i);
            } else {
                fileSystem.contents().evict();
            }
            assertEquals(expected.length, inode.attributes().sizeBytes(), "step " + i);
        }
        assertEquals(new String(expected, StandardCharsets.ISO_8859_1), read(file, expected.length + 10));
        file.close();
        fileSystem.close();
        assertArrayEquals(expected, Files.readAllBytes(tree.resolve("file")));
        fileSystem = null;
    }

    private static byte[] put(byte[] content, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        byte[] next = Arrays.copyOf(content, Math.max(content.length, at + bytes.length));
        System.arraycopy(bytes, 0, next, at, bytes.length);
        return next;
    }

    @Test
    void aTimeThatWasSetStaysWhenTheContentFollows() throws Exception {
        NinepDirectory root = mount(PATIENT);
        Inode inode = root.create("file", FILE);
        OpenFile file = inode.open(Fcntl.O_RDWR);
        write(file, "text", 0);
        inode.change(change(AttributeChange.MODIFY_TIME, 0, 1_000_000_000_123_456_789L));
        assertEquals(1_000_000_000_123_456_789L, inode.attributes().modifyNs());
        file.close();
        fileSystem.sync();
        assertEquals("text", onHost("file"));
        assertEquals(1_000_000_000_123_456_789L, ns(Files.getLastModifiedTime(tree.resolve("file"))));
        assertEquals(1_000_000_000_123_456_789L, inode.attributes().modifyNs());
    }

    @Test
    void whatIsDeletedIsNotWrittenUnlessAnotherNameIsLeft() throws Exception {
        Files.writeString(tree.resolve("one"), "old");
        Files.createLink(tree.resolve("two"), tree.resolve("one"));
        NinepDirectory root = mount(PATIENT);
        OpenFile linked = root.lookup("one").open(Fcntl.O_RDWR);
        write(linked, "new", 0);
        linked.close();
        root.unlink("one", root.lookup("one"));
        assertEquals("new", onHost("two"));

        Inode inode = root.create("gone", FILE);
        OpenFile open = inode.open(Fcntl.O_RDWR);
        write(open, "still here", 0);
        root.unlink("gone", inode);
        assertEquals("still here", read(open, 20));
        assertEquals(10, inode.attributes().sizeBytes());
        open.close();
        assertEquals(0, fileSystem.writeBack().unwrittenBytes());
        assertTrue(fileSystem.writeBack().unwritten().isEmpty());
    }

    @Test
    void memoryThatIsShortComesBack() throws Exception {
        memory.limitBytes(6 << 20);
        NinepDirectory root = mount(PATIENT.withDirty(4 << 20, HOUR_NS));
        String part = "y".repeat(1 << 20);
        for (int i = 0; i < 12; i++) {
            OpenFile file = root.create("file" + i, FILE).open(Fcntl.O_RDWR);
            for (long done = 0; done < part.length();) {
                done += write(file, part.substring((int) done), done);
            }
            file.close();
        }
        fileSystem.close();
        for (int i = 0; i < 12; i++) {
            assertEquals(part, onHost("file" + i));
        }
        fileSystem = null;
    }

    @Test
    void pagesAreKeptToTheirLimit() throws Exception {
        for (int i = 0; i < 40; i++) {
            Files.write(tree.resolve("file" + i), new byte[100_000]);
        }
        NinepDirectory root = mount(PATIENT.withPages(1 << 20));
        for (int i = 0; i < 40; i++) {
            OpenFile file = root.lookup("file" + i).open(Fcntl.O_RDONLY);
            read(file, 100_000);
            file.close();
        }
        Await.until(() -> memory.usedBytes() < (1 << 20) + 250_000, "written or dropped");
    }

    @Test
    void pagesThatAProgramHasMappedComeToTheServer() throws Exception {
        NinepDirectory root = mount(PATIENT.withDirty(1 << 20, 20_000_000));
        Inode inode = root.create("mapped", FILE);
        OpenFile file = inode.open(Fcntl.O_RDWR);
        write(file, "0123456789", 0);
        Mappable pages = file.mappable();
        long frame = pages.frame(0, true);
        memory.segment().set(ValueLayout.JAVA_BYTE, frame + 4, (byte) 'X');
        assertEquals("0123X56789", read(file, 20));
        write(file, "ab", 0);
        assertEquals((byte) 'b', memory.segment().get(ValueLayout.JAVA_BYTE, frame + 1));
        pages.writeBack(0, 1); // msync
        assertEquals("ab23X56789", onHost("mapped"));
        file.close();
        Await.until(() -> fileSystem.writeBack().unwritten().isEmpty(), "written or dropped");
    }

    /** A program that maps a page and changes it; as a platform does, it asks for the page anew once that was taken away. */
    private final class Program implements Mappable.Mapping {
        private final Mappable pages;
        private final AtomicInteger taken = new AtomicInteger();

        Program(Mappable pages) throws ErrnoException {
            this.pages = pages;
            pages.addMapping(this, true);
        }

        @Override
        public void invalidate(long firstPage, long pageCount, boolean andPrivateCopies) {
            taken.incrementAndGet();
        }

        void store(int at, char value) throws ErrnoException {
            int before;
            do {
                before = taken.get();
                memory.segment().set(ValueLayout.JAVA_BYTE, pages.frame(0, true) + at, (byte) value);
            } while (taken.get() != before);
        }
    }

    @ParameterizedTest
    @CsvSource({"EXCLUSIVE, false", "EXCLUSIVE, true", "SHARED, false", "SHARED, true"})
    void pagesThatOnlyAMappingChangesComeToTheServerByTheirAge(CachePolicy policy, boolean isExtended) throws Exception {
        Files.writeString(tree.resolve("mapped"), "0123456789");
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 20_000,
                isExtended), CacheOptions.of(policy).withDirty(1 << 20, 20_000_000), false, memory, AnonymousDevices.next());
        OpenFile file = fileSystem.root().lookup("mapped").open(Fcntl.O_RDWR);
        Mappable pages = file.mappable();
        Program program = new Program(pages);
        program.store(4, 'X');
        Await.until(() -> onHost("mapped").equals("0123X56789"), "the first change");
        Await.until(() -> fileSystem.writeBack().unwritten().isEmpty(), "nothing is left");
        assertTrue(program.taken.get() > 0);
        program.store(0, 'Y');
        Await.until(() -> onHost("mapped").equals("Y123X56789"), "a change after that");
        pages.removeMapping(program, true);
        file.close();
    }

    @Test
    void whatIsStoredWhilePagesAreWrittenBackIsNotForgotten() throws Exception {
        NinepDirectory root = mount(PATIENT);
        NinepInode inode = (NinepInode) root.create("busy", FILE);
        OpenFile file = inode.open(Fcntl.O_RDWR);
        write(file, "0123456789", 0);
        Mappable pages = file.mappable();
        Program[] programs = new Program[1];
        Mappable.Mapping late = (first, count, copies) -> {
            try {
                programs[0].store(1, 'L'); // between the look and the write: at the server with this write or the next
            } catch (ErrnoException e) {
                throw new AssertionError(e);
            }
        };
        programs[0] = new Program(pages);
        programs[0].store(0, 'A');
        pages.addMapping(late, true);
        inode.content().writeBackAll();
        pages.removeMapping(late, true);
        assertTrue(inode.content().isDirty(), "changed meanwhile");
        inode.content().writeBackAll();
        assertEquals("AL23456789", onHost("busy"));
        assertFalse(inode.content().isDirty());
        pages.removeMapping(programs[0], true);
        file.close();
    }

    @Test
    void aServerThatDiesHasItAllAfterwards() throws Exception {
        NinepDirectory root = mount(PATIENT);
        OpenFile file = root.create("file", FILE).open(Fcntl.O_RDWR);
        write(file, "written before the server died", 0);
        server.kill();
        server.start();
        write(file, "!", -1);
        file.sync(false);
        assertEquals("written before the server died!", onHost("file"));
        file.close();
    }

    @Test
    void eachOpenFileIsToldOnceThatSomethingCouldNotBeStored() throws Exception {
        try (FakeServer fake = new FakeServer(Protocol.VERSION)) {
            fake.lies.put(MessageType.TSETATTR, (socket, tag, in, out) ->
                    socket.send(out.start(MessageType.RSETATTR, tag)));
            fake.lies.put(MessageType.TFSYNC, (socket, tag, in, out) ->
                    socket.send(out.start(MessageType.RFSYNC, tag)));
            fake.lies.put(MessageType.TWRITE, (socket, tag, in, out) -> FakeServer.error(socket, Errno.ENOSPC));
            fileSystem = new NinepFileSystem(new ServerOptions(fake, "", "root", 0, 64 << 10, 2_000, false), PATIENT, false, memory,
                    AnonymousDevices.next());
            Inode inode = fileSystem.root().lookup("file");
            OpenFile writer = inode.open(Fcntl.O_RDWR);
            OpenFile other = inode.open(Fcntl.O_RDONLY);
            write(writer, "no room", 0);
            assertErrno(Errno.ENOSPC, () -> writer.sync(false));
            fake.lies.put(MessageType.TWRITE, (socket, tag, in, out) -> {
                in.u32();
                in.u64();
                socket.send(out.start(MessageType.RWRITE, tag).u32(in.u32()));
            });
            writer.sync(false);
            writer.sync(false);
            OpenFile later = inode.open(Fcntl.O_RDONLY);
            later.sync(false);
            assertErrno(Errno.ENOSPC, other::flush);
            other.flush();
            writer.close();
            other.close();
            later.close();
            assertFalse(inode.attributes().sizeBytes() == 0);
            fileSystem.close();
            fileSystem = null;
        }
    }
}
