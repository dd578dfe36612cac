package dev.caisson.stub;

/** A stub thread that runs guest code, as far as its {@link Placement} needs it. */
public interface GuestThread {
    /**
     * Lets the thread run on one processor only. Any thread.
     *
     * @param number the host's number of the processor
     */
    void pin(int number);
}
