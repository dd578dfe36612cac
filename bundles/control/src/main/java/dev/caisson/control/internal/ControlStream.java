package dev.caisson.control.internal;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.ErrnoException;
import dev.caisson.control.SandboxException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An answer that is bytes: a connection of the control socket that a thread of its own has taken over. It sends a line
 * {@code {"stream":"chunks"}}, chunks (four bytes with the length, most significant first, then so many bytes), a length of 0, and a line
 * with the result, which has {@code error} when the bytes are not all. It may also start with a line that has {@code error}.
 */
final class ControlStream {
    /** Makes the bytes. */
    @FunctionalInterface
    interface Source {
        /**
         * Writes them.
         *
         * @param target where to
         * @return the result, for the peer
         * @throws SandboxException when it cannot be done; the message is for the person who asked
         * @throws IOException when the peer goes away
         * @throws ErrnoException when the kernel fails
         */
        JsonObject write(OutputStream target) throws SandboxException, IOException, ErrnoException;
    }

    private static final Logger log = LoggerFactory.getLogger(ControlStream.class);
    private static final int CHUNK_BYTES = 64 << 10;
    /** How long a peer may take nothing. */
    private static final long PATIENCE_MS = 60_000;

    private final SocketChannel channel;
    private final Source source;

    ControlStream(SocketChannel channel, Source source) {
        this.channel = channel;
        this.source = source;
    }

    void start() {
        Thread thread = new Thread(this::run, "control stream");
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        try (channel; Selector selector = Selector.open()) {
            channel.register(selector, SelectionKey.OP_WRITE);
            Chunks chunks = new Chunks(selector);
            JsonObject result;
            try {
                result = source.write(chunks);
                chunks.finish();
            } catch (SandboxException | ErrnoException e) {
                chunks.fail();
                result = ControlServer.failure(e.getMessage());
            } catch (RuntimeException e) {
                log.error("a control request failed", e);
                chunks.fail();
                result = ControlServer.failure("internal error: " + e);
            }
            chunks.line(result);
        } catch (IOException | ClosedSelectorException e) {
            log.debug("a control stream ended early: {}", e.getMessage());
        }
    }

    /** Cuts what is written into chunks. */
    private final class Chunks extends OutputStream {
        private final Selector selector;
        private final ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES + CHUNK_BYTES).position(Integer.BYTES);
        private boolean hasStarted;

        Chunks(Selector selector) {
            this.selector = selector;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int start, int lengthBytes) throws IOException {
            for (int done = 0; done < lengthBytes;) {
                int step = Math.min(buffer.remaining(), lengthBytes - done);
                buffer.put(bytes, start + done, step);
                done += step;
                if (!buffer.hasRemaining()) {
                    sendChunk();
                }
            }
        }

        private void sendChunk() throws IOException {
            begin();
            buffer.putInt(0, buffer.position() - Integer.BYTES);
            send(buffer.flip());
            buffer.clear().position(Integer.BYTES);
        }

        private void begin() throws IOException {
            if (!hasStarted) {
                hasStarted = true;
                line(JsonObject.builder().value("stream", "chunks").done());
            }
        }

        void finish() throws IOException {
            if (buffer.position() > Integer.BYTES) {
                sendChunk();
            }
            begin();
            send(ByteBuffer.allocate(Integer.BYTES));
        }

        /** Ends the chunks, if there were any; what is in the buffer is of no use. */
        void fail() throws IOException {
            if (hasStarted) {
                send(ByteBuffer.allocate(Integer.BYTES));
            }
        }

        void line(JsonObject object) throws IOException {
            send(StandardCharsets.UTF_8.encode(JsonWriter.string(object) + "\n"));
        }

        private void send(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                if (channel.write(bytes) == 0) {
                    selector.selectedKeys().clear();
                    if (selector.select(PATIENCE_MS) == 0) {
                        throw new IOException("the peer does not take what it asked for");
                    }
                }
            }
        }
    }
}
