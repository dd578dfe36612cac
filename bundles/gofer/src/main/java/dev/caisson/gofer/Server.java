package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.host.HostSocket;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/** Accepts connections, as many at once as the limits say. */
final class Server {
    private static final long RETRY_MS = 20;

    private final Environment environment;
    private final Watch watch = new Watch();
    private final Semaphore room;
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
        room.acquireUninterruptibly();
        begin(fd, AttachPolicy.trusted(), canDonate);
    }

    private void begin(int fd, int peer, boolean canDonate) {
        sources.incrementAndGet();
        new Connection(environment, watch, fd, peer, canDonate, () -> {
            room.release();
            ended();
        }).start();
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
            accept(fd, isUnix);
            ended();
        }, "gofer-accept-" + fd, 256 << 10);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(int listener, boolean isUnix) {
        while (true) {
            room.acquireUninterruptibly();
            long fd = HostSocket.accept(listener);
            if (fd >= 0) {
                int peer = isUnix ? (int) HostSocket.peerUser((int) fd) : AttachPolicy.trusted(); // strangers were refused before
                if (!isUnix) {
                    HostSocket.setNoDelay((int) fd);
                }
                begin((int) fd, peer, isUnix);
                continue;
            }
            room.release();
            if (fd == -Errno.EMFILE.number() || fd == -Errno.ENFILE.number()) {
                pause(); // until a connection gives descriptors back
            } else if (fd != -Errno.EINTR.number() && fd != -Errno.ECONNABORTED.number()) {
                System.err.println("caisson gofer: cannot accept connections: " + Errno.of(-fd));
                return;
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(RETRY_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
