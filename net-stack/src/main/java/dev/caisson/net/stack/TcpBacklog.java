package dev.caisson.net.stack;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Poll.POLLHUP;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** Connections to a listening socket that nobody has accepted yet. Guarded by the socket's lock, which is taken here. */
final class TcpBacklog {
    private final TcpSocket listener;
    private final ArrayDeque<TcpSocket> ready = new ArrayDeque<>();
    /** Clients that found the queue full. */
    private final ArrayDeque<TcpSocket> waiting = new ArrayDeque<>();
    private int most;

    TcpBacklog(TcpSocket listener) {
        this.listener = listener;
    }

    /** Sets how many connections may wait, but for one. */
    void most(int count) {
        listener.lock.lock();
        try {
            most = count;
        } finally {
            listener.lock.unlock();
        }
    }

    int size() {
        listener.lock.lock();
        try {
            return ready.size();
        } finally {
            listener.lock.unlock();
        }
    }

    /** Makes the connection, or remembers the client while the queue is full; false when nobody listens any more. */
    boolean take(TcpSocket client) {
        listener.lock.lock();
        try {
            if (!listener.isListening() || listener.isDead()) {
                return false;
            }
            if (ready.size() > most) {
                waiting.add(client);
                return true;
            }
            addLocked(client);
        } finally {
            listener.lock.unlock();
        }
        tell(client);
        return true;
    }

    private void addLocked(TcpSocket client) {
        TcpSocket server = listener.serveLocked(client);
        if (server != null) {
            ready.add(server);
        }
    }

    private void tell(TcpSocket client) {
        listener.waitQueue().notify(TcpSocket.READABLE);
        client.waitQueue().notify(TcpSocket.WRITABLE);
    }

    /** {@return the oldest connection, or null when there is none; EINVAL on a socket that does not listen} */
    TcpSocket accept() throws ErrnoException {
        TcpSocket accepted;
        TcpSocket next;
        listener.lock.lock();
        try {
            if (!listener.isListening()) {
                throw EINVAL.error();
            }
            accepted = ready.poll();
            if (accepted == null) {
                return null;
            }
            next = waiting.poll();
            if (next != null) {
                addLocked(next);
            }
        } finally {
            listener.lock.unlock();
        }
        if (next != null) {
            tell(next);
        }
        return accepted;
    }

    /** Nobody listens any more: who has not been accepted is reset, who waited is refused. */
    void stop() {
        List<TcpSocket> unaccepted;
        List<TcpSocket> refused;
        listener.lock.lock();
        try {
            unaccepted = new ArrayList<>(ready);
            refused = new ArrayList<>(waiting);
            ready.clear();
            waiting.clear();
        } finally {
            listener.lock.unlock();
        }
        unaccepted.forEach(TcpSocket::abandon);
        refused.forEach(TcpSocket::refuse);
        listener.waitQueue().notify(TcpSocket.READABLE | POLLHUP);
    }
}
