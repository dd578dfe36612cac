package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import org.junit.jupiter.api.Test;

/** path_resolution(7) and the sticky bit. */
public interface PermissionContract extends ContractSubject {
    @Test
    default void ownerGroupAndOthersHaveTheirBits() throws ErrnoException {
        needs(Feature.CHOWN);
        root().write("/f", "x");
        root().chown("/f", 1000, 2000);
        root().chmod("/f", 0640);
        root().as(1000, 9).open("/f", Fcntl.O_RDWR).release();
        root().as(1, 2000).open("/f", Fcntl.O_RDONLY).release();
        fails(EACCES, () -> root().as(1, 2000).open("/f", Fcntl.O_WRONLY));
        fails(EACCES, () -> root().as(1, 1).open("/f", Fcntl.O_RDONLY));
        root().chmod("/f", 0077);
        fails(EACCES, () -> root().as(1000, 2000).open("/f", Fcntl.O_RDONLY));
        assertEquals("x", root().read("/f"));
    }

    @Test
    default void searchPermissionCountsOnEveryStep() throws ErrnoException {
        root().mkdir("/d");
        root().mkdir("/d/e");
        root().write("/d/e/f", "x");
        root().chmod("/d", 0700);
        Guest user = root().as(1000, 1000);
        fails(EACCES, () -> user.stat("/d/e/f"));
        fails(EACCES, () -> user.stat("/d/none"));
        fails(EACCES, () -> user.stat("/d/.."));
        root().chmod("/d", 0711);
        assertEquals("x", user.read("/d/e/f"));
        fails(EACCES, () -> user.list("/d"));
    }

    @Test
    default void changingADirectoryNeedsWriteAndSearch() throws ErrnoException {
        root().mkdir("/d");
        root().write("/d/f", "");
        Guest user = root().as(1000, 1000);
        fails(EACCES, () -> user.write("/d/new", ""));
        fails(EACCES, () -> user.mkdir("/d/new"));
        fails(EACCES, () -> user.unlink("/d/f"));
        fails(EACCES, () -> user.rename("/d/f", "/d/g"));
        fails(EACCES, () -> user.symlink("x", "/d/l"));
        root().chmod("/d", 0777);
        user.write("/d/new", "");
        user.unlink("/d/f");
    }

    @Test
    default void existingNamesWinOverPermission() throws ErrnoException {
        root().mkdir("/d");
        root().write("/d/f", "");
        Guest user = root().as(1000, 1000);
        fails(dev.caisson.abi.Errno.EEXIST, () -> user.mkdir("/d/f"));
        fails(dev.caisson.abi.Errno.EEXIST, () -> user.symlink("x", "/d/f"));
        fails(dev.caisson.abi.Errno.ENOENT, () -> user.unlink("/d/none"));
    }

    @Test
    default void stickyDirectoriesProtectFilesOfOthers() throws ErrnoException {
        needs(Feature.CHOWN);
        root().mkdir("/tmp");
        root().chmod("/tmp", 01777);
        Guest alice = root().as(1000, 1000);
        Guest bob = root().as(1001, 1001);
        alice.write("/tmp/a", "x");
        alice.mkdir("/tmp/d");
        bob.write("/tmp/b", "y");
        fails(EPERM, () -> bob.unlink("/tmp/a"));
        fails(EPERM, () -> bob.rmdir("/tmp/d"));
        fails(EPERM, () -> bob.rename("/tmp/a", "/tmp/c"));
        fails(EPERM, () -> bob.rename("/tmp/b", "/tmp/a"));
        alice.rename("/tmp/a", "/tmp/c");
        alice.unlink("/tmp/c");
        root().unlink("/tmp/b");
    }

    @Test
    default void stickyDirectoriesProtectFromLinksAndFilesOfOthers() throws ErrnoException {
        needs(Feature.CHOWN);
        root().mkdir("/tmp");
        root().chmod("/tmp", 01777);
        Guest alice = root().as(1000, 1000);
        Guest bob = root().as(1001, 1001);
        alice.write("/tmp/file", "x");
        alice.chmod("/tmp/file", 0666);
        alice.symlink("file", "/tmp/link");
        fails(EACCES, () -> bob.read("/tmp/link"));
        assertEquals("x", alice.read("/tmp/link"));
        fails(EACCES, () -> bob.open("/tmp/file", Fcntl.O_CREAT | Fcntl.O_WRONLY));
        bob.open("/tmp/file", Fcntl.O_WRONLY).release();
    }

    @Test
    default void movingADirectoryOfSomebodyElseNeedsWriteAccessToIt() throws ErrnoException {
        needs(Feature.CHOWN);
        root().mkdir("/a");
        root().mkdir("/b");
        root().chmod("/a", 0777);
        root().chmod("/b", 0777);
        root().mkdir("/a/d");
        Guest user = root().as(1000, 1000);
        user.rename("/a/d", "/a/e");
        fails(EACCES, () -> user.rename("/a/e", "/b/e"));
    }
}
