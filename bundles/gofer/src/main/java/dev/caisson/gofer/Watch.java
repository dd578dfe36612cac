package dev.caisson.gofer;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/** Looks at busy connections every few milliseconds, so that none is held up by one slow request. Sleeps while there are none. */
final class Watch implements Runnable {
    private static final long PERIOD_NS = 4_000_000;
    /** After so many quiet looks it sleeps. */
    private static final int QUIET_LOOKS = 250;

    private final List<Connection> connections = new CopyOnWriteArrayList<>();
    private volatile boolean isAsleep;
    private volatile Thread thread;
    private volatile boolean isOver;
    private int quiet;

    /** Begins. */
    void start() {
        Thread looking = new Thread(null, this, "gofer-watch", 128 << 10);
        looking.setDaemon(true);
        thread = looking;
        looking.start();
    }

    /** Ends it, once there are no connections. */
    void stop() {
        isOver = true;
        LockSupport.unpark(thread);
    }

    void add(Connection connection) {
        connections.add(connection);
    }

    void remove(Connection connection) {
        connections.remove(connection);
    }

    /** Somebody begins to answer a request. */
    void wake() {
        if (isAsleep) {
            isAsleep = false;
            LockSupport.unpark(thread);
        }
    }

    @Override
    public void run() {
        while (!isOver) {
            try {
                look();
            } catch (OutOfMemoryError e) {
                LockSupport.parkNanos(PERIOD_NS); // without it, slow requests would hold up others for good
            }
        }
    }

    private void look() {
        boolean isBusy = false;
        for (Connection connection : connections) {
            isBusy |= connection.isBusy();
            connection.check();
        }
        quiet = isBusy ? 0 : quiet + 1;
        if (quiet < QUIET_LOOKS) {
            LockSupport.parkNanos(PERIOD_NS);
            return;
        }
        quiet = 0;
        isAsleep = true;
        if (!isAnyBusy() && !isOver) { // who became busy before saw us awake
            LockSupport.park();
        }
        isAsleep = false;
    }

    private boolean isAnyBusy() {
        for (Connection connection : connections) {
            if (connection.isBusy()) {
                return true;
            }
        }
        return false;
    }
}
