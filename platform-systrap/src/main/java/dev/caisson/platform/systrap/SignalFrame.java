package dev.caisson.platform.systrap;

/**
 * Offsets in struct rt_sigframe (arch/x86/include/asm/sigframe.h), where rsp points to when a handler begins: return address[8],
 * ucontext[304], siginfo[128].
 */
final class SignalFrame {
    static final int R8 = 48;
    static final int RDI = 112;
    static final int RSI = 120;
    static final int RBP = 128;
    static final int RBX = 136;
    static final int RDX = 144;
    static final int RAX = 152;
    static final int RCX = 160;
    static final int RSP = 168;
    static final int RIP = 176;
    static final int FLAGS = 184;
    /** cs[2] gs[2] fs[2] ss[2]. */
    static final int SELECTORS = 192;
    static final int ERROR = 200;
    static final int TRAP = 208;
    /** Address of the FPU image. */
    static final int FPU = 232;
    /** si_code. */
    static final int CODE = 320;
    /** si_addr. */
    static final int ADDRESS = 328;
    /** si_value. */
    static final int VALUE = 336;
    /** si_arch. */
    static final int ARCHITECTURE = 340;

    /** Word of {@link dev.caisson.spi.platform.Registers} for each register of struct sigcontext, from r8 on up to the flags. */
    static final int[] WORDS_FROM_R8 = {9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, 10, 11, 19, 16, 18};

    private SignalFrame() {}
}
