package dev.caisson.testing.platform;

import dev.caisson.spi.platform.GuestContext;

/** A thread that interrupts a context again and again, as fast as it gets a processor, until it is closed. */
public final class Interrupter implements AutoCloseable {
    private final Thread thread;
    private volatile boolean isOver;

    /**
     * Begins.
     *
     * @param context who is interrupted
     */
    public Interrupter(GuestContext context) {
        thread = Thread.ofPlatform().daemon().start(() -> {
            while (!isOver) {
                context.interrupt();
                Thread.yield();
            }
        });
    }

    /** Ends; no interrupt comes afterwards, though one may be left. */
    @Override
    public void close() {
        isOver = true;
        boolean wasInterrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
