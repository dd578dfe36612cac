package dev.caisson.spi.net;

import java.util.ArrayList;
import java.util.List;

/**
 * What sendmsg(2) and recvmsg(2) carry beside the data. One object per call, filled by the caller for sending and by the socket when
 * receiving. Not thread-safe.
 */
public final class SocketMessage {
    /**
     * One control message, cmsg(3).
     *
     * @param level {@code SOL_*} or {@code IPPROTO_*}
     * @param type its type at that level
     * @param data payload without header and padding; never written to
     */
    public record Control(int level, int type, byte[] data) {}

    /** Who sends or receives; null only for transfers through plain read(2) and write(2). */
    public SocketCaller caller;

    /**
     * A {@code struct sockaddr}: the destination when sending (null: the connected peer), the source when receiving (null, or of length 0
     * when it has no name).
     */
    public byte[] address;

    /** Control messages other than passed files: to send, or received. Null when there are none. */
    public List<Control> control;

    /**
     * File descriptions passed with SCM_RIGHTS, opaque to stacks; only AF_UNIX takes them. When sending, ownership of one reference each
     * goes to the socket if the send succeeds; when receiving, to the caller. Null when there are none.
     */
    public List<Object> files;

    /** {@code MSG_*} flags of a received message: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE. */
    public int flags;

    /** When receiving: whether the caller wants the source address. */
    public boolean wantsAddress;

    /** When receiving: whether the caller has room for control messages at all. */
    public boolean wantsControl;

    /** Makes an empty message. */
    public SocketMessage() {}

    /**
     * Adds a control message.
     *
     * @param level its level
     * @param type its type
     * @param data payload
     */
    public void addControl(int level, int type, byte[] data) {
        if (control == null) {
            control = new ArrayList<>(2);
        }
        control.add(new Control(level, type, data));
    }

    /** Makes it empty again, but for what the caller wants. */
    public void clear() {
        address = null;
        control = null;
        files = null;
        flags = 0;
    }
}
