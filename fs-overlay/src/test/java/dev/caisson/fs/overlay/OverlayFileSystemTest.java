package dev.caisson.fs.overlay;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** An overlay of one tmpfs over two others. */
class OverlayFileSystemTest {
    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), Long.MAX_VALUE);
    private TmpfsFileSystem upper;
    private TmpfsFileSystem middle;
    private TmpfsFileSystem bottom;
    private OverlayFileSystem overlay;
    private Inode root;

    @BeforeEach
    void stack() throws ErrnoException {
        upper = new TmpfsFileSystem(memory, TmpfsOptions.DEFAULT);
        middle = new TmpfsFileSystem(memory, TmpfsOptions.DEFAULT);
        bottom = new TmpfsFileSystem(memory, TmpfsOptions.DEFAULT);
    }

    private void mount() throws ErrnoException {
        overlay = new OverlayFileSystem(upper, List.of(middle, bottom), "");
        root = overlay.root();
    }

    private static Inode directory(Inode parent, String name) throws ErrnoException {
        return parent.create(name, new NewNode(Stat.S_IFDIR | 0755, 0, 0, 0));
    }

    private static Inode file(Inode parent, String name, String text) throws ErrnoException {
        Inode file = parent.create(name, new NewNode(Stat.S_IFREG | 0640, 7, 8, 0));
        write(file, text);
        return file;
    }

    private static void write(Inode file, String text) throws ErrnoException {
        OpenFile open = file.open(Fcntl.O_WRONLY);
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            MemorySegment segment = arena.allocate(Math.max(1, bytes.length));
            MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
            assertEquals(bytes.length, open.write(IoBuffer.of(segment.asSlice(0, bytes.length)), 0));
        } finally {
            open.close();
        }
    }

    private static String read(OpenFile open) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(4096);
            long got = open.read(IoBuffer.of(segment), 0);
            return new String(segment.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    private static String read(Inode file) throws ErrnoException {
        OpenFile open = file.open(Fcntl.O_RDONLY);
        try {
            return read(open);
        } finally {
            open.close();
        }
    }

    private static List<String> names(Inode directory) throws ErrnoException {
        return new ArrayList<>(entries(directory).keySet());
    }

    private static TreeMap<String, Long> entries(Inode directory) throws ErrnoException {
        TreeMap<String, Long> found = new TreeMap<>();
        OpenFile open = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        long position = 0;
        int before;
        do {
            before = found.size();
            int[] room = {2}; // a small buffer, so that positions matter
            position = open.readDirectory(position, (name, inode, type, next) -> {
                if (room[0]-- == 0) {
                    return false;
                }
                found.put(name, inode);
                return true;
            });
        } while (found.size() > before);
        open.close();
        found.remove(".");
        found.remove("..");
        return found;
    }

    private static void assertFails(Errno errno, Executable call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void directoriesMergeAndTheUpperLayerWins() throws ErrnoException {
        file(directory(bottom.root(), "etc"), "low", "1");
        file(bottom.root().lookup("etc"), "both", "low");
        file(directory(middle.root(), "etc"), "both", "middle");
        mount();
        Inode etc = root.lookup("etc");
        assertEquals(List.of("both", "low"), names(etc));
        assertEquals("middle", read(etc.lookup("both")));
        assertEquals("1", read(etc.lookup("low")));
        assertSame(etc.lookup("low"), etc.lookup("low"));
    }

    @Test
    void writingCopiesTheFileAndItsParentsUpOnce() throws ErrnoException {
        Inode lower = file(directory(directory(bottom.root(), "a"), "b"), "f", "old");
        lower.setXattr("user.note", new byte[] {5}, 0);
        lower.change(new AttributeChange(AttributeChange.MODIFY_TIME | AttributeChange.ACCESS_TIME, 0, 0, 0, 0, 11, 22, 33));
        mount();
        Inode f = root.lookup("a").lookup("b").lookup("f");
        long number = f.number();
        OpenFile writer = f.open(Fcntl.O_WRONLY);
        assertEquals(22, f.attributes().modifyNs());
        assertEquals(11, f.attributes().accessNs());
        writer.close();
        write(f, "new");
        assertEquals("new", read(f));
        assertEquals("old", read(lower));
        assertEquals(number, f.attributes().inode());
        assertEquals(7, f.uid());
        assertEquals(0640, f.mode() & 07777);
        assertArrayEquals(new byte[] {5}, f.getXattr("user.note"));
        assertSame(f, root.lookup("a").lookup("b").lookup("f"));
        assertEquals(number, entries(root.lookup("a").lookup("b")).get("f"));
        assertNotNull(upper.root().lookup("a").lookup("b").lookup("f"));
        assertEquals(overlay.deviceId(), f.attributes().deviceId());
    }

    @Test
    void aFileOpenForReadingSeesTheCopy() throws ErrnoException {
        file(bottom.root(), "f", "old");
        mount();
        Inode f = root.lookup("f");
        OpenFile reader = f.open(Fcntl.O_RDONLY);
        assertEquals("old", read(reader));
        write(f, "NEW");
        assertEquals("NEW", read(reader));
        root.unlink("f", f);
        assertEquals("NEW", read(reader));
        assertEquals(0, f.attributes().links());
        reader.close();
        assertNull(root.lookup("f"));
    }

    @Test
    void truncationCopiesNoData() throws ErrnoException {
        file(bottom.root(), "f", "0123456789");
        mount();
        Inode f = root.lookup("f");
        f.change(new AttributeChange(AttributeChange.SIZE, 0, 0, 0, 4, 0, 0, 1));
        assertEquals("0123", read(f));
        assertEquals(4, f.attributes().sizeBytes());
    }

    @Test
    void unlinkLeavesAWhiteoutThatNobodySees() throws ErrnoException {
        file(bottom.root(), "f", "x");
        mount();
        root.unlink("f", root.lookup("f"));
        assertNull(root.lookup("f"));
        assertEquals(List.of(), names(root));
        assertEquals(Stat.S_IFCHR, upper.root().lookup("f").mode() & Stat.S_IFMT);
        file(root, "f", "again");
        assertEquals("again", read(root.lookup("f")));
        assertEquals(List.of("f"), names(root));
    }

    @Test
    void aDirectoryMadeOverAWhiteoutIsOpaque() throws ErrnoException {
        file(directory(bottom.root(), "d"), "old", "x");
        mount();
        Inode d = root.lookup("d");
        assertFails(Errno.ENOTEMPTY, () -> root.rmdir("d", d));
        d.unlink("old", d.lookup("old"));
        root.rmdir("d", d);
        assertNull(root.lookup("d"));
        Inode again = directory(root, "d");
        assertEquals(List.of(), names(again));
        assertNull(again.lookup("old"));
        assertEquals(0, d.attributes().links());
        // A new overlay of the same layers understands the marks.
        Inode other = new OverlayFileSystem(upper, List.of(middle, bottom), "").root();
        assertEquals(List.of(), names(other.lookup("d")));
    }

    @Test
    void renameMovesTheCopyAndHidesTheOldName() throws ErrnoException {
        file(bottom.root(), "a", "A");
        file(bottom.root(), "b", "B");
        mount();
        Inode a = root.lookup("a");
        Inode b = root.lookup("b");
        long number = a.number();
        root.rename("a", a, root, "b", b, 0);
        assertNull(root.lookup("a"));
        assertSame(a, root.lookup("b"));
        assertEquals("A", read(root.lookup("b")));
        assertEquals(number, a.number());
        assertEquals(0, b.attributes().links());
        assertEquals(List.of("b"), names(root));
    }

    @Test
    void exchangeSwapsUpperAndLowerFiles() throws ErrnoException {
        file(bottom.root(), "low", "L");
        mount();
        file(root, "up", "U");
        root.rename("low", root.lookup("low"), root, "up", root.lookup("up"), Fcntl.RENAME_EXCHANGE);
        assertEquals("U", read(root.lookup("low")));
        assertEquals("L", read(root.lookup("up")));
        assertFails(Errno.EINVAL, () -> root.rename("low", root.lookup("low"), root, "x", null, Fcntl.RENAME_WHITEOUT));
    }

    @Test
    void aLowerDirectoryKeepsItsEntriesWhenRenamed() throws ErrnoException {
        file(directory(bottom.root(), "d"), "f", "x");
        file(directory(bottom.root(), "e"), "g", "y");
        mount();
        Inode d = root.lookup("d");
        root.rename("d", d, root, "moved", null, 0);
        assertNull(root.lookup("d"));
        assertSame(d, root.lookup("moved"));
        assertEquals(List.of("f"), names(d));
        write(d.lookup("f"), "z");
        assertEquals("z", read(root.lookup("moved").lookup("f")));
        assertFails(Errno.ENOTEMPTY, () -> root.rename("moved", d, root, "e", root.lookup("e"), 0));
        assertEquals(List.of("e", "moved"), names(root));
    }

    @Test
    void hardLinksStayLinksAfterACopyUp() throws ErrnoException {
        Inode lower = file(bottom.root(), "one", "x");
        bottom.root().link("two", lower);
        mount();
        Inode one = root.lookup("one");
        assertSame(one, root.lookup("two"));
        assertEquals(2, one.attributes().links());
        write(one, "y");
        assertEquals("y", read(root.lookup("two")));
        root.unlink("one", one);
        assertEquals("y", read(root.lookup("two")));
        assertEquals(1, one.attributes().links());
        root.rename("two", one, root, "three", null, 0);
        assertEquals("y", read(root.lookup("three")));
        assertEquals(List.of("three"), names(root));
        root.link("four", one);
        assertEquals(2, one.attributes().links());
    }

    @Test
    void marksOfTheOverlayAreNeitherSeenNorMade() throws ErrnoException {
        directory(bottom.root(), "d").setXattr("trusted.overlay.opaque", new byte[] {'y'}, 0);
        mount();
        Inode d = root.lookup("d");
        assertEquals(List.of(), d.listXattrs());
        assertFails(Errno.ENODATA, () -> d.getXattr("trusted.overlay.opaque"));
        assertFails(Errno.EPERM, () -> root.create("w", new NewNode(Stat.S_IFCHR, 0, 0, 0)));
        assertFails(Errno.ENODATA, () -> d.removeXattr("user.none"));
        assertNull(upper.root().lookup("d"));
    }

    @Test
    void opaqueDirectoriesAndWhiteoutsOfLowerLayersHideWhatIsBelow() throws ErrnoException {
        file(directory(bottom.root(), "d"), "hidden", "x");
        file(bottom.root(), "gone", "x");
        Inode opaque = directory(middle.root(), "d");
        opaque.setXattr("trusted.overlay.opaque", new byte[] {'y'}, 0);
        middle.root().create("gone", new NewNode(Stat.S_IFCHR, 0, 0, 0));
        mount();
        assertEquals(List.of(), names(root.lookup("d")));
        assertNull(root.lookup("gone"));
        assertEquals(List.of("d"), names(root));
    }

    @Test
    void symbolicLinksAndUnnamedFilesWork() throws ErrnoException {
        bottom.root().symlink("l", "target", new NewNode(Stat.S_IFLNK | 0777, 0, 0, 0));
        mount();
        Inode l = root.lookup("l");
        assertEquals("target", l.readLink());
        l.change(new AttributeChange(AttributeChange.UID, 0, 42, 0, 0, 0, 0, 1));
        assertEquals(42, root.lookup("l").uid());
        Inode unnamed = root.createUnnamed(new NewNode(Stat.S_IFREG | 0600, 0, 0, 0));
        OpenFile keep = unnamed.open(Fcntl.O_RDWR);
        root.link("named", unnamed);
        keep.close();
        assertSame(unnamed, root.lookup("named"));
        assertTrue(names(root).contains("named"));
    }

    @Test
    void removingWhileListingAMergedDirectoryMissesNothing() throws ErrnoException {
        Inode low = directory(bottom.root(), "d");
        for (int i = 0; i < 50; i++) {
            file(low, "low" + i, "x");
        }
        mount();
        Inode d = root.lookup("d");
        for (int i = 0; i < 50; i++) {
            file(d, "up" + i, "y");
        }
        OpenFile open = d.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        long[] position = {0};
        List<String> batch = new ArrayList<>();
        int removed = 0;
        do {
            batch.clear();
            position[0] = open.readDirectory(position[0], (name, inode, type, next) -> batch.size() < 7 && batch.add(name));
            for (String name : batch) {
                if (!name.startsWith(".")) {
                    d.unlink(name, d.lookup(name));
                    removed++;
                }
            }
        } while (!batch.isEmpty());
        open.close();
        assertEquals(100, removed);
        root.rmdir("d", d);
        assertNull(root.lookup("d"));
    }
}
