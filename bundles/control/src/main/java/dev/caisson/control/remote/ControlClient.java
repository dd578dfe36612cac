package dev.caisson.control.remote;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Asks sandboxes. */
public final class ControlClient {
    private static final int MOST_ANSWER_BYTES = 1 << 20;

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
            ByteBuffer line = StandardCharsets.UTF_8.encode(JsonWriter.string(request) + "\n");
            while (line.hasRemaining()) {
                channel.write(line);
            }
            JsonObject answer = JsonParser.object().from(readLine(channel, id));
            String error = answer.getString("error");
            if (error != null) {
                throw new IOException(error);
            }
            return answer;
        } catch (JsonParserException e) {
            throw new IOException("sandbox " + id + " answered with something that is no JSON object", e);
        }
    }

    private String readLine(SocketChannel channel, String id) throws IOException {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000;
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(8192);
        channel.configureBlocking(false);
        try (Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_READ);
            while (answer.size() < MOST_ANSWER_BYTES) {
                long leftMs = (deadline - System.nanoTime()) / 1_000_000;
                if (leftMs <= 0) {
                    throw new IOException("sandbox " + id + " does not answer");
                }
                selector.select(leftMs);
                selector.selectedKeys().clear();
                int count = channel.read(buffer.clear());
                if (count < 0) {
                    throw new IOException("sandbox " + id + " ended before it answered");
                }
                for (int i = 0; i < count; i++) {
                    if (buffer.get(i) == '\n') {
                        answer.write(buffer.array(), 0, i);
                        return answer.toString(StandardCharsets.UTF_8);
                    }
                }
                answer.write(buffer.array(), 0, count);
            }
        }
        throw new IOException("sandbox " + id + " answers without end");
    }
}
