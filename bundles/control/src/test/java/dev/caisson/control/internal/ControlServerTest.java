package dev.caisson.control.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import dev.caisson.control.SandboxException;
import dev.caisson.control.remote.ControlClient;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Peers that ask properly, and peers that do not. */
class ControlServerTest {
    private static final long PATIENCE_MS = 300;

    @TempDir
    private Path temporary;
    private RuntimeDirectory directory;
    private ControlServer server;

    @BeforeEach
    void start() throws IOException {
        directory = RuntimeDirectory.of(temporary.resolve("run"));
        server = ControlServer.start(directory, "box", ControlServerTest::answer, ControlServerTest::stream, PATIENCE_MS);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static JsonObject answer(Map<String, String> request) {
        if ("fail".equals(request.get("command"))) {
            throw new IllegalStateException("a bug");
        }
        return JsonObject.builder().value("echo", request.toString()).done();
    }

    private static ControlStream.Source stream(Map<String, String> request) {
        String count = request.get("stream");
        return count == null ? null : target -> {
            byte[] bytes = new byte[Integer.parseInt(count)];
            new Random(bytes.length).nextBytes(bytes);
            target.write(bytes, 0, bytes.length / 3);
            target.write(bytes, bytes.length / 3, bytes.length - bytes.length / 3);
            if (request.containsKey("refuse")) {
                throw new SandboxException("refused", null);
            }
            return JsonObject.builder().value("count", bytes.length).done();
        };
    }

    private SocketChannel connect() throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(directory.socket("box")));
    }

    private static void send(SocketChannel channel, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** A line, or what came before the end. */
    private static String line(SocketChannel channel) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (channel.read(one.clear()) == 1 && one.get(0) != '\n') {
            line.write(one.get(0));
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    /** Whatever happened, the next peer is served. */
    private void assertServes() throws Exception {
        try (SocketChannel channel = connect()) {
            send(channel, "{\"command\":\"x\"}\n");
            assertEquals("{command=x}", JsonParser.object().from(line(channel)).getString("echo"));
        }
    }

    private String errorOf(String request) throws Exception {
        try (SocketChannel channel = connect()) {
            send(channel, request);
            return JsonParser.object().from(line(channel)).getString("error");
        }
    }

    @Test
    void aRequestIsAnswered() throws IOException {
        JsonObject answer = new ControlClient(directory, 5000).ask("box", Map.of("command", "ä \" \n"));
        assertEquals("{command=ä \" \n}", answer.getString("echo"));
    }

    @Test
    void manyRequestsOfOneConnectionAreAnsweredInOrderHoweverTheyAreCut() throws Exception {
        try (SocketChannel channel = connect()) {
            StringBuilder requests = new StringBuilder();
            for (int i = 0; i < 500; i++) {
                requests.append("{\"n\":\"").append(i).append("\"}\n");
            }
            Thread sender = new Thread(() -> {
                try {
                    for (int i = 0; i < requests.length(); i += 7) {
                        send(channel, requests.substring(i, Math.min(requests.length(), i + 7)));
                    }
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            sender.start();
            for (int i = 0; i < 500; i++) {
                assertEquals("{n=" + i + "}", JsonParser.object().from(line(channel)).getString("echo"));
            }
            sender.join();
        }
    }

    @Test
    void whatIsNoObjectOfStringsIsRefused() throws Exception {
        for (String request : List.of("\n", "x\n", "[]\n", "7\n", "null\n", "{\n", "{\"a\":1}\n", "{\"a\":{}}\n", "{\"a\":\"b\"\n", "{\"a\"}\n",
                "\0\0\0\n", "{\"a\":\"\\ud800\\x\"}\n", "[".repeat(8000) + "\n", "{\"a\":".repeat(1600) + "\n")) {
            String error = errorOf(request);
            assertTrue(error != null && error.startsWith("no request: "), () -> request + " gave " + error);
        }
        assertServes();
    }

    @Test
    void anObjectWithTooManyStringsIsRefused() throws Exception {
        StringBuilder request = new StringBuilder("{");
        for (int i = 0; i < 17; i++) {
            request.append(i == 0 ? "" : ",").append('"').append(i).append("\":\"\"");
        }
        assertTrue(errorOf(request + "}\n").contains("at most 16"));
    }

    @Test
    void anOverlongLineEndsItsConnection() throws Exception {
        try (SocketChannel channel = connect()) {
            send(channel, "x".repeat(ControlServer.MOST_LINE_BYTES));
            assertTrue(line(channel).contains("less than 8192 bytes"));
            assertEquals("", line(channel));
        }
        assertServes();
    }

    @Test
    void aHandlersBugIsAnAnswer() throws Exception {
        assertTrue(errorOf("{\"command\":\"fail\"}\n").contains("internal error"));
        assertServes();
    }

    @Test
    void halfARequestIsGivenUpAfterAWhile() throws Exception {
        try (SocketChannel channel = connect()) {
            send(channel, "{\"command\":");
            assertServes();
            Assertions.assertTimeout(Duration.ofSeconds(180), () -> assertEquals("", line(channel)));
        }
        assertServes();
    }

    @Test
    void aPeerThatDoesNotTakeItsAnswersIsGivenUp() throws Exception {
        try (SocketChannel channel = connect()) {
            channel.configureBlocking(false);
            ByteBuffer request = ByteBuffer.wrap(("{\"a\":\"" + "x".repeat(8000) + "\"}\n").getBytes(StandardCharsets.US_ASCII));
            long end = System.nanoTime() + 180_000_000_000L;
            boolean isClosed = false;
            while (!isClosed && System.nanoTime() < end) {
                try {
                    if (channel.write(request.rewind()) == 0) {
                        assertServes();
                    }
                } catch (IOException e) {
                    isClosed = true;
                }
            }
            assertTrue(isClosed);
        }
        assertServes();
    }

    @Test
    void thereIsABoundOnConnections() throws Exception {
        List<SocketChannel> channels = new ArrayList<>();
        try {
            for (int i = 0; i < 3 * ControlServer.MOST_CONNECTIONS; i++) {
                channels.add(connect());
            }
            int refused = 0;
            for (SocketChannel channel : channels) {
                try {
                    send(channel, "{}\n");
                    refused += line(channel).isEmpty() ? 1 : 0;
                } catch (IOException e) {
                    refused++; // closed before we wrote
                }
            }
            assertTrue(refused >= ControlServer.MOST_CONNECTIONS, "refused: " + refused);
        } finally {
            for (SocketChannel channel : channels) {
                channel.close();
            }
        }
        long end = System.nanoTime() + 180_000_000_000L;
        while (true) {
            try {
                assertServes();
                return;
            } catch (Exception | AssertionError e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
            }
        }
    }

    @Test
    void randomBytesDoNoHarm() throws Exception {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            byte[] bytes = new byte[random.nextInt(2000)];
            random.nextBytes(bytes);
            try (SocketChannel channel = connect()) {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        }
        assertServes();
    }

    @Test
    void aClosedServerIsGone() throws IOException {
        server.close();
        assertFalse(Files.exists(directory.socket("box")));
        assertNull(new ControlClient(directory, 1000).ask("box", Map.of()));
    }

    @Test
    void aSandboxThatDoesNotAnswerIsNamed() throws IOException {
        try (var silent = directory.listen("silent")) {
            assertTrue(silent.isOpen());
            IOException e = assertThrows(IOException.class, () -> new ControlClient(directory, 50).ask("silent", Map.of()));
            assertEquals("sandbox silent does not answer", e.getMessage());
        }
    }

    @Test
    void aStreamBringsAllBytesAndThenTheResult() throws IOException {
        for (int length : new int[] {0, 1, 65536, 3_000_001}) {
            byte[] expected = new byte[length];
            new Random(length).nextBytes(expected);
            ByteArrayOutputStream target = new ByteArrayOutputStream();
            JsonObject result = new ControlClient(directory, 20_000).stream("box", Map.of("stream", "" + length), target);
            assertEquals(length, result.getInt("count"));
            assertArrayEquals(expected, target.toByteArray());
        }
        assertNull(new ControlClient(directory, 20_000).stream("none", Map.of("stream", "1"), new ByteArrayOutputStream()));
    }

    @Test
    void aStreamThatFailsSaysWhy() {
        for (String length : List.of("0", "200000")) {
            IOException e = assertThrows(IOException.class, () -> new ControlClient(directory, 20_000).stream("box",
                    Map.of("stream", length, "refuse", "yes"), new ByteArrayOutputStream()));
            assertEquals("refused", e.getMessage());
        }
        assertThrows(IOException.class,
                () -> new ControlClient(directory, 20_000).stream("box", Map.of("command", "x"), new ByteArrayOutputStream()));
    }

    @Test
    void whoLeavesAStreamHarmsNobody() throws IOException {
        for (int i = 0; i < 5; i++) {
            try (SocketChannel channel = connect()) {
                send(channel, "{\"stream\":\"5000000\"}\n");
                assertEquals("{\"stream\":\"chunks\"}", line(channel));
            }
        }
        assertEquals("{command=after}", new ControlClient(directory, 20_000).ask("box", Map.of("command", "after")).getString("echo"));
    }
}
