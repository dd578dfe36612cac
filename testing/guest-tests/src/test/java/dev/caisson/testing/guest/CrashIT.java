package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What a program was promised survives the sandbox: a writer that appends to a log with fdatasync, replaces files by a new one, fsync and
 * rename, and appends to files of the layer below, tells on its output what it has reached; the sandbox is killed at a random moment, and
 * then everything that was told must be there, whole, and what was under way must be the old or the new. The seed is printed;
 * {@code -Dcaisson.crash.seed=N} asks for another one.
 */
final class CrashIT {
    private static final long SEED = Long.getLong("caisson.crash.seed", 11);
    private static final int ROUNDS = Integer.getInteger("caisson.crash.rounds", 3);
    private static final long LONGEST_NS = 900_000_000L;
    private static final int LOWER_FILES = 400;

    /** Arguments: the directory to work in, and the directory of the layer below. */
    private static final String WRITER = """
            import os, sys
            place, lower = sys.argv[1], sys.argv[2]
            os.makedirs(place, exist_ok=True)
            def say(text):
                os.write(1, (text + '\\n').encode())
            def sync_directory():
                fd = os.open(place, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)
            log = os.open(place + '/log', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.fsync(log)
            sync_directory()
            say('ready')
            n = 0
            while True:
                n += 1
                os.write(log, b'%08d %s\\n' % (n, b'r' * (n % 97)))
                os.fdatasync(log)
                say('log %d' % n)
                name = place + '/f%d' % (n % 4)
                fd = os.open(name + '.tmp', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                os.write(fd, (b'%08d ' % n) * (n * 37 % 3000 + 1))
                os.fsync(fd)
                os.close(fd)
                os.rename(name + '.tmp', name)
                sync_directory()
                say('file %d' % n)
                if os.path.exists(lower + '/%d' % n):
                    fd = os.open(lower + '/%d' % n, os.O_WRONLY | os.O_APPEND)
                    os.write(fd, b'changed\\n')
                    os.fsync(fd)
                    os.close(fd)
                    say('low %d' % n)
            """;

