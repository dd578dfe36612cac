package dev.caisson.platform.kvm;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the tasks that are awake: a companion takes a second processor of the host, which must not be one that another task wants. */
final class Crowd {
    private final int pairs;
    private final AtomicInteger awake = new AtomicInteger();

    /**
     * Nobody is awake.
     *
     * @param processors how many the host has for us
     */
    Crowd(int processors) {
        pairs = processors / 2;
    }

    /** A task is awake from now on. */
    void enter() {
        awake.getAndIncrement();
    }

    /** A task fell asleep, or ended. */
    void leave() {
        awake.getAndDecrement();
    }

    /** {@return whether there are two processors for each task that is awake} */
    boolean isRoomy() {
        return awake.getPlain() <= pairs;
    }
}
