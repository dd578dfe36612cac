package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostProcessor;
import dev.caisson.spi.platform.GuestContext;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The FPU state of a stopped task: {@code struct user_fpregs_struct} (NT_PRFPREG), and the whole XSAVE image (NT_X86_XSTATE), as
 * arch/x86/kernel/fpu/regset.c has them.
 */
final class TraceeFpu {
    /** {@code struct user_fpregs_struct}: what FXSAVE writes. */
    static final int LEGACY_BYTES = 512;

    private static final int MXCSR = 24;
    private static final int SOFTWARE_BYTES = 464;
    private static final int STATES = 512;
    private static final long X87_AND_SSE = 3;
    private static final int MXCSR_BITS = 0xffff;
    private static final long XTILEDATA = 1L << 18;

    private TraceeFpu() {}

    /** Size of the whole image. */
    static int bytes(TracerHold hold) throws ErrnoException {
        int[] bytes = new int[1];
        hold.send(task -> bytes[0] = task.context().fpuBytes());
        return bytes[0];
    }

    /** Reads the whole image; its software bytes begin with the states that the processor has. */
    static byte[] image(TracerHold hold) throws ErrnoException {
        byte[][] result = new byte[1][];
        hold.send(task -> {
            MemorySegment image = save(task.context());
            MemorySegment software = image.asSlice(SOFTWARE_BYTES, STATES - SOFTWARE_BYTES).fill((byte) 0);
            software.set(Layouts.U64, 0, HostProcessor.xsaveStates() & ~XTILEDATA);
            result[0] = image.toArray(Layouts.U8);
        });
        return result[0];
    }

    private static MemorySegment save(GuestContext context) throws ErrnoException {
        MemorySegment image = Arena.ofAuto().allocate(context.fpuBytes(), 64);
        context.saveFpu(image);
        return image;
    }

    /** Writes what FXSAVE knows; EINVAL for less than all of it, and for bits of mxcsr that the processor does not have. */
    static void setLegacy(TracerHold hold, byte[] bytes) throws ErrnoException {
        if (bytes.length != LEGACY_BYTES) {
            throw EINVAL.error();
        }
        hold.send(task -> {
            MemorySegment image = save(task.context());
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, image, 0, SOFTWARE_BYTES);
            if ((image.get(Layouts.U32, MXCSR) & ~MXCSR_BITS) != 0) {
                throw EINVAL.error();
            }
            image.set(Layouts.U64, STATES, image.get(Layouts.U64, STATES) | X87_AND_SSE);
            task.context().restoreFpu(image);
        });
    }

    /** Writes the whole image; EFAULT for less than all of it, EINVAL for states that the processor does not have. */
    static void set(TracerHold hold, byte[] bytes) throws ErrnoException {
        hold.send(task -> {
            if (bytes.length != task.context().fpuBytes()) {
                throw EFAULT.error();
            }
            MemorySegment image = Arena.ofAuto().allocate(bytes.length, 64);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, image, 0, bytes.length);
            image.asSlice(SOFTWARE_BYTES, STATES - SOFTWARE_BYTES).fill((byte) 0);
            task.context().restoreFpu(image);
        });
    }
}
