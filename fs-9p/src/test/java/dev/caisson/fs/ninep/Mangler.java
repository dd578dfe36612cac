package dev.caisson.fs.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stands between clients and a server: while it is honest, it records what goes through, and passes descriptors on; later it changes some
 * of the replies, and some of the descriptors. The requests that it has recorded are what it attacks the server with.
 */
final class Mangler implements AutoCloseable {
    private static final int HEADER_BYTES = 7, MOST_BYTES = 1 << 17, MOST_RECORDED = 4000;
    private static final int TVERSION = 100, TATTACH = 104;
    /** One message in so many is changed; of those with descriptors, one in so many gets others. */
    private static final int CHANGED_OF = 12, DESCRIPTORS_CHANGED_OF = 4;
    /** A server that leaves a message unread for so long has stopped. */
    private static final long PATIENCE_MS = 120_000;

    volatile boolean isHonest = true;
    final AtomicLong changed = new AtomicLong();
    final AtomicLong descriptorsPassed = new AtomicLong();
    final AtomicLong descriptorsChanged = new AtomicLong();
    private final int door;
    private final Path socket;
    private final String server;
    private final Random random;
    private final List<byte[]> requests = new ArrayList<>();
    private final List<byte[]> replies = new ArrayList<>();
    private final List<Pair> open = new CopyOnWriteArrayList<>();
    private final Thread accepting;
    private volatile Throwable failure;
    /** What a server may give away in place of a file: a pipe's ends, a directory, a device, a socket, and files of other access. */
    private final List<Integer> wrong = new ArrayList<>();

    Mangler(Path socket, Path server, Random random) throws IOException {
        this.socket = socket;
        this.server = server.toString();
        this.random = random;
        long pipe = HostFile.pipe(Fcntl.O_CLOEXEC);
        wrong.addAll(List.of((int) pipe, (int) (pipe >>> 32), (int) HostMemory.createFile("wrong", 1)));
        String directory = socket.getParent().toString();
        String file = Files.writeString(socket.resolveSibling("wrong"), "x".repeat(5000)).toString();
        for (int flags : new int[] {Fcntl.O_RDONLY, Fcntl.O_WRONLY, Fcntl.O_RDWR, Fcntl.O_PATH}) {
            wrong.add((int) HostPath.open(Fcntl.AT_FDCWD, file, flags | Fcntl.O_CLOEXEC, 0));
        }
        Files.delete(Path.of(file));
        wrong.add((int) HostPath.open(Fcntl.AT_FDCWD, directory, Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0));
        wrong.add((int) HostPath.open(Fcntl.AT_FDCWD, "/dev/null", Fcntl.O_RDWR | Fcntl.O_CLOEXEC, 0));
        this.door = (int) HostSocket.listenUnix(socket.toString(), 64);
        wrong.add(door);
        if (door < 0) {
            throw new IOException("cannot listen: " + Errno.of(-door));
        }
        accepting = Thread.ofPlatform().daemon().name("mangler").start(this::accept);
    }

    int corpusSize() {
        synchronized (requests) {
            return requests.size() + replies.size();
        }
    }

    /** {@return what went wrong in here, or null} */
    Throwable failure() {
        return failure;
    }

    /** A client and the server. Whoever ends, ends both directions; the sockets are closed when nobody uses them any more. */
    private static final class Pair {
        final Wire client;
        final Wire host;
        private final AtomicInteger users = new AtomicInteger(2);

        Pair(int client, int host) {
            this.client = new Wire(client);
            this.host = new Wire(host);
        }

        void shutdown() {
            HostSocket.shutdown(client.fd);
            HostSocket.shutdown(host.fd);
        }

        boolean isLastGone() {
            if (users.decrementAndGet() > 0) {
                return false;
            }
            client.close();
            host.close();
            return true;
        }
    }

