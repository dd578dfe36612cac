package dev.caisson.gofer;

import static dev.caisson.gofer.NinepClient.ROOT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Fcntl;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.WireWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Requests of every type with fields that are right, nearly right or nonsense, some of them cut, grown or changed in a byte; several
 * connections at once. {@code caisson.fuzz.seconds} says for how long, {@code caisson.fuzz.seed} from where.
 */
class GoferFuzzTest {
    private static final int CLIENTS = 3;
    private static final String[] NAMES = {"a", "b", "c", "dir", "link", "fifo", "..", ".", "", "a/b", "../outside", "x".repeat(255),
        "x".repeat(256), "outside", "up", "n\0n", "\u00ff\u00fe"};
    private static final String[] ATTRIBUTES = {"", "user.a", "user.b", "security.capability", "system.posix_acl_access", "trusted.x", "x"};
    private static final MessageType[] TYPES = MessageType.values();

    @TempDir Path directory;

    @Test void nothingThatAClientSaysHarmsTheGofer() throws Exception {
        long seconds = Long.getLong("caisson.fuzz.seconds", 2);
        long seed = Long.getLong("caisson.fuzz.seed", 9_2000);
        long end = System.nanoTime() + seconds * 1_000_000_000;
        Limits limits = new Limits(1 << 17, 8 << 20, 60, 150, 200, 4, 200_000, CLIENTS + 1, Long.MAX_VALUE);
        GoferFixture gofer = new GoferFixture(directory, limits);
        Files.createDirectories(gofer.tree.resolve("dir/dir/dir"));
        gofer.write("a", "content");
        Files.createSymbolicLink(gofer.tree.resolve("up"), Path.of(".."));
        long[] counts = new long[CLIENTS];
        Throwable[] failures = new Throwable[CLIENTS];
        Thread[] threads = new Thread[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            int number = i;
            threads[i] = new Thread(() -> {
                try {
                    counts[number] = attack(gofer, new Random(seed + number), end);
                } catch (RuntimeException | Error e) {
                    failures[number] = e;
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        for (Throwable failure : failures) {
            assertEquals(null, failure, "seed " + seed);
        }
        try (NinepClient honest = gofer.client("rw")) {
            gofer.write("honest", "fine");
            honest.walk(ROOT, 1, "honest");
            honest.open(1, Fcntl.O_RDONLY);
            assertEquals("fine", honest.read(1, 0, 10));
        }
        assertEquals("secret", Files.readString(directory.resolve("outside")), "seed " + seed);
        try (var beside = Files.list(directory)) {
            assertEquals(2, beside.count(), "seed " + seed);
        }
        assertTrue(gofer.isCleanAtTheEnd(), "seed " + seed);
        gofer.close();
        long sum = 0;
        for (long count : counts) {
            sum += count;
        }
        System.out.println("gofer fuzz: " + sum + " requests in " + seconds + " s");
    }

    private static long attack(GoferFixture gofer, Random random, long end) {
        long count = 0;
        while (System.nanoTime() < end) {
            NinepClient client = gofer.connect();
            client.version(4096 + random.nextInt(70_000), random.nextBoolean() ? "9P2000.L" : "9P2000.L.caisson");
            client.attach(random.nextInt(4) == 0 ? "ro" : "rw");
            boolean isAlive = true;
            while (isAlive && System.nanoTime() < end) {
                int batch = 1 + random.nextInt(4);
                int posted = 0;
                for (int i = 0; i < batch; i++) {
                    byte[] message = message(random, 1000 + i);
                    boolean isBroken = random.nextInt(2000) == 0;
                    if (isBroken) {
                        message[random.nextInt(4)] ^= (byte) (1 << random.nextInt(8));
                    }
                    client.sendRaw(message);
                    posted++;
                    if (isBroken) {
                        isAlive = false; // where its messages begin and end is anybody's guess now
                        break;
                    }
                }
                for (int i = 0; i < posted && isAlive; i++) {
                    isAlive = client.receive() != null;
                }
                count += posted;
            }
            client.close();
        }
        return count;
    }

    private static byte[] message(Random random, int tag) {
        MessageType type;
        do {
            type = TYPES[random.nextInt(TYPES.length)];
        } while (!type.isRequest() || type == MessageType.TVERSION);
        WireWriter out = new WireWriter().start(type, tag);
        fields(random, type, out);
        if (random.nextInt(20) == 0) {
            for (int i = random.nextInt(40); i > 0; i--) {
                out.u8(random.nextInt());
            }
        }
        if (random.nextInt(20) == 0) {
            out.truncate(Math.max(7, out.position() - 1 - random.nextInt(12)));
        }
        int bytes = out.finish(0);
        byte[] message = new byte[bytes];
        System.arraycopy(out.array(), 0, message, 0, bytes);
        if (bytes > 7 && random.nextInt(10) == 0) {
            message[7 + random.nextInt(bytes - 7)] ^= (byte) (1 << random.nextInt(8));
        }
        return message;
    }

    private static int fid(Random random) {
        return random.nextInt(30) == 0 ? random.nextInt() : random.nextInt(12);
    }

    private static int number(Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> random.nextInt();
            case 1 -> 0;
            case 2 -> -1;
            case 3 -> 1 << random.nextInt(32);
            default -> random.nextInt(5000);
        };
    }

    private static long offset(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(1 << 16);
            case 2 -> 0;
            default -> random.nextInt(100);
        };
    }

    private static int mode(Random random) {
        int[] types = {0x8000, 0x4000, 0x1000, 0x2000, 0x6000, 0xc000, 0xa000, 0};
        return types[random.nextInt(types.length)] | random.nextInt(010000);
    }

    private static int openFlags(Random random) {
        return random.nextInt(3) | (random.nextBoolean() ? 0 : 1 << random.nextInt(24)) | (random.nextInt(3) == 0 ? Fcntl.O_CREAT : 0);
    }

    private static String name(Random random) {
        return NAMES[random.nextInt(NAMES.length)];
    }

    private static void fields(Random random, MessageType type, WireWriter out) {
        switch (type) {
            case TAUTH -> out.u32(fid(random)).string("").string("rw").u32(0);
            case TATTACH -> out.u32(fid(random)).u32(-1).string(name(random)).string(random.nextBoolean() ? "rw" : "ro").u32(0);
            case TFLUSH -> out.u16(1000 + random.nextInt(5));
            case TWALK, TWALKGETATTR -> {
                int names = random.nextInt(5) == 0 ? random.nextInt(20) : random.nextInt(3);
                out.u32(random.nextBoolean() ? ROOT : fid(random)).u32(fid(random)).u16(names);
                for (int i = 0; i < names; i++) {
                    out.string(name(random));
                }
            }
            case TLOPEN -> out.u32(fid(random)).u32(openFlags(random));
            case TLCREATE -> out.u32(fid(random)).string(name(random)).u32(openFlags(random)).u32(mode(random)).u32(number(random));
            case TOPENAT -> out.u32(fid(random)).u32(fid(random)).string(name(random)).u32(openFlags(random)).u32(mode(random))
                .u32(number(random)).u32(number(random));
            case TREAD, TREADDIR, TREADDIRATTR -> out.u32(fid(random)).u64(offset(random)).u32(number(random));
            case TWRITE -> {
                int bytes = random.nextInt(100);
                out.u32(fid(random)).u64(random.nextInt(1 << 16)).u32(bytes);
                for (int i = 0; i < bytes; i++) {
                    out.u8(i);
                }
            }
            case TCLUNK, TREMOVE, TSTATFS, TREADLINK -> out.u32(random.nextInt(3) == 0 ? fid(random) : 3 + random.nextInt(9));
            case TGETATTR -> out.u32(fid(random)).u64(0x7ff);
            case TSETATTR -> out.u32(fid(random)).u32(random.nextInt(0x200)).u32(mode(random)).u32(number(random)).u32(number(random))
                .u64(random.nextInt(1 << 16)).u64(offset(random)).u64(offset(random)).u64(offset(random)).u64(offset(random));
            case TSYMLINK -> out.u32(fid(random)).string(name(random)).string(random.nextBoolean() ? "../outside" : name(random)).u32(-1);
            case TMKNOD -> out.u32(fid(random)).string(name(random)).u32(mode(random)).u32(random.nextInt(3)).u32(random.nextInt(3)).u32(-1);
            case TMKDIR -> out.u32(fid(random)).string(name(random)).u32(mode(random)).u32(number(random));
            case TMAKEAT -> out.u32(fid(random)).string(name(random)).u32(mode(random)).u32(number(random)).u32(number(random))
                .string(random.nextBoolean() ? "" : "../outside");
            case TRENAME -> out.u32(fid(random)).u32(fid(random)).string(name(random));
            case TRENAMEAT -> out.u32(fid(random)).string(name(random)).u32(fid(random)).string(name(random));
            case TRENAMEAT2 -> out.u32(fid(random)).string(name(random)).u32(fid(random)).string(name(random)).u32(random.nextInt(10));
            case TUNLINKAT -> out.u32(fid(random)).string(name(random)).u32(random.nextInt(3) * 0x200);
            case TLINK -> out.u32(fid(random)).u32(fid(random)).string(name(random));
            case TFSYNC -> out.u32(fid(random)).u32(1);
            case TLOCK -> out.u32(fid(random)).u8(random.nextInt(4)).u32(1).u64(offset(random)).u64(offset(random)).u32(1).string("me");
            case TGETLOCK -> out.u32(fid(random)).u8(random.nextInt(4)).u64(offset(random)).u64(offset(random)).u32(1).string("me");
            case TXATTRWALK -> out.u32(fid(random)).u32(fid(random)).string(ATTRIBUTES[random.nextInt(ATTRIBUTES.length)]);
            case TXATTRCREATE -> out.u32(fid(random)).string(ATTRIBUTES[random.nextInt(ATTRIBUTES.length)])
                .u64(random.nextInt(10) == 0 ? offset(random) : random.nextInt(90)).u32(random.nextInt(5));
            default -> out.u32(random.nextInt());
        }
    }
}
