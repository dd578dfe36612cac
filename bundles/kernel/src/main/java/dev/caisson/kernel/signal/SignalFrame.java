package dev.caisson.kernel.signal;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.SignalStack;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostProcessor;
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

    /** A component that a program has to ask for with arch_prctl(2), which is not offered. */
    private static final long XTILEDATA = 1L << 18;
    private static final int USER_CS = 0x33;
    private static final int USER_DS = 0x2b;
    /** AC, RF, OF, DF, TF, SF, ZF, AF, PF, CF: what a program may set (FIX_EFLAGS). */
    private static final long USER_FLAGS = 0x50DD5;
    /** The FPU image's place in the scratch memory; the frame ends before it. */
    private static final int FX = 512;

    // Words of struct user_regs_struct, in its order.
    private static final int R15 = 0, R14 = 1, R13 = 2, R12 = 3, RBP = 4, RBX = 5, R11 = 6, R10 = 7, R9 = 8, R8 = 9, RAX = 10, RCX = 11,
            RDX = 12, RSI = 13, RDI = 14, RIP = 16, CS = 17, EFLAGS = 18, RSP = 19, SS = 20;
    private static final int REGISTER_WORDS = Registers.BYTES / 8;
    /** The general registers in the order of struct sigcontext. */
    private static final int[] CONTEXT_ORDER = {R8, R9, R10, R11, R12, R13, R14, R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP};
    private static final int SC_EFLAGS_WORD = (CONTEXT + SC_EFLAGS) / 8;

    private final SignalThread thread;
    private final int fpuBytes;
    private final MemorySegment scratch;
    private final MemorySegment fpuImage;
    // Frames are put together in arrays and copied as a whole: that is quick before the compiler has seen it, too.
    private final long[] registerWords = new long[REGISTER_WORDS];
    private final long[] words = new long[FRAME_BYTES / 8];
    // Copies between segments: those from and to arrays look at the array's class each time, which C1 does by a call into the VM.
    private final MemorySegment registerSegment = MemorySegment.ofArray(registerWords);
    private final MemorySegment wordSegment = MemorySegment.ofArray(words);
    /** What the kernel puts into the software bytes; the same for every frame. */
    private MemorySegment software;

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
        if (software == null) {
            long features = scratch.get(U32, FX + FX_SOFTWARE) == MAGIC1
                    ? scratch.get(U64, FX + FX_SOFTWARE + 8) // the platform has described it already
                    : scratch.get(U64, FX + FX_SOFTWARE); // XCR0, as NT_X86_XSTATE has it
            if (features == 0) {
                // The platform keeps the software bytes to itself; it runs on this processor.
                features = HostProcessor.xsaveStates() & ~XTILEDATA;
            }
            software = MemorySegment.ofArray(new long[] {pair(MAGIC1, fpuBytes + 4), features, fpuBytes, 0, 0, 0});
        }
        MemorySegment.copy(software, 0, scratch, FX + FX_SOFTWARE, software.byteSize());
        scratch.set(U32, FX + (long) fpuBytes, MAGIC2);
    }

    private static long pair(int low, int high) {
        return Integer.toUnsignedLong(low) | (long) high << 32;
    }

    private void fill(SignalState state, Registers registers, int at, SignalInfo info, SignalAction action, long fx) {
        long[] from = registerWords;
        long[] to = words;
        MemorySegment.copy(registers.segment(), 0, registerSegment, 0, Registers.BYTES);
        long mask = state.frameMask();
        SignalStack stack = state.alternateStack();
        to[0] = action.restorer();
        to[UC_FLAGS / 8] = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
        to[UC_STACK / 8] = stack.pointer();
        to[UC_STACK / 8 + 1] = Integer.toUnsignedLong(stack.flags());
        to[UC_STACK / 8 + 2] = stack.sizeBytes();
        for (int i = 0; i < CONTEXT_ORDER.length; i++) {
            to[CONTEXT / 8 + i] = from[CONTEXT_ORDER[i]];
        }
        to[SC_EFLAGS_WORD] = from[EFLAGS];
        to[SC_EFLAGS_WORD + 1] = from[CS] & 0xffff | (from[SS] & 0xffff) << 48;
        to[(CONTEXT + SC_ERR) / 8] = state.trapErrorCode();
        to[(CONTEXT + SC_TRAPNO) / 8] = state.trapNumber();
        to[(CONTEXT + SC_OLDMASK) / 8] = mask;
        to[(CONTEXT + SC_CR2) / 8] = state.faultAddress();
        to[(CONTEXT + SC_FPSTATE) / 8] = fx;
        to[UC_SIGMASK / 8] = mask;
        boolean wanted = action.has(Signals.SA_SIGINFO);
        to[INFO / 8] = wanted ? pair(info.signal(), info.errno()) : 0;
        to[INFO / 8 + 1] = wanted ? Integer.toUnsignedLong(info.code()) : 0;
        to[INFO / 8 + 2] = wanted ? info.word16() : 0;
        to[INFO / 8 + 3] = wanted ? info.word24() : 0;
        to[INFO / 8 + 4] = wanted ? info.word32() : 0;
        to[INFO / 8 + 5] = wanted ? info.word40() : 0;
        MemorySegment.copy(wordSegment, 0, scratch, at, FRAME_BYTES);
        scratch.asSlice(at + FRAME_BYTES, FX - at - FRAME_BYTES).fill((byte) 0);
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
        long[] from = words;
        thread.copyIn(registers.rsp() - 8, scratch.asSlice(0, INFO));
        MemorySegment.copy(scratch, 0, wordSegment, 0, INFO);
        state.setMask(from[UC_SIGMASK / 8]);
        boolean strict = (from[UC_FLAGS / 8] & UC_STRICT_RESTORE_SS) != 0;
        if (!restoreRegisters(registers, strict)) {
            return false;
        }
        if (!restoreFpu(from[(CONTEXT + SC_FPSTATE) / 8])) {
            return false;
        }
        SignalStack now = state.alternateStack();
        if (from[UC_STACK / 8] == now.pointer() && (int) from[UC_STACK / 8 + 1] == now.flags()
                && from[UC_STACK / 8 + 2] == now.sizeBytes()) {
            return true;
        }
        SignalStack stack = new SignalStack(from[UC_STACK / 8], (int) from[UC_STACK / 8 + 1], from[UC_STACK / 8 + 2]);
        try {
            state.changeStack(stack, registers.rsp(), Signals.MINSIGSTKSZ);
        } catch (ErrnoException refused) {
            // Linux restores the stack on a best effort.
            return true;
        }
        return true;
    }

    private boolean restoreRegisters(Registers registers, boolean strict) {
        long[] from = words;
        long[] to = registerWords;
        long selectors = from[SC_EFLAGS_WORD + 1];
        int codeSelector = (int) (selectors & 0xffff) | 3;
        int stackSelector = (int) (selectors >>> 48) | 3;
        // Other selectors would make the return to user mode fault.
        if (codeSelector != USER_CS || strict && stackSelector != USER_DS) {
            return false;
        }
        MemorySegment.copy(registers.segment(), 0, registerSegment, 0, Registers.BYTES);
        for (int i = 0; i < CONTEXT_ORDER.length; i++) {
            to[CONTEXT_ORDER[i]] = from[CONTEXT / 8 + i];
        }
        to[EFLAGS] = to[EFLAGS] & ~USER_FLAGS | from[SC_EFLAGS_WORD] & USER_FLAGS;
        to[CS] = USER_CS;
        to[SS] = USER_DS;
        MemorySegment.copy(registerSegment, 0, registers.segment(), 0, Registers.BYTES);
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
        long[] described = registerWords; // the registers have been restored already
        MemorySegment.copy(scratch, FX + FX_SOFTWARE, registerSegment, 0, 3 * 8);
        int stateBytes = (int) described[2];
        int extendedBytes = (int) (described[0] >>> 32);
        long features = described[1];
        boolean whole = (int) described[0] == MAGIC1 && stateBytes >= FX_LEAST_BYTES && stateBytes <= fpuBytes
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
