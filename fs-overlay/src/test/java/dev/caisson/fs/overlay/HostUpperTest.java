package dev.caisson.fs.overlay;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsFileSystem;
import dev.caisson.fs.tmpfs.TmpfsOptions;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LayerChange;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.PosixAcl;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Overlays as the provider mounts them: upper layers in directories of the host, limits, layers of several kinds. */
class HostUpperTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private static final byte[] ACL = {2, 0, 0, 0, 1, 0, 6, 0, -1, -1, -1, -1, 2, 0, 4, 0, (byte) 0xe8, 3, 0, 0, 4, 0, 0, 0, -1, -1, -1, -1,
        16, 0, 4, 0, -1, -1, -1, -1, 32, 0, 0, 0, -1, -1, -1, -1};

    @TempDir
    Path directory;

    private Path lower;
    private Path upper;
    private final FileSystemProvider provider = new OverlayProvider(new TmpfsProvider(MEMORY), new HostDirectoryProvider(MEMORY));

    @BeforeEach
    void layers() throws IOException {
        lower = Files.createDirectories(directory.resolve("lower"));
        upper = Files.createDirectories(directory.resolve("upper"));
        Files.createDirectories(lower.resolve("d/e"));
        Files.writeString(lower.resolve("d/f"), "lower");
        Files.writeString(lower.resolve("big"), "x".repeat(100_000));
    }

    private FileSystem mount(String... options) throws ErrnoException {
        Map<String, String> map = new LinkedHashMap<>();
        map.put("upperdir", upper.toString());
        for (int i = 0; i < options.length; i += 2) {
            map.put(options[i], options[i + 1]);
        }
        return provider.mount(new MountRequest(lower.toString(), 0, map, Credentials.ROOT));
    }

    private static Guest guest(FileSystem fileSystem) {
        MountNamespace namespace = new MountNamespace(fileSystem, "test", 0);
        Location top = namespace.rootLocation();
        return new Guest(new Vfs(), new FsContext(namespace, top, top, 0022), Credentials.ROOT);
    }

    private static void assertFails(Errno errno, org.junit.jupiter.api.function.Executable call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void changesStayOnTheHostWithTheirNumbers() throws IOException, ErrnoException {
        FileSystem first = mount();
        Guest guest = guest(first);
        guest.write("/d/f", "changed");
        guest.rename("/d", "/moved");
        guest.write("/new", "n");
        TreeMap<String, Long> numbers = TreeSnapshot.numbers(guest);
        first.close();
        assertEquals("changed", Files.readString(upper.resolve("moved/f")));
        assertEquals("lower", Files.readString(lower.resolve("d/f")));
        FileSystem again = mount();
        Guest later = guest(again);
        assertEquals("changed", later.read("/moved/f"));
        assertTrue(later.exists("/moved/e"));
        assertFalse(later.exists("/d"));
        assertEquals(numbers, TreeSnapshot.numbers(later));
        for (String name : later.list("/moved")) {
            if (!name.startsWith(".")) {
                assertEquals(later.lstat("/moved/" + name).inode(), numbers.get("/moved/" + name));
            }
        }
        again.close();
    }

    @Test
    void oneUpperDirectoryHasOneUser() throws ErrnoException {
        FileSystem first = mount();
        assertFails(Errno.EBUSY, this::mount);
        assertFails(Errno.EBUSY, () -> mount("workdir", directory.resolve("other").toString()));
        first.close();
        mount().close();
        assertFails(Errno.EINVAL, () -> mount("workdir", upper.resolve("inside").toString()));
        assertFails(Errno.EINVAL, () -> mount("unknown", "x"));
    }

    @Test
    void leftoversInTheWorkDirectoryGo() throws IOException, ErrnoException {
        mount().close();
        Path work = directory.resolve("upper.work/work");
        Files.createDirectories(work.resolve("#1/deep"));
        Files.writeString(work.resolve("#2"), "half");
        mount().close();
        try (java.util.stream.Stream<Path> left = Files.list(work)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void aLimitIsOneForTheDirectoryOfTheHost() throws ErrnoException {
        FileSystem limited = mount("size", "256k");
        Guest guest = guest(limited);
        FileSystemStatus empty = limited.status();
        assertEquals(256 << 10, empty.blocks() * empty.blockBytes());
        guest.write("/a", "y".repeat(100_000));
        FileSystemStatus some = limited.status();
        assertTrue((empty.freeBlocks() - some.freeBlocks()) * some.blockBytes() >= 100_000);
        assertFails(Errno.ENOSPC, () -> {
            for (int i = 0; i < 20; i++) {
                guest.write("/b" + i, "z".repeat(30_000));
            }
        });
        assertFails(Errno.ENOSPC, () -> guest.chmod("/big", 0600)); // its copy would be too large
        guest.unlink("/a");
        guest.write("/c", "there is room again".repeat(1000));
        guest.unlink("/c");
        for (String name : guest.list("/")) {
            if (name.startsWith("b") && !name.equals("big")) {
                guest.unlink("/" + name);
            }
        }
        guest.write("/a", "y".repeat(100_000));
        limited.close();
        FileSystem again = mount("size", "256k");
        assertTrue(again.status().blocks() * again.status().blockBytes() - again.status().freeBlocks() * again.status().blockBytes() >= 100_000,
                "what is there counts");
        again.close();
    }

    @Test
    void filesWithoutContentAreLimitedToo() throws ErrnoException {
        FileSystem limited = mount("size", "64k");
        Guest guest = guest(limited);
        assertFails(Errno.ENOSPC, () -> {
            for (int i = 0; i < 100; i++) {
                guest.write("/" + i, "");
            }
        });
        limited.close();
    }

    @Test
    void memoryHasLimitsAndTellsWhatIsUsed() throws ErrnoException {
        FileSystem memory = provider.mount(new MountRequest(lower.toString(), 0, Map.of("size", "1m"), Credentials.ROOT));
        Guest guest = guest(memory);
        guest.write("/a", "y".repeat(500_000));
        FileSystemStatus status = memory.status();
        assertEquals(256, status.blocks());
        assertEquals(256 - 123, status.freeBlocks());
        assertFails(Errno.ENOSPC, () -> {
            for (int i = 0; i < 2000; i++) {
                guest.write("/" + i, "");
            }
        });
        memory.close();
        FileSystem unlimited = new OverlayFileSystem(new TmpfsFileSystem(MEMORY, TmpfsOptions.DEFAULT),
                List.of(new TmpfsFileSystem(MEMORY, TmpfsOptions.DEFAULT)), "");
        guest(unlimited).write("/a", "y".repeat(500_000));
        status = unlimited.status();
        assertEquals(123, status.blocks() - status.freeBlocks());
        assertTrue(status.freeBlocks() > 0);
        unlimited.close();
    }

    @Test
    void accessListsAreCopiedUpAndCount() throws IOException, ErrnoException {
        FileSystem overlay = mount();
        Inode file = overlay.root().lookup("d").lookup("f");
        try {
            file.setXattr(PosixAcl.ACCESS, ACL, 0);
        } catch (ErrnoException e) {
            assumeTrue(e.errno() != Errno.EOPNOTSUPP, "the host has no access control lists");
            throw e;
        }
        overlay.close();
        FileSystem copied = provider.mount(new MountRequest(upper.toString(), 0, Map.of(), Credentials.ROOT));
        Guest guest = guest(copied);
        assertEquals(0640, guest.stat("/d/f").mode() & 07777);
        assertEquals("lower", guest.as(1000, 1000).read("/d/f"));
        assertFails(Errno.EACCES, () -> guest.as(1001, 1001).read("/d/f"));
        guest.chown("/d/f", 7, 7); // takes a copy into memory
        assertArrayEquals(ACL, guest.at("/d/f").inode().getXattr(PosixAcl.ACCESS));
        assertEquals("lower", guest.as(1000, 1000).read("/d/f"));
        assertFails(Errno.EACCES, () -> guest.as(1001, 1001).read("/d/f"));
        guest.chmod("/d/f", 0600);
        assertFails(Errno.EACCES, () -> guest.as(1000, 1000).read("/d/f"));
        assertFails(Errno.EPERM, () -> guest.vfs().extendedAttributes().set(guest.as(1000, 1000), guest.at("/d/f"), PosixAcl.ACCESS, ACL, 0));
        copied.close();
    }

    @Test
    void privateAttributesOfGuestsAreKeptApart() throws ErrnoException {
        FileSystem overlay = mount();
        Inode d = overlay.root().lookup("d");
        d.setXattr("trusted.overlay.opaque", new byte[] {'y'}, 0);
        assertEquals(List.of("trusted.overlay.opaque"), d.listXattrs());
        assertTrue(guest(overlay).exists("/d/f"));
        overlay.close();
        FileSystem again = mount();
        assertTrue(guest(again).exists("/d/f"));
        assertArrayEquals(new byte[] {'y'}, again.root().lookup("d").getXattr("trusted.overlay.opaque"));
        again.close();
    }

    @Test
    void lowerDirectoriesAreNamedAsInMount() throws IOException, ErrnoException {
        Path odd = Files.createDirectory(directory.resolve("a:b,c\\d"));
        Files.writeString(odd.resolve("odd"), "o");
        FileSystem overlay = mount("lowerdir", odd.toString().replace("\\", "\\\\").replace(":", "\\:") + ":" + lower);
        assertEquals("o", guest(overlay).read("/odd"));
        assertEquals("lower", guest(overlay).read("/d/f"));
        assertTrue(overlay.options().contains("a\\:b\\,c\\\\d:"), overlay.options());
        overlay.close();
        assertFails(Errno.EINVAL, () -> mount("lowerdir", "nothing\\:of this kind"));
        assertFails(Errno.EINVAL, () -> mount("lowerdir", "relative"));
    }

    @Test
    void theSecondFormOfWhiteoutsIsRead() throws ErrnoException {
        TmpfsFileSystem top = new TmpfsFileSystem(MEMORY, TmpfsOptions.DEFAULT);
        TmpfsFileSystem middle = new TmpfsFileSystem(MEMORY, TmpfsOptions.DEFAULT);
        TmpfsFileSystem bottom = new TmpfsFileSystem(MEMORY, TmpfsOptions.DEFAULT);
        for (TmpfsFileSystem layer : List.of(middle, bottom)) {
            Inode d = layer.root().create("d", new NewNode(Stat.S_IFDIR | 0755, 0, 0, 0));
            d.create("hidden", new NewNode(Stat.S_IFREG | 0644, 0, 0, 0));
            d.create("empty", new NewNode(Stat.S_IFREG | 0644, 0, 0, 0));
        }
        middle.root().lookup("d").setXattr("trusted.overlay.opaque", new byte[] {'x'}, 0);
        middle.root().lookup("d").lookup("hidden").setXattr("trusted.overlay.whiteout", new byte[0], 0);
        Inode d = new OverlayFileSystem(top, List.of(middle, bottom), "").root().lookup("d");
        assertNull(d.lookup("hidden"));
        assertEquals(List.of("empty"), WorkArea.names(d));
    }

    @Test
    void otherLowerLayersCanComeUnderTheSameUpperOne() throws ErrnoException {
        FileSystem old = provider.mount(new MountRequest(lower.toString(), 0, Map.of(), Credentials.ROOT));
        Guest before = guest(old);
        before.write("/d/f", "changed");
        before.unlink("/big");
        FileSystem next = provider.mount(new MountRequest(lower.toString(), 0, Map.of(), Credentials.ROOT, old, List.of()));
        assertEquals(old.deviceId(), next.deviceId());
        old.close();
        Guest after = guest(next);
        assertEquals("changed", after.read("/d/f"));
        assertFalse(after.exists("/big"));
        after.write("/more", "m");
        assertEquals("m", after.read("/more"));
        next.close();
    }

    @Test
    void changesAreToldOneDirectoryAtATime() throws ErrnoException {
        OverlayFileSystem overlay = (OverlayFileSystem) mount();
        Guest guest = guest(overlay);
        assertEquals(List.of(), overlay.changes(guest.at("/d").inode()));
        guest.write("/d/f", "changed");
        guest.unlink("/big");
        guest.mkdir("/made");
        Map<String, LayerChange.Kind> kinds = new HashMap<>();
        overlay.changes(overlay.root()).forEach(change -> kinds.put(change.name(), change.kind()));
        assertEquals(Map.of("d", LayerChange.Kind.DIRECTORY, "big", LayerChange.Kind.REMOVED, "made", LayerChange.Kind.OPAQUE), kinds);
        assertEquals(List.of(new LayerChange("f", LayerChange.Kind.FILE)), overlay.changes(guest.at("/d").inode()));
        overlay.close();
    }

    @Test
    void aListingIsKeptUntilSomethingChanges() throws ErrnoException {
        FileSystem overlay = mount();
        Guest guest = guest(overlay);
        guest.write("/d/new", "n");
        OverlayDirectory d = (OverlayDirectory) guest.at("/d").inode();
        assertSame(d.entries(), d.entries());
        guest.unlink("/d/f");
        assertEquals(2, d.entries().size());
        guest.write("/d/f", "again");
        assertEquals(3, d.entries().size());
        overlay.close();
    }

    @Test
    void devicesAndAllTypesLieInTheUpperDirectory() throws ErrnoException {
        assumeTrue("root".equals(System.getProperty("user.name")), "device nodes take the superuser");
        FileSystem overlay = mount();
        Guest guest = guest(overlay);
        guest.vfs().mknod(guest, null, "/null", Stat.S_IFCHR | 0666, 0x103);
        guest.vfs().mknod(guest, null, "/fifo", Stat.S_IFIFO | 0640, 0);
        assertEquals(0x103, guest.stat("/null").rawDevice());
        assertFails(Errno.EPERM, () -> guest.vfs().mknod(guest, null, "/whiteout", Stat.S_IFCHR | 0666, 0));
        assertFails(Errno.ENXIO, () -> overlay.root().lookup("null").open(Fcntl.O_RDONLY));
        overlay.close();
    }
}
