package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.LookAhead;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is asked for at once, kept, or done by a donated descriptor is what single messages would have told and done. */
@Timeout(120)
class FewerMessagesTest {
    private static final NewNode FILE = new NewNode(0100600, 0, 0, 0);
    private static final long SECOND = 1_700_000_000L;

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    private Path directory;
    private Path tree;
    private NinepFileSystem fileSystem;

    @BeforeEach
    void makeTree() throws IOException {
        tree = Files.createDirectory(directory.resolve("tree"));
        Files.createDirectories(tree.resolve("a/b/c"));
        Files.writeString(tree.resolve("a/b/c/file"), "hello");
        Files.createSymbolicLink(tree.resolve("a/link"), Path.of("b"));
    }

    private NinepDirectory mount(CachePolicy policy) throws ErrnoException {
        fileSystem = new NinepFileSystem(new ServerOptions(new GoferConnector(tree.toString(), false), GoferConnector.TREE, "root", 0, 64 << 10,
                20_000, true), policy, false, memory);
        return (NinepDirectory) fileSystem.root();
    }

    @AfterEach
    void unmount() {
        fileSystem.close();
    }

    private static Inode walk(NinepDirectory root, String... names) throws ErrnoException {
        LookAhead ahead = root.lookAhead(List.of(names));
        Inode at = root;
        for (String name : names) {
            at = at == null ? null : ahead.lookup(at, name);
        }
        return at;
    }

    @Test
    void aPathThatIsAskedForAtOnceLeadsWhereItsStepsLead() throws Exception {
        NinepDirectory root = mount(CachePolicy.SHARED);
        assertTrue(fileSystem.looksAhead());
        Inode file = walk(root, "a", "b", "c", "file");
        assertSame(root.lookup("a").lookup("b").lookup("c").lookup("file"), file);
        assertEquals(5, file.attributesOfLookup().sizeBytes());
        assertNull(walk(root, "a", "b", "none"));
        assertNull(walk(root, "a", "none", "file"));
        Files.writeString(tree.resolve("a/b/none"), "there is");
        assertEquals(8, walk(root, "a", "b", "none").attributesOfLookup().sizeBytes(), "nothing is kept");
        Files.writeString(tree.resolve("a/b/none"), "longer than that");
        assertEquals(16, walk(root, "a", "b", "none").attributesOfLookup().sizeBytes());
    }

    @Test
    void aWalkThatTakesAnotherWayAsksStepByStep() throws Exception {
        NinepDirectory root = mount(CachePolicy.SHARED);
        LookAhead ahead = root.lookAhead(List.of("a", "link", "c"));
        Inode a = ahead.lookup(root, "a");
        Inode link = ahead.lookup(a, "link");
        assertEquals("b", link.readLink());
        Inode b = a.lookup("b");
        Inode c = ahead.lookup(b, "c"); // the link was followed
        assertSame(b.lookup("c"), c);
        assertNotNull(ahead.lookup(c, "file"), "beyond what was foreseen");
    }