    private void accept() {
        while (true) {
            long client = HostSocket.accept(door);
            if (client == -Errno.EINTR.number()) {
                continue;
            }
            if (client < 0) {
                return; // closed
            }
            long host = HostSocket.connectUnix(server, PATIENCE_MS);
            if (host < 0) {
                failure = new IOException("the server accepts nobody: " + Errno.of(-host));
                HostFile.close((int) client);
                continue;
            }
            Pair pair = new Pair((int) client, (int) host);
            open.add(pair);
            long seed = random.nextLong();
            Thread.ofPlatform().daemon().name("mangler-requests").start(() -> pump(pair, pair.client, pair.host, requests, null));
            Thread.ofPlatform().daemon().name("mangler-replies").start(() -> pump(pair, pair.host, pair.client, replies, new Random(seed)));
        }
    }

    private void pump(Pair pair, Wire from, Wire to, List<byte[]> record, Random own) {
        try {
            for (int number = 0;; number++) {
                byte[] message = from.read();
                if (message == null) {
                    return;
                }
                if (isHonest) {
                    keep(record, message);
                }
                boolean isStart = number < 3 && own != null && own.nextInt(10) != 0;
                boolean isKept = isHonest || own == null || isStart;
                descriptorsPassed.addAndGet(from.descriptors.size());
                List<Integer> sent = isKept ? from.descriptors : descriptors(from.descriptors, own);
                if (isKept || own.nextInt(CHANGED_OF) != 0) {
                    to.write(message, sent);
                } else {
                    changed.incrementAndGet();
                    for (byte[] one : Mangling.mangled(message, replies, own)) {
                        to.write(one, sent);
                    }
                }
                from.closeDescriptors();
            }
        } catch (IOException e) {
            // one of them has gone
        } catch (RuntimeException | Error e) {
            failure = e;
        } finally {
            pair.shutdown();
            if (pair.isLastGone()) {
                open.remove(pair);
            }
        }
    }

