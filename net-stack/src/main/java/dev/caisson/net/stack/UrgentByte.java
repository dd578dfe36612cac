package dev.caisson.net.stack;

/**
 * The urgent byte of a stream, tcp(7): where it is in the receive queue, and whether somebody has read it with MSG_OOB. There is one at
 * most; when another arrives, the old one becomes ordinary data. Unless SO_OOBINLINE is set, reading leaves the byte out. Guarded by
 * the lock of the socket that receives.
 *
 * <p>Source of the rules: net/ipv4/tcp.c (tcp_recv_urg, tcp_recvmsg) and tcp_input.c (tcp_check_urg) of Linux.
 */
final class UrgentByte {
    private enum State { NONE, UNREAD, READ }

    private State state = State.NONE;
    private byte value;
    /** Bytes before it in the queue. */
    private int ahead;

    /** {@return whether MSG_OOB has something to read, which is POLLPRI} */
    boolean isUnread() {
        return state == State.UNREAD;
    }

    /** {@return whether the byte comes next, read or not: SIOCATMARK} */
    boolean isNext() {
        return state != State.NONE && ahead == 0;
    }

    /** {@return how many of so many bytes can be read before the byte} */
    int before(int used) {
        return state == State.NONE || ahead == 0 ? used : Math.min(ahead, used);
    }

    byte value() {
        return value;
    }

    void arrived(byte newValue, int bytesAhead) {
        state = State.UNREAD;
        value = newValue;
        ahead = bytesAhead;
    }

    void markRead() {
        state = State.READ;
    }

    /** Bytes were taken from the front of the queue; when the urgent one was among them, there is none any more. */
    void removed(int count) {
        if (state != State.NONE) {
            if (count > ahead) {
                state = State.NONE;
            } else {
                ahead -= count;
            }
        }
    }

    void clear() {
        state = State.NONE;
    }
}
