package dev.caisson.kernel.signal;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.SignalStack;
import dev.caisson.abi.Signals;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Writes and reads {@code struct rt_sigframe} of amd64, with the FPU image above it. One per task: it holds the scratch memory
 * in which a frame is put together before one copy to the guest.
 * <pre>
 *  off size field
 *    0    8 pretcode         sa_restorer: the handler returns there
 *    8    8 uc_flags         UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
 *   16    8 uc_link          0
 *   24   24 uc_stack         alternate stack, flags as set
 *   48  256 uc_mcontext      struct sigcontext: r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags (8 each),
 *                            cs, gs, fs, ss (2 each), err, trapno, oldmask, cr2, fpstate (8 each), 64 reserved
 *  304    8 uc_sigmask
 *  312  128 info             siginfo_t, with SA_SIGINFO
 *  440                       ... the FPU image, 64-byte aligned: XSAVE standard format, software bytes at 464, magic behind it
 * </pre>
 * Sources: arch/x86/include/asm/sigframe.h, arch/x86/include/uapi/asm/{ucontext,sigcontext}.h, arch/x86/kernel/signal_64.c,
 * arch/x86/kernel/fpu/signal.c. FP images without XSAVE (512 bytes) are not produced: every amd64 host of Caisson has it.
 */
final class SignalFrame {
    static final int UC_FLAGS = 8;
    static final int UC_STACK = 24;
    static final int CONTEXT = 48;
    static final int UC_SIGMASK = 304;
    static final int INFO = 312;
    static final int FRAME_BYTES = 440;

    // Within struct sigcontext.
    static final int SC_RIP = 128;
    static final int SC_EFLAGS = 136;
    static final int SC_CS = 144;
    static final int SC_SS = 150;
    static final int SC_ERR = 152;
    static final int SC_TRAPNO = 160;
    static final int SC_OLDMASK = 168;
    static final int SC_CR2 = 176;
    static final int SC_FPSTATE = 184;

    static final int UC_FP_XSTATE = 1;
    static final int UC_SIGCONTEXT_SS = 2;
    static final int UC_STRICT_RESTORE_SS = 4;

    static final int FX_SOFTWARE = 464;
    static final int FX_HEADER = 512;
    static final int FX_LEAST_BYTES = 576;
    static final int MAGIC1 = 0x46505853;
    static final int MAGIC2 = 0x46505845;

    private static final int USER_CS = 0x33;
    private static final int USER_DS = 0x2b;
    /** AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF: what a program may set (FIX_EFLAGS). */
    private static final long USER_FLAGS = 0x50DD5;
    /** The FPU image's place in the scratch memory; the frame ends before it. */
    private static final int FX = 512;

    private final SignalThread thread;
    private final int fpuBytes;
    private final MemorySegment scratch;
    private final MemorySegment fpuImage;

    SignalFrame(SignalThread thread) {
        this.thread = thread;
        this.fpuBytes = thread.context().fpuBytes();
        this.scratch = Arena.ofAuto().allocate(FX + fpuBytes + 4 + 64, 64);
        this.fpuImage = scratch.asSlice(FX, fpuBytes);
    }

    /**
     * Where a frame goes (Linux: get_sigframe).
     *
     * @return the address of the frame, or -1 when the alternate stack would overflow
     */
    private static long place(SignalState state, long sp, boolean onStack, long fpuBytes) {
        boolean nested = state.isOnAlternateStack(sp);
        boolean entering = false;
        long top = sp - 128; // red zone
        if (onStack && state.alternateStackMode(top) == 0) {
            SignalStack stack = state.alternateStack();
            top = stack.pointer() + stack.sizeBytes();
            entering = true;
        }
        long fx = top - (fpuBytes + 4) & -64L;
        long frame = (fx - FRAME_BYTES & -16L) - 8;
        if ((nested || entering) && !state.isWithinAlternateStack(frame)) {
            return -1;
        }
        return frame;
    }

