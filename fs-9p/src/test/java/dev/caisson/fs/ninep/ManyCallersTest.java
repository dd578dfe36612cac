package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.FileLockRange;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Many tasks on one connection, and what they see when the server is killed and started again. */
@Timeout(180)
class ManyCallersTest {
    private static final int CALLERS = 8;
    private static final int ROUNDS = 60;
    private static final NewNode FILE = new NewNode(0100644, 0, 0, 0);

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);

    @TempDir
    private Path directory;
    private Path tree;
    private ServerProcess server;
    private NinepFileSystem fileSystem;

    @BeforeEach
    void start() throws IOException {
        tree = Files.createDirectory(directory.resolve("tree"));
        server = ServerProcess.gofer(List.of(tree), directory.resolve("socket"));
    }

    private NinepDirectory mount(CachePolicy policy, boolean isExtended) throws ErrnoException {
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 20_000, isExtended),
                policy, false, memory);
        return (NinepDirectory) fileSystem.root();
    }

    @AfterEach
    void stop() {
        if (fileSystem != null) {
            fileSystem.close();
        }
        server.close();
    }

    private static void together(List<Callable<Void>> callers) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(callers.size())) {
            for (Future<Void> result : threads.invokeAll(callers)) {
                result.get();
            }
        }
    }

    private static void write(Inode inode, int value, long position) throws ErrnoException {
        OpenFile open = inode.open(Fcntl.O_RDWR);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(20_000);
            bytes.fill((byte) value);
            assertEquals(20_000, open.write(IoBuffer.of(bytes), position));
        } finally {
            open.close();
        }
    }

    private static void check(Inode inode, int value, long position) throws ErrnoException {
        OpenFile open = inode.open(Fcntl.O_RDONLY);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(20_000);
            assertEquals(20_000, open.read(IoBuffer.of(bytes), position));
            for (byte b : bytes.toArray(ValueLayout.JAVA_BYTE)) {
                assertEquals((byte) value, b);
            }
        } finally {
            open.close();
        }
    }

    private void manyCallers(NinepDirectory root) throws Exception {
        List<Callable<Void>> callers = new ArrayList<>();
        for (int i = 0; i < CALLERS; i++) {
            int own = i;
            Inode mine = root.create("file" + i, FILE);
            callers.add(() -> {
                for (int round = 0; round < ROUNDS; round++) {
                    write(mine, own * 16 + round, round % 7 * 1000L);
                    check(mine, own * 16 + round, round % 7 * 1000L);
                    Inode other = root.lookup("file" + (own + round) % CALLERS);
                    assertNotNull(other);
                    assertEquals(0100644, other.attributes().mode());
                    if (round % 10 == 0) {
                        root.open(Fcntl.O_RDONLY).readDirectory(0, (name, inode, type, next) -> true);
                    }
                }
                return null;
            });
        }
        together(callers);
        assertTrue(fileSystem.session().fidCount() < 100, () -> "fids: " + count());
    }

    private int count() {
        try {
            return fileSystem.session().fidCount();
        } catch (ErrnoException e) {
            return -1;
        }
    }

    @Test
    void manyCallersGetTheirOwnAnswers() throws Exception {
        manyCallers(mount(CachePolicy.SHARED, false));
    }

    @Test
    void manyCallersGetTheirOwnDescriptors() throws Exception {
        manyCallers(mount(CachePolicy.SHARED, true));
    }

    @Test
    void aServerThatIsKilledAndStartedAgainCostsTimeOnly() throws Exception {
        NinepDirectory root = mount(CachePolicy.EXCLUSIVE, false);
        AtomicInteger progress = new AtomicInteger();
        List<Callable<Void>> callers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int own = i;
            callers.add(() -> {
                for (int round = 0; round < ROUNDS; round++) {
                    String name = "file" + own + "." + round;
                    Inode made = root.create(name, FILE);
                    write(made, own + round, 0);
                    root.rename(name, made, root, name + "x", null, 0);
                    check(root.lookup(name + "x"), own + round, 0);
                    root.unlink(name + "x", made);
                    progress.incrementAndGet();
                }
                return null;
            });
        }
        callers.add(() -> {
            for (int i = 1; i <= 3; i++) {
                while (progress.get() < i * 40) {
                    Thread.onSpinWait();
                }
                server.kill();
                server.start();
            }
            return null;
        });
        together(callers);
        assertEquals(0, tree.toFile().list().length);
    }

    @Test
    void anUnlinkedOpenFileIsLostWithItsServer() throws Exception {
        NinepDirectory root = mount(CachePolicy.SHARED, false);
        Inode file = root.create("file", FILE);
        OpenFile open = file.open(Fcntl.O_RDWR);
        root.unlink("file", file);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(5);
            assertEquals(5, open.write(IoBuffer.of(bytes), 0));
            server.kill();
            server.start();
            try {
                open.read(IoBuffer.of(bytes), 0);
            } catch (ErrnoException e) {
                assertEquals(Errno.EIO, e.errno());
                return;
            } finally {
                open.close();
            }
        }
        throw new AssertionError("read what is gone");
    }

    @Test
    void recordLocksAreTheServers() throws Exception {
        NinepDirectory root = mount(CachePolicy.SHARED, false);
        root.create("file", FILE);
        Session session = fileSystem.session();
        int first = session.walk(session.root(), List.of("file")).fid();
        int second = session.walk(session.root(), List.of("file")).fid();
        session.open(first, Fcntl.O_RDWR);
        session.open(second, Fcntl.O_RDWR);
        FileLockRange range = new FileLockRange(Protocol.LOCK_WRITE, 0, 10, 7, "caisson");
        assertEquals(Protocol.LOCK_SUCCESS, session.lock(first, 0, range));
        assertEquals(Protocol.LOCK_BLOCKED, session.lock(second, 0, range));
        assertEquals(Protocol.LOCK_WRITE, session.testLock(second, range).type());
        assertEquals(Protocol.LOCK_SUCCESS, session.lock(first, 0, new FileLockRange(Protocol.LOCK_UNLOCK, 0, 0, 7, "caisson")));
        assertEquals(Protocol.LOCK_UNLOCK, session.testLock(second, range).type());
    }
}
