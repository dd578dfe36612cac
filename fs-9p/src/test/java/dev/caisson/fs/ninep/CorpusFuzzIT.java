package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostPath;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.testing.kit.Await;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Both ends against the other one gone mad, at the same time. Messages of an honest client and an honest gofer are recorded; then a
 * gofer, a process as it is used, gets such requests changed at random, and a client gets such replies changed at random.
 * {@code -Dcaisson.fuzz.seconds=N} says for how long, {@code -Dcaisson.fuzz.seed=N} from where.
 */
@Timeout(600)
class CorpusFuzzIT {
    private static final int SECONDS = Integer.getInteger("caisson.fuzz.seconds", 60);
    private static final long SEED = Long.getLong("caisson.fuzz.seed", 9_2000);
    private static final int HONEST_ROUNDS = 40;
    private static final String[] NAMES = {"a", "b", "c", "d", "dir", "link", "e", "f"};
    /** By then everything is over, on a slow machine too. */
    private static final long END_NS = 180_000_000_000L;
    /** Nothing takes longer: reconnecting is tried for 10 s, and some requests are never answered; the rest is for a slow machine. */
    private static final long LONGEST_NS = 120_000_000_000L;

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private final AtomicLong calls = new AtomicLong();

    @TempDir
    private Path directory;

    @Test
    void neitherEndHarmsTheOther() throws Exception {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Files.writeString(directory.resolve("outside"), "secret");
        Path recorded = directory.resolve("recorded.sock");
        long before = openDescriptors();
        try (ServerProcess server = ServerProcess.gofer(List.of(tree), directory.resolve("gofer.sock"))) {
            Mangler mangler = new Mangler(recorded, directory.resolve("gofer.sock"), new Random(SEED));
            try (mangler) {
                record(recorded);
                assertTrue(mangler.corpusSize() > 500, "a corpus");
                assertTrue(mangler.descriptorsPassed.get() > 20, "open files were donated");
                long end = System.nanoTime() + SECONDS * 1_000_000_000L;
                mangler.isHonest = false;
                attack(server, mangler, recorded, end);
            }
            Await.until(mangler::isIdle, "all connections end");
            assertNull(mangler.failure());
            System.out.println("9p fuzz: " + mangler.changed.get() + " replies changed, " + mangler.descriptorsChanged.get() + " of "
                    + mangler.descriptorsPassed.get() + " descriptors");
            assertTrue(server.isAlive(), "the gofer lives");
            honestWork(ServerAddress.of(server.address()));
            assertFalse(server.errors().contains("internal error"), server.errors());
        }
        assertEquals("secret", Files.readString(directory.resolve("outside")));
        try (var beside = Files.list(directory)) {
            assertEquals(List.of("gofer.sock", "gofer.sock.errors", "outside", "tree"),
                    beside.map(one -> one.getFileName().toString()).sorted().toList());
        }
        Await.until(() -> openDescriptors() <= before, "descriptors are closed");
    }

    /** {@return how many sockets and files of the test are open; the runtime opens others when it likes} */
    private long openDescriptors() {
        long count = 0;
        for (String number : new File("/proc/self/fd").list()) {
            String file = HostPath.link(Fcntl.AT_FDCWD, "/proc/self/fd/" + number);
            count += file != null && (file.startsWith("socket:") || file.startsWith(directory.toString())) ? 1 : 0;
        }
        return count;
    }

    /** All at once. What does not end in time is told of, with what everybody was doing, and ended. */
    private void attack(ServerProcess server, Mangler mangler, Path recorded, long end) throws Exception {
        List<Callable<String>> attacks = new ArrayList<>();
        attacks.add(() -> mangler.attackServer(new Random(SEED + 1), end) + " requests");
        for (int i = 0; i < 3; i++) {
            int number = i;
            attacks.add(() -> useClient(recorded, number, end));
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(attacks.size(), Thread.ofPlatform().name("fuzz-", 0).factory())) {
            List<Future<String>> results = new ArrayList<>();
            attacks.forEach(one -> results.add(threads.submit(one)));
            for (Future<String> result : results) {
                try {
                    System.out.println("9p fuzz: seed " + SEED + ", " + SECONDS + " s: "
                            + result.get(end + END_NS - System.nanoTime(), TimeUnit.NANOSECONDS));
                } catch (TimeoutException e) {
                    String state = state(server);
                    threads.shutdownNow();
                    server.kill();
                    mangler.close(); // every socket ends, so every thread does
                    fail(state);
                }
            }
        }
    }

    private static String state(ServerProcess server) throws IOException {
        StringBuilder text = new StringBuilder("not over long after the end\n").append(server.threads()).append(server.errors());
        Thread.getAllStackTraces().forEach((thread, frames) -> {
            text.append('\n').append(thread).append(' ').append(thread.getState()).append('\n');
            for (StackTraceElement frame : frames) {
                text.append("    ").append(frame).append('\n');
            }
        });
        return text.toString();
    }

    private NinepFileSystem mount(ServerAddress address, CachePolicy policy, boolean isExtended, long timeoutMs) throws ErrnoException {
        return new NinepFileSystem(new ServerOptions(address, "tree", "root", 0, 32 << 10, timeoutMs, isExtended),
                CacheOptions.of(policy).withDirty(1 << 20, 50_000_000), false, memory, AnonymousDevices.next());
    }

