package dev.caisson.fs.tmpfs;

import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount.Propagation;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Paths;
import dev.caisson.vfs.Vfs;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Mounts over real filesystems: mount(2), umount2(2), pivot_root(2) as the VFS does them. */
class MountsTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);

    private MountNamespace namespace;
    private FsContext fs;
    private Guest root;

    private static TmpfsFileSystem tmpfs() {
        return new TmpfsFileSystem(MEMORY, new TmpfsOptions(0, 0, 0755, 0, 0, ""));
    }

    @BeforeEach
    void mountRoot() throws ErrnoException {
        namespace = new MountNamespace(tmpfs(), "root", 0);
        Location top = namespace.rootLocation();
        fs = new FsContext(namespace, top, top, 0022);
        root = new Guest(new Vfs(), fs, Credentials.ROOT);
        root.mkdir("/mnt");
        root.mkdir("/other");
        root.write("/mnt/below", "");
    }

    private void mount(String path, long flags) throws ErrnoException {
        namespace.mount(tmpfs(), "tmpfs", flags, root.at(path));
    }

    private void unmount(String path, int flags) throws ErrnoException {
        namespace.unmount(root.at(path), fs.root(), flags);
    }

    @Test
    void aMountCoversWhatWasThere() throws ErrnoException {
        mount("/mnt", 0);
        assertTrue(root.list("/mnt").isEmpty());
        root.write("/mnt/f", "inside");
        assertEquals("/mnt/f", Paths.of(root.at("/mnt/f"), fs.root()));
        assertSame(root.at("/").dentry(), root.at("/mnt/..").dentry());
        fails(Errno.EXDEV, () -> root.rename("/mnt/f", "/f"));
        fails(Errno.EXDEV, () -> root.link("/mnt/f", "/f"));
        fails(Errno.EBUSY, () -> root.rmdir("/mnt"));
        fails(Errno.EBUSY, () -> root.rename("/mnt", "/moved"));
        unmount("/mnt", 0);
        assertEquals(List.of("below"), root.list("/mnt"));
        fails(Errno.EINVAL, () -> unmount("/mnt", 0));
    }

    @Test
    void mountsStack() throws ErrnoException {
        mount("/mnt", 0);
        root.write("/mnt/first", "");
        mount("/mnt", 0);
        root.write("/mnt/second", "");
        assertEquals(List.of("second"), root.list("/mnt"));
        unmount("/mnt", 0);
        assertEquals(List.of("first"), root.list("/mnt"));
    }

    @Test
    void usedMountsAreBusyUnlessDetached() throws ErrnoException {
        mount("/mnt", 0);
        root.write("/mnt/f", "alive");
        FileDescription file = root.open("/mnt/f", Fcntl.O_RDONLY);
        fails(Errno.EBUSY, () -> unmount("/mnt", 0));
        unmount("/mnt", 2);
        assertEquals("alive", root.read(file, 100));
        assertEquals(List.of("below"), root.list("/mnt"));
        file.release();
    }

    @Test
    void readOnlyMountsRefuseChanges() throws ErrnoException {
        mount("/mnt", 0);
        root.write("/mnt/f", "x");
        namespace.remount(root.at("/mnt"), 1);
        fails(Errno.EROFS, () -> root.write("/mnt/g", ""));
        fails(Errno.EROFS, () -> root.open("/mnt/f", Fcntl.O_WRONLY));
        fails(Errno.EROFS, () -> root.unlink("/mnt/f"));
        fails(Errno.EROFS, () -> root.unlink("/mnt/none"));
        fails(Errno.EROFS, () -> root.mkdir("/mnt/d"));
        fails(Errno.EEXIST, () -> root.mkdir("/mnt/f"));
        fails(Errno.EROFS, () -> root.chmod("/mnt/f", 0));
        fails(Errno.EROFS, () -> root.rename("/mnt/f", "/mnt/g"));
        fails(Errno.EROFS, () -> root.vfs().access(root.at("/mnt/f"), Fcntl.W_OK, Credentials.ROOT));
        assertEquals("x", root.read("/mnt/f"));
        namespace.remount(root.at("/mnt"), 0);
        root.write("/mnt/g", "");
    }

    @Test
    void bindsShowTheSameFiles() throws ErrnoException {
        root.mkdir("/mnt/sub");
        root.write("/mnt/sub/f", "shared");
        namespace.bind(root.at("/mnt/sub"), root.at("/other"), false);
        assertEquals("shared", root.read("/other/f"));
        root.write("/other/g", "");
        assertTrue(root.exists("/mnt/sub/g"));
        assertEquals("/other/f", Paths.of(root.at("/other/f"), fs.root()));
        assertEquals("/mnt/sub", Paths.rootWithin(root.at("/other").mount()));
        root.write("/file", "one");
        root.write("/target", "two");
        namespace.bind(root.at("/file"), root.at("/target"), false);
        assertEquals("one", root.read("/target"));
        fails(Errno.ENOTDIR, () -> namespace.bind(root.at("/file"), root.at("/other"), false));
        fails(Errno.EBUSY, () -> root.unlink("/target"));
    }

    @Test
    void recursiveBindsTakeTheMountsBelowAlong() throws ErrnoException {
        root.mkdir("/mnt/sub");
        mount("/mnt/sub", 0);
        root.write("/mnt/sub/f", "deep");
        namespace.bind(root.at("/mnt"), root.at("/other"), true);
        assertEquals("deep", root.read("/other/sub/f"));
        fails(Errno.EBUSY, () -> unmount("/other", 0));
        unmount("/other", 2);
        assertEquals("deep", root.read("/mnt/sub/f"));
    }

    @Test
    void mountsMove() throws ErrnoException {
        mount("/mnt", 0);
        root.write("/mnt/f", "x");
        namespace.move(root.at("/mnt"), root.at("/other"));
        assertEquals("x", root.read("/other/f"));
        assertEquals(List.of("below"), root.list("/mnt"));
        root.mkdir("/other/in");
        fails(Errno.ELOOP, () -> namespace.move(root.at("/other"), root.at("/other/in")));
    }

    @Test
    void sharedMountsTellTheirPeers() throws ErrnoException {
        mount("/mnt", 0);
        namespace.propagation(root.at("/mnt"), Propagation.SHARED, false);
        namespace.bind(root.at("/mnt"), root.at("/other"), false);
        root.mkdir("/mnt/d");
        mount("/mnt/d", 0);
        root.write("/mnt/d/f", "both");
        assertEquals("both", root.read("/other/d/f"));
        unmount("/mnt/d", 0);
        assertFalse(root.exists("/other/d/f"));
    }

    @Test
    void aCopiedNamespaceGoesItsOwnWay() throws ErrnoException {
        mount("/mnt", 0);
        root.write("/mnt/f", "x");
        FsContext copy = fs.copyInNewNamespace();
        Guest other = new Guest(root.vfs(), copy, Credentials.ROOT);
        assertEquals("x", other.read("/mnt/f"));
        copy.namespace().unmount(other.at("/mnt"), copy.root(), 0);
        assertFalse(other.exists("/mnt/f"));
        assertEquals("x", root.read("/mnt/f"));
    }

    @Test
    void pivotRootExchangesTheRoot() throws ErrnoException {
        mount("/mnt", 0);
        root.mkdir("/mnt/old");
        root.write("/mnt/new", "");
        namespace.pivotRoot(root.at("/mnt"), root.at("/mnt/old"), fs.root());
        assertEquals(List.of("new", "old"), root.list("/"));
        assertTrue(root.exists("/old/other"));
        namespace.unmount(root.at("/old"), fs.root(), 2);
        assertTrue(root.list("/old").isEmpty());
        assertEquals(1, Vfs.visibleMounts(fs).size());
    }

    @Test
    void chrootConfinesPaths() throws ErrnoException {
        root.mkdir("/mnt/jail");
        root.write("/mnt/jail/f", "x");
        root.symlink("/f", "/mnt/jail/link");
        root.vfs().changeRoot(root, root.at("/mnt"));
        assertTrue(root.exists("/jail"));
        assertSame(root.at("/").dentry(), root.at("/..").dentry());
        fails(Errno.ENOENT, () -> root.read("/jail/link"));
        assertEquals("(unreachable)/", Paths.workingDirectory(fs.workingDirectory(), fs.root()));
    }

    @Test
    void mountBordersCanBeForbidden() throws ErrnoException {
        mount("/mnt", 0);
        fails(Errno.EXDEV, () -> new PathWalker(fs, Credentials.ROOT, null, "mnt", Fcntl.RESOLVE_NO_XDEV).walk(0));
        Location inside = root.at("/mnt");
        fails(Errno.EXDEV, () -> new PathWalker(fs, Credentials.ROOT, inside, "..", Fcntl.RESOLVE_NO_XDEV).walk(0));
    }
}
