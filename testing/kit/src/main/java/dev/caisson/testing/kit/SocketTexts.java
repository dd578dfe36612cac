package dev.caisson.testing.kit;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.net.SocketCaller;
import dev.caisson.spi.net.SocketFile;

/** Sockets as a program uses them that sends and receives texts. */
public final class SocketTexts {
    /** The process number of {@link #CALLER}. */
    public static final int CALLER_ID = 42;

    /** A process of the superuser. */
    public static final SocketCaller CALLER = new SocketCaller() {
        @Override
        public Credentials credentials() {
            return Credentials.ROOT;
        }

        @Override
        public int processId() {
            return CALLER_ID;
        }
    };

    private SocketTexts() {}

    /**
     * Sends a text, as write(2) does.
     *
     * @param socket the socket
     * @param text in ISO 8859-1
     * @return bytes sent or {@link SocketFile#WOULD_BLOCK}
     * @throws ErrnoException why not
     */
    public static long send(SocketFile socket, String text) throws ErrnoException {
        return socket.send(Bytes.of(text), null, 0);
    }

    /**
     * Receives a text of up to 100 bytes, as read(2) does.
     *
     * @param socket the socket
     * @return the text; empty at the end, null when there is nothing yet
     * @throws ErrnoException why not
     */
    public static String receive(SocketFile socket) throws ErrnoException {
        return receive(socket, 100, 0);
    }

    /**
     * Receives a text.
     *
     * @param socket the socket
     * @param most room in bytes
     * @param flags {@code MSG_*}
     * @return the text; empty at the end, null when there is nothing yet
     * @throws ErrnoException why not
     */
    public static String receive(SocketFile socket, int most, int flags) throws ErrnoException {
        Bytes room = Bytes.room(most);
        long count = socket.receive(room.buffer(), null, flags);
        return count == SocketFile.WOULD_BLOCK ? null : room.text(Math.min(most, count));
    }
}
