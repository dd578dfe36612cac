package dev.caisson.stub;

/** A task that {@link Processors} gives a processor. */
public interface Placed {
    /** {@return index of the processor this task is on} */
    int place();

    /**
     * Moves the task. Callers hold the task's monitor.
     *
     * @param index of a processor
     */
    void place(int index);

    /** {@return whether the task is not asleep} */
    boolean isAwake();

    /**
     * Notes whether the task is not asleep. Callers hold the task's monitor.
     *
     * @param value whether
     */
    void setAwake(boolean value);
}
