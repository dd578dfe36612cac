package dev.caisson.platform.kvm;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.spi.platform.Exit;
import java.lang.foreign.MemorySegment;

/** Exceptions of the processor (SDM volume 3, chapter 6) as the signals that Linux sends for them (arch/x86/kernel/traps.c). */
final class Exceptions {
    static final int INVALID_OPCODE = 6;
    static final int PAGE_FAULT = 14;
    static final int MATH_FAULT = 16;
    static final int SIMD_FAULT = 19;

    /** Bits of a page fault's error code. */
    static final int PRESENT = 1;
    static final int WRITE = 2;
    static final int FETCH = 16;

    private static final int DIVIDE = 0;
    private static final int DEBUG = 1;
    private static final int BREAKPOINT = 3;
    private static final int DOUBLE_FAULT = 8;
    private static final int INVALID_TSS = 10;
    private static final int NOT_PRESENT = 11;
    private static final int STACK = 12;
    private static final int PROTECTION = 13;
    private static final int ALIGNMENT = 17;
    private static final int CONTROL = 21;

    private static final int SI_KERNEL = 0x80;
    private static final int ILL_ILLOPN = 2;
    private static final int TRAP_TRACE = 2;
    private static final int BUS_ADRALN = 1;
    private static final int FPE_INTDIV = 1;
    private static final int FPE_FLTDIV = 3;
    private static final int FPE_FLTOVF = 4;
    private static final int FPE_FLTUND = 5;
    private static final int FPE_FLTRES = 6;
    private static final int FPE_FLTINV = 7;

    private static final int XSAVE_FCW = 0;
    private static final int XSAVE_FSW = 2;
    private static final int XSAVE_MXCSR = 24;

    private static final Exit.Signal PROTECTION_FAULT = new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);

    private Exceptions() {}

    /** {@return whether the processor pushes an error code} */
    static boolean hasErrorCode(int vector) {
        return switch (vector) {
            case DOUBLE_FAULT, INVALID_TSS, NOT_PRESENT, STACK, PROTECTION, PAGE_FAULT, ALIGNMENT, CONTROL -> true;
            default -> false;
        };
    }

    /** {@return a general protection fault} */
    static Exit.Signal generalProtection() {
        return PROTECTION_FAULT;
    }

    /** {@return an undefined instruction} */
    static Exit.Signal illegalInstruction(long rip) {
        return new Exit.Signal(Signals.SIGILL, ILL_ILLOPN, rip);
    }

    /**
     * An exception that needs no closer look.
     *
     * @param vector the exception
     * @param rip where
     * @return the signal
     */
    static Exit.Signal signal(int vector, long rip) {
        return switch (vector) {
            case DIVIDE -> new Exit.Signal(Signals.SIGFPE, FPE_INTDIV, rip);
            case DEBUG -> new Exit.Signal(Signals.SIGTRAP, TRAP_TRACE, rip);
            case BREAKPOINT -> new Exit.Signal(Signals.SIGTRAP, SI_KERNEL, 0);
            case INVALID_OPCODE -> illegalInstruction(rip);
            case NOT_PRESENT, STACK -> new Exit.Signal(Signals.SIGBUS, SI_KERNEL, 0);
            case ALIGNMENT -> new Exit.Signal(Signals.SIGBUS, BUS_ADRALN, 0);
            default -> PROTECTION_FAULT; // overflow and bound, too
        };
    }

    /**
     * An exception of the x87 unit or of SSE: the highest unmasked one counts.
     *
     * @param vector {@link #MATH_FAULT} or {@link #SIMD_FAULT}
     * @param image the FPU state
     * @param rip where
     * @return the signal
     */
    static Exit.Signal floatingPoint(int vector, MemorySegment image, long rip) {
        int raised;
        if (vector == MATH_FAULT) {
            raised = image.get(Layouts.U16, XSAVE_FSW) & ~image.get(Layouts.U16, XSAVE_FCW);
        } else {
            int mxcsr = image.get(Layouts.U32, XSAVE_MXCSR);
            raised = mxcsr & ~(mxcsr >> 7);
        }
        return new Exit.Signal(Signals.SIGFPE, code(raised), rip);
    }

    /** As fpu__exception_code of arch/x86/kernel/fpu/core.c has it. */
    private static int code(int raised) {
        if ((raised & 0x01) != 0) {
            return FPE_FLTINV;
        } else if ((raised & 0x04) != 0) {
            return FPE_FLTDIV;
        } else if ((raised & 0x08) != 0) {
            return FPE_FLTOVF;
        } else if ((raised & 0x12) != 0) {
            return FPE_FLTUND;
        } else if ((raised & 0x20) != 0) {
            return FPE_FLTRES;
        }
        return FPE_FLTINV;
    }
}
