package dev.caisson.platform.kvm;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Ends a probe whose guest of a few instructions does not come back: a monitor may lose a guest, and a start that hangs says nothing. */
final class ProbeLimit implements AutoCloseable {
    private final KvmContext context;
    private final long seconds;
    private final Thread thread;
    private volatile boolean isClosed;
    private volatile boolean isOver;

    /**
     * Starts to count.
     *
     * @param context runs the guest
     * @param seconds how long it may
     */
    ProbeLimit(KvmContext context, long seconds) {
        this.context = context;
        this.seconds = seconds;
        thread = new Thread(this::count, "caisson-kvm-probe");
        thread.setDaemon(true);
        thread.start();
    }

    private void count() {
        long start = System.nanoTime();
        long limit = TimeUnit.SECONDS.toNanos(seconds);
        while (!isClosed) {
            long left = start + limit - System.nanoTime();
            if (left <= 0) {
                isOver = true;
                context.interrupt();
                return;
            }
            LockSupport.parkNanos(this, left);
        }
    }

    /**
     * Says so if the time is over.
     *
     * @throws KvmUnusableException if it is
     */
    void check() throws KvmUnusableException {
        if (isOver) {
            throw new KvmUnusableException("KVM did not bring a guest of a few instructions back within " + seconds + " s; use another platform");
        }
    }

    @Override
    public void close() {
        isClosed = true;
        LockSupport.unpark(thread);
    }
}
