package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostSocket;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Accepts connections, as many at once as the limits say. Who comes when all places are taken waits for one; it gets that of the client
 * which has been there for longest without attaching to a tree, unless that one came a moment ago. A user other than root and the gofer's
 * own has no more than half of the places, and is hung up on beyond that. Attached clients keep their places for as long as they like.
 */
final class Server {
    private static final long RETRY_MS = 20;

    private final Environment environment;
    private final Watch watch = new Watch();
    private final Semaphore room;
    private final Map<Connection, Boolean> connections = new ConcurrentHashMap<>();
    /** Connections of users that are not trusted. Guarded by itself. */
    private final Map<Integer, Integer> ofUsers = new HashMap<>();
    /** Sockets that listen and connections: when the last one ends, the gofer has nothing left to do. */
    private final AtomicInteger sources = new AtomicInteger(1);
    private final Runnable whenIdle;

    /**
     * Makes a server.
     *
     * @param environment what it serves
     * @param whenIdle is told once nothing listens and no connection is left
     */
    Server(Environment environment, Runnable whenIdle) {
        this.environment = environment;
        this.room = new Semaphore(environment.limits().connections());
        this.whenIdle = whenIdle;
    }

    /** Begins; sockets follow. */
    void start() {
        watch.start();
    }

    /** No further socket follows. */
    void settle() {
        ended();
    }

    private void ended() {
        if (sources.decrementAndGet() == 0) {
            watch.stop();
            whenIdle.run();
        }
    }

    /**
     * Serves a connected socket that somebody handed over.
     *
     * @param fd the socket; the server closes it
     * @param canDonate whether it is a UNIX socket
     */
    void serve(int fd, boolean canDonate) {
        admit(fd, AttachPolicy.trusted(), canDonate);
    }

    /**
     * Begins a connection once there is room.
     *
     * @param fd the socket; the server closes it
     * @param peer user id of the peer, or {@link AttachPolicy#trusted}
     * @param canDonate whether it is a UNIX socket
     */
    void admit(int fd, int peer, boolean canDonate) {
        if (!countUser(peer)) {
            HostFile.close(fd);
            return;
        }
        awaitRoom();
        sources.incrementAndGet();
        Connection[] made = {null};
        Runnable whenClosed = () -> {
            if (made[0] != null) {
                connections.remove(made[0]);
            }
            uncountUser(peer);
            room.release();
            ended();
        };
        try {
            made[0] = new Connection(environment, watch, fd, peer, canDonate, whenClosed);
            connections.put(made[0], true);
        } catch (OutOfMemoryError e) {
            HostFile.close(fd);
            whenClosed.run();
            throw e;
        }
        made[0].start();
    }

    private void awaitRoom() {
        boolean isInterrupted = false;
        while (true) {
            try {
                if (room.tryAcquire(RETRY_MS, TimeUnit.MILLISECONDS)) {
                    break;
                }
                evictStranger();
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Hangs up on the client that has been there for longest without attaching. */
    private void evictStranger() {
        Connection oldest = null;
        long oldestNs = environment.limits().strangerNs();
        for (Connection connection : connections.keySet()) {
            long strangerNs = connection.strangerNs();
            if (strangerNs > oldestNs) {
                oldestNs = strangerNs;
                oldest = connection;
            }
        }
        if (oldest != null) {
            oldest.abandon();
        }
    }

    /** {@return whether one more connection of a user may be; then it counts} */
    private boolean countUser(int peer) {
        if (environment.policy().isTrusted(peer)) {
            return true;
        }
        synchronized (ofUsers) {
            int present = ofUsers.getOrDefault(peer, 0);
            if (present >= Math.max(1, environment.limits().connections() / 2)) {
                return false;
            }
            ofUsers.put(peer, present + 1);
            return true;
        }
    }

    private void uncountUser(int peer) {
        if (!environment.policy().isTrusted(peer)) {
            synchronized (ofUsers) {
                ofUsers.computeIfPresent(peer, (user, count) -> count == 1 ? null : count - 1);
            }
        }
    }

    /**
     * Accepts connections, on a thread of its own.
     *
     * @param fd a socket that listens
     * @param isUnix whether it is a UNIX socket
     */
    void listen(int fd, boolean isUnix) {
        sources.incrementAndGet();
        Thread thread = new Thread(null, () -> {
            try {
                accept(fd, isUnix);
            } finally {
                ended();
            }
        }, "gofer-accept-" + fd, 256 << 10);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(int listener, boolean isUnix) {
        while (true) {
            long fd = HostSocket.accept(listener);
            try {
                if (fd >= 0) {
                    int peer = isUnix ? (int) HostSocket.peerUser((int) fd) : AttachPolicy.trusted(); // strangers were refused before
                    if (!isUnix) {
                        HostSocket.setNoDelay((int) fd);
                    }
                    admit((int) fd, peer, isUnix);
                } else if (isPassing((int) -fd)) {
                    pause(); // until a connection gives descriptors or memory back
                } else if (fd != -Errno.EINTR.number() && fd != -Errno.ECONNABORTED.number()) {
                    System.err.println("caisson gofer: cannot accept connections: " + Errno.of(-fd));
                    return;
                }
            } catch (OutOfMemoryError e) {
                pause();
            }
        }
    }

    private static boolean isPassing(int errno) {
        return errno == Errno.EMFILE.number() || errno == Errno.ENFILE.number() || errno == Errno.ENOMEM.number()
            || errno == Errno.ENOBUFS.number() || errno == Errno.EAGAIN.number();
    }

    private static void pause() {
        try {
            Thread.sleep(RETRY_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
