package dev.caisson.fs.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AttributeChange;
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
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HostFileSystemTest {
    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(32 << 20), Long.MAX_VALUE);

    @TempDir
    private Path directory;
    private HostFileSystem fileSystem;

    private Inode mount(CacheMode mode, boolean isReadOnly) throws ErrnoException {
        fileSystem = new HostFileSystem(directory.toString(), mode, isReadOnly, memory);
        return fileSystem.root();
    }

    @AfterEach
    void close() {
        if (fileSystem != null) {
            fileSystem.close();
        }
    }

    private static NewNode node(int mode) {
        return new NewNode(mode, 0, 0, 0);
    }

    private static String read(OpenFile open, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(8192);
            long got = open.read(IoBuffer.of(segment), position);
            return new String(segment.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static String read(Inode file) throws ErrnoException {
        OpenFile open = file.open(Fcntl.O_RDONLY);
        try {
            return read(open, 0);
        } finally {
            open.close();
        }
    }

    private static void write(OpenFile open, String text, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            MemorySegment segment = arena.allocate(bytes.length);
            MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
            if (position < 0) {
                open.append(IoBuffer.of(segment));
            } else {
                assertEquals(bytes.length, open.write(IoBuffer.of(segment), position));
            }
        }
    }

    private static void write(Inode file, String text) throws ErrnoException {
        OpenFile open = file.open(Fcntl.O_RDWR);
        write(open, text, 0);
        open.close();
    }

    private static List<String> names(Inode directory) throws ErrnoException {
        TreeSet<String> found = new TreeSet<>();
        OpenFile open = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        long position = 0;
        boolean[] any = new boolean[1];
        do {
            any[0] = false;
            int[] room = {3};
            position = open.readDirectory(position, (name, inode, type, next) -> {
                if (room[0]-- == 0) {
                    return false;
                }
                any[0] = true;
                assertTrue(found.add(name), name);
                return true;
            });
        } while (any[0]);
        open.close();
        found.remove(".");
        found.remove("..");
        return new ArrayList<>(found);
    }

    private static void assertFails(Errno errno, Executable call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call).errno());
    }

    @ParameterizedTest
    @EnumSource
    void filesOfTheHostAreSeen(CacheMode mode) throws ErrnoException, IOException {
        Files.createDirectories(directory.resolve("a/b"));
        Files.writeString(directory.resolve("a/b/f"), "hello");
        Files.createSymbolicLink(directory.resolve("l"), Path.of("a/b/f"));
        for (int i = 0; i < 20; i++) {
            Files.createFile(directory.resolve("n" + i));
        }
        Inode root = mount(mode, true);
        Inode f = root.lookup("a").lookup("b").lookup("f");
        assertEquals("hello", read(f));
        assertEquals(5, f.attributes().sizeBytes());
        assertEquals(Stat.S_IFREG, f.mode() & Stat.S_IFMT);
        assertSame(f, root.lookup("a").lookup("b").lookup("f"));
        assertEquals("a/b/f", root.lookup("l").readLink());
        assertNull(root.lookup("none"));
        assertEquals(22, names(root).size());
        assertEquals(fileSystem.deviceId(), f.attributes().deviceId());
        assertFails(Errno.EROFS, () -> root.create("new", node(Stat.S_IFREG | 0644)));
        assertFails(Errno.EROFS, () -> f.open(Fcntl.O_RDWR));
    }

    @ParameterizedTest
    @EnumSource
    void changesReachTheHost(CacheMode mode) throws ErrnoException, IOException {
        Inode root = mount(mode, false);
        Inode d = root.create("d", node(Stat.S_IFDIR | 0751));
        Inode f = d.create("f", node(Stat.S_IFREG | 0666));
        write(f, "text");
        OpenFile open = f.open(Fcntl.O_RDWR);
        write(open, "+more", -1);
        assertEquals("text+more", read(open, 0));
        open.close();
        assertEquals("text+more", Files.readString(directory.resolve("d/f")));
        assertEquals(0666, f.attributes().mode() & 07777);
        assertEquals(9, f.attributes().sizeBytes());
        f.change(new AttributeChange(AttributeChange.SIZE | AttributeChange.MODE | AttributeChange.MODIFY_TIME, 0600, 0, 0, 2, 0,
                1_500_000_000L, 0));
        assertEquals("te", read(f));
        assertEquals(0600, f.mode() & 07777);
        assertEquals(1_500_000_000L, f.attributes().modifyNs());
        root.link("g", f);
        assertEquals(2, f.attributes().links());
        assertSame(f, root.lookup("g"));
        root.symlink("s", "d/f", node(0));
        assertEquals(Path.of("d/f"), Files.readSymbolicLink(directory.resolve("s")));
        assertFails(Errno.ENOTEMPTY, () -> root.rmdir("d", d));
        root.rename("g", f, root, "h", null, 0);
        d.unlink("f", f);
        root.rmdir("d", d);
        assertEquals("te", read(f));
        assertEquals(List.of("h", "s"), names(root));
        assertFails(Errno.EPERM, () -> root.create("null", new NewNode(Stat.S_IFCHR | 0666, 0, 0, 0x103)));
        root.create("fifo", node(Stat.S_IFIFO | 0600));
        assertFails(Errno.ENXIO, () -> root.lookup("fifo").open(Fcntl.O_RDONLY));
    }

    @Test
    void anUnlinkedFileLivesWhileItIsOpenThoughNothingWasReadYet() throws ErrnoException, IOException {
        Files.writeString(directory.resolve("f"), "kept");
        Inode root = mount(CacheMode.EXCLUSIVE, false);
        Inode f = root.lookup("f");
        OpenFile open = f.open(Fcntl.O_RDONLY);
        root.unlink("f", f);
        assertEquals("kept", read(open, 0));
        assertEquals(0, f.attributes().links());
        open.close();
        assertFalse(Files.exists(directory.resolve("f")));
        Inode again = root.create("f", node(Stat.S_IFREG | 0644));
        assertEquals(1, again.attributes().links());
    }

    @Test
    void sharedModeFollowsTheHost() throws ErrnoException, IOException {
        Files.writeString(directory.resolve("f"), "1");
        Inode root = mount(CacheMode.SHARED, false);
        Inode f = root.lookup("f");
        assertEquals("1", read(f));
        Files.writeString(directory.resolve("f"), "longer");
        assertEquals(6, f.attributes().sizeBytes());
        assertEquals("longer", read(f));
        Files.writeString(directory.resolve("g"), "other");
        Files.move(directory.resolve("g"), directory.resolve("f"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Inode replaced = root.lookup("f");
        assertNotEquals(f, replaced);
        assertEquals("other", read(replaced));
        Files.delete(directory.resolve("f"));
        assertNull(root.lookup("f"));
    }

    @Test
    void mappedPagesAndReadsAgree() throws ErrnoException, IOException {
        Files.writeString(directory.resolve("f"), "0123456789");
        Inode root = mount(CacheMode.SHARED, false);
        Inode f = root.lookup("f");
        OpenFile open = f.open(Fcntl.O_RDWR);
        Mappable pages = open.mappable();
        long frame = pages.frame(0, true);
        assertEquals('0', memory.segment().get(ValueLayout.JAVA_BYTE, frame));
        memory.segment().set(ValueLayout.JAVA_BYTE, frame, (byte) 'X');
        assertEquals("X123456789", read(open, 0));
        write(open, "Y", 1);
        assertEquals('Y', memory.segment().get(ValueLayout.JAVA_BYTE, frame + 1));
        open.sync(false);
        assertEquals("XY23456789", Files.readString(directory.resolve("f")));
        open.close();
    }

    @Test
    void extendedAttributesOfUsersPass() throws ErrnoException {
        Inode root = mount(CacheMode.SHARED, false);
        Inode f = root.create("f", node(Stat.S_IFREG | 0644));
        try {
            f.setXattr("user.a", new byte[] {1, 2}, 0);
        } catch (ErrnoException e) {
            org.junit.jupiter.api.Assumptions.abort("the host's filesystem has no user attributes: " + e.errno());
        }
        assertArrayEquals(new byte[] {1, 2}, f.getXattr("user.a"));
        assertEquals(List.of("user.a"), f.listXattrs());
        f.removeXattr("user.a");
        assertFails(Errno.ENODATA, () -> f.getXattr("user.a"));
        assertFails(Errno.EOPNOTSUPP, () -> f.setXattr("trusted.x", new byte[0], 0));
    }

    @Test
    void anUnnamedFileCanBeNamed() throws ErrnoException, IOException {
        Inode root = mount(CacheMode.EXCLUSIVE, false);
        Inode f;
        try {
            f = root.createUnnamed(node(Stat.S_IFREG | 0640));
        } catch (ErrnoException e) {
            org.junit.jupiter.api.Assumptions.abort("the host's filesystem has no O_TMPFILE: " + e.errno());
            return;
        }
        OpenFile open = f.open(Fcntl.O_RDWR);
        write(open, "tmp", 0);
        root.link("named", f);
        open.close();
        assertEquals("tmp", Files.readString(directory.resolve("named")));
        assertSame(f, root.lookup("named"));
    }

    @Test
    void fewDescriptorsServeManyFiles() throws ErrnoException, IOException {
        Path deep = directory;
        for (int i = 0; i < 40; i++) {
            deep = Files.createDirectory(deep.resolve("d" + i));
            for (int j = 0; j < 40; j++) {
                Files.writeString(deep.resolve("f" + j), i + "," + j);
            }
        }
        Inode at = mount(CacheMode.EXCLUSIVE, true);
        List<Inode> files = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            at = at.lookup("d" + i);
            for (int j = 0; j < 40; j++) {
                files.add(at.lookup("f" + j));
            }
        }
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < files.size(); i++) {
                assertEquals(i / 40 + "," + i % 40, read(files.get(i)));
            }
        }
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            assertTrue(descriptors.count() < 600);
        }
    }

    @Test
    void pseudoFilesystemsOfTheHostStayHidden() throws ErrnoException {
        fileSystem = new HostFileSystem("/", CacheMode.EXCLUSIVE, true, memory);
        Inode proc = fileSystem.root().lookup("proc");
        assertNotNull(proc);
        assertNull(proc.lookup("self"));
        assertEquals(List.of(), names(proc));
    }

    @Test
    void aSingleFileCanBeTheRoot() throws ErrnoException, IOException {
        Files.writeString(directory.resolve("only"), "one", StandardCharsets.ISO_8859_1);
        assertTrue(Files.isRegularFile(directory.resolve("only"), LinkOption.NOFOLLOW_LINKS));
        fileSystem = new HostFileSystem(directory.resolve("only").toString(), CacheMode.SHARED, false, memory);
        assertEquals("one", read(fileSystem.root()));
    }

    @Test
    void whatIsReadAgainAndAgainComesFromMemoryWhereNobodyElseChangesIt() throws Exception {
        Files.writeString(directory.resolve("often"), "x".repeat(6000));
        HostInode file = (HostInode) mount(CacheMode.EXCLUSIVE, false).lookup("often");
        read(file);
        assertNull(file.content().pages(), "once is no reason");
        for (int i = 0; i < 5; i++) {
            assertEquals("x".repeat(6000), read(file));
        }
        assertNotNull(file.content().pages());
        write(file, "y");
        assertEquals("y" + "x".repeat(5999), read(file));
        assertEquals("y" + "x".repeat(5999), Files.readString(directory.resolve("often")));
    }

    @Test
    void whatOthersMayChangeIsReadFromTheHostEachTime() throws Exception {
        Files.writeString(directory.resolve("often"), "x".repeat(6000));
        HostInode file = (HostInode) mount(CacheMode.SHARED, false).lookup("often");
        for (int i = 0; i < 10; i++) {
            read(file);
        }
        Files.writeString(directory.resolve("often"), "z".repeat(6000));
        assertEquals("z".repeat(6000), read(file));
    }

    /** As a platform does, the program asks for the page anew once that was taken away. */
    @ParameterizedTest
    @EnumSource(CacheMode.class)
    void pagesThatOnlyAMappingChangesComeToTheHostByTheirAge(CacheMode mode) throws Exception {
        Path mapped = Files.writeString(directory.resolve("mapped"), "0123456789");
        fileSystem = new HostFileSystem(directory.toString(), mode, false, memory, 1, 20_000_000);
        OpenFile file = fileSystem.root().lookup("mapped").open(Fcntl.O_RDWR);
        Mappable pages = file.mappable();
        AtomicInteger taken = new AtomicInteger();
        Mappable.Mapping program = (firstPage, pageCount, andPrivateCopies) -> taken.incrementAndGet();
        pages.addMapping(program, true);
        for (String content : List.of("0123X56789", "0123Y56789", "0123Z56789")) {
            int before;
            do {
                before = taken.get();
                memory.segment().set(ValueLayout.JAVA_BYTE, pages.frame(0, true) + 4, (byte) content.charAt(4));
            } while (taken.get() != before);
            Await.until(() -> Files.readString(mapped).equals(content), content);
        }
        pages.removeMapping(program, true);
        file.close();
    }
}
