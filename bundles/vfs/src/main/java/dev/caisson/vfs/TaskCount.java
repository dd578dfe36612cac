package dev.caisson.vfs;

import java.util.concurrent.atomic.AtomicInteger;

/** How many tasks share something that ends with the last of them. */
final class TaskCount {
    private final AtomicInteger tasks = new AtomicInteger(1);

    void add() {
        tasks.incrementAndGet();
    }

    /** One task less. Returns whether it was the last one. */
    boolean removeLast() {
        return tasks.decrementAndGet() == 0;
    }

    boolean isShared() {
        return tasks.get() > 1;
    }
}
