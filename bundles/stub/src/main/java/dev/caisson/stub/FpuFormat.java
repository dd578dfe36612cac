package dev.caisson.stub;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcessor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The XSAVE image of this processor (SDM volume 1, chapter 13), in the standard format. */
public final class FpuFormat {
    /** What XSAVE and XRSTOR ask of an image's address. */
    static final int ALIGNMENT = 64;
    private static final int CONTROL_WORD = 0;
    private static final int MXCSR = 24;
    private static final int MXCSR_MASK = 28;
    /** What the host's kernel keeps in the unused end of the legacy area: magic, size and states. */
    private static final int SOFTWARE_BYTES = 464;
    private static final int STATES = 512;
    private static final int COMPACTION = 520;
    private static final int RESERVED = 528;
    private static final int HEADER_END = 576;
    /** A state that a process must ask the host for, which stubs never do. */
    private static final long XTILEDATA = 1L << 18;
    private static final int X87_AND_SSE = 3;
    private static final int DEFAULT_CONTROL_WORD = 0x37f;
    private static final int DEFAULT_MXCSR = 0x1f80;
    private static final int ALL_MXCSR_BITS = 0xffff;

    private final int bytes = HostProcessor.xsaveBytes();
    private final long states = HostProcessor.xsaveStates() & ~XTILEDATA;

    /** Asks the processor. */
    public FpuFormat() {
        if (bytes < HEADER_END) {
            throw new IllegalStateException("this platform needs a processor with XSAVE");
        }
    }

    /** {@return the size of an image} */
    public int bytes() {
        return bytes;
    }

    /**
     * Writes the state of a new process.
     *
     * @param image where to
     */
    public void initialise(MemorySegment image) {
        image.fill((byte) 0);
        image.set(Layouts.U16, CONTROL_WORD, (short) DEFAULT_CONTROL_WORD);
        image.set(Layouts.U32, MXCSR, DEFAULT_MXCSR);
        image.set(Layouts.U32, MXCSR_MASK, ALL_MXCSR_BITS);
        image.set(Layouts.U64, STATES, X87_AND_SSE);
    }

    /**
     * Refuses what the processor would not load.
     *
     * @param image an image that nobody else can write
     * @throws ErrnoException EINVAL
     */
    public void check(MemorySegment image) throws ErrnoException {
        if ((image.get(Layouts.U64, STATES) & ~states) != 0 || image.get(Layouts.U64, COMPACTION) != 0
            || (image.get(Layouts.U32, MXCSR) & ~ALL_MXCSR_BITS) != 0) {
            throw Errno.EINVAL.error("FPU state");
        }
        for (int at = RESERVED; at < HEADER_END; at += 8) {
            if (image.get(Layouts.U64, at) != 0) {
                throw Errno.EINVAL.error("FPU state header");
            }
        }
    }

    /**
     * Takes an image that somebody else may be writing: copies it, and looks at the copy.
     *
     * @param image the image
     * @param buffer where the copy goes; null has a new one made
     * @return the buffer, with an image that the processor would load
     * @throws ErrnoException EINVAL
     */
    public MemorySegment accept(MemorySegment image, MemorySegment buffer) throws ErrnoException {
        MemorySegment copy = buffer != null ? buffer : Arena.ofAuto().allocate(bytes, ALIGNMENT);
        MemorySegment.copy(image, 0, copy, 0, bytes);
        check(copy);
        return copy;
    }

    /**
     * Hides what the host's kernel left in the part of the image that belongs to software.
     *
     * @param image the image
     */
    public void clearSoftwareBytes(MemorySegment image) {
        image.asSlice(SOFTWARE_BYTES, STATES - SOFTWARE_BYTES).fill((byte) 0);
    }
}
