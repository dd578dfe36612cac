package dev.caisson.stub;

import dev.caisson.abi.ErrnoException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A task's FPU state: in {@link #image}, or in the stub thread that runs the task's guest. Belongs to the task's thread. */
public final class GuestFpu {
    private final FpuFormat format;
    /** The state while no stub thread has it. */
    private MemorySegment image;
    /** Where a new state is looked at before it takes the place of {@link #image}; made when first needed. */
    private MemorySegment incoming;
    private boolean inThread;

    /**
     * The state of a new process.
     *
     * @param format what images look like
     */
    public GuestFpu(FpuFormat format) {
        this.format = format;
        image = Arena.ofAuto().allocate(format.bytes(), FpuFormat.ALIGNMENT);
        format.initialise(image);
    }

    /** {@return the size of an image} */
    public int bytes() {
        return format.bytes();
    }

    /** {@return our copy of the state, current unless {@link #isInThread}; not to be kept} */
    public MemorySegment image() {
        return image;
    }

    /** {@return whether the stub thread has the state} */
    public boolean isInThread() {
        return inThread;
    }

    /** The stub thread has the state from now on: it has loaded the image, or will before it runs the guest. */
    public void given() {
        inThread = true;
    }

    /** The image is the state from now on, whatever the stub thread has. */
    public void taken() {
        inThread = false;
    }

    /** The image was written by the host with what the stub thread has. */
    public void fetched() {
        format.clearSoftwareBytes(image);
    }

    /**
     * Copies what the stub thread has. A state that the processor would not load is replaced by a new process's.
     *
     * @param memory with the image, where guest code may write
     * @param offset of the image
     */
    public void fetch(MemorySegment memory, long offset) {
        MemorySegment.copy(memory, offset, image, 0, format.bytes());
        fetched();
        try {
            format.check(image);
        } catch (ErrnoException e) {
            reset();
        }
    }

    /**
     * Copies the image out.
     *
     * @param to where to
     * @param offset in it
     */
    public void copyTo(MemorySegment to, long offset) {
        MemorySegment.copy(image, 0, to, offset, format.bytes());
    }

    /**
     * Replaces the state.
     *
     * @param from the new one, which somebody else may be writing
     * @throws ErrnoException EINVAL when the processor would not load it; nothing has changed then
     */
    public void restore(MemorySegment from) throws ErrnoException {
        incoming = format.accept(from, incoming);
        MemorySegment accepted = incoming;
        incoming = image;
        image = accepted;
        inThread = false;
    }

    /** Replaces the state by a new process's. */
    public void reset() {
        format.initialise(image);
        inThread = false;
    }
}
