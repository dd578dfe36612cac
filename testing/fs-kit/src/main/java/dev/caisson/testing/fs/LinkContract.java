package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.vfs.FileDescription;
import org.junit.jupiter.api.Test;

/** link(2), symlink(2), readlink(2). */
public interface LinkContract extends ContractSubject {
    @Test
    default void hardLinksShareTheFile() throws ErrnoException {
        needs(Feature.HARD_LINKS);
        root().write("/a", "one");
        root().mkdir("/d");
        root().link("/a", "/d/b");
        assertEquals(2, root().stat("/a").links());
        assertEquals(root().stat("/a").inode(), root().stat("/d/b").inode());
        root().write("/d/b", "two");
        assertEquals("two", root().read("/a"));
        root().unlink("/a");
        assertEquals(1, root().stat("/d/b").links());
        assertEquals("two", root().read("/d/b"));
    }

    @Test
    default void hardLinkErrors() throws ErrnoException {
        needs(Feature.HARD_LINKS);
        root().write("/a", "");
        root().mkdir("/d");
        fails(EPERM, () -> root().link("/d", "/e"));
        fails(EEXIST, () -> root().link("/a", "/d"));
        fails(EEXIST, () -> root().link("/a", "/a"));
        fails(ENOENT, () -> root().link("/none", "/b"));
        fails(ENOENT, () -> root().link("/a", "/none/b"));
        fails(ENOENT, () -> root().link("/a", "/b/"));
        FileDescription gone = root().open("/a", Fcntl.O_RDONLY);
        root().unlink("/a");
        fails(ENOENT, () -> root().vfs().link(root(), gone.location(), null, "/again"));
        gone.release();
    }

    @Test
    default void usersMayNotLinkToFilesOfOthersTheyCannotWrite() throws ErrnoException {
        needs(Feature.HARD_LINKS);
        root().write("/a", "");
        root().mkdir("/open");
        root().chmod("/open", 0777);
        fails(EPERM, () -> root().as(1000, 1000).link("/a", "/open/b"));
        root().chmod("/a", 0666);
        root().as(1000, 1000).link("/a", "/open/b");
    }

    @Test
    default void aLinkToALinkNamesTheLink() throws ErrnoException {
        needs(Feature.HARD_LINKS);
        root().symlink("nowhere", "/l");
        root().link("/l", "/m");
        assertEquals(Stat.S_IFLNK, root().lstat("/m").mode() & Stat.S_IFMT);
        assertEquals(2, root().lstat("/l").links());
    }

    @Test
    default void symbolicLinksTellTheirTarget() throws ErrnoException {
        root().symlink("some/where", "/l");
        assertEquals("some/where", root().vfs().readLink(root(), root().vfs().resolve(root(), null, "/l", 0)));
        assertEquals(10, root().lstat("/l").sizeBytes());
        assertEquals(Stat.S_IFLNK | 0777, root().lstat("/l").mode());
        root().write("/f", "");
        fails(EINVAL, () -> root().vfs().readLink(root(), root().at("/f")));
        fails(ENOENT, () -> root().symlink("", "/m"));
        fails(EEXIST, () -> root().symlink("x", "/f"));
        fails(ENOENT, () -> root().symlink("x", "/n/"));
        String longest = "x".repeat(4095);
        root().symlink(longest, "/long");
        assertEquals(longest, root().vfs().readLink(root(), root().vfs().resolve(root(), null, "/long", 0)));
    }

    @Test
    default void symbolicLinksAreFollowedRelativeToWhereTheyAre() throws ErrnoException {
        root().mkdir("/d");
        root().write("/d/f", "deep");
        root().symlink("d", "/alias");
        root().symlink("../d/f", "/d/up");
        root().symlink("/alias/f", "/absolute");
        assertEquals("deep", root().read("/alias/f"));
        assertEquals("deep", root().read("/alias/up"));
        assertEquals("deep", root().read("/absolute"));
        root().symlink("f", "/d/one");
        root().symlink("/d/f/", "/slash");
        fails(ENOTDIR, () -> root().read("/slash"));
    }

    @Test
    default void loopsOfLinksEnd() throws ErrnoException {
        root().symlink("b", "/a");
        root().symlink("a", "/b");
        fails(ELOOP, () -> root().stat("/a"));
        fails(ELOOP, () -> root().stat("/a/x"));
        root().write("/l0", "end");
        for (int i = 1; i <= 41; i++) {
            root().symlink("l" + (i - 1), "/l" + i);
        }
        assertEquals("end", root().read("/l40"));
        fails(ELOOP, () -> root().read("/l41"));
    }
}
