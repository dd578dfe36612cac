package dev.caisson.spi.platform;

import dev.caisson.abi.ErrnoException;
import java.lang.foreign.MemorySegment;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * What one task needs to run guest code. All methods but {@link #interrupt} are called on the task's own thread, always the
 * same one; no ranked lock may be held during {@link #run}.
 */
@ConsumerType
public interface GuestContext extends AutoCloseable {
    /**
     * Runs guest code until it needs the kernel.
     *
     * @param space where to run; may differ from the last call's (after execve)
     * @param registers general registers, read at entry and written at return
     * @return why it stopped; {@link Exit.Plain#INTERRUPTED} may be spurious, callers check their condition again
     * @throws ErrnoException when the host took the guest thread away (out of memory, killed); the task cannot go on here. When no
     *     guest code ran, the registers are as they were: another platform may continue the task
     */
    Exit run(AddressSpace space, Registers registers) throws ErrnoException;

    /** Ends a concurrent {@link #run}, or the next one. Any thread, any time, never blocks, never lost. */
    void interrupt();

    /**
     * Size of the FPU state: an XSAVE image in the standard (not compacted) format, as a signal frame holds it.
     *
     * @return size in bytes
     */
    int fpuBytes();

    /**
     * Copies the FPU state out. Before the first {@link #run} it is that of a new process.
     *
     * @param image at least {@link #fpuBytes} bytes
     * @throws ErrnoException as {@link #run}
     */
    void saveFpu(MemorySegment image) throws ErrnoException;

    /**
     * Sets the FPU state for the next {@link #run}.
     *
     * @param image an XSAVE image; it may come from the guest. Bits the processor does not have are EINVAL
     * @throws ErrnoException EINVAL for an image the processor would not load, and as {@link #run}
     */
    void restoreFpu(MemorySegment image) throws ErrnoException;

    /** Sets the FPU state of a new process, as execve(2) does. */
    void resetFpu() throws ErrnoException;

    /**
     * Says that the task is about to sleep; the platform may lend its processor to others. Cheap.
     */
    void sleeping();

    /** Says that the task woke up and will soon run. Cheap. */
    void awake();

    /**
     * Makes the context as {@link Platform#newContext} gives it, for another task of the same thread: nothing of the old task is
     * left in it. What the platform needs to run a task may be kept.
     *
     * @return false when the platform would keep nothing; the context is then to be closed
     */
    default boolean reset() {
        return false;
    }

    /**
     * Says that this context, which was {@link #reset} and whose thread sleeps, is about to run a child of another task. The platform
     * may choose a processor for it.
     *
     * @param parent context of that task, whose thread calls
     */
    default void startBeside(GuestContext parent) {}

    /** Releases the context, on the task's own thread. */
    @Override
    void close();
}
