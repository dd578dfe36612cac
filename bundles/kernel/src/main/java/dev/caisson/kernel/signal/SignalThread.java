package dev.caisson.kernel.signal;

import dev.caisson.abi.SignalInfo;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;

/** A task, as far as signals need it. Its memory is reached through {@link IoctlMemory}. */
public interface SignalThread extends IoctlMemory {
    /** {@return the thread id, as the thread itself knows it} */
    int tid();

    /** {@return its signal state; never changes} */
    SignalState signals();

    /** {@return its general registers; only the task's own thread uses them} */
    Registers registers();

    /** {@return its platform context} */
    GuestContext context();

    /**
     * A signal is about to be acted on: its handler starts, or the process stops. Own thread, no lock is held.
     *
     * @param info the signal
     */
    default void receives(SignalInfo info) {}

    /**
     * Makes the task look at {@link SignalState#hasWork}: ends its current or next sleep (a {@code Blocker.block} then throws
     * ERESTARTSYS) and its current or next run of guest code. Any thread, takes no lock, never lost.
     */
    void wakeUp();
}
