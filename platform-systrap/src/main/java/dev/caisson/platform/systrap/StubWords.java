package dev.caisson.platform.systrap;

import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.stub.ControlPages;

/** What the kernel and the stub's code agree upon: words in the slot and the control page, and signals. */
final class StubWords {
    /** Private words of the slot: a kick came while the stub was at work. */
    static final int KICKED = SlotLayout.PRIVATE;
    /**
     * Private words of the slot: address of the guest's FPU state, 0 while it is in the processor. The host starts a handler with the
     * FPU of a new process, and leaves the guest's in the frame.
     */
    static final int FPU_IMAGE = SlotLayout.PRIVATE + 8;
    /** Private words of the slot: struct stack_t of the alternate stack. */
    static final int STACK_STRUCTURE = SlotLayout.PRIVATE + 16;
    /** Private words of the slot: what came with {@link #WITHDRAW}. */
    static final int TOKEN = SlotLayout.PRIVATE + 40;
    /** Private words of the slot: number of an order to the control thread that must be done before the guest goes on; 0 for none. */
    static final int ORDER = SlotLayout.PRIVATE + 48;

    /** In the control page: while this is not 0, threads that were withdrawn stay so. */
    static final int HOLD = ControlPages.EXTRA + 8;

    /** The signal of kicks; one that means nothing to a thread without handler. */
    static final int KICK = 23; // SIGURG
    /** The signal that takes a thread from the guest; a real-time one, which carries a value and comes on top of a kick. */
    static final int WITHDRAW = 40;

    /** Words of {@link dev.caisson.spi.platform.Registers}. */
    static final int RBX = 5;
    static final int R11 = 6;
    static final int RCX = 11;
    static final int RIP = 16;
    static final int CS = 17;
    static final int FLAGS = 18;
    static final int RSP = 19;
    static final int SS = 20;
    static final int FS = 21;
    static final int GS = 22;

    /** All general registers but rbx, which is the slot, and rsp. */
    private static final Register[] GENERAL = {Register.RAX, Register.RCX, Register.RDX, Register.RBP, Register.RSI, Register.RDI,
        Register.R8, Register.R9, Register.R10, Register.R11, Register.R12, Register.R13, Register.R14, Register.R15};
    private static final int[] GENERAL_WORDS = {10, RCX, 12, 4, 13, 14, 9, 8, 7, R11, 3, 2, 1, 0};

    private StubWords() {}

    /** {@return how many general registers there are but for rbx and rsp} */
    static int generalCount() {
        return GENERAL.length;
    }

    /** {@return one of them} */
    static Register general(int index) {
        return GENERAL[index];
    }

    /** {@return its place in the slot} */
    static int generalPlace(int index) {
        return SlotLayout.register(GENERAL_WORDS[index]);
    }
}
