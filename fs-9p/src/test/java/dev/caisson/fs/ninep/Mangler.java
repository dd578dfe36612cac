package dev.caisson.fs.ninep;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stands between clients and a server: while it is honest, it records what goes through; later it changes some of the replies. The
 * requests that it has recorded are what it attacks the server with.
 */
final class Mangler implements AutoCloseable {
    private static final int HEADER_BYTES = 7, MOST_BYTES = 1 << 20, MOST_RECORDED = 4000;
    private static final int TVERSION = 100, TATTACH = 104;
    private static final long[] TELLING = {0, 1, -1, 2, 7, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000L, 0xffff_ffffL, 0xffff_fff0L,
        Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40};
    /** One message in so many is changed. */
    private static final int CHANGED_OF = 12;

    volatile boolean isHonest = true;
    final AtomicLong changed = new AtomicLong();
    private final ServerSocketChannel door;
    private final Path socket;
    private final Path server;
    private final Random random;
    private final List<byte[]> requests = new ArrayList<>();
    private final List<byte[]> replies = new ArrayList<>();
    private final List<SocketChannel> open = new CopyOnWriteArrayList<>();

    Mangler(Path socket, Path server, Random random) throws IOException {
        this.socket = socket;
        this.server = server;
        this.random = random;
        this.door = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
        Thread.ofPlatform().daemon().name("mangler").start(this::accept);
    }

