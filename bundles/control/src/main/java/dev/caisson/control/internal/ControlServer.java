package dev.caisson.control.internal;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonReader;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.remote.RuntimeDirectory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens on a sandbox's control socket: one thread, one JSON object per line, one answer per line, in order.
 *
 * <p>Peers are of the same user or root, and may still be wrong: lines, connections and the time for each are bounded, and whatever is
 * not a request gets an answer that says so, or none.
 */
final class ControlServer implements AutoCloseable {
    static final int MOST_LINE_BYTES = 8192;
    static final int MOST_CONNECTIONS = 32;
    private static final int MOST_ARGUMENTS = 16;
    private static final long DEFAULT_PATIENCE_MS = 10_000;
    private static final long ACCEPT_PAUSE_NS = 50_000_000;
    private static final Logger log = LoggerFactory.getLogger(ControlServer.class);

    private final ServerSocketChannel server;
    private final Path socket;
    private final Function<Map<String, String>, JsonObject> handler;
    private final Function<Map<String, String>, ControlStream.Source> streams;
    private final long patienceMs;
    private final UserPrincipal owner;
    private final UserPrincipal superuser;
    private final Selector selector;
    private final Thread thread;

    private ControlServer(ServerSocketChannel server, Function<Map<String, String>, JsonObject> handler,
            Function<Map<String, String>, ControlStream.Source> streams, long patienceMs) throws IOException {
        this.server = server;
        this.socket = ((UnixDomainSocketAddress) server.getLocalAddress()).getPath();
        this.handler = handler;
        this.streams = streams;
        this.patienceMs = patienceMs;
        this.owner = Files.getOwner(socket);
        // A number is looked up as a name first; there is no user of that name.
        this.superuser = socket.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("0");
        this.selector = Selector.open();
        server.configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        thread = new Thread(this::serve, "control");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Makes the socket and starts to listen.
     *
     * @param directory where
     * @param id the sandbox's name
     * @param handler answers requests; it may take its time
     * @param streams gives what answers a request by a stream, or null for the others
     * @return the server
     * @throws IOException when the socket cannot be made; the message says why
     */
    static ControlServer start(RuntimeDirectory directory, String id, Function<Map<String, String>, JsonObject> handler,
            Function<Map<String, String>, ControlStream.Source> streams) throws IOException {
        return start(directory, id, handler, streams, DEFAULT_PATIENCE_MS);
    }

    static ControlServer start(RuntimeDirectory directory, String id, Function<Map<String, String>, JsonObject> handler,
            Function<Map<String, String>, ControlStream.Source> streams, long patienceMs) throws IOException {
        ServerSocketChannel server = directory.listen(id);
        try {
            return new ControlServer(server, handler, streams, patienceMs);
        } catch (IOException e) {
            server.close();
            Files.deleteIfExists(directory.socket(id));
            throw e;
        }
    }

    /** One peer. */
    private static final class Connection {
        private final ByteBuffer input = ByteBuffer.allocate(MOST_LINE_BYTES);
        private ByteBuffer output;
        private boolean isLast;
        /** Takes the connection over. */
        private ControlStream.Source stream;
        /** When it has sent a line or taken an answer for the last time, in nanoseconds. */
        private long activeNs = System.nanoTime();
    }

    private void serve() {
        try {
            while (selector.isOpen()) {
                selector.select(selector.keys().size() > 1 ? patienceMs / 4 + 1 : 0);
                List<SelectionKey> ready = new ArrayList<>(selector.selectedKeys());
                selector.selectedKeys().clear();
                for (SelectionKey key : ready) {
                    serve(key);
                }
                long now = System.nanoTime();
                for (SelectionKey key : List.copyOf(selector.keys())) {
                    if (key.attachment() instanceof Connection connection && now - connection.activeNs > patienceMs * 1_000_000) {
                        end(key);
                    }
                }
            }
        } catch (ClosedSelectorException e) {
            return; // the sandbox ends
        } catch (IOException | RuntimeException e) {
            if (!selector.isOpen()) {
                return; // closed in the middle of something
            }
            log.error("the control socket {} fails; the sandbox goes on without it", socket, e);
        }
    }

    private void serve(SelectionKey key) throws IOException {
        if (!key.isValid()) {
            return;
        }
        if (key.isAcceptable()) {
            accept();
            return;
        }
        Connection connection = (Connection) key.attachment();
        try {
            SocketChannel channel = (SocketChannel) key.channel();
            if (connection.output == null) {
                int count = channel.read(connection.input);
                if (count < 0) {
                    end(key);
                    return;
                }
            }
            do {
                answer(connection);
                if (connection.stream != null) {
                    key.cancel();
                    new ControlStream(channel, connection.stream).start();
                    return;
                }
            } while (flush(channel, connection) && connection.input.position() > 0 && hasLine(connection.input));
            if (connection.output == null && connection.isLast) {
                end(key);
            } else {
                key.interestOps(connection.output == null ? SelectionKey.OP_READ : SelectionKey.OP_WRITE);
            }
        } catch (IOException e) {
            end(key); // the peer went away
        }
    }

    private void accept() {
        try {
            SocketChannel channel = server.accept();
            if (channel == null) {
                return;
            }
            UnixDomainPrincipal peer = channel.getOption(ExtendedSocketOptions.SO_PEERCRED);
            boolean isAllowed = peer.user().equals(owner) || peer.user().equals(superuser);
            if (!isAllowed || selector.keys().size() > MOST_CONNECTIONS) {
                log.debug("control connection refused: user {}, {} connections", peer.user(), selector.keys().size() - 1);
                channel.close();
                return;
            }
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ, new Connection());
        } catch (IOException e) {
            log.debug("control connection lost: {}", e.getMessage());
            LockSupport.parkNanos(ACCEPT_PAUSE_NS); // with no descriptor left, it would be the same at once
        }
    }