    /**
     * Pushes a frame and points the registers at the handler.
     *
     * @param state the thread's state
     * @param info the signal
     * @param action its handler
     * @return false when the stack is not writable or too small, or there is no restorer; registers are as before
     */
    boolean push(SignalState state, SignalInfo info, SignalAction action) {
        Registers registers = thread.registers();
        long frame = place(state, registers.rsp(), action.has(Signals.SA_ONSTACK), fpuBytes);
        if (frame == -1 || !action.has(Signals.SA_RESTORER)) {
            return false;
        }
        long fx = frame + 8 + FRAME_BYTES + 63 & -64L;
        int start = FX - (int) (fx - frame);
        try {
            thread.context().saveFpu(fpuImage);
            finishFpuImage();
            fill(state, registers, start, info, action, fx);
            thread.copyOut(frame, scratch.asSlice(start, FX - start + fpuBytes + 4));
        } catch (ErrnoException fault) {
            return false;
        }
        registers.rdi(info.signal());
        registers.rsi(frame + INFO);
        registers.rdx(frame + UC_FLAGS);
        registers.rax(0);
        registers.rip(action.handler());
        registers.rsp(frame);
        registers.cs(USER_CS);
        registers.ss(USER_DS);
        return true;
    }

    /** Adds what the XSAVE instruction does not write: the description in the software bytes, and the magic at the end. */
    private void finishFpuImage() {
        long features = scratch.get(U32, FX + FX_SOFTWARE) == MAGIC1
                ? scratch.get(U64, FX + FX_SOFTWARE + 8) // the platform has described it already
                : scratch.get(U64, FX + FX_SOFTWARE); // XCR0, as NT_X86_XSTATE has it
        if (features == 0) {
            features = 3 | scratch.get(U64, FX + FX_HEADER);
        }
        scratch.asSlice(FX + FX_SOFTWARE, 48).fill((byte) 0);
        scratch.set(U32, FX + FX_SOFTWARE, MAGIC1);
        scratch.set(U32, FX + FX_SOFTWARE + 4, fpuBytes + 4);
        scratch.set(U64, FX + FX_SOFTWARE + 8, features);
        scratch.set(U32, FX + FX_SOFTWARE + 16, fpuBytes);
        scratch.set(U32, FX + (long) fpuBytes, MAGIC2);
    }

    private void fill(SignalState state, Registers registers, int at, SignalInfo info, SignalAction action, long fx) {
        long mask = state.frameMask();
        scratch.asSlice(at, FX - at).fill((byte) 0);
        scratch.set(U64, at, action.restorer());
        scratch.set(U64, at + UC_FLAGS, UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS);
        SignalStack.CODEC.write(scratch, at + UC_STACK, state.alternateStack());
        int context = at + CONTEXT;
        scratch.set(U64, context, registers.r8());
        scratch.set(U64, context + 8, registers.r9());
        scratch.set(U64, context + 16, registers.r10());
        scratch.set(U64, context + 24, registers.r11());
        scratch.set(U64, context + 32, registers.r12());
        scratch.set(U64, context + 40, registers.r13());
        scratch.set(U64, context + 48, registers.r14());
        scratch.set(U64, context + 56, registers.r15());
        scratch.set(U64, context + 64, registers.rdi());
        scratch.set(U64, context + 72, registers.rsi());
        scratch.set(U64, context + 80, registers.rbp());
        scratch.set(U64, context + 88, registers.rbx());
        scratch.set(U64, context + 96, registers.rdx());
        scratch.set(U64, context + 104, registers.rax());
        scratch.set(U64, context + 112, registers.rcx());
        scratch.set(U64, context + 120, registers.rsp());
        scratch.set(U64, context + SC_RIP, registers.rip());
        scratch.set(U64, context + SC_EFLAGS, registers.eflags());
        scratch.set(U16, context + SC_CS, (short) registers.cs());
        scratch.set(U16, context + SC_SS, (short) registers.ss());
        scratch.set(U64, context + SC_ERR, state.trapErrorCode());
        scratch.set(U64, context + SC_TRAPNO, state.trapNumber());
        scratch.set(U64, context + SC_OLDMASK, mask);
        scratch.set(U64, context + SC_CR2, state.faultAddress());
        scratch.set(U64, context + SC_FPSTATE, fx);
        scratch.set(U64, at + UC_SIGMASK, mask);
        if (action.has(Signals.SA_SIGINFO)) {
            SignalInfo.CODEC.write(scratch, at + INFO, info);
        }
    }