    private void record(Path socket) throws Exception {
        for (boolean isExtended : new boolean[] {true, false}) {
            NinepFileSystem fileSystem = mount(ServerAddress.of("unix:" + socket), CachePolicy.SHARED, isExtended, 10_000);
            Random random = new Random(SEED);
            for (int i = 0; i < HONEST_ROUNDS * 8; i++) {
                attempt(fileSystem, random);
            }
            fileSystem.close();
        }
    }

    /** After all that, somebody else's files are served as ever. */
    private void honestWork(ServerAddress address) throws ErrnoException {
        NinepFileSystem fileSystem = mount(address, CachePolicy.SHARED, true, 10_000);
        Inode made = fileSystem.root().create("honest", new NewNode(0100644, 0, 0, 0));
        OpenFile file = made.open(Fcntl.O_RDWR);
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(3, file.write(IoBuffer.of(arena.allocate(3)), 0));
            assertEquals(3, file.read(IoBuffer.of(arena.allocate(10)), 0));
        }
        file.close();
        fileSystem.close();
    }

    private String useClient(Path socket, int number, long end) throws Exception {
        Random random = new Random(SEED + 10 + number);
        CachePolicy policy = number == 1 ? CachePolicy.SHARED : CachePolicy.EXCLUSIVE;
        long count = 0;
        int mounts = 0;
        while (System.nanoTime() < end) {
            NinepFileSystem fileSystem;
            try {
                fileSystem = mount(ServerAddress.of("unix:" + socket), policy, number != 2, 100);
            } catch (ErrnoException e) {
                continue; // lied to from the start
            }
            mounts++;
            for (int i = 0; i < 400 && System.nanoTime() < end; i++) {
                long start = System.nanoTime();
                attempt(fileSystem, random);
                assertTrue(System.nanoTime() - start < LONGEST_NS, "nothing takes for ever");
                count++;
            }
            fileSystem.close();
        }
        return count + " calls of a client, " + mounts + " mounts, " + policy;
    }

    /** Something that a program may do; every errno is an answer. */
    private void attempt(NinepFileSystem fileSystem, Random random) {
        calls.incrementAndGet();
        try (Arena arena = Arena.ofConfined()) {
            Inode at = fileSystem.root();
            for (int i = random.nextInt(3); i > 0; i--) {
                Inode next = at.lookup(NAMES[random.nextInt(NAMES.length)]);
                at = next instanceof NinepDirectory ? next : at;
            }
            NinepDirectory parent = (NinepDirectory) at;
            String name = NAMES[random.nextInt(NAMES.length)];
            Inode file = parent.lookup(name);
            if (file == null) {
                make(parent, name, random);
                return;
            }
            use(parent, name, file, random, arena);
        } catch (ErrnoException e) {
            // Whatever it is.
        }
    }

    private static void make(NinepDirectory parent, String name, Random random) throws ErrnoException {
        switch (random.nextInt(6)) {
            case 0 -> parent.create(name, new NewNode(040755, 0, 0, 0));
            case 1 -> parent.symlink(name, "a/b", new NewNode(0, 0, 0, 0));
            case 2 -> parent.create(name, new NewNode(010644, 0, 0, 0));
            case 3 -> {
                Inode other = parent.lookup(NAMES[random.nextInt(NAMES.length)]);
                if (other != null && !(other instanceof NinepDirectory)) {
                    parent.link(name, other);
                }
            }
            default -> parent.create(name, new NewNode(0100644, 0, 0, 0));
        }
    }

    private static void use(NinepDirectory parent, String name, Inode file, Random random, Arena arena) throws ErrnoException {
        switch (random.nextInt(16)) {
            case 0 -> {
                if (file instanceof NinepDirectory) {
                    parent.rmdir(name, file);
                } else {
                    parent.unlink(name, file);
                }
            }
            case 1 -> {
                String to = NAMES[random.nextInt(NAMES.length)];
                if (!to.equals(name)) {
                    parent.rename(name, file, parent, to, parent.lookup(to), 0);
                }
            }
            case 2 -> file.attributes();
            case 3 -> file.readLink();
            case 4 -> file.listXattrs();
            case 5 -> file.setXattr("user.x", new byte[random.nextInt(100)], 0);
            case 6 -> file.getXattr("user.x");
            case 7 -> file.change(new AttributeChange(AttributeChange.MODE | AttributeChange.MODIFY_TIME, 0640, 0, 0, 0, 0, 12345, 0));
            case 8 -> file.change(new AttributeChange(AttributeChange.SIZE, 0, 0, 0, random.nextInt(100_000), 0, 0, 0));
            case 9 -> parent.fileSystem().status();
            case 10 -> {
                if (file.lockElsewhere(Fcntl.F_WRLCK, random.nextInt(100), 200)) {
                    file.testElsewhere(true, 0, Long.MAX_VALUE);
                }
                file.lockElsewhere(Fcntl.F_UNLCK, 0, Long.MAX_VALUE);
            }
            case 11 -> parent.fileSystem().sync();
            default -> {
                boolean isDirectory = file instanceof NinepDirectory;
                OpenFile open = file.open(isDirectory ? Fcntl.O_RDONLY : Fcntl.O_RDWR);
                try {
                    if (isDirectory) {
                        open.readDirectory(0, (entry, inode, type, next) -> true);
                    } else {
                        open.write(IoBuffer.of(arena.allocate(1 + random.nextInt(50_000))), random.nextInt(20_000));
                        open.read(IoBuffer.of(arena.allocate(60_000)), random.nextInt(1000));
                        open.sync(random.nextBoolean());
                    }
                } finally {
                    open.close();
                }
            }
        }
    }
}