    private static boolean hasLine(ByteBuffer input) {
        for (int i = 0; i < input.position(); i++) {
            if (input.get(i) == '\n') {
                return true;
            }
        }
        return false;
    }

    /** Takes the first line out of the input, if there is a whole one, and prepares its answer. */
    private void answer(Connection connection) {
        if (connection.output != null) {
            return;
        }
        ByteBuffer input = connection.input;
        input.flip();
        int end = 0;
        while (end < input.limit() && input.get(end) != '\n') {
            end++;
        }
        if (end == input.limit()) {
            input.position(input.limit()).limit(input.capacity());
            if (!input.hasRemaining()) {
                connection.isLast = true;
                input.clear();
                reply(connection, failure("a request has less than " + MOST_LINE_BYTES + " bytes"));
            }
            return;
        }
        String line = new String(input.array(), 0, end, StandardCharsets.UTF_8);
        input.position(end + 1);
        input.compact();
        JsonObject answer = answer(line, connection);
        if (connection.stream == null) {
            reply(connection, answer);
        }
    }

    private JsonObject answer(String line, Connection connection) {
        try {
            Map<String, String> request = request(line);
            connection.stream = streams.apply(request);
            return connection.stream != null ? null : handler.apply(request);
        } catch (JsonParserException | IllegalArgumentException e) {
            return failure("no request: " + e.getMessage());
        } catch (RuntimeException e) {
            log.error("a control request failed", e);
            return failure("internal error: " + e);
        }
    }

    /** Reads an object of strings. The parser does not recurse, however deeply a line is nested. */
    static Map<String, String> request(String line) throws JsonParserException {
        Map<String, String> arguments = new LinkedHashMap<>();
        JsonReader reader = JsonReader.from(line);
        if (reader.current() != JsonReader.Type.OBJECT) {
            throw new IllegalArgumentException("a JSON object is expected");
        }
        reader.object();
        while (reader.next()) {
            if (reader.current() != JsonReader.Type.STRING || arguments.size() == MOST_ARGUMENTS) {
                throw new IllegalArgumentException("an object of at most " + MOST_ARGUMENTS + " strings is expected");
            }
            arguments.put(reader.key(), reader.string());
        }
        return arguments;
    }

    static JsonObject failure(String message) {
        return JsonObject.builder().value("error", message).done();
    }

    private static void reply(Connection connection, JsonObject answer) {
        connection.output = StandardCharsets.UTF_8.encode(JsonWriter.string(answer) + "\n");
        connection.activeNs = System.nanoTime();
    }

    /** Writes what can be written; whether the answer is out. */
    private static boolean flush(SocketChannel channel, Connection connection) throws IOException {
        if (connection.output == null) {
            return false;
        }
        channel.write(connection.output);
        if (connection.output.hasRemaining()) {
            return false;
        }
        connection.output = null;
        connection.activeNs = System.nanoTime();
        return !connection.isLast;
    }

    private static void end(SelectionKey key) {
        key.cancel();
        try {
            key.channel().close();
        } catch (IOException e) {
            log.debug("cannot close a control connection: {}", e.getMessage());
        }
    }

    /** Stops listening and removes the socket. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(socket);
            List<SelectionKey> keys = List.copyOf(selector.keys());
            selector.close();
            for (SelectionKey key : keys) {
                key.channel().close();
            }
        } catch (IOException | ClosedSelectorException e) {
            log.debug("cannot close the control socket {}: {}", socket, e.getMessage());
        }
    }
}