    /** {@return what goes along with a message in place of what does: none, another one, or more than anybody takes} */
    private List<Integer> descriptors(List<Integer> honest, Random own) {
        if (own.nextInt(honest.isEmpty() ? 50 * CHANGED_OF : DESCRIPTORS_CHANGED_OF) != 0) {
            return honest;
        }
        descriptorsChanged.incrementAndGet();
        int count = switch (own.nextInt(4)) {
            case 0 -> 0;
            case 1 -> 2 + own.nextInt(12);
            default -> 1;
        };
        List<Integer> others = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            others.add(honest.isEmpty() || own.nextInt(4) != 0 ? wrong.get(own.nextInt(wrong.size())) : honest.getFirst());
        }
        return others;
    }

    private void keep(List<byte[]> record, byte[] message) {
        synchronized (requests) {
            if (record.size() < MOST_RECORDED) {
                record.add(message);
            }
        }
    }

    /**
     * Sends the server what its clients sent before, changed or not, over and over.
     *
     * @throws IOException when the server takes nothing any more
     */
    long attackServer(Random own, long end) throws IOException {
        List<byte[]> corpus;
        synchronized (requests) {
            corpus = List.copyOf(requests);
        }
        byte[] version = first(corpus, TVERSION);
        byte[] attach = first(corpus, TATTACH);
        long count = 0;
        while (System.nanoTime() < end) {
            long fd = HostSocket.connectUnix(server, PATIENCE_MS);
            if (fd < 0) {
                throw new IOException("the server accepts nobody: " + Errno.of(-fd));
            }
            Wire wire = new Wire((int) fd);
            HostSocket.setTimeout((int) fd, PATIENCE_MS);
            Thread reader = Thread.ofPlatform().daemon().name("mangler-swallow").start(wire::swallow);
            try {
                wire.write(version, List.of());
                wire.write(attach, List.of());
                int at = own.nextInt(corpus.size());
                for (int i = 0; i < 2000 && System.nanoTime() < end && reader.isAlive(); i++) {
                    byte[] message = corpus.get(own.nextInt(4) == 0 ? own.nextInt(corpus.size()) : at++ % corpus.size());
                    if (Mangling.type(message) == TVERSION) {
                        continue; // everything would begin again
                    }
                    List<Integer> along = own.nextInt(100) == 0 ? List.of(wrong.get(own.nextInt(wrong.size()))) : List.of();
                    for (byte[] one : own.nextInt(3) != 0 ? List.of(message) : Mangling.mangled(message, corpus, own)) {
                        wire.write(one, along);
                        count++;
                    }
                }
            } catch (Wire.Stuck e) {
                throw e;
            } catch (IOException e) {
                // it has hung up on nonsense
            } finally {
                HostSocket.shutdown((int) fd);
                join(reader);
                wire.close();
            }
        }
        return count;
    }

    private static void join(Thread thread) throws IOException {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static byte[] first(List<byte[]> corpus, int type) {
        return corpus.stream().filter(message -> Mangling.type(message) == type).findFirst().orElseThrow();
    }

    @Override
    public void close() throws IOException {
        HostSocket.shutdown(door); // whoever accepts wakes up
        join(accepting);
        open.forEach(Pair::shutdown);
        wrong.forEach(HostFile::close);
        Files.deleteIfExists(socket);
    }

    /** {@return whether nobody is connected through this any more} */
    boolean isIdle() {
        return open.isEmpty();
    }

    /** Messages on a socket, with the descriptors that came with the last one. One thread reads, one writes. */
    private static final class Wire {
        /** The peer reads nothing for as long as anybody would wait. */
        static final class Stuck extends IOException {
            private static final long serialVersionUID = 1;

            Stuck() {
                super("the server has stopped reading");
            }
        }

        final int fd;
        final List<Integer> descriptors = new ArrayList<>();
        private final Arena arena = Arena.ofShared();
        private final MemorySegment in = arena.allocate(MOST_BYTES, 8);
        private final MemorySegment out = arena.allocate(MOST_BYTES + 64, 8);

        Wire(int fd) {
            this.fd = fd;
        }

        /** Reads a message; null at the end. */
        byte[] read() throws IOException {
            if (!fill(0, 4)) {
                return null;
            }
            int bytes = in.get(Layouts.U32, 0);
            if (bytes < HEADER_BYTES || bytes > MOST_BYTES) {
                throw new IOException("no message");
            }
            if (!fill(4, bytes)) {
                throw new IOException("half a message");
            }
            return in.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
        }

        private boolean fill(int from, int to) {
            int at = from;
            while (at < to) {
                long got = HostSocket.receive(fd, in.address() + at, to - at, descriptors::add);
                if (got <= 0 && got != -Errno.EINTR.number()) {
                    return false;
                }
                at += (int) Math.max(got, 0);
            }
            return true;
        }

        /** Sends a message, with a descriptor on each of its first bytes. */
        void write(byte[] message, List<Integer> along) throws IOException {
            MemorySegment.copy(message, 0, out, ValueLayout.JAVA_BYTE, 0, message.length);
            int at = 0;
            for (int i = 0; at < message.length;) {
                boolean isMore = i + 1 < along.size() && at + 1 < message.length;
                long sent = HostSocket.send(fd, out.address() + at, isMore ? 1 : message.length - at, 0, 0, i < along.size() ? along.get(i) : -1);
                if (sent == -Errno.EAGAIN.number()) {
                    throw new Stuck();
                }
                if (sent <= 0 && sent != -Errno.EINTR.number()) {
                    throw new IOException("gone");
                }
                if (sent > 0) {
                    i++;
                    at += (int) sent;
                }
            }
        }

        void closeDescriptors() {
            descriptors.forEach(HostFile::close);
            descriptors.clear();
        }

        void swallow() {
            while (true) {
                long got = HostSocket.receive(fd, in.address(), MOST_BYTES, HostFile::close);
                if (got <= 0 && got != -Errno.EINTR.number() && got != -Errno.EAGAIN.number()) {
                    return;
                }
            }
        }

        void close() {
            closeDescriptors();
            HostFile.close(fd);
            arena.close();
        }
    }
}
