package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.vfs.FileDescription;
import java.util.List;
import org.junit.jupiter.api.Test;

/** mkdir(2), rmdir(2), mknod(2), unlink(2). */
public interface NameContract extends ContractSubject {
    @Test
    default void mkdirOfAnExistingNameIsEexist() throws ErrnoException {
        root().mkdir("/d");
        fails(EEXIST, () -> root().mkdir("/d"));
        fails(EEXIST, () -> root().mkdir("/d/"));
        fails(EEXIST, () -> root().mkdir("/"));
        fails(EEXIST, () -> root().mkdir("/d/."));
        fails(EEXIST, () -> root().mkdir("/d/.."));
        root().symlink("nowhere", "/l");
        fails(EEXIST, () -> root().mkdir("/l"));
        root().mkdir("/e/");
        assertEquals(List.of("d", "e", "l"), root().list("/"));
    }

    @Test
    default void mkdirBelowNothingIsEnoentAndBelowAFileEnotdir() throws ErrnoException {
        root().write("/f", "");
        fails(ENOENT, () -> root().mkdir("/none/d"));
        fails(ENOTDIR, () -> root().mkdir("/f/d"));
        fails(ENOENT, () -> root().mkdir(""));
    }

    @Test
    default void subdirectoriesCountAsLinks() throws ErrnoException {
        needs(Feature.DIRECTORY_LINKS);
        root().mkdir("/d");
        assertEquals(2, root().stat("/d").links());
        root().mkdir("/d/a");
        root().mkdir("/d/b");
        assertEquals(4, root().stat("/d").links());
        root().rmdir("/d/a");
        assertEquals(3, root().stat("/d").links());
    }

    @Test
    default void rmdirWantsAnEmptyDirectory() throws ErrnoException {
        root().mkdir("/d");
        root().write("/d/f", "");
        fails(ENOTEMPTY, () -> root().rmdir("/d"));
        fails(ENOTDIR, () -> root().rmdir("/d/f"));
        fails(ENOENT, () -> root().rmdir("/none"));
        fails(EINVAL, () -> root().rmdir("/d/."));
        fails(ENOTEMPTY, () -> root().rmdir("/d/.."));
        fails(EBUSY, () -> root().rmdir("/"));
        root().unlink("/d/f");
        root().rmdir("/d/");
        assertTrue(root().list("/").isEmpty());
    }

    @Test
    default void nothingCanBeMadeInARemovedDirectory() throws ErrnoException {
        root().mkdir("/d");
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        root().rmdir("/d");
        fails(ENOENT, () -> root().vfs().mkdir(root(), directory.location(), "x", 0777));
        fails(ENOENT, () -> root().vfs().open(root(), directory.location(), "x", Fcntl.O_CREAT | Fcntl.O_WRONLY, 0666, 0));
        fails(ENOENT, () -> directory.readDirectory((name, inode, type, next) -> true));
        directory.release();
    }

    @Test
    default void unlinkRefusesDirectories() throws ErrnoException {
        root().mkdir("/d");
        fails(EISDIR, () -> root().unlink("/d"));
        fails(EISDIR, () -> root().unlink("/d/"));
        fails(EISDIR, () -> root().unlink("/"));
        fails(EISDIR, () -> root().unlink("/d/.."));
        fails(ENOENT, () -> root().unlink("/none"));
        root().write("/f", "");
        fails(ENOTDIR, () -> root().unlink("/f/"));
        fails(ENOTDIR, () -> root().unlink("/f/x"));
    }

    @Test
    default void unlinkRemovesTheLinkNotItsTarget() throws ErrnoException {
        root().write("/f", "x");
        root().symlink("f", "/l");
        root().unlink("/l");
        assertEquals(List.of("f"), root().list("/"));
    }

    @Test
    default void namesHaveAtMost255Bytes() throws ErrnoException {
        String longest = "n".repeat(255);
        root().write("/" + longest, "x");
        assertEquals(List.of(longest), root().list("/"));
        fails(ENAMETOOLONG, () -> root().write("/" + longest + "n", "x"));
        fails(ENAMETOOLONG, () -> root().stat("/" + longest + "n"));
        fails(ENAMETOOLONG, () -> root().mkdir("/" + longest + "n"));
        fails(ENAMETOOLONG, () -> root().stat("/a".repeat(2048)));
        root().unlink("/" + longest);
    }

    @Test
    default void namesMayHoldAnyBytes() throws ErrnoException {
        needs(Feature.ANY_NAMES);
        String odd = "\u0001\n \u00ff\u0080\\*";
        root().write("/" + odd, "x");
        assertEquals(List.of(odd), root().list("/"));
        root().unlink("/" + odd);
        assertTrue(root().list("/").isEmpty());
    }

    @Test
    default void mknodMakesEveryType() throws ErrnoException {
        root().vfs().mknod(root(), null, "/reg", 0600, 0);
        assertEquals(Stat.S_IFREG | 0600, root().stat("/reg").mode());
        fails(EPERM, () -> root().vfs().mknod(root(), null, "/dir", Stat.S_IFDIR | 0700, 0));
        fails(EINVAL, () -> root().vfs().mknod(root(), null, "/lnk", Stat.S_IFLNK | 0700, 0));
        fails(EEXIST, () -> root().vfs().mknod(root(), null, "/reg", 0600, 0));
        fails(ENOENT, () -> root().vfs().mknod(root(), null, "/other/", 0600, 0));
    }

    @Test
    default void fifosAndDevicesKeepTheirTypeAndNumber() throws ErrnoException {
        needs(Feature.FIFOS);
        root().vfs().mknod(root(), null, "/fifo", Stat.S_IFIFO | 0600, 0);
        assertEquals(Stat.S_IFIFO | 0600, root().stat("/fifo").mode());
        needs(Feature.DEVICE_NODES);
        long number = DeviceNumbers.of(1, 3);
        root().vfs().mknod(root(), null, "/null", Stat.S_IFCHR | 0666, number);
        assertEquals(Stat.S_IFCHR | 0644, root().stat("/null").mode());
        assertEquals(number, root().stat("/null").rawDevice());
        fails(EPERM, () -> {
            root().chmod("/", 0777);
            root().as(1000, 1000).vfs().mknod(root().as(1000, 1000), null, "/mine", Stat.S_IFCHR | 0666, number);
        });
    }

    @Test
    default void changesOfADirectoryMoveItsTimes() throws ErrnoException {
        root().mkdir("/d");
        root().vfs().setTimes(root(), root().at("/d"), 1000, 1000);
        root().write("/d/f", "");
        assertTrue(root().stat("/d").modifyNs() > 1000);
        root().vfs().setTimes(root(), root().at("/d"), 1000, 1000);
        root().unlink("/d/f");
        assertTrue(root().stat("/d").modifyNs() > 1000);
    }
}
