package dev.caisson.host;

import static dev.caisson.abi.Fcntl.AT_FDCWD;
import static dev.caisson.abi.Fcntl.AT_REMOVEDIR;
import static dev.caisson.abi.Fcntl.O_CREAT;
import static dev.caisson.abi.Fcntl.O_DIRECTORY;
import static dev.caisson.abi.Fcntl.O_PATH;
import static dev.caisson.abi.Fcntl.O_RDWR;
import static dev.caisson.abi.Fcntl.RESOLVE_BENEATH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of the host, by descriptor and below a directory. */
class HostFileTest {
    @TempDir
    private Path directory;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer = arena.allocate(4096, 8);
    private int root;

    @BeforeEach
    void open() {
        root = (int) HostPath.open(AT_FDCWD, directory.toString(), O_PATH | O_DIRECTORY, 0);
        assertTrue(root >= 0);
    }

    @AfterEach
    void close() {
        HostFile.close(root);
        arena.close();
    }

    @Test
    void whatIsWrittenIsRead() throws Exception {
        int fd = (int) HostPath.open(root, "file", O_CREAT | O_RDWR, 0600);
        buffer.setString(0, "hello");
        assertEquals(5, HostFile.write(fd, buffer.address(), 5));
        assertEquals(2, HostFile.pwrite(fd, buffer.address(), 2, 5));
        assertEquals(7, HostFile.size(fd));
        assertEquals(7, HostFile.pread(fd, buffer.address() + 100, 100, 0));
        assertEquals("hellohe", text(100, 7));
        assertEquals(7, HostFile.seek(fd, 0, 2));
        assertEquals(0, HostFile.truncate(fd, 3));
        assertEquals(0, HostFile.pread(fd, buffer.address(), 10, 3));
        assertEquals(0, HostFile.close(fd));
        assertEquals("hel", Files.readString(directory.resolve("file")));
        assertEquals(-Errno.EBADF.number(), HostFile.close(fd));
    }

    @Test
    void openBeneathStaysBeneath() {
        assertEquals(-Errno.EXDEV.number(), HostPath.open(root, "../x", O_RDWR, 0, RESOLVE_BENEATH));
        assertEquals(-Errno.EXDEV.number(), HostPath.open(root, "/etc/passwd", 0, 0, RESOLVE_BENEATH));
        assertEquals(-Errno.ENOENT.number(), HostPath.open(root, "x", 0, 0, RESOLVE_BENEATH));
    }

