package dev.caisson.control.remote;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Asks sandboxes. */
public final class ControlClient {
    private static final int MOST_ANSWER_BYTES = 1 << 20;
    private static final int MOST_CHUNK_BYTES = 64 << 10;

    private final RuntimeDirectory directory;
    private final long timeoutMs;

    /**
     * Makes a client.
     *
     * @param directory where the sockets are
     * @param timeoutMs how long an answer may take
     */
    public ControlClient(RuntimeDirectory directory, long timeoutMs) {
        this.directory = directory;
        this.timeoutMs = timeoutMs;
    }

    /**
     * Sends a request and waits for the answer.
     *
     * @param id the sandbox's name
     * @param request what to ask: "command" and its arguments
     * @return the answer, or null when no sandbox of this name runs
     * @throws IOException when the sandbox refuses, does not answer in time or not properly; the message is for the person who asked
     */
    public JsonObject ask(String id, Map<String, String> request) throws IOException {
        try (SocketChannel channel = directory.connect(id)) {
            if (channel == null) {
                return null;
            }
            try (Input input = new Input(channel, id)) {
                send(channel, request);
                return answer(input, id);
            }
        }
    }

    /**
     * Sends a request whose answer is a stream of bytes.
     *
     * @param id the sandbox's name
     * @param request what to ask
     * @param target takes the bytes; not closed
     * @return the result that follows the bytes, or null when no sandbox of this name runs
     * @throws IOException as {@link #ask}; what was written to the target is then not all
     */
    public JsonObject stream(String id, Map<String, String> request, OutputStream target) throws IOException {
        try (SocketChannel channel = directory.connect(id)) {
            if (channel == null) {
                return null;
            }
            try (Input input = new Input(channel, id)) {
                send(channel, request);
                if (!"chunks".equals(answer(input, id).getString("stream"))) {
                    throw new IOException("sandbox " + id + " does not know how to " + request.get("command"));
                }
                byte[] chunk = new byte[MOST_CHUNK_BYTES];
                for (int length = input.number(); length != 0; length = input.number()) {
                    if (length < 0 || length > MOST_CHUNK_BYTES) {
                        throw new IOException("sandbox " + id + " answered with something that is no stream");
                    }
                    input.bytes(chunk, length);
                    target.write(chunk, 0, length);
                }
                return answer(input, id);
            }
        }
    }

    /** One request over a connection to any sandbox; null when it ended before it answered. */
    static JsonObject ask(SocketChannel channel, Map<String, Object> request, long timeoutMs) throws IOException {
        ControlClient client = new ControlClient(null, timeoutMs);
        try (Input input = client.new Input(channel, "here")) {
            send(channel, request);
            return client.answer(input, "here");
        } catch (EOFException | SocketException e) {
            return null;
        }
    }

    private static void send(SocketChannel channel, Map<String, ?> request) throws IOException {
        ByteBuffer line = StandardCharsets.UTF_8.encode(JsonWriter.string(request) + "\n");
        while (line.hasRemaining()) {
            channel.write(line);
        }
    }

    private JsonObject answer(Input input, String id) throws IOException {
        try {
            JsonObject answer = JsonParser.object().from(input.line());
            String error = answer.getString("error");
            if (error != null) {
                throw new IOException(error);
            }
            return answer;
        } catch (JsonParserException e) {
            throw new IOException("sandbox " + id + " answered with something that is no JSON object", e);
        }
    }

    /** What a sandbox sends. Each line, number or run of bytes may take the client's patience. */
    private final class Input implements AutoCloseable {
        private final SocketChannel channel;
        private final String id;
        private final ByteBuffer buffer = ByteBuffer.allocate(64 << 10).flip();
        private Selector selector;

        Input(SocketChannel channel, String id) {
            this.channel = channel;
            this.id = id;
        }

        private void fill(long deadlineNs) throws IOException {
            if (selector == null) {
                channel.configureBlocking(false);
                selector = Selector.open();
                channel.register(selector, SelectionKey.OP_READ);
            }
            buffer.clear();
            int count = channel.read(buffer);
            while (count == 0) {
                long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
                if (leftMs <= 0) {
                    throw new IOException("sandbox " + id + " does not answer");
                }
                selector.select(leftMs);
                selector.selectedKeys().clear();
                count = channel.read(buffer);
            }
            buffer.flip();
            if (count < 0) {
                throw new EOFException("sandbox " + id + " ended before it answered");
            }
        }

        private long deadlineNs() {
            return System.nanoTime() + timeoutMs * 1_000_000;
        }

        String line() throws IOException {
            long deadline = deadlineNs();
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            while (line.size() < MOST_ANSWER_BYTES) {
                if (!buffer.hasRemaining()) {
                    fill(deadline);
                }
                byte next = buffer.get();
                if (next == '\n') {
                    return line.toString(StandardCharsets.UTF_8);
                }
                line.write(next);
            }
            throw new IOException("sandbox " + id + " answers without end");
        }

        void bytes(byte[] target, int lengthBytes) throws IOException {
            for (int done = 0; done < lengthBytes;) {
                if (!buffer.hasRemaining()) {
                    fill(deadlineNs());
                }
                int step = Math.min(buffer.remaining(), lengthBytes - done);
                buffer.get(target, done, step);
                done += step;
            }
        }

        int number() throws IOException {
            byte[] bytes = new byte[Integer.BYTES];
            bytes(bytes, bytes.length);
            return ByteBuffer.wrap(bytes).getInt();
        }

        @Override
        public void close() throws IOException {
            if (selector != null) {
                selector.close();
            }
        }
    }
}
