package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ETXTBSY;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Writers;
import org.junit.jupiter.api.Test;

/** open(2). */
public interface OpenContract extends ContractSubject {
    @Test
    default void aCreatedFileHoldsWhatWasWritten() throws ErrnoException {
        root().write("/a", "hello");
        assertEquals("hello", root().read("/a"));
        assertEquals(5, root().stat("/a").sizeBytes());
    }

    @Test
    default void openingWhatIsNotThereIsEnoent() {
        fails(ENOENT, () -> root().open("/none", Fcntl.O_RDONLY));
        fails(ENOENT, () -> root().open("/none/x", Fcntl.O_RDONLY | Fcntl.O_CREAT));
        fails(ENOENT, () -> root().open("", Fcntl.O_RDONLY));
    }

    @Test
    default void exclusiveCreationOfAnExistingFileIsEexist() throws ErrnoException {
        root().write("/a", "x");
        fails(EEXIST, () -> root().open("/a", Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY));
        root().symlink("nowhere", "/dangling");
        fails(EEXIST, () -> root().open("/dangling", Fcntl.O_CREAT | Fcntl.O_EXCL | Fcntl.O_WRONLY));
    }

    @Test
    default void creationThroughADanglingLinkMakesItsTarget() throws ErrnoException {
        root().symlink("target", "/link");
        root().write("/link", "made");
        assertEquals("made", root().read("/target"));
        assertEquals(Stat.S_IFLNK, root().lstat("/link").mode() & Stat.S_IFMT);
    }

    @Test
    default void creationHonoursUmaskAndMode() throws ErrnoException {
        root().write("/a", "");
        assertEquals(0644, root().stat("/a").mode() & 07777);
        root().mkdir("/d");
        assertEquals(0755, root().stat("/d").mode() & 07777);
    }

    @Test
    default void truncationEmptiesAnExistingFile() throws ErrnoException {
        root().write("/a", "long content");
        root().open("/a", Fcntl.O_WRONLY | Fcntl.O_TRUNC).release();
        assertEquals(0, root().stat("/a").sizeBytes());
    }

    @Test
    default void directoriesCannotBeOpenedForWriting() throws ErrnoException {
        root().mkdir("/d");
        fails(EISDIR, () -> root().open("/d", Fcntl.O_WRONLY));
        fails(EISDIR, () -> root().open("/d", Fcntl.O_RDWR));
        fails(EISDIR, () -> root().open("/d", Fcntl.O_CREAT | Fcntl.O_RDONLY));
        fails(EISDIR, () -> root().open("/d/", Fcntl.O_CREAT | Fcntl.O_WRONLY));
        fails(EISDIR, () -> root().open("/new/", Fcntl.O_CREAT | Fcntl.O_WRONLY));
        root().open("/d", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY).release();
    }

    @Test
    default void aFileIsNoDirectory() throws ErrnoException {
        root().write("/a", "");
        fails(ENOTDIR, () -> root().open("/a", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY));
        fails(ENOTDIR, () -> root().open("/a/", Fcntl.O_RDONLY));
        fails(ENOTDIR, () -> root().open("/a/b", Fcntl.O_RDONLY));
        fails(EINVAL, () -> root().open("/x", Fcntl.O_CREAT | Fcntl.O_DIRECTORY));
    }

    @Test
    default void noFollowRefusesASymbolicLinkAtTheEnd() throws ErrnoException {
        root().write("/a", "x");
        root().symlink("a", "/link");
        fails(ELOOP, () -> root().open("/link", Fcntl.O_RDONLY | Fcntl.O_NOFOLLOW));
        FileDescription path = root().open("/link", Fcntl.O_PATH | Fcntl.O_NOFOLLOW);
        assertEquals(Stat.S_IFLNK, path.inode().mode() & Stat.S_IFMT);
        path.release();
    }

    @Test
    default void accessModesAreKept() throws ErrnoException {
        root().write("/a", "x");
        FileDescription reader = root().open("/a", Fcntl.O_RDONLY);
        fails(EBADF, () -> root().write(reader, "y"));
        reader.release();
        FileDescription writer = root().open("/a", Fcntl.O_WRONLY);
        fails(EBADF, () -> root().read(writer, 1));
        writer.release();
    }

