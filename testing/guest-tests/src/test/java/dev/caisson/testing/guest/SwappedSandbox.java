package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A sandbox named {@code swapped} whose platform changes at random while its program runs. The order of platforms and the time between
 * changes come from a seed, which is printed; {@code -Dcaisson.swap.seed=N} asks for another one.
 */
final class SwappedSandbox implements AutoCloseable {
    private static final long SEED = Long.getLong("caisson.swap.seed", 4);
    private static final long LONGEST_GAP_NS = 40_000_000;
    private static final Pattern PAUSE = Pattern.compile("\"pauseMs\":\"([0-9.]+)\"");
    private static final Pattern NAMES = Pattern.compile("there are: auto, ([^\"]*)\"");

    /** Host and guest see it under the same name. */
    final Path directory;
    private final Random random = new Random(SEED);
    private final List<Double> pauses = new ArrayList<>();
    private Process process;
    private BufferedReader output;
    private SocketChannel channel;
    private List<String> platforms;
    private String current = "";

    SwappedSandbox() throws IOException {
        directory = Files.createTempDirectory("caisson-swap");
    }

    /**
     * Starts the sandbox.
     *
     * @param command words of a shell
     * @return what it prints, errors too
     */
    BufferedReader start(String command) throws IOException {
        return start("--volume " + directory + ":" + directory, command);
    }

    /**
     * Starts the sandbox with options of its own.
     *
     * @param options of {@code do}
     * @param command words of a shell
     * @return what it prints, errors too
     */
    BufferedReader start(String options, String command) throws IOException {
        process = Runner.start(directory, "exec $CAISSON --root " + directory + "/run do --id swapped " + options + " -- " + command + " 2>&1");
        output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1));
        return output;
    }

    /** {@return the process that is the sandbox} */
    Process process() {
        return process;
    }

    /** Ends the program's input, reads the rest of its output, and appends it to a text. */
    void finish(StringBuilder seen) throws IOException {
        process.getOutputStream().close();
        output.lines().forEach(line -> seen.append(line).append('\n'));
    }

    /**
     * Changes the platform to another one that works here, again and again. With one platform there is nothing to swap.
     *
     * @param count how often
     */
    void swapAtRandom(int count) throws IOException {
        if (platforms == null) {
            platforms = usable();
            assumeTrue(platforms.size() > 1, () -> "only one platform works here: " + platforms);
            System.out.println("swaps among " + platforms + ", seed " + SEED);
        }
        for (int i = 0; i < count; i++) {
            String next;
            do {
                next = platforms.get(random.nextInt(platforms.size()));
            } while (next.equals(current));
            pauses.add(swap(next));
            LockSupport.parkNanos(random.nextLong(LONGEST_GAP_NS));
        }
    }

    /**
     * Prints how long the sandbox stood still.
     *
     * @param what the program
     */
    void report(String what) {
        double[] sorted = pauses.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        System.out.printf(Locale.ROOT, "%d swaps of the platform under %s: pause median %.1f ms, 95 %% %.1f ms, longest %.1f ms%n",
                sorted.length, what, sorted[sorted.length / 2], sorted[sorted.length * 95 / 100], sorted[sorted.length - 1]);
    }

    private List<String> usable() throws IOException {
        Matcher names = NAMES.matcher(ask("nosuch"));
        assertTrue(names.find());
        List<String> usable = new ArrayList<>();
        for (String name : Arrays.asList(names.group(1).split(", "))) {
            if (PAUSE.matcher(ask(name)).find()) { // else not on this host: the answer says why
                usable.add(name);
                current = name;
            }
        }
        return usable;
    }

    private double swap(String platform) throws IOException {
        String answer = ask(platform);
        Matcher pause = PAUSE.matcher(answer);
        assertTrue(pause.find(), () -> "to " + platform + " from " + current + ": " + answer);
        current = platform;
        return Double.parseDouble(pause.group(1));
    }

    /** Changes the platform to any that works here; nothing where there is only one. */
    void swapPlatformOnce() throws IOException {
        if (platforms == null) {
            platforms = usable();
        }
        swap(platforms.get(random.nextInt(platforms.size())));
    }

    /** Changes the platform to one that works everywhere, on which what is left to do takes no longer than it must. */
    void swapToPtrace() throws IOException {
        if (platforms != null && platforms.contains("ptrace")) {
            swap("ptrace");
        }
    }

    private String ask(String platform) throws IOException {
        return request("{\"command\":\"swap\",\"kind\":\"platform\",\"name\":\"" + platform + "\"}");
    }

    /**
     * Asks the sandbox; a request and an answer a line.
     *
     * @param request a JSON object
     * @return the answer
     */
    String request(String request) throws IOException {
        if (channel == null) {
            channel = SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("run/swapped.sock")));
        }
        channel.write(ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8)));
        StringBuilder line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (channel.read(one.clear()) == 1 && one.get(0) != '\n') {
            line.append((char) one.get(0));
        }
        if (line.isEmpty()) {
            throw new IOException("the sandbox ended");
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            channel.close();
        }
        try {
            if (process != null) {
                Runner.end(process);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runner.deleteTree(directory);
    }

    /** Waits for the end of the program. */
    int status() throws InterruptedException {
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "its output has ended, it has not");
        return process.exitValue();
    }
}