    private static TreeSet<String> list(NinepDirectory directory) throws ErrnoException {
        TreeSet<String> names = new TreeSet<>();
        OpenFile open = directory.open(Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        long position = 0;
        while (true) {
            int[] room = {3};
            long next = open.readDirectory(position, (name, inode, type, after) -> {
                if (room[0]-- == 0) {
                    return false;
                }
                assertTrue(names.add(name), name);
                return true;
            });
            if (next == position) {
                open.close();
                return names;
            }
            position = next;
        }
    }

    @Test
    void aDirectoryIsListedAgainWithoutTheServerUntilANameChanges() throws Exception {
        for (int i = 0; i < 40; i++) {
            Files.writeString(tree.resolve("a/b/file-" + i), "");
        }
        NinepDirectory b = (NinepDirectory) mount(CachePolicy.EXCLUSIVE).lookup("a").lookup("b");
        TreeSet<String> first = list(b);
        assertEquals(43, first.size());
        assertNotNull(b.inOrder());
        assertEquals(first, list(b));
        b.create("new", FILE);
        assertNull(b.inOrder());
        first.add("new");
        assertEquals(first, list(b));
        b.unlink("file-7", b.lookup("file-7"));
        first.remove("file-7");
        assertEquals(first, list(b));
        b.rename("file-8", b.lookup("file-8"), b, "other", null, 0);
        first.remove("file-8");
        first.add("other");
        assertEquals(first, list(b));
        assertNotNull(b.inOrder());
        b.forgetListing();
        assertEquals(first, list(b));
    }

    @Test
    void modeOwnerAndTimesOfAnOpenFileChange() throws Exception {
        NinepDirectory root = mount(CachePolicy.SHARED);
        Inode file = root.create("new", FILE);
        OpenFile open = file.open(Fcntl.O_RDWR);
        int fields = AttributeChange.MODE | AttributeChange.ACCESS_TIME | AttributeChange.MODIFY_TIME;
        AttributeChange change = new AttributeChange(fields, 04751, 0, 0, 0, SECOND * 1_000_000_000 + 7, -1, System.nanoTime());
        file.change(change);
        Attributes now = file.attributes();
        assertEquals(04751, now.mode() & 07777);
        assertEquals(SECOND * 1_000_000_000 + 7, now.accessNs());
        assertEquals(-1, now.modifyNs());
        file.change(new AttributeChange(AttributeChange.MODIFY_TIME, 0, 0, 0, 0, 0, SECOND * 1_000_000_000, System.nanoTime()));
        assertEquals(FileTime.from(SECOND, TimeUnit.SECONDS), Files.getLastModifiedTime(tree.resolve("new")));
        assertEquals(SECOND * 1_000_000_000 + 7, file.attributes().accessNs(), "what is not to change stays");
        open.close();
    }

    @Test
    void aNewFileIsNotOpenedAgainAlthoughItsAttributesAreAskedForAndChanged() throws Exception {
        NinepDirectory root = mount(CachePolicy.EXCLUSIVE);
        Inode file = root.create("new", FILE);
        assertEquals(0600, file.attributes().mode() & 07777);
        file.change(new AttributeChange(AttributeChange.MODE, 0640, 0, 0, 0, 0, 0, System.nanoTime()));
        assertEquals(0640, file.attributes().mode() & 07777);
        Files.delete(tree.resolve("new")); // it could not be opened any more
        OpenFile open = file.open(Fcntl.O_RDWR);
        assertEquals(5, open.write(IoBuffer.of(Arena.ofAuto().allocateFrom("hello").asSlice(0, 5)), 0));
        open.close();
    }

    @Test
    void directoriesLinksAndPipesAreMadeAsWanted() throws Exception {
        for (CachePolicy policy : CachePolicy.values()) {
            NinepDirectory root = mount(policy);
            Inode made = root.create("new", new NewNode(0040751, 0, 0, 0));
            assertSame(made, root.lookup("new"));
            assertEquals(0040751, made.attributes().mode());
            Inode below = made.create("below", new NewNode(0041777, 12, 34, 0));
            assertEquals(0041777, below.attributes().mode());
            Inode link = made.symlink("link", "target", new NewNode(0120777, 12, 34, 0));
            assertEquals("target", link.readLink());
            Inode fifo = made.create("fifo", new NewNode(0010640, 12, 34, 0));
            assertEquals(0010640, fifo.attributes().mode());
            if ("root".equals(System.getProperty("user.name"))) {
                for (Inode each : List.of(below, link, fifo)) {
                    assertEquals(12, each.attributes().uid());
                    assertEquals(34, each.attributes().gid());
                }
                assertEquals(12, Files.getAttribute(tree.resolve("new/link"), "unix:uid", LinkOption.NOFOLLOW_LINKS));
            }
            assertEquals(0751, (int) Files.getAttribute(tree.resolve("new"), "unix:mode") & 07777);
            assertEquals(new TreeSet<>(List.of(".", "..", "below", "fifo", "link")), list((NinepDirectory) made));
            assertEquals(Errno.EEXIST, assertThrows(ErrnoException.class,
                    () -> root.create("new", new NewNode(0040700, 0, 0, 0))).errno());
            made.unlink("link", link);
            made.unlink("fifo", fifo);
            made.rmdir("below", below);
            root.rmdir("new", made);
            if (policy != CachePolicy.values()[CachePolicy.values().length - 1]) {
                fileSystem.close();
            }
        }
    }

    @Test
    void namesThatAreRemovedWithoutWaitingAreGoneForEverybody() throws Exception {
        Path where = tree.resolve("a/b/c");
        for (int i = 0; i < 300; i++) {
            Files.writeString(where.resolve("file-" + i), "");
        }
        NinepDirectory b = (NinepDirectory) mount(CachePolicy.EXCLUSIVE).lookup("a").lookup("b");
        NinepDirectory c = (NinepDirectory) b.lookup("c");
        assertEquals(303, list(c).size());
        for (int i = 0; i < 300; i++) {
            c.unlink("file-" + i, c.lookup("file-" + i));
            assertNull(c.lookup("file-" + i));
            if (i % 50 == 7) {
                Inode again = c.create("file-" + i, FILE); // the server must have removed the former one
                assertEquals(1, again.attributes().links());
                c.unlink("file-" + i, again);
            }
            if (i % 70 == 9) {
                assertEquals(302 - i, list(c).size());
            }
            if (i % 90 == 11) {
                fileSystem.sync();
                assertEquals(300 - i, where.toFile().list().length);
            }
        }
        c.unlink("file", c.lookup("file"));
        b.rmdir("c", c);
        assertTrue(Files.notExists(where));
    }

    @Test
    void aFileOfTwoNamesOrOneThatIsOpenIsRemovedInTime() throws Exception {
        NinepDirectory root = mount(CachePolicy.EXCLUSIVE);
        root.unlink("one", root.create("one", FILE));
        Inode file = root.create("two", FILE);
        root.link("three", file);
        root.unlink("two", file);
        assertEquals(1, file.attributes().links());
        OpenFile open = file.open(Fcntl.O_RDWR);
        root.unlink("three", file);
        assertEquals(0, file.attributes().links());
        assertEquals(5, open.write(IoBuffer.of(Arena.ofAuto().allocateFrom("hello").asSlice(0, 5)), 0));
        assertEquals(5, file.attributes().sizeBytes());
        open.close();
    }

    @Test
    void attributesOfAFileWithoutAFidChangeByItsName() throws Exception {
        for (CachePolicy policy : CachePolicy.values()) {
            NinepDirectory root = mount(policy);
            Inode file = root.lookup("a").lookup("b").lookup("c").lookup("file");
            file.change(new AttributeChange(AttributeChange.MODE | AttributeChange.MODIFY_TIME, 0640, 0, 0, 0, 0, SECOND * 1_000_000_000,
                    System.nanoTime()));
            assertEquals(0640, file.mode() & 07777);
            assertEquals(SECOND * 1_000_000_000, file.attributes().modifyNs());
            assertEquals(FileTime.from(SECOND, TimeUnit.SECONDS), Files.getLastModifiedTime(tree.resolve("a/b/c/file")));
            if (policy == CachePolicy.SHARED) {
                Files.move(tree.resolve("a/b/c/file"), tree.resolve("kept"));
                Files.writeString(tree.resolve("a/b/c/file"), "another one");
                assertThrows(ErrnoException.class, () -> file.change(new AttributeChange(AttributeChange.MODE, 0604, 0, 0, 0, 0, 0, 0)));
                assertEquals(0640, (int) Files.getAttribute(tree.resolve("kept"), "unix:mode") & 07777);
                assertTrue(((int) Files.getAttribute(tree.resolve("a/b/c/file"), "unix:mode") & 07777) != 0604, "not the other one");
                Files.move(tree.resolve("kept"), tree.resolve("a/b/c/file"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            }
            if (policy != CachePolicy.values()[CachePolicy.values().length - 1]) {
                fileSystem.close();
            }
        }
    }
}