    @Test
    default void appendingWritesAtTheEndWhateverTheOffset() throws ErrnoException {
        root().write("/a", "one");
        FileDescription file = root().open("/a", Fcntl.O_RDWR | Fcntl.O_APPEND);
        file.seek(0, Fcntl.SEEK_SET);
        root().write(file, "two");
        assertEquals(6, file.offset());
        root().writeAt(file, "three", 0);
        file.release();
        assertEquals("onetwothree", root().read("/a"));
    }

    @Test
    default void unnamedFilesCanBeNamedUnlessExclusive() throws ErrnoException {
        needs(Feature.UNNAMED_FILES);
        FileDescription file = root().open("/", Fcntl.O_TMPFILE | Fcntl.O_RDWR);
        root().write(file, "secret");
        assertEquals(0, file.inode().attributes().links());
        root().vfs().link(root(), file.location(), null, "/named");
        file.release();
        assertEquals("secret", root().read("/named"));
        FileDescription other = root().open("/", Fcntl.O_TMPFILE | Fcntl.O_RDWR | Fcntl.O_EXCL);
        fails(ENOENT, () -> root().vfs().link(root(), other.location(), null, "/other"));
        other.release();
        fails(EINVAL, () -> root().open("/", Fcntl.O_TMPFILE | Fcntl.O_RDONLY));
    }

    @Test
    default void specialFilesWithoutDriverAreEnxio() throws ErrnoException {
        needs(Feature.DEVICE_NODES);
        root().vfs().mknod(root(), null, "/dev", Stat.S_IFCHR | 0666, 0xfff00);
        fails(ENXIO, () -> root().open("/dev", Fcntl.O_RDONLY));
        root().vfs().mknod(root(), null, "/sock", Stat.S_IFSOCK | 0666, 0);
        fails(ENXIO, () -> root().open("/sock", Fcntl.O_RDONLY));
    }

    @Test
    default void aRunningProgramCannotBeWritten() throws ErrnoException {
        root().write("/prog", "code");
        root().chmod("/prog", 0755);
        Location place = root().at("/prog");
        FileDescription program = root().vfs().openProgram(root(), place);
        fails(ETXTBSY, () -> root().open("/prog", Fcntl.O_WRONLY));
        Writers.of(place.inode()).endRun();
        program.release();
        FileDescription writer = root().open("/prog", Fcntl.O_WRONLY);
        fails(ETXTBSY, () -> root().vfs().openProgram(root(), place));
        writer.release();
    }

    @Test
    default void noAccessTimeNeedsTheOwner() throws ErrnoException {
        root().write("/a", "x");
        Guest user = root().as(1000, 1000);
        fails(EPERM, () -> user.open("/a", Fcntl.O_RDONLY | Fcntl.O_NOATIME));
        fails(EACCES, () -> user.open("/a", Fcntl.O_WRONLY));
    }

    @Test
    default void aFileLivesOnAfterItsNameIsGone() throws ErrnoException {
        root().write("/a", "alive");
        FileDescription file = root().open("/a", Fcntl.O_RDWR);
        root().unlink("/a");
        assertFalse(root().exists("/a"));
        assertEquals("alive", root().read(file, 100));
        root().writeAt(file, "still", 0);
        assertEquals("still", root().readAt(file, 100, 0));
        assertEquals(0, file.inode().attributes().links());
        file.release();
        root().write("/a", "other");
        assertEquals("other", root().read("/a"));
        assertTrue(root().exists("/a"));
    }

    @Test
    default void newFilesBelongToTheirMaker() throws ErrnoException {
        needs(Feature.CHOWN);
        root().mkdir("/open");
        root().chmod("/open", 0777);
        Guest user = root().as(Credentials.ofUser(1000, 2000));
        user.write("/open/mine", "");
        assertEquals(1000, root().stat("/open/mine").uid());
        assertEquals(2000, root().stat("/open/mine").gid());
        root().mkdir("/shared");
        root().chown("/shared", 0, 3000);
        root().chmod("/shared", 02777);
        user.write("/shared/file", "");
        user.mkdir("/shared/dir");
        assertEquals(3000, root().stat("/shared/file").gid());
        assertEquals(3000, root().stat("/shared/dir").gid());
        assertEquals(Stat.S_ISGID, root().stat("/shared/dir").mode() & Stat.S_ISGID);
    }
}
