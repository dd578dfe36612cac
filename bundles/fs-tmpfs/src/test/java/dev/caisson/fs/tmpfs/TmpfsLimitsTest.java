package dev.caisson.fs.tmpfs;

import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.spi.fs.SealedFile;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Options of tmpfs, and what happens when room runs out. */
class TmpfsLimitsTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);

    private static FileSystem mount(Map<String, String> options) throws ErrnoException {
        return new TmpfsProvider(MEMORY).mount(new MountRequest("tmpfs", 0, options, Credentials.ROOT));
    }

    private static Guest guest(FileSystem fileSystem) {
        MountNamespace namespace = new MountNamespace(fileSystem, "tmpfs", 0);
        Location top = namespace.rootLocation();
        return new Guest(new Vfs(), new FsContext(namespace, top, top, 0), Credentials.ROOT);
    }

    @Test
    void theSizeOptionLimitsContent() throws ErrnoException {
        FileSystem small = mount(Map.of("size", "16k"));
        Guest root = guest(small);
        FileDescription file = root.open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        assertEquals(16384, root.write(file, "x".repeat(20_000)));
        fails(Errno.ENOSPC, () -> root.write(file, "y"));
        assertEquals(0, small.status().freeBlocks());
        root.unlink("/f");
        file.release();
        assertEquals(4, small.status().freeBlocks());
        root.write("/g", "room again");
    }

    @Test
    void theInodeOptionLimitsFiles() throws ErrnoException {
        FileSystem small = mount(Map.of("nr_inodes", "3"));
        Guest root = guest(small);
        root.write("/a", "");
        root.mkdir("/b");
        fails(Errno.ENOSPC, () -> root.write("/c", ""));
        fails(Errno.ENOSPC, () -> root.symlink("x", "/c"));
        root.unlink("/a");
        root.symlink("x", "/c");
        assertEquals(0, small.status().freeFiles());
    }

    @Test
    void optionsAreCheckedAndShown() throws ErrnoException {
        fails(Errno.EINVAL, () -> mount(Map.of("nonsense", "1")));
        fails(Errno.EINVAL, () -> mount(Map.of("size", "lots")));
        FileSystem shown = mount(Map.of("mode", "700"));
        assertEquals("mode=700", shown.options());
        assertEquals(0700, shown.root().mode() & 07777);
    }

    @Test
    void sealsForbidWhatTheyName() throws ErrnoException {
        Guest root = guest(mount(Map.of()));
        FileDescription file = root.open("/", Fcntl.O_TMPFILE | Fcntl.O_RDWR);
        SealedFile sealed = (SealedFile) file.inode();
        fails(Errno.EPERM, () -> sealed.addSeals(Fcntl.F_SEAL_GROW));
        sealed.allowSealing();
        root.write(file, "12345678");
        sealed.addSeals(Fcntl.F_SEAL_GROW);
        fails(Errno.EPERM, () -> root.write(file, "more"));
        root.writeAt(file, "abc", 0);
        sealed.addSeals(Fcntl.F_SEAL_SHRINK);
        fails(Errno.EPERM, () -> root.vfs().truncate(root, file, 0));
        sealed.addSeals(Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_SEAL);
        fails(Errno.EPERM, () -> root.writeAt(file, "x", 0));
        fails(Errno.EPERM, () -> sealed.addSeals(Fcntl.F_SEAL_WRITE));
        assertEquals("abc45678", root.readAt(file, 100, 0));
        file.release();
    }
}
