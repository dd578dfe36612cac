package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.testing.fs.Guest.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.vfs.FileDescription;
import org.junit.jupiter.api.Test;

/** read(2), write(2), lseek(2), fallocate(2). */
public interface ContentContract extends ContractSubject {
    @Test
    default void offsetsMoveWithReadsAndWrites() throws ErrnoException {
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        assertEquals(6, root().write(file, "abcdef"));
        assertEquals(6, file.offset());
        assertEquals("", root().read(file, 10));
        assertEquals(2, file.seek(2, Fcntl.SEEK_SET));
        assertEquals("cd", root().read(file, 2));
        assertEquals(3, file.seek(-1, Fcntl.SEEK_CUR));
        assertEquals("def", root().read(file, 10));
        assertEquals(4, file.seek(-2, Fcntl.SEEK_END));
        root().write(file, "EFGH");
        assertEquals("abcdEFGH", root().readAt(file, 100, 0));
        assertEquals(8, file.offset());
        fails(EINVAL, () -> file.seek(-1, Fcntl.SEEK_SET));
        fails(EINVAL, () -> file.seek(0, 99));
        file.release();
    }

    @Test
    default void positionsDoNotMoveTheOffset() throws ErrnoException {
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        root().writeAt(file, "xyz", 100);
        assertEquals(0, file.offset());
        assertEquals(103, file.inode().attributes().sizeBytes());
        assertEquals("xyz", root().readAt(file, 10, 100));
        assertEquals("", root().readAt(file, 10, 103));
        assertEquals("", root().readAt(file, 10, 5000));
        fails(EINVAL, () -> root().readAt(file, 10, -1));
        file.release();
    }

    @Test
    default void holesReadAsZerosAndTakeNoRoom() throws ErrnoException {
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        root().writeAt(file, "end", 10_000_000);
        assertEquals("\0\0\0\0", root().readAt(file, 4, 5_000_000));
        assertEquals(10_000_003, file.inode().attributes().sizeBytes());
        assertTrue(file.inode().attributes().blocks() < 1000);
        needs(Feature.HOLES);
        assertEquals(0, file.seek(0, Fcntl.SEEK_HOLE));
        long data = file.seek(0, Fcntl.SEEK_DATA);
        assertTrue(data > 9_000_000 && data <= 10_000_000);
        assertEquals(10_000_003, file.seek(10_000_001, Fcntl.SEEK_HOLE));
        fails(ENXIO, () -> file.seek(10_000_003, Fcntl.SEEK_DATA));
        file.release();
    }

    @Test
    default void largeWritesComeBackWhole() throws ErrnoException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; text.length() < 50_000; i++) {
            text.append(i).append(' ');
        }
        root().write("/f", text.toString());
        assertEquals(text.toString(), root().read("/f"));
        FileDescription file = root().open("/f", Fcntl.O_RDWR);
        root().writeAt(file, "#".repeat(5000), 4000);
        text.replace(4000, 9000, "#".repeat(5000));
        assertEquals(text.substring(0, 20_000), root().readAt(file, 20_000, 0));
        file.release();
    }

    @Test
    default void cutContentDoesNotComeBack() throws ErrnoException {
        root().write("/f", "x".repeat(10_000));
        FileDescription file = root().open("/f", Fcntl.O_RDWR);
        root().vfs().truncate(root(), file, 5000);
        root().vfs().truncate(root(), file, 10_000);
        assertEquals("x".repeat(5000) + "\0".repeat(5000), root().readAt(file, 10_000, 0));
        file.release();
    }

    @Test
    default void readingADirectoryIsEisdir() throws ErrnoException {
        root().mkdir("/d");
        FileDescription directory = root().open("/d", Fcntl.O_RDONLY);
        fails(EISDIR, () -> root().read(directory, 10));
        directory.release();
    }

    @Test
    default void allocationGrowsAndPunchingMakesHoles() throws ErrnoException {
        needs(Feature.PUNCH_HOLE);
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        file.file().allocate(0, 0, 8192);
        assertEquals(8192, file.inode().attributes().sizeBytes());
        file.file().allocate(Fcntl.FALLOC_FL_KEEP_SIZE, 8192, 4096);
        assertEquals(8192, file.inode().attributes().sizeBytes());
        root().writeAt(file, "y".repeat(8192), 0);
        file.file().allocate(Fcntl.FALLOC_FL_PUNCH_HOLE | Fcntl.FALLOC_FL_KEEP_SIZE, 100, 4096);
        assertEquals("y".repeat(100) + "\0".repeat(4096) + "y".repeat(100), root().readAt(file, 4296, 0));
        file.release();
    }

    @Test
    default void theLargestOffsetIsTheLimit() throws ErrnoException {
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        fails(EFBIG, () -> root().writeAt(file, "xx", Long.MAX_VALUE));
        file.release();
    }

    @Test
    default void filesCanBeSynced() throws ErrnoException {
        FileDescription file = root().open("/f", Fcntl.O_CREAT | Fcntl.O_RDWR);
        root().write(file, "x");
        file.file().sync(true);
        file.file().sync(false);
        file.inode().fileSystem().sync();
        file.release();
    }
}
