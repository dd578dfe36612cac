package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Paths;
import java.util.List;
import org.junit.jupiter.api.Test;

/** rename(2), renameat2(2). */
public interface RenameContract extends ContractSubject {
    @Test
    default void renameMovesAFileBetweenDirectories() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/b");
        root().write("/a/f", "content");
        long inode = root().stat("/a/f").inode();
        root().rename("/a/f", "/b/g");
        assertEquals("content", root().read("/b/g"));
        assertEquals(inode, root().stat("/b/g").inode());
        assertTrue(root().list("/a").isEmpty());
        assertEquals(List.of("g"), root().list("/b"));
    }

    @Test
    default void renameReplacesAFile() throws ErrnoException {
        root().write("/old", "old");
        root().write("/new", "new");
        FileDescription replaced = root().open("/new", Fcntl.O_RDONLY);
        root().rename("/old", "/new");
        assertEquals("old", root().read("/new"));
        assertEquals("new", root().read(replaced, 10));
        assertEquals(0, replaced.inode().attributes().links());
        replaced.release();
        assertFalse(root().exists("/old"));
    }

    @Test
    default void renameMatrixOfTypes() throws ErrnoException {
        root().write("/file", "");
        root().mkdir("/dir");
        root().mkdir("/full");
        root().write("/full/x", "");
        root().mkdir("/empty");
        fails(EISDIR, () -> root().rename("/file", "/dir"));
        fails(ENOTDIR, () -> root().rename("/dir", "/file"));
        fails(ENOTEMPTY, () -> root().rename("/dir", "/full"));
        root().rename("/full", "/empty");
        assertEquals(List.of("x"), root().list("/empty"));
        fails(ENOENT, () -> root().rename("/none", "/other"));
        fails(ENOENT, () -> root().rename("/file", "/none/other"));
        fails(ENOTDIR, () -> root().rename("/file", "/file/other"));
    }

    @Test
    default void aDirectoryCannotMoveIntoItself() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/b");
        root().mkdir("/a/b/c");
        fails(EINVAL, () -> root().rename("/a", "/a/b/x"));
        fails(EINVAL, () -> root().rename("/a", "/a/x"));
        fails(ENOTEMPTY, () -> root().rename("/a/b/c", "/a"));
        fails(ENOTEMPTY, () -> root().rename("/a/b", "/a"));
    }

    @Test
    default void dotsAndTheRootAreBusy() throws ErrnoException {
        root().mkdir("/a");
        fails(EBUSY, () -> root().rename("/a/.", "/b"));
        fails(EBUSY, () -> root().rename("/a/..", "/b"));
        fails(EBUSY, () -> root().rename("/", "/b"));
        fails(EBUSY, () -> root().rename("/a", "/a/.."));
        fails(EEXIST, () -> root().rename("/a", "/a/..", Fcntl.RENAME_NOREPLACE));
    }

    @Test
    default void trailingSlashesAreForDirectories() throws ErrnoException {
        root().write("/f", "");
        root().mkdir("/d");
        fails(ENOTDIR, () -> root().rename("/f/", "/g"));
        fails(ENOTDIR, () -> root().rename("/f", "/g/"));
        root().rename("/d/", "/e/");
        assertTrue(root().exists("/e"));
    }

    @Test
    default void renamingToTheSameFileDoesNothing() throws ErrnoException {
        root().write("/f", "x");
        root().rename("/f", "/f");
        assertEquals("x", root().read("/f"));
        needs(Feature.HARD_LINKS);
        root().link("/f", "/g");
        root().rename("/f", "/g");
        assertEquals(List.of("f", "g"), root().list("/"));
    }

    @Test
    default void noReplaceKeepsTheTarget() throws ErrnoException {
        root().write("/f", "f");
        root().write("/g", "g");
        fails(EEXIST, () -> root().rename("/f", "/g", Fcntl.RENAME_NOREPLACE));
        root().rename("/f", "/h", Fcntl.RENAME_NOREPLACE);
        assertEquals(List.of("g", "h"), root().list("/"));
        fails(EINVAL, () -> root().rename("/g", "/h", Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE));
        fails(EINVAL, () -> root().rename("/g", "/h", 64));
    }

    @Test
    default void exchangeSwapsFilesOfAnyType() throws ErrnoException {
        needs(Feature.EXCHANGE);
        root().mkdir("/a");
        root().mkdir("/a/sub");
        root().write("/f", "file");
        root().rename("/a/sub", "/f", Fcntl.RENAME_EXCHANGE);
        assertEquals("file", root().read("/a/sub"));
        assertEquals(Stat.S_IFDIR, root().stat("/f").mode() & Stat.S_IFMT);
        assertEquals(root().stat("/").inode(), root().stat("/f/..").inode());
        fails(ENOENT, () -> root().rename("/f", "/none", Fcntl.RENAME_EXCHANGE));
        root().mkdir("/f/inner");
        fails(EINVAL, () -> root().rename("/f", "/f/inner", Fcntl.RENAME_EXCHANGE));
    }

    @Test
    default void whiteoutLeavesADeviceBehind() throws ErrnoException {
        needs(Feature.WHITEOUT);
        root().write("/f", "x");
        root().rename("/f", "/g", Fcntl.RENAME_WHITEOUT);
        assertEquals(Stat.S_IFCHR, root().lstat("/f").mode() & Stat.S_IFMT);
        assertEquals(0, root().lstat("/f").rawDevice());
        assertEquals("x", root().read("/g"));
    }

    @Test
    default void linkCountsFollowAMovedDirectory() throws ErrnoException {
        needs(Feature.DIRECTORY_LINKS);
        root().mkdir("/a");
        root().mkdir("/b");
        root().mkdir("/a/d");
        root().rename("/a/d", "/b/d");
        assertEquals(2, root().stat("/a").links());
        assertEquals(3, root().stat("/b").links());
        assertEquals(root().stat("/b").inode(), root().stat("/b/d/..").inode());
    }

    @Test
    default void openFilesFollowTheirName() throws ErrnoException {
        root().mkdir("/a");
        root().mkdir("/a/d");
        root().write("/a/d/f", "x");
        FileDescription file = root().open("/a/d/f", Fcntl.O_RDONLY);
        root().rename("/a", "/z");
        assertEquals("/z/d/f", Paths.of(file.location(), root().fs().root()));
        assertEquals("x", root().read("/z/d/f"));
        fails(ENOENT, () -> root().read("/a/d/f"));
        root().unlink("/z/d/f");
        assertEquals("/z/d/f (deleted)", Paths.of(file.location(), root().fs().root()));
        file.release();
    }
}
