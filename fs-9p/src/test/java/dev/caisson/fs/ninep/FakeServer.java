package dev.caisson.fs.ninep;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.MessageSocket;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.Qid;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A server with a little tree (/file, /link, /dir, /dir/file) that answers what it must, and lies where a test tells it to. One thread
 * per connection.
 */
final class FakeServer implements Connector, AutoCloseable {
    /** Answers a request in place of the server. */
    @FunctionalInterface
    interface Lie {
        /**
         * Answers, or not.
         *
         * @param out to be started and sent
         */
        void answer(MessageSocket socket, int tag, WireReader in, WireWriter out) throws ErrnoException;
    }

    static final long ROOT = 1;
    static final long FILE = 2;
    static final long LINK = 3;
    static final long DIRECTORY = 4;
    static final long INNER = 5;

    final Map<MessageType, Lie> lies = new ConcurrentHashMap<>();
    final List<MessageType> seen = new CopyOnWriteArrayList<>();
    private final String version;
    private final List<MessageSocket> sockets = new CopyOnWriteArrayList<>();
    /** Connections that clients have not closed. */
    final AtomicInteger connections = new AtomicInteger();

    FakeServer(String version) {
        this.version = version;
    }

    @Override
    public boolean isLasting() {
        return true;
    }

    @Override
    public int connect() throws ErrnoException {
        long pair = Errno.check(HostSocket.pair());
        MessageSocket socket = new MessageSocket((int) (pair >>> 32), 0, 0);
        sockets.add(socket);
        connections.incrementAndGet();
        Thread.ofPlatform().daemon().name("fake-server").start(() -> serve(socket));
        return (int) pair;
    }

    private void serve(MessageSocket socket) {
        Map<Integer, Long> fids = new HashMap<>();
        try (socket) {
            while (socket.receive() == MessageSocket.Received.MESSAGE) {
                MessageType type = MessageType.of(socket.type());
                seen.add(type);
                Lie lie = lies.get(type);
                if (lie != null) {
                    lie.answer(socket, socket.tag(), socket.fields(), new WireWriter());
                } else {
                    answer(socket, type, fids);
                }
            }
        } catch (ErrnoException e) {
            // The client has gone.
        } finally {
            connections.decrementAndGet();
        }
    }

    private void answer(MessageSocket socket, MessageType type, Map<Integer, Long> fids) throws ErrnoException {
        WireReader in = socket.fields();
        WireWriter out = new WireWriter().start(type.reply(), socket.tag());
        switch (type) {
            case TVERSION -> {
                int bytes = in.u32();
                String wanted = in.string();
                socket.setLimit(bytes);
                out.u32(bytes).string(wanted.equals(version) || wanted.equals(Protocol.VERSION) ? wanted : Protocol.VERSION);
            }
            case TATTACH -> {
                fids.put(in.u32(), ROOT);
                qid(ROOT).write(out);
            }
            case TWALK -> {
                Long at = fids.get(in.u32());
                int made = in.u32();
                int count = in.u16();
                int walked = 0;
                out.u16(0);
                for (; walked < count && at != null; walked++) {
                    at = child(at, in.string());
                    if (at == null) {
                        break;
                    }
                    qid(at).write(out);
                }
                if (walked < count && walked == 0) {
                    error(socket, Errno.ENOENT);
                    return;
                }
                out.patch16(Protocol.HEADER_BYTES, walked);
                if (walked == count) {
                    fids.put(made, at);
                }
            }
            case TWALKGETATTR -> {
                Long at = child(fids.get(in.u32()), name(in));
                out.u32(at == null ? Errno.ENOENT.number() : 0).u16(at == null ? 0 : 1);
                if (at != null) {
                    attributes(at).write(out);
                }
            }
            case TGETATTR -> {
                FileAttributes attributes = attributes(fids.get(in.u32()));
                attributes.write(out.u64(attributes.valid()));
            }
            case TLOPEN -> {
                qid(fids.get(in.u32())).write(out);
                out.u32(0);
            }
            case TREAD -> {
                in.u32();
                long offset = in.u64();
                byte[] rest = offset >= 5 ? new byte[0] : "hello".substring((int) offset).getBytes();
                out.u32(rest.length).bytes(rest, 0, rest.length);
            }
            case TREADLINK -> out.string("file");
            case TREADDIR -> out.u32(0);
            case TCLUNK -> fids.remove(in.u32());
            case TFLUSH -> { }
            default -> {
                error(socket, Errno.EOPNOTSUPP);
                return;
            }
        }
        socket.send(out);
    }

    private static String name(WireReader in) {
        in.u32();
        in.u16();
        return in.string();
    }

    static void error(MessageSocket socket, Errno errno) throws ErrnoException {
        socket.send(new WireWriter().start(MessageType.RLERROR, socket.tag()).u32(errno.number()));
    }

    private static Long child(long directory, String name) {
        if (directory == ROOT) {
            return switch (name) {
                case "file" -> FILE;
                case "link" -> LINK;
                case "dir" -> DIRECTORY;
                default -> null;
            };
        }
        return directory == DIRECTORY && name.equals("file") ? INNER : null;
    }

    static Qid qid(long path) {
        return attributes(path).qid();
    }

    static FileAttributes attributes(long path) {
        int mode = path == ROOT || path == DIRECTORY ? 040755 : path == LINK ? 0120777 : 0100644;
        return new FileAttributes(new Qid(Qid.typeOf(mode), 0, path), mode, 0, 0, 1, 0, mode >>> 12 == 8 ? 5 : 4, 4096, 8, 1, 2, 3,
                Long.MIN_VALUE);
    }

    /** Ends all connections, as when the server is killed. */
    void hangUp() {
        sockets.forEach(MessageSocket::shutdown);
        sockets.clear();
    }

    /** {@return how often a request came} */
    long count(MessageType type) {
        return seen.stream().filter(type::equals).count();
    }

    static void close(int descriptor) {
        HostFile.close(descriptor);
    }

    @Override
    public void close() {
        hangUp();
    }

    @Override
    public String toString() {
        return "fake";
    }
}