    @Test
    void namesAreBytesAndNotCharacters() throws Exception {
        String name = new String("grüße\u00ff".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        int fd = (int) HostPath.open(root, name, O_CREAT | O_RDWR, 0600);
        assertTrue(fd >= 0);
        assertEquals(directory + "/" + name,
            HostPath.link(AT_FDCWD, "/proc/self/fd/" + fd));
        HostFile.close(fd);
        assertEquals(0, HostPath.unlink(root, name, 0));
    }

    @Test
    void namesThatAreTooLongAreRefusedWithoutACall() {
        assertEquals(-Errno.ENAMETOOLONG.number(), HostPath.open(root, "x".repeat(4096), 0, 0));
        assertEquals(-Errno.ENAMETOOLONG.number(), HostPath.makeDirectory(root, "x".repeat(256), 0700));
    }

    @Test
    void treesAreMadeAndUnmade() {
        assertEquals(0, HostPath.makeDirectory(root, "d", 0700));
        assertEquals(0, HostPath.symlink("d", root, "s"));
        assertEquals("d", HostPath.link(root, "s"));
        assertNull(HostPath.link(root, "d"));
        assertEquals(0, HostPath.makeNode(root, "d/fifo", 0010600, 0));
        assertEquals(0, HostPath.linkFile(root, "d/fifo", root, "d/other", 0));
        assertEquals(0, HostPath.rename(root, "d/other", root, "moved", 0));
        assertEquals(-Errno.EEXIST.number(), HostPath.rename(root, "moved", root, "d/fifo", 1 /* RENAME_NOREPLACE */));
        assertEquals(-Errno.ENOTEMPTY.number(), HostPath.unlink(root, "d", AT_REMOVEDIR));
        assertEquals(0, HostPath.unlink(root, "d/fifo", 0));
        assertEquals(0, HostPath.unlink(root, "d", AT_REMOVEDIR));
    }

    @Test
    void timesAndModesAreSet() throws Exception {
        HostFile.close((int) HostPath.open(root, "f", O_CREAT | O_RDWR, 0600));
        assertEquals(0, HostPath.changeMode(root, "f", 0640));
        assertEquals(0, HostPath.changeTimes(root, "f", 1, 2, 3, 4, 0));
        assertEquals(0, HostPath.statx(root, "f", 0, 0x7ff, buffer.address()));
        assertEquals(0100640, buffer.get(Layouts.U16, 28) & 0xffff);
        assertEquals(1, buffer.get(Layouts.U64, 64));
        assertEquals(3, buffer.get(Layouts.U64, 112));
        assertEquals(4, buffer.get(Layouts.U32, 120));
    }

    @Test
    void pipesCarryBytesAndEventsCount() {
        long pipe = HostFile.pipe(0);
        int reader = (int) pipe;
        int writer = (int) (pipe >>> 32);
        int epoll = (int) HostEpoll.create();
        assertEquals(0, HostEpoll.control(epoll, 1, reader, 1, 0x1234567890L));
        assertEquals(0, HostEpoll.await(epoll, buffer.address(), 4, 0));
        assertEquals(3, HostFile.write(writer, buffer.address(), 3));
        assertEquals(1, HostEpoll.await(epoll, buffer.address(), 4, 1000));
        assertEquals(1, buffer.get(Layouts.U32, 0));
        assertEquals(0x1234567890L, buffer.get(Layouts.U64, 4));
        assertFalse(HostFile.isTerminal(reader));
        for (int fd : new int[] {reader, writer, epoll}) {
            HostFile.close(fd);
        }
        int event = (int) HostEventFd.create(0, 0x800);
        assertEquals(-Errno.EAGAIN.number(), HostEventFd.take(event));
        assertEquals(8, HostEventFd.add(event, 5));
        assertEquals(8, HostEventFd.add(event, 6));
        assertEquals(11, HostEventFd.take(event));
        HostFile.close(event);
    }

    @Test
    void memoryFilesAreSharedAndPunched() {
        int fd = (int) HostMemory.createFile("test", 1);
        assertEquals(0, HostMemory.resize(fd, 1 << 20));
        MemorySegment mapped = HostMemory.mapFile(fd, 4096, 8192, true);
        mapped.set(Layouts.U64, 0, 77);
        assertEquals(8, HostFile.pread(fd, buffer.address(), 8, 4096));
        assertEquals(77, buffer.get(Layouts.U64, 0));
        assertEquals(0, HostMemory.punchHole(fd, 4096, 4096));
        assertEquals(0, mapped.get(Layouts.U64, 0));
        assertEquals(0, HostMemory.unmap(mapped.address(), mapped.byteSize()));
        assertNull(HostMemory.mapFile(-1, 0, 4096, false));
        HostFile.close(fd);
    }

    @Test
    void threadsArePinnedToOneProcessor() throws Exception {
        int[] all = HostScheduler.processors();
        assertTrue(all.length >= 1);
        FutureTask<long[]> pinned = new FutureTask<>(() -> new long[] {
            HostScheduler.pin(0, all[all.length - 1]), HostScheduler.currentProcessor(), HostScheduler.processors().length});
        new Thread(pinned).start();
        assertArrayEquals(new long[] {0, all[all.length - 1], all.length}, pinned.get());
    }

    @Test
    void theTimeStampCounterGoesOn() {
        long first = HostTsc.read();
        assertTrue(HostTsc.read() - first > 0);
        HostTsc.isInvariant();
        assertTrue(HostProcessor.xsaveBytes() == 0 || (HostProcessor.xsaveStates() & 3) == 3);
    }

    @Test
    void futexesTimeOut() {
        buffer.set(Layouts.U32, 0, 5);
        assertEquals(-Errno.EAGAIN.number(), HostFutex.await(buffer.address(), 4, -1));
        assertEquals(-Errno.ETIMEDOUT.number(), HostFutex.await(buffer.address(), 5, 1000));
        assertEquals(0, HostFutex.wake(buffer.address(), 1));
    }

    @Test
    void theHostHasAName() {
        assertEquals("Linux", HostSystem.name(0));
        assertTrue(HostSystem.clockNs(1) > 0);
    }

    private String text(long at, int length) {
        byte[] bytes = new byte[length];
        MemorySegment.copy(buffer, Layouts.U8, at, bytes, 0, length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
