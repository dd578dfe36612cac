package dev.caisson.spi.wait;

/** An object whose readiness can be asked for and waited for. */
public interface Pollable {
    /**
     * What is possible now without blocking.
     *
     * @param mask poll(2) events that interest the caller; POLLERR, POLLHUP and POLLNVAL are always reported
     * @return the events that hold
     */
    int readiness(int mask);

    /** {@return where changes of readiness are announced; null for an object that is always ready} */
    WaitQueue waitQueue();
}
