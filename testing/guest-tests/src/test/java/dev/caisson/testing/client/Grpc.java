package dev.caisson.testing.client;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * One unary call of gRPC by a UNIX socket, and only that: a connection of HTTP/2 (RFC 9113) with one stream. Header fields are sent as
 * literals, and those that come are not read: an answer without a message is a failure, which the daemon's log explains.
 */
final class Grpc {
    private static final int DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, PING = 6, GO_AWAY = 7, WINDOW_UPDATE = 8;
    private static final int END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8;
    private static final int INITIAL_WINDOW = 4; // SETTINGS_INITIAL_WINDOW_SIZE
    private static final int WINDOW_BYTES = 1 << 30;
    private static final int STREAM = 1;
    private static final int PREFIX_BYTES = 5;

    /** The call failed. */
    static final class Failure extends IOException {
        private static final long serialVersionUID = 1;

        Failure(String message) {
            super(message);
        }
    }

    private final Path socket;

    /**
     * Makes a client.
     *
     * @param socket where the server listens
     */
    Grpc(Path socket) {
        this.socket = socket;
    }

    /**
     * Calls.
     *
     * @param method {@code /package.Service/Method}
     * @param message the request
     * @return the answer
     * @throws Failure when there is none
     */
    Wire call(String method, Wire message) throws IOException {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            frame(out, SETTINGS, 0, 0, ByteBuffer.allocate(6).putShort((short) INITIAL_WINDOW).putInt(WINDOW_BYTES).array());
            frame(out, WINDOW_UPDATE, 0, 0, ByteBuffer.allocate(4).putInt(WINDOW_BYTES).array());
            ByteArrayOutputStream fields = new ByteArrayOutputStream();
            field(fields, ":method", "POST");
            field(fields, ":scheme", "http");
            field(fields, ":path", method);
            field(fields, ":authority", "localhost");
            field(fields, "content-type", "application/grpc");
            field(fields, "te", "trailers");
            frame(out, HEADERS, END_HEADERS, STREAM, fields.toByteArray());
            byte[] bytes = message.toBytes();
            frame(out, DATA, END_STREAM, STREAM, ByteBuffer.allocate(PREFIX_BYTES + bytes.length).put((byte) 0).putInt(bytes.length).put(bytes).array());
            write(channel, out);
            return answer(method, channel);
        }
    }

    private static void write(SocketChannel channel, ByteArrayOutputStream bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static void frame(ByteArrayOutputStream out, int type, int flags, int stream, byte[] payload) {
        out.writeBytes(ByteBuffer.allocate(9).put((byte) (payload.length >> 16)).putShort((short) payload.length).put((byte) type)
                .put((byte) flags).putInt(stream).array());
        out.writeBytes(payload);
    }

    /** RFC 7541, 6.2.2: a literal without indexing and with a new name; both are shorter than 127 bytes. */
    private static void field(ByteArrayOutputStream out, String name, String value) {
        out.write(0);
        for (String each : new String[] {name, value}) {
            out.write(each.length());
            out.writeBytes(each.getBytes(StandardCharsets.US_ASCII));
        }
    }

    private static Wire answer(String method, SocketChannel channel) throws IOException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        try (InputStream stream = Channels.newInputStream(channel); DataInputStream in = new DataInputStream(stream)) {
            while (true) {
                int head = in.readInt();
                int type = head & 0xff;
                int flags = in.readUnsignedByte();
                in.readInt(); // there is one stream
                byte[] payload = in.readNBytes(head >>> 8);
                ByteArrayOutputStream reply = new ByteArrayOutputStream();
                if (type == SETTINGS && (flags & ACK) == 0) {
                    frame(reply, SETTINGS, ACK, 0, new byte[0]);
                } else if (type == PING && (flags & ACK) == 0) {
                    frame(reply, PING, ACK, 0, payload);
                } else if (type == RESET || type == GO_AWAY) {
                    throw new Failure(method + ": the server gave up");
                } else if (type == DATA) {
                    int padding = (flags & PADDED) == 0 ? 0 : payload[0] + 1;
                    message.write(payload, padding == 0 ? 0 : 1, payload.length - padding);
                }
                write(channel, reply);
                if ((type == DATA || type == HEADERS) && (flags & END_STREAM) != 0) {
                    if (message.size() < PREFIX_BYTES) {
                        throw new Failure(method + " failed");
                    }
                    byte[] all = message.toByteArray();
                    return Wire.of(all, PREFIX_BYTES, all.length);
                }
            }
        }
    }
}
