package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.control.SandboxException;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens for commands to a container. Each connection has a thread, since some requests wait, and since descriptors come along, which
 * Java's channels do not know. Peers are of the same user or root, and may still be wrong: lines, connections, descriptors and the time for
 * a request are bounded.
 */
public final class ContainerServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ContainerServer.class);
    private static final int MOST_LINE_BYTES = 1 << 20;
    private static final int MOST_CONNECTIONS = 256;
    private static final int MOST_DESCRIPTORS = 512; // mounts of a container come as one each
    private static final int BACKLOG = 64;
    private static final int BUFFER_BYTES = 4096;
    private static final long PATIENCE_MS = 10_000;
    private static final long ACCEPT_PAUSE_NS = 50_000_000;
    /** The start of {@code struct siginfo_t}: number, errno, code. */
    private static final int SIGNAL_BYTES = 12, CODE = 8;
    private static final int SI_KERNEL = 0x80;
    /** Goes to a process of the host in place of a wait status: a process of its container is killed for lack of memory. */
    public static final int MEMORY_KILL = 0x4d4f4f;

    /** Answers requests. */
    public interface Service {
        /**
         * Answers a request. May block; a thread of its own calls it.
         *
         * @param request what is wanted
         * @param descriptors came with it, and are the service's to close from now on
         * @return the answer
         * @throws SandboxException when it cannot be done; the message goes to the peer
         */
        Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException;
    }

    /**
     * An answer.
     *
     * @param json what the peer gets
     * @param process stays with the connection, or null
     */
    public record Reply(JsonObject json, Attached process) {
        /**
         * An answer after which the connection ends.
         *
         * @param json what the peer gets
         * @return the answer
         */
        public static Reply of(JsonObject json) {
            return new Reply(json, null);
        }
    }

    /** A process whose end the peer waits for. */
    public interface Attached {
        /**
         * Passes a signal.
         *
         * @param signal its number
         * @param isFromTerminal whether the kernel of the host made it of the terminal's input
         */
        void signal(int signal, boolean isFromTerminal);

        /** {@return how it ended, as wait(2) tells it; waits for that} */
        int awaitEnd();

        /** The peer is gone; nobody waits for the end any more. */
        void abandon();

        /**
         * Says what is done before one of the container's processes is killed for lack of memory.
         *
         * @param action does not wait
         */
        default void onMemoryKill(Runnable action) {}
    }

    private final Path path;
    private final int socket;
    private final Service service;
    private final AtomicInteger connections = new AtomicInteger();
    private volatile boolean isClosed;

    private ContainerServer(Path path, int socket, Service service) {
        this.path = path;
        this.socket = socket;
        this.service = service;
    }

    /**
     * Starts to listen.
     *
     * @param path where; what is there is removed
     * @param service answers
     * @return the server
     * @throws IOException when the socket cannot be made
     */
    public static ContainerServer start(Path path, Service service) throws IOException {
        Files.deleteIfExists(path);
        long socket = HostSocket.listenUnix(new String(path.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1), BACKLOG);
        if (socket < 0) {
            throw new IOException("cannot listen on " + path + ": " + Errno.of(-socket).text());
        }
        ContainerServer server = new ContainerServer(path, (int) socket, service);
        start("container socket", server::accept);
        return server;
    }

    private static Thread start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private void accept() {
        int own = HostCredentials.effectiveUser();
        while (!isClosed) {
            long accepted = HostSocket.accept(socket);
            if (accepted < 0) {
                if (!isClosed) {
                    LockSupport.parkNanos(ACCEPT_PAUSE_NS); // with no descriptor left, it would be the same at once
                }
                continue;
            }
            int peer = (int) accepted;
            long user = HostSocket.peerUser(peer);
            if (user != own && user != 0 || connections.incrementAndGet() > MOST_CONNECTIONS) {
                log.debug("connection refused: user={}, connections={}", user, connections);
                HostFile.close(peer);
                if (user == own || user == 0) {
                    connections.decrementAndGet();
                }
                continue;
            }
            start("container request", () -> {
                try {
                    serve(peer);
                } finally {
                    HostFile.close(peer);
                    connections.decrementAndGet();
                }
            });
        }
        HostFile.close(socket);
    }

    private void serve(int peer) {
        List<Integer> descriptors = new ArrayList<>();
        boolean isTaken = false;
        try (Arena arena = Arena.ofConfined()) {
            HostSocket.setTimeout(peer, PATIENCE_MS);
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, 8);
            String line = line(peer, buffer, descriptors);
            if (line == null) {
                return;
            }
            Reply reply;
            boolean isIndented = false;
            try {
                JsonObject request = JsonParser.object().from(line);
                isIndented = request.getBoolean("indent", false);
                isTaken = true;
                reply = service.answer(request, descriptors);
            } catch (JsonParserException e) {
                reply = Reply.of(failure("no request: " + e.getMessage()));
            } catch (SandboxException e) {
                log.debug("request failed", e);
                reply = Reply.of(failure(e.getMessage()));
            } catch (RuntimeException e) {
                log.error("a request failed", e);
                reply = Reply.of(failure("internal error: " + e));
            }
            boolean isSent = send(peer, arena, text(reply.json(), isIndented && !reply.json().has("error")).getBytes(StandardCharsets.UTF_8));
            if (reply.process() != null) {
                if (!isSent) {
                    reply.process().abandon();
                } else {
                    attend(peer, buffer, reply.process());
                }
            }
        } finally {
            if (!isTaken) {
                descriptors.forEach(HostFile::close);
            }
        }
    }

    /** On one line, or on lines of its own for who hands it on as it is. */
    private static String text(JsonObject json, boolean isIndented) {
        return (isIndented ? JsonWriter.indent("  ").string().value(json).done() : JsonWriter.string(json)) + "\n";
    }

    private static JsonObject failure(String message) {
        return JsonObject.builder().value("error", message).done();
    }

    /** Reads up to the end of the line; null when the peer gives up or sends too much. */
    private static String line(int peer, MemorySegment buffer, List<Integer> descriptors) {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (line.size() < MOST_LINE_BYTES && descriptors.size() <= MOST_DESCRIPTORS) {
            long count = HostSocket.receive(peer, buffer.address(), BUFFER_BYTES, descriptors::add);
            if (count == -Errno.EINTR.number()) {
                continue;
            }
            if (count <= 0) {
                return null;
            }
            for (int i = 0; i < count; i++) {
                byte next = buffer.get(ValueLayout.JAVA_BYTE, i);
                if (next == '\n') {
                    return line.toString(StandardCharsets.UTF_8);
                }
                line.write(next);
            }
        }
        return null;
    }

    private static boolean send(int peer, Arena arena, byte[] bytes) {
        MemorySegment copy = arena.allocate(bytes.length);
        copy.copyFrom(MemorySegment.ofArray(bytes));
        for (long done = 0; done < bytes.length;) {
            long count = HostSocket.send(peer, copy.address() + done, bytes.length - done, 0, 0, -1);
            if (count > 0) {
                done += count;
            } else if (count != -Errno.EINTR.number()) {
                return false;
            }
        }
        return true;
    }

    /** Passes signals until the process is over, whose end another thread reports, or the peer is gone. */
    private static void attend(int peer, MemorySegment buffer, Attached process) {
        HostSocket.setTimeout(peer, 0);
        report(peer, process, () -> { });
        passSignals(peer, buffer, process);
    }

    /**
     * Serves a process of the host that stands for one of the guest, as after {@code exec}.
     *
     * @param channel a socket to it; closed at the end
     * @param process the guest's
     * @return the thread that ends when the process of the host has been told of the end
     */
    static Thread attend(int channel, Attached process) {
        MemoryAlarm alarm = new MemoryAlarm((int) HostFile.duplicate(channel, 3));
        process.onMemoryKill(alarm::raise);
        Thread reporter = report(channel, process, alarm::close);
        start("container signals", () -> {
            try (Arena arena = Arena.ofConfined()) {
                passSignals(channel, arena.allocate(SIGNAL_BYTES, 8), process);
            } finally {
                HostFile.close(channel);
            }
        });
        return reporter;
    }

    /** Tells a process of the host that one of the container's is killed for lack of memory: many at once are one. */
    private static final class MemoryAlarm {
        private static final long PAUSE_NS = 1_000_000_000;
        /** Guarded by this; -1 when all is over. */
        private int channel;
        private long lastNs;

        MemoryAlarm(int channel) {
            this.channel = channel;
        }

        synchronized void raise() {
            long now = System.nanoTime();
            if (channel < 0 || lastNs != 0 && now - lastNs < PAUSE_NS) {
                return;
            }
            lastNs = now;
            try (Arena arena = Arena.ofConfined()) {
                byte[] word = new byte[Integer.BYTES];
                MemorySegment.ofArray(word).set(Layouts.U32, 0, MEMORY_KILL);
                send(channel, arena, word);
            }
        }

        synchronized void close() {
            HostFile.close(channel);
            channel = -1;
        }
    }

    private static Thread report(int peer, Attached process, Runnable last) {
        int reporter = (int) HostFile.duplicate(peer, 3);
        return start("container exit", () -> {
            try (Arena arena = Arena.ofConfined()) {
                byte[] status = new byte[Integer.BYTES];
                MemorySegment.ofArray(status).set(Layouts.U32, 0, process.awaitEnd());
                send(reporter, arena, status);
            } finally {
                last.run();
                HostSocket.shutdown(reporter);
                HostFile.close(reporter);
            }
        });
    }

    private static void passSignals(int peer, MemorySegment buffer, Attached process) {
        int length = 0;
        while (true) {
            long count = HostSocket.receive(peer, buffer.address() + length, SIGNAL_BYTES - length, HostFile::close);
            if (count == -Errno.EINTR.number()) {
                continue;
            }
            if (count <= 0) {
                break;
            }
            length += (int) count;
            if (length == SIGNAL_BYTES) {
                length = 0;
                int signal = buffer.get(Layouts.U32, 0);
                if (signal >= 1 && signal <= 64) {
                    process.signal(signal, buffer.get(Layouts.U32, CODE) == SI_KERNEL);
                }
            }
        }
        process.abandon();
    }

    /** Stops listening and removes the socket. Requests that are under way go on. */
    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            log.debug("cannot remove {}: {}", path, e.getMessage());
        }
        HostSocket.shutdown(socket); // wakes who accepts, and who closes it then
    }
}