    private final Random random = new Random(SEED);
    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        // not below /tmp, which is the sandbox's own
        directory = Files.createTempDirectory(Files.createDirectories(Runner.MODULE.resolve("target")), "crash").toRealPath();
        Files.createDirectory(directory.resolve("lower"));
        for (int i = 1; i <= LOWER_FILES; i++) {
            Files.writeString(directory.resolve("lower/" + i), original(i));
        }
        Files.writeString(directory.resolve("writer.py"), WRITER);
    }

    @AfterEach
    void removeDirectory() throws IOException, InterruptedException {
        Runner.shell("rm -rf " + directory);
    }

    private static String original(int number) {
        return "lower file " + number + "\n" + "x".repeat(number * 131 % 9000) + "\n";
    }

    private static String record(int number) {
        return String.format("%08d %s\n", number, "r".repeat(number % 97));
    }

    private static String replaced(int number) {
        return String.format("%08d ", number).repeat(number * 37 % 3000 + 1);
    }

    /** What the writer told last of each kind. */
    private record Promise(int log, int file, int low) {}

    /** Runs the writer in a sandbox, kills the sandbox at a random moment, and tells what was promised. */
    private Promise runAndKill(String options, String place) throws IOException, InterruptedException {
        Process sandbox = Runner.start(directory, "exec $CAISSON --root " + directory + "/run do " + options + " -- python3 " + directory
                + "/writer.py " + place + " " + directory + "/lower 2>&1");
        int[] told = new int[3];
        List<String> lines = new ArrayList<>();
        try (BufferedReader output = new BufferedReader(new InputStreamReader(sandbox.getInputStream(), StandardCharsets.ISO_8859_1))) {
            StringBuilder before = new StringBuilder();
            for (String line = output.readLine(); !"ready".equals(line); line = output.readLine()) {
                assertNotNull(line, () -> "the writer did not start: " + before);
                before.append(line).append('\n');
            }
            String first = output.readLine(); // so that there is something to lose in every round
            lines.add(first == null ? "" : first);
            Thread killer = Thread.ofPlatform().start(() -> {
                LockSupport.parkNanos(random.nextLong(LONGEST_NS));
                try {
                    Runner.end(sandbox);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            try {
                output.lines().forEach(lines::add);
            } catch (java.io.UncheckedIOException e) {
                // the stream was closed by the kill
            }
            killer.join();
        }
        for (String line : lines) {
            String[] words = line.split(" ");
            if (words.length == 2 && words[1].matches("\\d+")) { // the last line may be cut
                int kind = List.of("log", "file", "low").indexOf(words[0]);
                assertTrue(kind >= 0, line);
                told[kind] = Math.max(told[kind], Integer.parseInt(words[1]));
            }
        }
        // a cut number could only be smaller than what was told before
        return new Promise(told[0], told[1], told[2]);
    }

    private static String read(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.ISO_8859_1);
    }

    private static void checkPlace(Path place, Promise promise) throws IOException {
        StringBuilder expected = new StringBuilder();
        for (int i = 1; i <= promise.log + 1; i++) {
            expected.append(record(i));
        }
        String log = read(place.resolve("log"));
        int least = expected.length() - record(promise.log + 1).length();
        assertTrue(log.length() >= least, () -> "the log lost records: " + log.length() + " bytes of " + least);
        assertTrue(expected.toString().startsWith(log), "the log holds what was never written");
        for (int i = 0; i < 4; i++) {
            int last = promise.file - Math.floorMod(promise.file - i, 4);
            Path file = place.resolve("f" + i);
            if (last <= 0 && !Files.exists(file)) {
                continue;
            }
            String content = read(file);
            boolean isOld = last > 0 && content.equals(replaced(last));
            assertTrue(isOld || content.equals(replaced(last + 4)), () -> file + " is neither version " + last + " nor the next one: "
                    + content.length() + " bytes, " + content.substring(0, Math.min(20, content.length())));
        }
    }

    private void checkLower(Path shown, Promise promise) throws IOException {
        for (int i = 1; i <= LOWER_FILES; i++) {
            assertEquals(original(i), read(directory.resolve("lower/" + i)), "the layer below was changed");
            Path copied = shown.resolve(Integer.toString(i));
            if (i <= promise.low) {
                assertEquals(original(i) + "changed\n", read(copied));
            } else if (Files.exists(copied)) {
                String content = read(copied);
                assertTrue(content.equals(original(i)) || content.equals(original(i) + "changed\n"), () -> copied + " is half copied up");
            }
        }
    }

    @Test
    void anOverlaysUpperDirectoryKeepsWhatWasPromised() throws IOException, InterruptedException {
        System.out.println("crashes, seed " + SEED);
        int records = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Path upper = Files.createDirectory(directory.resolve("upper" + round));
            String place = directory + "/place";
            String options = "--rootfs overlay --rootfs-upper " + upper;
            Promise promise = runAndKill(options, place);
            records += promise.log;
            Path shown = upper.resolve(directory.toString().substring(1));
            checkPlace(shown.resolve("place"), promise);
            checkLower(shown.resolve("lower"), promise);
            if (round == ROUNDS - 1) {
                Outcome again = Runner.shell("$CAISSON --root " + directory + "/run2 do " + options + " -- sh -c 'cat " + place
                        + "/log; cat " + directory + "/lower/* | wc -c; echo more >> " + place + "/log'");
                assertEquals(0, again.status(), again.errors());
                assertTrue(again.output().startsWith(record(1)), again.output());
                assertTrue(read(shown.resolve("place/log")).endsWith("more\n"));
            }
        }
        assertTrue(records > 0, "nothing was ever promised");
    }

    @Test
    void aDirectoryServedBy9pKeepsWhatWasPromised() throws IOException, InterruptedException {
        System.out.println("crashes, seed " + SEED);
        int records = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Path volume = Files.createDirectory(directory.resolve("volume" + round));
            Promise promise = runAndKill("--volume " + volume + ":/work:9p", "/work/place");
            records += promise.log;
            checkPlace(volume.resolve("place"), promise);
        }
        assertTrue(records > 0, "nothing was ever promised");
    }
}
