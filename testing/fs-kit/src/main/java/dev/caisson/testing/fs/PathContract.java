package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EXDEV;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Paths;
import org.junit.jupiter.api.Test;

/** path_resolution(7) and openat2(2). */
public interface PathContract extends ContractSubject {
    private Location resolve(String start, String path, int resolve) throws ErrnoException {
        return new PathWalker(root().fs(), root().credentials(), root().at(start), path, resolve).walk(PathWalker.FOLLOW);
    }

    @Test
    default void dotsAndSlashesMeanWhatTheyMean() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/b");
        root().write("/a/b/f", "x");
        assertEquals("x", root().read("//a///b/./../b//f"));
        assertEquals("x", root().read("/../../a/b/f"));
        assertSame(root().at("/a").dentry(), root().at("/a/b/..").dentry());
        root().symlink("/a/b", "/a/absolute");
        assertEquals("x", root().read("/a/absolute/f"));
        fails(ENOENT, () -> root().read("/a/none/../b/f"));
        fails(ENOTDIR, () -> root().read("/a/b/f/.."));
        fails(ENOTDIR, () -> root().read("/a/b/f/."));
    }

    @Test
    default void theWorkingDirectoryStartsRelativePaths() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/b");
        root().write("/a/b/f", "x");
        root().vfs().changeDirectory(root(), root().at("/a"));
        assertEquals("x", root().read("b/f"));
        assertEquals("/a", Paths.workingDirectory(root().fs().workingDirectory(), root().fs().root()));
        root().vfs().changeDirectory(root(), root().at("b"));
        root().rename("/a", "/z");
        assertEquals("/z/b", Paths.workingDirectory(root().fs().workingDirectory(), root().fs().root()));
        root().unlink("f");
        root().rmdir("/z/b");
        fails(ENOENT, () -> Paths.workingDirectory(root().fs().workingDirectory(), root().fs().root()));
    }

    @Test
    default void beneathStaysBeneath() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/b");
        root().write("/a/f", "x");
        root().symlink("/a/f", "/a/absolute");
        root().symlink("../a/f", "/a/outside");
        root().symlink("b/../f", "/a/inside");
        assertSame(root().at("/a/f").dentry(), resolve("/a", "b/../f", Fcntl.RESOLVE_BENEATH).dentry());
        assertSame(root().at("/a/f").dentry(), resolve("/a", "inside", Fcntl.RESOLVE_BENEATH).dentry());
        fails(EXDEV, () -> resolve("/a", "..", Fcntl.RESOLVE_BENEATH));
        fails(EXDEV, () -> resolve("/a", "/a/f", Fcntl.RESOLVE_BENEATH));
        fails(EXDEV, () -> resolve("/a", "absolute", Fcntl.RESOLVE_BENEATH));
        fails(EXDEV, () -> resolve("/a", "outside", Fcntl.RESOLVE_BENEATH));
    }

    @Test
    default void inRootTreatsTheStartAsRoot() throws ErrnoException {
        root().mkdir("/a");
        root().write("/a/f", "x");
        root().symlink("/f", "/a/link");
        assertSame(root().at("/a/f").dentry(), resolve("/a", "/f", Fcntl.RESOLVE_IN_ROOT).dentry());
        assertSame(root().at("/a/f").dentry(), resolve("/a", "../../f", Fcntl.RESOLVE_IN_ROOT).dentry());
        assertSame(root().at("/a/f").dentry(), resolve("/a", "link", Fcntl.RESOLVE_IN_ROOT).dentry());
    }

    @Test
    default void linksCanBeForbidden() throws ErrnoException {
        root().mkdir("/a");
        root().write("/a/f", "x");
        root().symlink("a", "/l");
        fails(ELOOP, () -> resolve("/", "l/f", Fcntl.RESOLVE_NO_SYMLINKS));
        assertSame(root().at("/a/f").dentry(), resolve("/", "l/f", Fcntl.RESOLVE_NO_MAGICLINKS).dentry());
    }
}
