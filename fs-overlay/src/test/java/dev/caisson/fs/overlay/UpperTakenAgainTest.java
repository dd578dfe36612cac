package dev.caisson.fs.overlay;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.fs.host.HostDirectoryProvider;
import dev.caisson.fs.tmpfs.TmpfsProvider;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An overlay whose place another filesystem took, with files that stayed, gets its place back: the upper directory is in use all the time. */
class UpperTakenAgainTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);

    @TempDir
    Path directory;

    private Path lower;
    private Path upper;
    private FileSystem first;
    private FileSystem other;
    private final FileSystemProvider hosts = new HostDirectoryProvider(MEMORY);
    private final FileSystemProvider provider = new OverlayProvider(new TmpfsProvider(MEMORY), hosts);

    @BeforeEach
    void layers() throws IOException, ErrnoException {
        lower = Files.createDirectories(directory.resolve("lower"));
        upper = Files.createDirectories(directory.resolve("upper"));
        Files.createDirectories(lower.resolve("d"));
        Files.writeString(lower.resolve("d/f"), "lower");
        first = mount(Map.of(), null);
        guest(first).write("/d/g", "first");
        guest(first).write("/gone", "kept");
        other = hosts.mount(new MountRequest(upper.toString(), 0, Map.of("cache", "shared"), Credentials.ROOT));
    }

    @AfterEach
    void close() {
        other.close();
    }

    private FileSystem mount(Map<String, String> options, FileSystem leftBehind) throws ErrnoException {
        Map<String, String> all = new TreeMap<>(options);
        all.put("upperdir", upper.toString());
        return provider.mount(new MountRequest(lower.toString(), 0, all, Credentials.ROOT, other,
                leftBehind == null ? List.of() : List.of(leftBehind)));
    }

    private static Guest guest(FileSystem fileSystem) {
        MountNamespace namespace = new MountNamespace(fileSystem, "test", 0);
        Location top = namespace.rootLocation();
        return new Guest(new Vfs(), new FsContext(namespace, top, top, 0022), Credentials.ROOT);
    }

    @Test
    void whatOthersChangedInBetweenIsSeen() throws IOException, ErrnoException {
        Guest before = guest(first);
        assertEquals("lower", before.read("/d/f"));
        assertFalse(before.exists("/new"));
        assertEquals(5, before.stat("/d/g").sizeBytes());
        Files.writeString(upper.resolve("new"), "new");
        Files.writeString(upper.resolve("d/g"), "changed by others");
        Files.createDirectories(upper.resolve("made/below"));
        Files.delete(upper.resolve("gone"));

        FileSystem again = mount(Map.of(), first);
        Guest guest = guest(again);
        assertEquals("new", guest.read("/new"));
        assertEquals("changed by others", guest.read("/d/g"));
        assertEquals(17, guest.stat("/d/g").sizeBytes());
        assertTrue(guest.exists("/made/below"));
        assertFalse(guest.exists("/gone"));
        guest.write("/d/f", "copied up");
        first.close();
        guest.write("/d/h", "the upper layer is open still");
        assertEquals("the upper layer is open still", Files.readString(upper.resolve("d/h")));
        assertErrno(Errno.EBUSY, () -> mount(Map.of(), null));
        again.close();
        FileSystem third = mount(Map.of(), again); // it is closed: nothing is taken from it
        assertEquals("copied up", guest(third).read("/d/f"));
        third.close();
    }

    @Test
    void filesWithoutANameAreAdopted() throws ErrnoException {
        Inode gone = first.root().lookup("gone");
        OpenFile open = gone.open(Fcntl.O_RDWR);
        first.root().unlink("gone", gone);
        Inode named = first.root().lookup("d").lookup("g");
        Inode below = first.root().lookup("d").lookup("f");

        FileSystem again = mount(Map.of(), first);
        assertNull(again.adopt(named), "its name leads to it");
        assertNull(again.adopt(below), "it is not in the upper layer");
        assertNull(again.adopt(other.root()));
        Inode adopted = again.adopt(gone);
        assertNotNull(adopted);
        assertEquals(gone.number(), adopted.number());
        assertEquals(gone.attributes().deviceId(), adopted.attributes().deviceId());
        OpenFile second = adopted.open(Fcntl.O_RDWR);
        open.close();
        first.close();
        assertEquals(4, second.sizeBytes());
        assertEquals(0, adopted.attributes().links());
        second.close();
        again.close();
    }

    @Test
    void otherOptionsAreRefusedWhileItIsInUse() throws ErrnoException {
        String elsewhere = directory.resolve("another.work").toString();
        assertErrno(Errno.EBUSY, () -> mount(Map.of("workdir", elsewhere), first));
        assertErrno(Errno.EBUSY, () -> mount(Map.of("size", "1g"), first));
        first.close();
        mount(Map.of("workdir", elsewhere), first).close();
    }

    @Test
    void theLimitCountsWhatOthersAdded() throws IOException, ErrnoException {
        first.close();
        FileSystem limited = mount(Map.of("size", "1m"), null);
        long free = limited.status().freeBlocks();
        Files.write(upper.resolve("more"), new byte[400_000]);
        FileSystem again = mount(Map.of("size", "1m"), limited);
        limited.close();
        assertTrue(again.status().freeBlocks() < free - 90, "free: " + again.status().freeBlocks() + " of " + free);
        Guest guest = guest(again);
        assertTrue(guest.write(guest.open("/much", Fcntl.O_CREAT | Fcntl.O_WRONLY), "x".repeat(900_000)) < 700_000);
        again.close();
    }
}
