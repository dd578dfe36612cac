package dev.caisson.spi.wait;

/** Is told of events on a {@link WaitQueue}. */
@FunctionalInterface
public interface Waiter {
    /**
     * Something happened. Called on any thread, possibly under locks of the source: it must neither block nor take a ranked
     * lock; it unparks a thread or sets a mark.
     *
     * @param events poll(2) mask of what may now be possible
     */
    void onEvent(int events);
}
