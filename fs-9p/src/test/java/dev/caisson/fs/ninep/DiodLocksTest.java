package dev.caisson.fs.ninep;

import static dev.caisson.testing.kit.Errors.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.vfs.FileLocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Locks of two sandboxes on a file of Debian's diod, whose locks are flock(2)'s, on whole files: never is less locked there than
 * programs here have, and sometimes more.
 */
@Timeout(600)
class DiodLocksTest {
    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private final Object alice = new Object();
    private final Object bob = new Object();

    @TempDir
    private Path directory;
    private Path tree;
    private ServerProcess server;
    private NinepFileSystem here;
    private NinepFileSystem there;
    private FileLocks ours;
    private FileLocks theirs;

    @BeforeEach
    void start() throws IOException, ErrnoException {
        tree = Files.createDirectory(directory.resolve("tree"));
        server = ServerProcess.diod(tree, directory.resolve("socket"));
        here = mount();
        there = mount();
        Inode inode = ((NinepDirectory) here.root()).create("file", new NewNode(0100644, 0, 0, 0));
        ours = FileLocks.of(inode);
        theirs = FileLocks.of(there.root().lookup("file"));
    }

    private NinepFileSystem mount() throws ErrnoException {
        return new NinepFileSystem(new ServerOptions(ServerAddress.of(server.address()), tree.toString(), "root", 0, 64 << 10, 20_000, true),
                CachePolicy.SHARED, false, memory);
    }

    @AfterEach
    void stop() {
        if (here != null) {
            here.close();
            there.close();
            server.close();
        }
    }

    private void assertTheyCannot(boolean isExclusive) {
        assertErrno(Errno.EAGAIN, () -> theirs.lock(bob, 2, isExclusive, 0, FileLocks.TO_END, null));
    }

    private void assertTheyCan(boolean isExclusive) throws ErrnoException {
        theirs.lock(bob, 2, isExclusive, 0, FileLocks.TO_END, null);
        theirs.releaseOwner(bob);
    }

    @Test
    void aLockOnAPartIsOneOnTheFile() throws ErrnoException {
        ours.lock(alice, 1, true, 0, 9, null);
        assertErrno(Errno.EAGAIN, () -> theirs.lock(bob, 2, false, 100, 199, null));
        assertTrue(theirs.test(bob, false, 0, 9).exclusive());
        ours.releaseOwner(alice);
        assertNull(theirs.test(bob, true, 0, 9));
        assertTheyCan(true);
    }

    @Test
    void unlockingAPartKeepsTheRest() throws ErrnoException {
        ours.lock(alice, 1, true, 0, 99, null);
        ours.unlock(alice, 0, 49);
        assertTheyCannot(false);
        ours.unlock(alice, 50, 99);
        assertTheyCan(true);
    }

    @Test
    void theStrongestLockCounts() throws ErrnoException {
        ours.lock(alice, 1, true, 20, 29, null);
        ours.lock(alice, 1, false, 0, 9, null);
        assertTheyCannot(false);
        ours.unlock(alice, 20, 29);
        assertTheyCan(false);
        assertTheyCannot(true);
    }

    @Test
    void aStrongerLockThatCannotBeHadLeavesTheWeakerOne() throws ErrnoException {
        ours.lock(alice, 1, false, 0, 9, null);
        theirs.lock(bob, 2, false, 0, 9, null);
        assertErrno(Errno.EAGAIN, () -> ours.lock(alice, 1, true, 0, 9, null));
        assertErrno(Errno.EAGAIN, () -> theirs.lock(bob, 2, true, 0, 9, null));
        theirs.releaseOwner(bob);
        assertTheyCan(false);
        assertTheyCannot(true);
        ours.lock(alice, 1, true, 0, 9, null);
        assertTheyCannot(false);
    }

    @Test
    void locksAreTakenAnewOnTheNextConnection() throws ErrnoException {
        ours.lock(alice, 1, true, 0, 9, null);
        ours.lock(alice, 1, false, 20, 29, null);
        server.kill();
        server.start();
        here.root().lookup("nothing");
        assertTheyCannot(false);
        ours.releaseOwner(alice);
        assertTheyCan(true);
        assertEquals(0, here.locked().size());
    }
}
