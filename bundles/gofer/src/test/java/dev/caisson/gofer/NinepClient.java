package dev.caisson.gofer;

import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import dev.caisson.ninep.FileAttributes;
import dev.caisson.ninep.MessageType;
import dev.caisson.ninep.Protocol;
import dev.caisson.ninep.WireReader;
import dev.caisson.ninep.WireWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A client that says exactly what a test wants it to say. Strings hold one byte per char. */
final class NinepClient implements AutoCloseable {
    static final int ROOT = 0;
    private static final int BYTES = (1 << 20) + 64;

    final int fd;
    final List<Integer> descriptors = new ArrayList<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(BYTES, 8);
    private final WireWriter out = new WireWriter();
    private int tag;
    private boolean isClosed;

    NinepClient(int fd) {
        this.fd = fd;
        HostSocket.setTimeout(fd, 20_000);
    }

    /** A failure that the server told. */
    static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;
        final int errno;

        Failure(int errno) {
            super("errno " + errno);
            this.errno = errno;
        }
    }

    /** Sends raw bytes. */
    void sendRaw(byte[] bytes) {
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        long at = 0;
        while (at < bytes.length) {
            long sent = HostSocket.send(fd, buffer.address() + at, bytes.length - at, 0, 0, -1);
            if (sent <= 0) {
                return;
            }
            at += sent;
        }
    }

    /** Sends a request without waiting for its answer. */
    void post(MessageType type, int itsTag, Consumer<WireWriter> fields) {
        out.start(type, itsTag);
        fields.accept(out);
        int bytes = out.finish(0);
        byte[] copy = new byte[bytes];
        System.arraycopy(out.array(), 0, copy, 0, bytes);
        sendRaw(copy);
    }

    /** A message: its type's number, its tag and its fields. */
    record Message(int type, int tag, WireReader fields) {}

    /** Receives one message; null at the end. */
    Message receive() {
        byte[] head = read(7);
        if (head == null) {
            return null;
        }
        WireReader in = new WireReader().reset(head, 0, 7);
        int size = in.u32();
        int type = in.u8();
        int itsTag = in.u16();
        if (size < 7 || size > BYTES) {
            throw new IllegalStateException("a reply of " + size);
        }
        byte[] rest = read(size - 7);
        return rest == null ? null : new Message(type, itsTag, new WireReader().reset(rest, 0, rest.length));
    }

    private byte[] read(int count) {
        int at = 0;
        while (at < count) {
            long got = HostSocket.receive(fd, buffer.address() + at, count - at, descriptors::add);
            if (got <= 0) {
                return null;
            }
            at += (int) got;
        }
        return buffer.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Sends a request and waits for its answer. */
    WireReader ask(MessageType type, Consumer<WireWriter> fields) {
        tag = (tag + 1) & 0xff;
        post(type, type == MessageType.TVERSION ? Protocol.NO_TAG : tag, fields);
        Message reply = receive();
        if (reply == null) {
            throw new IllegalStateException("the server hung up");
        }
        if (reply.type() == MessageType.RLERROR.number()) {
            throw new Failure(reply.fields().u32());
        }
        if (reply.type() != type.reply().number()) {
            throw new IllegalStateException("an answer of type " + reply.type());
        }
        return reply.fields();
    }

    /** {@return the errno with which a request fails, or 0} */
    int errno(MessageType type, Consumer<WireWriter> fields) {
        try {
            ask(type, fields);
            return 0;
        } catch (Failure e) {
            return e.errno;
        }
    }

    String version(int size, String version) {
        WireReader reply = ask(MessageType.TVERSION, w -> w.u32(size).string(version));
        reply.u32();
        return reply.string();
    }

    NinepClient attach(String name) {
        ask(MessageType.TATTACH, w -> w.u32(ROOT).u32(Protocol.NO_FID).string("").string(name).u32(HostCredentials.effectiveUser()));
        return this;
    }

    /** {@return how many steps a walk took} */
    int walk(int from, int to, String... names) {
        WireReader reply = ask(MessageType.TWALK, w -> {
            w.u32(from).u32(to).u16(names.length);
            for (String name : names) {
                w.string(name);
            }
        });
        return reply.u16();
    }

    int walkErrno(int from, int to, String... names) {
        try {
            return walk(from, to, names) == names.length ? 0 : -1;
        } catch (Failure e) {
            return e.errno;
        }
    }

    int open(int fid, int flags) {
        return errno(MessageType.TLOPEN, w -> w.u32(fid).u32(flags));
    }

    int clunk(int fid) {
        return errno(MessageType.TCLUNK, w -> w.u32(fid));
    }

    FileAttributes attributes(int fid) {
        WireReader reply = ask(MessageType.TGETATTR, w -> w.u32(fid).u64(FileAttributes.BASIC));
        return FileAttributes.read(reply, reply.u64());
    }

    String read(int fid, long offset, int count) {
        WireReader reply = ask(MessageType.TREAD, w -> w.u32(fid).u64(offset).u32(count));
        int got = reply.u32();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < got; i++) {
            text.append((char) reply.u8());
        }
        return text.toString();
    }

    int write(int fid, long offset, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return ask(MessageType.TWRITE, w -> w.u32(fid).u64(offset).u32(bytes.length).bytes(bytes, 0, bytes.length)).u32();
    }

    /** Lists an open directory. */
    List<String> list(int fid, int count) {
        List<String> names = new ArrayList<>();
        long offset = 0;
        while (true) {
            long from = offset;
            WireReader reply = ask(MessageType.TREADDIR, w -> w.u32(fid).u64(from).u32(count));
            if (reply.u32() == 0) {
                return names;
            }
            while (reply.remaining() > 0) {
                reply.skip(13);
                offset = reply.u64();
                reply.u8();
                names.add(reply.string());
            }
        }
    }

    /** Reads a descriptor that was donated. */
    static String readDescriptor(int descriptor) throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            MemorySegment bytes = memory.allocate(4096);
            long got = HostFile.pread(descriptor, bytes.address(), 4096, 0);
            if (got < 0) {
                throw new IOException("errno " + -got);
            }
            return new String(bytes.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    @Override
    public void close() {
        if (!isClosed) {
            isClosed = true;
            descriptors.forEach(HostFile::close);
            HostFile.close(fd);
            arena.close();
        }
    }
}
