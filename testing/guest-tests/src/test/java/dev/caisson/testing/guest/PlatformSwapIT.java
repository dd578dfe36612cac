package dev.caisson.testing.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Programs run while an operator changes the platform below them; they do not notice. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class PlatformSwapIT {
    private static final int SWAPS = 200;
    private static final Pattern PAUSE = Pattern.compile("\"pauseMs\":\"([0-9.]+)\"");
    private static final Pattern NAMES = Pattern.compile("there are: auto, ([^\"]*)\"");

    private Path directory;
    private Process sandbox;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("caisson-swap");
    }

    @AfterEach
    void clean() throws IOException, InterruptedException {
        if (sandbox != null) {
            Runner.end(sandbox);
        }
        Runner.deleteTree(directory);
    }

    @Test
    void aProgramWithAllKindsOfStateSurvivesTwoHundredSwaps() throws IOException, InterruptedException {
        Path program = GuestCompiler.compiled(Path.of("swap/everything.c"));
        Outcome expected = Runner.natively(List.of(program.toString()));
        assertEquals(0, expected.status(), expected::toString);
        BufferedReader output = start(program.toString());
        StringBuilder seen = new StringBuilder(output.readLine()).append('\n');
        List<Double> pauses;
        try (Connection connection = new Connection()) {
            pauses = swapAtRandom(connection, SWAPS);
        }
        sandbox.getOutputStream().close();
        output.lines().forEach(line -> seen.append(line).append('\n'));
        assertEquals(expected.output(), seen.toString());
        assertEquals(0, sandbox.waitFor());
        report(pauses);
    }

    @Test
    void aParallelBuildSurvivesSwaps() throws IOException, InterruptedException {
        assumeTrue(Runner.shell("command -v make").status() == 0, "make is not installed");
        StringBuilder makefile = new StringBuilder("all: sum\n\t./sum\nsum: main.o");
        for (int i = 0; i < 12; i++) {
            makefile.append(" f").append(i).append(".o");
            Files.writeString(directory.resolve("f" + i + ".c"),
                    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint f" + i + "(int x) { return x * " + i + "; }\n");
        }
        makefile.append("\n\tgcc -o $@ $^\n");
        StringBuilder main = new StringBuilder("#include <stdio.h>\n");
        for (int i = 0; i < 12; i++) {
            main.append("int f").append(i).append("(int);\n");
        }
        main.append("int main(void) { int s = 0;\n");
        for (int i = 0; i < 12; i++) {
            main.append("s += f").append(i).append("(2);\n");
        }
        Files.writeString(directory.resolve("main.c"), main + "printf(\"%d\\n\", s); return 0; }\n");
        Files.writeString(directory.resolve("Makefile"), makefile);
        BufferedReader output = start("sh -c 'echo running; make -s -j2 CFLAGS=-O1'");
        assertEquals("running", output.readLine());
        int swaps = 0;
        try (Connection connection = new Connection()) {
            while (sandbox.isAlive() && swaps < SWAPS) {
                swaps += swapAtRandom(connection, 1).size();
            }
        } catch (IOException e) {
            assertTrue(sandbox.waitFor() == 0, e::toString); // it ended meanwhile
        }
        assertEquals("132", output.readLine());
        assertEquals(0, sandbox.waitFor());
        assertTrue(swaps > 0, "it ended before a swap");
    }

    @Test
    void anUnknownPlatformIsRefusedAndTheProgramGoesOn() throws IOException, InterruptedException {
        BufferedReader output = start("sh -c 'echo running; read line; echo $line'");
        assertEquals("running", output.readLine());
        Outcome refused = Runner.shell("$CAISSON --root " + directory + "/run swap swapped platform nosuch");
        assertEquals(125, refused.status());
        assertTrue(refused.errors().contains("no platform named nosuch; there are: auto, "), refused::toString);
        sandbox.outputWriter().append("still there\n").close();
        assertEquals("still there", output.readLine());
        assertEquals(0, sandbox.waitFor());
    }

    @Test
    void runningSandboxesAreListedAndDeadOnesAreNot() throws IOException, InterruptedException {
        BufferedReader output = start("sh -c 'echo running; read line'");
        assertEquals("running", output.readLine());
        String list = "$CAISSON --root " + directory + "/run list";
        Outcome table = Runner.shell(list);
        assertEquals(2, table.output().lines().count(), table::toString);
        assertTrue(table.output().lines().skip(1).findFirst().orElse("").matches("swapped +\\d+ +running +\\w+ +overlay +none +linux +sh -c .*"),
                table::toString);
        Outcome second = Runner.shell("$CAISSON --root " + directory + "/run do --id swapped -- true");
        assertEquals(125, second.status());
        assertTrue(second.errors().contains("a sandbox named swapped runs already"), second::toString);
        sandbox.destroyForcibly().waitFor(); // leaves its socket behind
        assertTrue(Files.exists(directory.resolve("run/swapped.sock")));
        assertEquals("[]", Runner.shell(list + " --format json").output().strip());
        assertTrue(!Files.exists(directory.resolve("run/swapped.sock")));
        assertEquals(0, Runner.shell("$CAISSON --root " + directory + "/run do --id swapped -- true").status());
    }

    private BufferedReader start(String command) throws IOException {
        sandbox = Runner.start(directory, "exec $CAISSON --root " + directory + "/run do --id swapped --volume " + directory + ":" + directory
                + " -- " + command + " 2>&1");
        return new BufferedReader(new InputStreamReader(sandbox.getInputStream(), StandardCharsets.ISO_8859_1));
    }

    /** Swaps among the platforms that work here. With one there is nothing to swap. */
    private static List<Double> swapAtRandom(Connection connection, int count) throws IOException {
        List<String> platforms = connection.platforms();
        assumeTrue(platforms.size() > 1, () -> "only one platform works here: " + platforms);
        Random random = new Random(4);
        List<Double> pauses = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String next;
            do {
                next = platforms.get(random.nextInt(platforms.size()));
            } while (next.equals(connection.current));
            pauses.add(connection.swap(next));
        }
        return pauses;
    }

    private static void report(List<Double> pauses) {
        double[] sorted = pauses.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        System.out.printf(Locale.ROOT, "%d swaps of the platform under 11 threads: pause median %.1f ms, 95 %% %.1f ms, longest %.1f ms%n",
                sorted.length, sorted[sorted.length / 2], sorted[sorted.length * 95 / 100], sorted[sorted.length - 1]);
    }

    /** A connection to the control socket, a request and an answer a line. */
    private final class Connection implements AutoCloseable {
        private final SocketChannel channel;
        private String current = "";
        private List<String> platforms;

        Connection() throws IOException {
            channel = SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("run/swapped.sock")));
        }

        String ask(String request) throws IOException {
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

        double swap(String platform) throws IOException {
            String answer = ask("{\"command\":\"swap\",\"kind\":\"platform\",\"name\":\"" + platform + "\"}");
            Matcher pause = PAUSE.matcher(answer);
            assertTrue(pause.find(), answer);
            current = platform;
            return Double.parseDouble(pause.group(1));
        }

        List<String> platforms() throws IOException {
            if (platforms == null) {
                String refusal = ask("{\"command\":\"swap\",\"kind\":\"platform\",\"name\":\"nosuch\"}");
                Matcher names = NAMES.matcher(refusal);
                assertTrue(names.find(), refusal);
                platforms = new ArrayList<>(Arrays.asList(names.group(1).split(", ")));
                platforms.removeIf(name -> {
                    try {
                        String answer = ask("{\"command\":\"swap\",\"kind\":\"platform\",\"name\":\"" + name + "\"}");
                        boolean isUnusable = !PAUSE.matcher(answer).find(); // not on this host: the answer says why
                        if (!isUnusable) {
                            current = name;
                        }
                        return isUnusable;
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                });
            }
            return platforms;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