    int corpusSize() {
        synchronized (requests) {
            return requests.size() + replies.size();
        }
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel client = door.accept();
                SocketChannel host = SocketChannel.open(UnixDomainSocketAddress.of(server));
                open.add(client);
                open.add(host);
                long seed = random.nextLong();
                Thread.ofPlatform().daemon().name("mangler-requests").start(() -> pump(client, host, requests, null));
                Thread.ofPlatform().daemon().name("mangler-replies").start(() -> pump(host, client, replies, new Random(seed)));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void pump(SocketChannel from, SocketChannel to, List<byte[]> record, Random own) {
        try (from; to) {
            for (int number = 0;; number++) {
                byte[] message = read(from);
                if (message == null) {
                    return;
                }
                if (isHonest) {
                    keep(record, message);
                }
                boolean isStart = number < 3 && own != null && own.nextInt(10) != 0;
                if (isHonest || own == null || isStart || own.nextInt(CHANGED_OF) != 0) {
                    write(to, message);
                    continue;
                }
                changed.incrementAndGet();
                for (byte[] one : mangled(message, replies, own)) {
                    write(to, one);
                }
            }
        } catch (IOException e) {
            // one of them has gone
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private void keep(List<byte[]> record, byte[] message) {
        synchronized (requests) {
            if (record.size() < MOST_RECORDED) {
                record.add(message);
            }
        }
    }

    /** Sends the server what its clients sent before, changed or not, over and over. */
    long attackServer(Random own, long end) throws IOException {
        List<byte[]> corpus;
        synchronized (requests) {
            corpus = List.copyOf(requests);
        }
        byte[] version = first(corpus, TVERSION);
        byte[] attach = first(corpus, TATTACH);
        long count = 0;
        while (System.nanoTime() < end) {
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(server))) {
                Thread reader = Thread.ofPlatform().daemon().start(() -> swallow(channel));
                write(channel, version);
                write(channel, attach);
                int at = own.nextInt(corpus.size());
                for (int i = 0; i < 2000 && System.nanoTime() < end && reader.isAlive(); i++) {
                    byte[] message = corpus.get(own.nextInt(4) == 0 ? own.nextInt(corpus.size()) : at++ % corpus.size());
                    if (type(message) == TVERSION) {
                        continue; // everything would begin again
                    }
                    for (byte[] one : own.nextInt(3) != 0 ? List.of(message) : mangled(message, corpus, own)) {
                        write(channel, one);
                        count++;
                    }
                }
            } catch (IOException e) {
                // it has hung up on nonsense
            }
        }
        return count;
    }

    private static void swallow(SocketChannel channel) {
        try {
            ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
            while (channel.read(buffer.clear()) >= 0) {
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            // over
        }
    }

    private static byte[] first(List<byte[]> corpus, int type) {
        return corpus.stream().filter(message -> type(message) == type).findFirst().orElseThrow();
    }

    private static int type(byte[] message) {
        return message[4] & 0xff;
    }

    // ---- changes

    private static List<byte[]> mangled(byte[] message, List<byte[]> corpus, Random random) {
        byte[] changed = message.clone();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            changed = change(changed, corpus, random);
        }
        return switch (random.nextInt(60)) {
            case 0 -> List.of(changed, changed);
            case 1 -> List.of(changed, message);
            case 2 -> List.of();
            default -> List.of(changed);
        };
    }

    private static byte[] change(byte[] message, List<byte[]> corpus, Random random) {
        int body = message.length - HEADER_BYTES;
        ByteBuffer fields = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        switch (random.nextInt(12)) {
            case 0, 1 -> {
                if (body > 0) {
                    message[HEADER_BYTES + random.nextInt(body)] ^= (byte) (1 << random.nextInt(8));
                }
                return message;
            }
            case 2, 3, 4 -> {
                long value = TELLING[random.nextInt(TELLING.length)];
                int bytes = 1 << random.nextInt(4);
                if (body >= bytes) {
                    int at = HEADER_BYTES + random.nextInt(body - bytes + 1);
                    for (int i = 0; i < bytes; i++) {
                        message[at + i] = (byte) (value >>> 8 * i);
                    }
                }
                return message;
            }
            case 5 -> {
                return sized(java.util.Arrays.copyOf(message, HEADER_BYTES + random.nextInt(body + 1)));
            }
            case 6 -> {
                byte[] longer = java.util.Arrays.copyOf(message, message.length + 1 + random.nextInt(40));
                for (int i = message.length; i < longer.length; i++) {
                    longer[i] = (byte) random.nextInt();
                }
                return sized(longer);
            }
            case 7 -> {
                if (random.nextInt(10) == 0) {
                    message[4] = (byte) random.nextInt();
                }
                return message;
            }
            case 8 -> {
                if (random.nextInt(5) == 0) {
                    fields.putShort(5, (short) random.nextInt(random.nextBoolean() ? 8 : 1 << 16));
                }
                return message;
            }
            case 9 -> {
                if (random.nextInt(30) == 0) {
                    fields.putInt(0, random.nextInt(random.nextBoolean() ? 20 : Integer.MAX_VALUE));
                }
                return message;
            }
            default -> {
                // The answer (or request) of another time, or a piece of it.
                byte[] other = corpus.get(random.nextInt(corpus.size())).clone();
                if (random.nextBoolean() && type(other) == type(message)) {
                    ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putShort(5, fields.getShort(5));
                    return other;
                }
                int length = Math.min(body, other.length - HEADER_BYTES);
                if (length > 0) {
                    int count = 1 + random.nextInt(Math.min(length, 30));
                    System.arraycopy(other, HEADER_BYTES + random.nextInt(length - count + 1), message,
                            HEADER_BYTES + random.nextInt(length - count + 1), count);
                }
                return message;
            }
        }
    }

    private static byte[] sized(byte[] message) {
        ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN).putInt(0, message.length);
        return message;
    }

    // ---- messages

    private static byte[] read(SocketChannel channel) throws IOException {
        ByteBuffer size = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        while (size.hasRemaining()) {
            if (channel.read(size) < 0) {
                return null;
            }
        }
        int bytes = size.getInt(0);
        if (bytes < HEADER_BYTES || bytes > MOST_BYTES) {
            throw new IOException("no message");
        }
        ByteBuffer message = ByteBuffer.allocate(bytes).put(size.flip());
        while (message.hasRemaining()) {
            if (channel.read(message) < 0) {
                throw new EOFException();
            }
        }
        return message.array();
    }

    private static void write(SocketChannel channel, byte[] message) throws IOException {
        ByteBuffer rest = ByteBuffer.wrap(message);
        while (rest.hasRemaining()) {
            channel.write(rest);
        }
    }

    @Override
    public void close() throws IOException {
        door.close();
        for (SocketChannel channel : open) {
            channel.close();
        }
        Files.deleteIfExists(socket);
    }
}
