package dev.caisson.platform.kvm;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the tasks that are awake: a companion takes a second processor of the host, which must not be one that another task wants. */
final class Crowd {
    /** So many calls in haste are worth a companion, where that is not said otherwise. */
    static final int HASTY = 8;

    private final int hasty;
    private final int pairs;
    private final AtomicInteger awake = new AtomicInteger();

    /**
     * Nobody is awake.
     *
     * @param processors how many the host has for us
     * @param hasty how many calls in haste are worth a companion
     */
    Crowd(int processors, int hasty) {
        this.hasty = hasty;
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

    /** {@return whether a task that has made so many calls in haste is to have a second processor, too} */
    boolean hasRoomFor(int calls) {
        return calls >= hasty && awake.getPlain() <= pairs;
    }
}