    /**
     * Reads the frame that the stack pointer points behind (the handler's {@code ret} has popped the first word) and restores
     * mask, registers, FPU and alternate stack from it.
     *
     * @param state the thread's state
     * @return false when the frame cannot be what the program was interrupted with
     * @throws ErrnoException EFAULT, or the platform's error
     */
    boolean pop(SignalState state) throws ErrnoException {
        Registers registers = thread.registers();
        long frame = registers.rsp() - 8;
        thread.copyIn(frame, scratch.asSlice(0, INFO));
        state.setMask(scratch.get(U64, UC_SIGMASK));
        boolean strict = (scratch.get(U64, UC_FLAGS) & UC_STRICT_RESTORE_SS) != 0;
        if (!restoreRegisters(registers, strict)) {
            return false;
        }
        SignalStack stack = SignalStack.CODEC.read(scratch, UC_STACK);
        if (!restoreFpu(scratch.get(U64, CONTEXT + SC_FPSTATE))) {
            return false;
        }
        try {
            state.changeStack(stack, registers.rsp(), Signals.MINSIGSTKSZ);
        } catch (ErrnoException refused) {
            // Linux restores the stack on a best effort.
            return true;
        }
        return true;
    }

    private boolean restoreRegisters(Registers registers, boolean strict) {
        int codeSelector = scratch.get(U16, CONTEXT + SC_CS) & 0xffff | 3;
        int stackSelector = scratch.get(U16, CONTEXT + SC_SS) & 0xffff | 3;
        // Other selectors would make the return to user mode fault.
        if (codeSelector != USER_CS || strict && stackSelector != USER_DS) {
            return false;
        }
        registers.r8(scratch.get(U64, CONTEXT));
        registers.r9(scratch.get(U64, CONTEXT + 8));
        registers.r10(scratch.get(U64, CONTEXT + 16));
        registers.r11(scratch.get(U64, CONTEXT + 24));
        registers.r12(scratch.get(U64, CONTEXT + 32));
        registers.r13(scratch.get(U64, CONTEXT + 40));
        registers.r14(scratch.get(U64, CONTEXT + 48));
        registers.r15(scratch.get(U64, CONTEXT + 56));
        registers.rdi(scratch.get(U64, CONTEXT + 64));
        registers.rsi(scratch.get(U64, CONTEXT + 72));
        registers.rbp(scratch.get(U64, CONTEXT + 80));
        registers.rbx(scratch.get(U64, CONTEXT + 88));
        registers.rdx(scratch.get(U64, CONTEXT + 96));
        registers.rax(scratch.get(U64, CONTEXT + 104));
        registers.rcx(scratch.get(U64, CONTEXT + 112));
        registers.rsp(scratch.get(U64, CONTEXT + 120));
        registers.rip(scratch.get(U64, CONTEXT + SC_RIP));
        long flags = scratch.get(U64, CONTEXT + SC_EFLAGS);
        registers.eflags(registers.eflags() & ~USER_FLAGS | flags & USER_FLAGS);
        registers.cs(USER_CS);
        registers.ss(USER_DS);
        return true;
    }

    private boolean restoreFpu(long address) throws ErrnoException {
        if (address == 0) {
            thread.context().resetFpu();
            return true;
        }
        try {
            loadFpuImage(address);
            thread.context().restoreFpu(fpuImage);
            return true;
        } catch (ErrnoException bad) {
            thread.context().resetFpu();
            return false;
        }
    }

    /** Copies an image in; one that is not described as it should be counts for its first 512 bytes only. */
    private void loadFpuImage(long address) throws ErrnoException {
        thread.copyIn(address, scratch.asSlice(FX, FX_HEADER));
        int stateBytes = scratch.get(U32, FX + FX_SOFTWARE + 16);
        int extendedBytes = scratch.get(U32, FX + FX_SOFTWARE + 4);
        long features = scratch.get(U64, FX + FX_SOFTWARE + 8);
        boolean whole = scratch.get(U32, FX + FX_SOFTWARE) == MAGIC1 && stateBytes >= FX_LEAST_BYTES && stateBytes <= fpuBytes
                && Integer.compareUnsigned(stateBytes, extendedBytes) <= 0;
        if (whole) {
            MemorySegment rest = scratch.asSlice(FX + FX_HEADER, stateBytes - FX_HEADER + 4);
            thread.copyIn(address + FX_HEADER, rest);
            whole = rest.get(U32, stateBytes - FX_HEADER) == MAGIC2;
        }
        // The software bytes are the kernel's; NT_X86_XSTATE ignores them.
        scratch.asSlice(FX + FX_SOFTWARE, 48).fill((byte) 0);
        int known = whole ? stateBytes : FX_HEADER;
        if (known < fpuBytes) {
            scratch.asSlice(FX + known, fpuBytes - known).fill((byte) 0);
        }
        if (whole) {
            // Components that the frame does not claim start afresh.
            scratch.set(U64, FX + FX_HEADER, scratch.get(U64, FX + FX_HEADER) & features);
        } else {
            scratch.set(U64, FX + FX_HEADER, 3L);
        }
    }
}
