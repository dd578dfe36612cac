package dev.caisson.fs.ninep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.memory.HostBacking;
import dev.caisson.memory.MemoryFile;
import dev.caisson.ninep.Protocol;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
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
    /** Nothing takes longer: reconnecting, which is tried for so long, and some requests that are never answered. */
    private static final long LONGEST_NS = 20_000_000_000L;

    private final MemoryFile memory = new MemoryFile(HostBacking.ofPlainMemory(64 << 20), 0);
    private final AtomicLong calls = new AtomicLong();

    @TempDir
    private Path directory;

    @Test
    void neitherEndHarmsTheOther() throws Exception {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Files.writeString(directory.resolve("outside"), "secret");
        Path recorded = directory.resolve("recorded.sock");
        List<Callable<String>> attacks = new ArrayList<>();
        try (ServerProcess server = ServerProcess.gofer(List.of(tree), directory.resolve("gofer.sock"));
                Mangler mangler = new Mangler(recorded, directory.resolve("gofer.sock"), new Random(SEED))) {
            record(recorded);
            assertTrue(mangler.corpusSize() > 500, "a corpus");
            long end = System.nanoTime() + SECONDS * 1_000_000_000L;
            attacks.add(() -> mangler.attackServer(new Random(SEED + 1), end) + " requests");
            mangler.isHonest = false;
            for (int i = 0; i < 3; i++) {
                int number = i;
                attacks.add(() -> useClient(recorded, number, end));
            }
            try (ExecutorService threads = Executors.newFixedThreadPool(attacks.size())) {
                for (Future<String> result : threads.invokeAll(attacks)) {
                    System.out.println("9p fuzz: seed " + SEED + ", " + SECONDS + " s: " + result.get());
                }
            }
            System.out.println("9p fuzz: " + mangler.changed.get() + " replies changed");
            assertTrue(server.isAlive(), "the gofer lives");
            honestWork(ServerAddress.of(server.address()));
        }
        assertEquals("secret", Files.readString(directory.resolve("outside")));
        try (var beside = Files.list(directory)) {
            assertEquals(List.of("gofer.sock", "outside", "tree"), beside.map(one -> one.getFileName().toString()).sorted().toList());
        }
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
