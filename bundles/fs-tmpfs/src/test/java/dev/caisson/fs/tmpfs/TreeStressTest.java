package dev.caisson.fs.tmpfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.testing.fs.Guest;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.Vfs;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that create, rename, link and remove in one small tree: nothing deadlocks, and the tree fits together afterwards. */
class TreeStressTest {
    private static final MemoryFile MEMORY = new MemoryFile(HostBacking.ofPlainMemory(16 << 20), 0);
    private static final int ROUNDS = 20_000;

    private final TmpfsFileSystem fileSystem = new TmpfsFileSystem(MEMORY, new TmpfsOptions(1 << 20, 1 << 20, 0755, 0, 0, ""));
    private final MountNamespace namespace = new MountNamespace(fileSystem, "tmpfs", 0);
    private final Location top = namespace.rootLocation();
    private final FsContext fs = new FsContext(namespace, top, top, 0);
    private final Vfs vfs = new Vfs();

    private static String path(Random random) {
        StringBuilder path = new StringBuilder();
        int depth = 1 + random.nextInt(4);
        for (int i = 0; i < depth; i++) {
            path.append('/').append((char) ('a' + random.nextInt(3)));
        }
        return path.toString();
    }

    private void step(Guest guest, Random random) {
        try {
            switch (random.nextInt(9)) {
                case 0, 1 -> guest.mkdir(path(random));
                case 2 -> guest.rmdir(path(random));
                case 3 -> guest.open(path(random), Fcntl.O_CREAT | Fcntl.O_RDWR).release();
                case 4 -> guest.unlink(path(random));
                case 5 -> guest.rename(path(random), path(random));
                case 6 -> guest.rename(path(random), path(random), Fcntl.RENAME_EXCHANGE);
                case 7 -> guest.link(path(random), path(random));
                default -> guest.list(path(random));
            }
        } catch (ErrnoException e) {
            // most of them fail, which is fine
        }
    }

    /** Counts files below, and checks link counts and parents of directories. */
    private long check(Guest guest, String path) throws ErrnoException {
        long count = 1;
        int subdirectories = 0;
        for (String name : guest.list(path)) {
            String child = path.equals("/") ? "/" + name : path + "/" + name;
            boolean directory = (guest.lstat(child).mode() & Stat.S_IFMT) == Stat.S_IFDIR;
            if (directory) {
                subdirectories++;
                assertEquals(guest.stat(path).inode(), guest.stat(child + "/..").inode());
                count += check(guest, child);
            } else {
                count++;
            }
        }
        assertEquals(2 + subdirectories, guest.stat(path).links(), path);
        return count;
    }

    @Test
    @Timeout(300)
    void concurrentChangesKeepTheTreeWhole() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            int seed = i;
            threads.add(Thread.ofPlatform().start(() -> {
                Guest guest = new Guest(vfs, fs, Credentials.ROOT);
                Random random = new Random(seed);
                try {
                    for (int round = 0; round < ROUNDS; round++) {
                        step(guest, random);
                    }
                } catch (Throwable bug) {
                    failure.set(bug);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertNull(failure.get());
        Guest guest = new Guest(vfs, fs, Credentials.ROOT);
        check(guest, "/");
        clear(guest, "/");
        assertEquals(1 << 20, fileSystem.status().freeFiles() + 1);
    }

    private void clear(Guest guest, String path) throws ErrnoException {
        for (String name : guest.list(path)) {
            String child = path.equals("/") ? "/" + name : path + "/" + name;
            if ((guest.lstat(child).mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                clear(guest, child);
                guest.rmdir(child);
            } else {
                guest.unlink(child);
            }
        }
    }
}
