package dev.caisson.fs.ninep;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.testing.kit.Await;
import dev.caisson.vfs.FileLocks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Locks of programs in the sandbox and of others on the host, who is this test: each sees the other's. */
@Timeout(600)
class ServerLocksTest {
    private static final NewNode FILE = new NewNode(0100644, 0, 0, 0);

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private final Object alice = new Object();
    private final Object bob = new Object();

    @TempDir
    private Path directory;
    private ServerProcess server;
    private NinepFileSystem fileSystem;
    private NinepDirectory root;
    private Inode inode;
    private FileLocks locks;
    private FileChannel host;

    /** Waits until its time is up, and tells that it does. */
    private static final class Patience implements Blocker {
        final CountDownLatch waits = new CountDownLatch(1);

        @Override
        public Waiter waiter() {
            return mask -> { };
        }

        @Override
        public boolean block(long deadlineNs) throws ErrnoException {
            waits.countDown();
            LockSupport.parkNanos(deadlineNs - System.nanoTime());
            return false;
        }
    }

    @BeforeEach
    void start() throws IOException, ErrnoException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        server = ServerProcess.gofer(List.of(tree), directory.resolve("socket"));
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 20_000, true),
                CachePolicy.SHARED, false, memory);
        root = (NinepDirectory) fileSystem.root();
        inode = root.create("file", FILE);
        locks = FileLocks.of(inode);
        host = FileChannel.open(tree.resolve("file"), StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    @AfterEach
    void stop() throws IOException {
        host.close();
        fileSystem.close();
        server.close();
    }

    private void assertHostCan(long position, long size, boolean isShared) throws IOException {
        try (FileLock lock = host.tryLock(position, size, isShared)) {
            assertTrue(lock != null, "the host can lock " + position);
        }
    }

    private void assertHostCannot(long position, long size, boolean isShared) throws IOException {
        assertNull(host.tryLock(position, size, isShared));
    }

    @Test
    void theHostSeesLocksOfTheSandboxAndWhatIsLeftOfThem() throws Exception {
        locks.lock(alice, 1, true, 0, 99, null);
        assertHostCannot(50, 1, true);
        assertHostCan(100, 100, false);
        locks.unlock(alice, 20, 29);
        assertHostCan(20, 10, false);
        assertHostCannot(19, 1, false);
        assertHostCannot(30, 1, false);
        locks.lock(alice, 1, false, 0, 19, null); // weaker
        assertHostCan(0, 20, true);
        assertHostCannot(0, 20, false);
        locks.releaseOwner(alice);
        assertHostCan(0, Long.MAX_VALUE, false);
    }

    @Test
    void aLockOfTwoProgramsIsGivenBackByTheLastOne() throws Exception {
        locks.lock(alice, 1, false, 0, 99, null);
        locks.lock(bob, 2, false, 50, FileLocks.TO_END, null);
        locks.unlock(alice, 0, FileLocks.TO_END);
        assertHostCan(0, 50, false);
        assertHostCannot(50, 10, false);
        assertHostCannot(1_000_000, 10, false);
        locks.unlock(bob, 0, FileLocks.TO_END);
        assertHostCan(50, 10, false);
    }

    @Test
    void theSandboxSeesLocksOfTheHost() throws Exception {
        try (FileLock held = host.lock(10, 10, false)) {
            assertTrue(held.isValid());
            assertErrno(Errno.EAGAIN, () -> locks.lock(alice, 1, true, 0, 10, null));
            assertHostCan(0, 10, false); // nothing is left of the attempt
            FileLocks.Range found = locks.test(alice, false, 0, 100);
            assertEquals(10, found.start());
            assertEquals(19, found.end());
            assertTrue(found.exclusive());
            locks.lock(alice, 1, true, 20, 29, null);
        }
        assertNull(locks.test(alice, false, 0, 100));
        locks.lock(alice, 1, true, 0, 10, null);
    }

    @Test
    void aStrongerLockThatCannotBeHadLeavesTheWeakerOne() throws Exception {
        locks.lock(alice, 1, false, 0, 99, null);
        try (FileLock held = host.lock(50, 1, true)) {
            assertTrue(held.isValid());
            assertErrno(Errno.EAGAIN, () -> locks.lock(alice, 1, true, 0, 99, null));
        }
        assertHostCan(0, 100, true);
        assertHostCannot(0, 1, false);
        assertHostCannot(99, 1, false);
    }

    @Test
    void whoWaitsGetsTheLockOrIsInterrupted() throws Exception {
        Patience patience = new Patience();
        CompletableFuture<Void> waiting;
        try (FileLock held = host.lock(0, 10, false)) {
            assertTrue(held.isValid());
            waiting = run(() -> locks.lock(alice, 1, true, 0, 9, patience));
            patience.waits.await();
            assertErrno(Errno.ERESTARTSYS, () -> locks.lock(bob, 2, true, 5, 9, new Never()));
        }
        waiting.get(Await.PATIENCE_S, TimeUnit.SECONDS);
        assertHostCannot(0, 1, false);
    }

    /** For a lock that somebody in the sandbox stands in the way of: the signal is there at once. */
    private static final class Never implements Blocker {
        @Override
        public Waiter waiter() {
            return mask -> { };
        }

        @Override
        public boolean block(long deadlineNs) throws ErrnoException {
            throw Errno.ERESTARTSYS.error();
        }
    }

    private interface Action {
        void run() throws ErrnoException;
    }

    private static CompletableFuture<Void> run(Action action) {
        return CompletableFuture.runAsync(() -> {
            try {
                action.run();
            } catch (ErrnoException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void locksAreTakenAnewOnTheNextConnection() throws Exception {
        locks.lock(alice, 1, true, 0, 9, null);
        locks.lock(bob, 2, false, 20, FileLocks.TO_END, null);
        server.kill();
        assertHostCan(0, 100, false);
        server.start();
        inode.attributes(); // anything that needs the server
        root.lookup("nothing");
        assertHostCannot(0, 10, true);
        assertHostCan(10, 10, false);
        assertHostCannot(20, 1, false);
        locks.unlock(alice, 0, FileLocks.TO_END);
        assertHostCan(0, 20, false);
    }

    @Test
    void whoeverLosesALockToSomebodyElseIsTold() throws Exception {
        OpenFile file = inode.open(Fcntl.O_RDWR);
        locks.lock(alice, 1, true, 0, 9, null);
        server.kill();
        try (FileLock held = host.lock(0, 1, false); Arena arena = Arena.ofConfined()) {
            assertTrue(held.isValid());
            server.start();
            root.lookup("nothing");
            assertErrno(Errno.EIO, () -> file.read(IoBuffer.of(arena.allocate(8)), 0));
            assertErrno(Errno.EIO, () -> locks.lock(alice, 1, true, 20, 29, null));
            locks.unlock(alice, 0, FileLocks.TO_END);
            assertEquals(0, file.read(IoBuffer.of(arena.allocate(8)), 0));
            locks.lock(alice, 1, true, 20, 29, null);
        }
        file.close();
    }

    @Test
    void locksMayBeLeftToTheSandbox() throws Exception {
        assertTrue(inode.locksElsewhere());
        fileSystem.close();
        fileSystem = new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), "tree", "root", 0, 64 << 10, 20_000, true),
                CachePolicy.EXCLUSIVE, false, memory);
        Inode own = fileSystem.root().lookup("file");
        assertFalse(own.locksElsewhere());
        FileLocks.of(own).lock(alice, 1, true, 0, 9, null);
        assertHostCan(0, 10, false);
    }
}
