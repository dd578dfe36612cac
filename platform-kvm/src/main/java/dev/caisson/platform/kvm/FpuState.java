package dev.caisson.platform.kvm;

import dev.caisson.abi.ErrnoException;
import dev.caisson.stub.FpuFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A guest thread's FPU state: in {@link #image}, or in the processor that it ran on last ({@link #home}), as long as that one says so
 * ({@link Processor#owner}). Used by its task's thread; another task that wants the processor moves the state out of it.
 */
final class FpuState {
    private final FpuFormat format;
    private final MemorySegment image;
    /** Where a new state is looked at before it takes the place of {@link #image}; made when first needed. */
    private MemorySegment incoming;
    /** Written by whoever has the processor. */
    private volatile Processor home;

    /**
     * The state of a new program.
     *
     * @param format what images look like
     * @param kvmImageBytes the size of KVM's, which may be larger
     */
    FpuState(FpuFormat format, int kvmImageBytes) {
        this.format = format;
        image = Arena.ofAuto().allocate(Math.max(kvmImageBytes, format.bytes()), 64);
        format.initialise(image);
    }

    /** {@return the processor that may have the state, or null} */
    Processor home() {
        return home;
    }

    int bytes() {
        return format.bytes();
    }

    /** Brings the state into a processor that the caller has. */
    void adopt(Processor processor) throws ErrnoException {
        FpuState before = processor.owner();
        if (before == this && home == processor) {
            return;
        }
        if (before != null) {
            before.leave(processor); // first: its task may have our processor and wait for this
        }
        takeHome(true); // from another processor
        processor.loadFpu(image);
        home = processor;
        processor.owner(this);
    }

    /** Moves the state out of a processor that the caller has. */
    private void leave(Processor processor) throws ErrnoException {
        processor.saveFpu(image);
        processor.owner(null);
    }

    /** {@return a copy of the state, taken from a processor that the caller has} */
    MemorySegment saveFrom(Processor processor) throws ErrnoException {
        processor.saveFpu(image);
        return image;
    }

    /**
     * Moves the state into {@link #image}; it may be on its way there already.
     *
     * @param isWanted whether the state matters; else it may be lost
     */
    private void takeHome(boolean isWanted) throws ErrnoException {
        Processor processor = home;
        if (takeOwn(processor)) {
            try {
                if (isWanted) {
                    leave(processor);
                } else {
                    processor.owner(null);
                }
            } finally {
                processor.machine().processors().giveBack(processor);
            }
        }
        home = null;
    }

    /** {@return whether the caller has the processor now, and the state is there; else it is in the image} */
    private boolean takeOwn(Processor processor) {
        while (processor != null && processor.owner() == this) {
            if (processor.tryTake()) {
                if (processor.owner() == this) {
                    return true;
                }
                processor.machine().processors().giveBack(processor);
            } else {
                Thread.onSpinWait();
            }
        }
        return false;
    }

    /**
     * Copies the state.
     *
     * @param held a processor that the caller has and that has the state, or null if it has none
     * @param to where to
     */
    void save(Processor held, MemorySegment to) throws ErrnoException {
        Processor processor = home;
        if (held != null) {
            held.saveFpu(image);
        } else if (takeOwn(processor)) {
            try {
                processor.saveFpu(image);
            } finally {
                processor.machine().processors().giveBack(processor);
            }
        }
        format.clearSoftwareBytes(image);
        MemorySegment.copy(image, 0, to, 0, format.bytes());
    }

    /** Replaces the state, after it was checked; the caller has no processor. */
    void restore(MemorySegment from) throws ErrnoException {
        incoming = format.accept(from, incoming);
        takeHome(false);
        MemorySegment.copy(incoming, 0, image, 0, format.bytes());
    }

    /** The state of a new program; the caller has no processor. */
    void reset() throws ErrnoException {
        takeHome(false);
        format.initialise(image);
    }

    /** Gives the state up; the caller has no processor. */
    void close() {
        try {
            takeHome(false);
        } catch (ErrnoException e) {
            home = null; // the state is gone, and nobody wants it any more
        }
    }
}
