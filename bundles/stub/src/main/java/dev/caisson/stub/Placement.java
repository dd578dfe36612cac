package dev.caisson.stub;

import dev.caisson.host.HostProcess;
import dev.caisson.host.HostScheduler;

/**
 * Where the two threads of one task run, the Java thread and the guest's. They are bound to one processor, where a switch from one to the
 * other is cheapest and {@link Processors} say which one it is; or, while they spin, to the two processors of a pair, since one that
 * spins must not keep the other from running; or, at first and in the end, to none.
 *
 * <p>Belongs to the task's own thread, but for what {@link Processors} do under this object's monitor, and {@link #startBeside}.
 */
public final class Placement {
    private final Processors processors;
    /** The processor of both; negative for none. Guarded by this, but for reading on the task's own thread. */
    private int place = -1;
    private boolean awake;
    /** Guarded by this, but for reading on the task's own thread; null for none. */
    private GuestThread guest;
    private int javaThreadId;
    /** The pair of processors that both are bound to, or negative. */
    private int pair = -1;

    /**
     * Of a task that has not run yet.
     *
     * @param processors of the platform
     */
    public Placement(Processors processors) {
        this.processors = processors;
    }

    /** {@return whether both threads are bound to one processor} */
    public boolean isTogether() {
        return place >= 0;
    }

    /** {@return the pair of processors that both are bound to; negative for none} */
    public int pair() {
        return pair;
    }

    /** {@return the host's number of the processor both are bound to} */
    public int processor() {
        return processors.number(place);
    }

    /** Binds both threads to one processor, on the task's thread. The task is awake. */
    public void together() {
        pair = -1;
        javaThreadId = HostProcess.threadId();
        processors.enter(this);
    }

    /**
     * Binds the Java thread to one processor and the guest's to another, on the task's thread, while there is a guest's.
     *
     * @param wanted the pair of processors: those with twice that index, and the one after
     */
    public void apart(int wanted) {
        endTogether();
        pair = wanted;
        HostScheduler.pin(0, processors.number(2 * wanted));
        guest.pin(processors.number(2 * wanted + 1));
    }

    /**
     * The task has another stub thread from now on. It comes to the processor that both are bound to; to that of a pair, only by
     * {@link #apart}.
     *
     * @param thread the thread, or null for none, before the thread's id can become another's
     */
    public void guest(GuestThread thread) {
        synchronized (this) {
            guest = thread;
            if (thread != null && place >= 0) {
                thread.pin(processors.number(place));
            }
        }
        if (thread != null) {
            pair = -1;
        }
    }

    /** The task falls asleep. */
    public void sleeping() {
        if (place >= 0 && awake) {
            processors.sleeping(this);
        }
    }

    /** The task is awake, on its own thread. */
    public void awake() {
        if (place >= 0 && !awake) {
            processors.awake(this);
        }
    }

    /**
     * This task sleeps, and is about to become a child of another one, on whose thread this is.
     *
     * @param parent the other's place
     */
    public void startBeside(Placement parent) {
        if (place >= 0 && !awake && parent.place >= 0) {
            processors.follow(this, parent);
        }
    }

    /** The task ends: its Java thread, the caller, may run anywhere. */
    public void leave() {
        if (pair >= 0) {
            HostScheduler.pin(0, processors.all());
            pair = -1;
        }
        endTogether();
    }

    private void endTogether() {
        if (place >= 0) {
            processors.leave(this);
            place = -1;
        }
    }

    /** {@return our index of the processor both are bound to; negative for none} */
    public int place() {
        return place;
    }

    /**
     * Moves both threads, which are bound to one processor.
     *
     * @param index our index of another one
     */
    public synchronized void place(int index) {
        place = index;
        int number = processors.number(index);
        HostScheduler.pin(javaThreadId, number);
        if (guest != null) {
            guest.pin(number);
        }
    }

    /** Whether the task is not asleep. */
    boolean isAwake() {
        return awake;
    }

    /** Callers hold this monitor. */
    void setAwake(boolean value) {
        awake = value;
    }
}
