package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EMSGSIZE;

import dev.caisson.abi.ErrnoException;
import java.util.Arrays;

/** What UDP_CORK and MSG_MORE keep back: a datagram that grows with every send, with the addresses of the first. Safe for use by many tasks. */
final class CorkedDatagram {
    private UdpSocket.Datagram held;

    /**
     * Keeps a datagram back when more is to come.
     *
     * @return whether it was kept
     * @throws ErrnoException EMSGSIZE when it would be too long; what was kept is lost then
     */
    synchronized boolean hold(UdpSocket.Datagram more, boolean goesOn, int mostBytes) throws ErrnoException {
        if (held != null && held.data().length + more.data().length > mostBytes) {
            held = null;
            throw EMSGSIZE.error();
        }
        if (goesOn) {
            held = joined(more);
        }
        return goesOn;
    }

    /** {@return what was kept, with the last part at its end; null when there is nothing} */
    synchronized UdpSocket.Datagram take(UdpSocket.Datagram last) {
        UdpSocket.Datagram whole = last == null ? held : joined(last);
        held = null;
        return whole;
    }

    private UdpSocket.Datagram joined(UdpSocket.Datagram more) {
        if (held == null) {
            return more;
        }
        byte[] before = held.data();
        byte[] all = Arrays.copyOf(before, before.length + more.data().length);
        System.arraycopy(more.data(), 0, all, before.length, more.data().length);
        return held.withData(all);
    }
}
