package dev.caisson.vfs;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import org.junit.jupiter.api.Test;

class FdTableTest {
    private final FdTable table = new FdTable(100);
    private final TestFiles file = new TestFiles();

    private int open() throws ErrnoException {
        return table.install(new TestFiles().describe(Fcntl.O_RDWR), false);
    }

    @Test
    void theLowestFreeDescriptorIsTaken() throws ErrnoException {
        assertEquals(0, open());
        assertEquals(1, open());
        assertEquals(2, open());
        table.close(1);
        assertEquals(1, open());
        assertEquals(3, open());
    }

    @Test
    void theLimitIsEmfile() throws ErrnoException {
        for (int i = 0; i < 100; i++) {
            assertEquals(i, open());
        }
        FileDescription late = file.describe(Fcntl.O_RDWR);
        assertErrno(Errno.EMFILE, () -> table.install(late, false));
        assertEquals(1, file.closed);
        table.close(70);
        assertEquals(70, open());
    }

    @Test
    void theCapacityGrowsAsThatOfLinux() throws ErrnoException {
        FdTable large = new FdTable(2000);
        int fd = large.install(file.describe(Fcntl.O_RDWR), false);
        assertEquals(64, large.capacity());
        large.duplicateOnto(fd, 64, false);
        assertEquals(128, large.capacity());
        large.duplicateOnto(fd, 500, false);
        assertEquals(512, large.capacity());
        large.close(500);
        large.duplicateOnto(fd, 130, false);
        assertEquals(512, large.capacity());
        assertEquals(256, large.copy().capacity());
        large.close(130);
        large.close(64);
        assertEquals(64, large.copy().capacity());
    }

    @Test
    void aReservedDescriptorIsTaken() throws ErrnoException {
        int fd = table.reserve(false);
        assertNull(table.peek(fd));
        assertTrue(table.isTaken(fd));
        table.unreserve(fd);
        assertFalse(table.isTaken(fd));
        assertFalse(table.isTaken(1000));
    }

    @Test
    void theLastReferenceClosesTheFile() throws ErrnoException {
        int fd = table.install(file.describe(Fcntl.O_RDWR), false);
        int copy = table.duplicate(fd, 10, true);
        assertEquals(10, copy);
        assertTrue(table.isCloseOnExec(copy));
        assertFalse(table.isCloseOnExec(fd));
        FileDescription borrowed = table.borrow(fd);
        table.close(fd);
        table.close(copy);
        assertEquals(2, file.flushed);
        assertEquals(0, file.closed);
        borrowed.release();
        assertEquals(1, file.closed);
        assertErrno(Errno.EBADF, () -> table.borrow(fd));
        assertErrno(Errno.EBADF, () -> table.close(fd));
    }

    @Test
    void duplicatingOntoAnOpenDescriptorClosesIt() throws ErrnoException {
        int fd = table.install(file.describe(Fcntl.O_RDWR), false);
        int other = open();
        assertEquals(fd, table.duplicateOnto(other, fd, true));
        assertEquals(1, file.closed);
        assertSame(table.peek(other), table.peek(fd));
        assertTrue(table.isCloseOnExec(fd));
        assertErrno(Errno.EBADF, () -> table.duplicateOnto(50, 60, false));
        assertErrno(Errno.EBADF, () -> table.duplicateOnto(fd, 100, false));
        assertErrno(Errno.EBADF, () -> table.duplicateOnto(fd, -1, false));
        assertEquals(99, table.duplicateOnto(fd, 99, false));
        assertErrno(Errno.EINVAL, () -> table.duplicate(fd, 100, false));
        assertErrno(Errno.EBADF, () -> table.duplicate(50, 0, false));
    }

    @Test
    void execveClosesWhatIsMarked() throws ErrnoException {
        int kept = open();
        int gone = table.install(file.describe(Fcntl.O_RDWR), true);
        table.closeForExec();
        assertNotNull(table.peek(kept));
        assertNull(table.peek(gone));
        assertEquals(1, file.closed);
        assertEquals(gone, open());
    }

    @Test
    void rangesAreClosedOrMarked() throws ErrnoException {
        for (int i = 0; i < 6; i++) {
            open();
        }
        table.closeRange(2, 3, true);
        assertTrue(table.isCloseOnExec(2));
        assertFalse(table.isCloseOnExec(4));
        table.closeRange(3, 0xffffffffL, false);
        assertArrayEquals(new int[] {0, 1, 2}, table.descriptors());
    }

    @Test
    void aCopySharesDescriptionsButNotDescriptors() throws ErrnoException {
        int fd = table.install(file.describe(Fcntl.O_RDWR), true);
        FdTable copy = table.copy();
        assertSame(table.peek(fd), copy.peek(fd));
        assertTrue(copy.isCloseOnExec(fd));
        table.close(fd);
        assertEquals(0, file.closed);
        assertNotNull(copy.peek(fd));
        copy.release();
        assertEquals(1, file.closed);
    }

    @Test
    void reservedDescriptorsAreTakenButNotOpen() throws ErrnoException {
        int fd = table.reserve(false);
        assertErrno(Errno.EBADF, () -> table.borrow(fd));
        assertEquals(fd + 1, open());
        assertErrno(Errno.EBUSY, () -> table.duplicateOnto(fd + 1, fd, false));
        table.fill(fd, file.describe(Fcntl.O_RDWR));
        table.borrow(fd).release();
        int second = table.reserve(false);
        table.unreserve(second);
        assertEquals(second, open());
    }

    @Test
    void pathDescriptorsAreOpenOnlyForThoseWhoTakeThem() throws ErrnoException {
        int fd = table.install(new TestFiles().describe(Fcntl.O_PATH), false);
        assertErrno(Errno.EBADF, () -> table.borrow(fd));
        table.borrowAny(fd).release();
    }
}
