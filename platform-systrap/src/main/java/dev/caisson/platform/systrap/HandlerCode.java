package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.abi.Signals;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.stub.StubCode;

/** The signal handler: tells by the signal and by rip what has happened, and copies the guest's registers to the slot. */
final class HandlerCode {
    /** Below the frame, which is still needed. */
    private static final int BELOW = -64;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;
    /** Where the frame has {@link StubWords#general}. */
    private static final int[] GENERAL = {SignalFrame.RAX, SignalFrame.RCX, SignalFrame.RDX, SignalFrame.RBP, SignalFrame.RSI,
        SignalFrame.RDI, SignalFrame.R8, SignalFrame.R8 + 8, SignalFrame.R8 + 16, SignalFrame.R8 + 24, SignalFrame.R8 + 32,
        SignalFrame.R8 + 40, SignalFrame.R8 + 48, SignalFrame.R8 + 56};

    private final SlotAssembler slot;
    private final Assembler code;
    private final Label handler = new Label();
    private final Label copy = new Label();

    HandlerCode(SlotAssembler slot) {
        this.slot = slot;
        this.code = slot.code();
    }

    /** {@return the handler} */
    Label handler() {
        return handler;
    }

    /** Begins with the handler; edi is the signal, rsp the frame. */
    void assemble(TurnCode turn, ReturnCode back, WithdrawCode withdraw) {
        Label event = new Label();
        Label call = new Label();
        code.bind(handler);
        slot.plainFlags();
        code.mov(RBX, RSP);
        code.and(RBX, -slot.geometry().slotBytes());
        testSignal(StubWords.WITHDRAW);
        code.jump(Condition.EQUAL, withdraw.withdrawn());
        testSignal(StubWords.KICK);
        code.jump(Condition.NOT_EQUAL, event);
        kick(turn, back);

        code.bind(event);
        testSignal(Signals.SIGSYS);
        code.jump(Condition.EQUAL, call);
        slot.kind(SlotLayout.KIND_EXCEPTION);
        code.bytes(0x89, 0x7b, SlotLayout.SIGNAL); // mov [rbx+SIGNAL], edi
        slot.halfFromFrame(SignalFrame.CODE);
        code.bytes(0x89, 0x43, SlotLayout.CODE); // mov [rbx+CODE], eax
        copyWord(SignalFrame.ADDRESS, SlotLayout.ADDRESS);
        copyWord(SignalFrame.ERROR, SlotLayout.ERROR);
        copyWord(SignalFrame.TRAP, SlotLayout.TRAP);
        code.jump(copy);

        code.bind(call);
        slot.kind(SlotLayout.KIND_CALL);
        slot.halfFromFrame(SignalFrame.ARCHITECTURE);
        code.bytes(0x89, 0x43, SlotLayout.GATE); // mov [rbx+GATE], eax

        code.bind(copy);
        copyGuest();
        code.jump(turn.post());
    }

    private void kick(TurnCode turn, ReturnCode back) {
        Label outside = new Label();
        Label uncommitted = new Label();
        slot.fromFrame(RAX, SignalFrame.RIP);
        code.mov(RCX, StubCode.CODE);
        code.bytes(0x48, 0x29, 0xc8); // sub rax, rcx
        code.cmp(RAX, StubCode.CODE_BYTES);
        code.jump(Condition.ABOVE_OR_EQUAL, outside);
        // In our own code.
        code.leaLabel(RCX, back.commit());
        code.mov(RDX, StubCode.CODE);
        code.add(RAX, RDX);
        code.cmp(RAX, RCX);
        code.jump(Condition.BELOW, uncommitted);
        code.leaLabel(RCX, back.committed());
        code.cmp(RAX, RCX);
        code.jump(Condition.ABOVE_OR_EQUAL, uncommitted);
        copyWord(SignalFrame.FPU, StubWords.FPU_IMAGE);
        slot.set(StubWords.KICKED, 0);
        slot.kind(SlotLayout.KIND_INTERRUPT);
        code.jump(turn.post());

        code.bind(uncommitted);
        slot.set(StubWords.KICKED, 1);
        goBack();

        code.bind(outside);
        slot.kind(SlotLayout.KIND_INTERRUPT);
        code.jump(copy);
    }

    private void copyGuest() {
        copyWord(SignalFrame.FPU, StubWords.FPU_IMAGE);
        for (int i = 0; i < SignalFrame.WORDS_FROM_R8.length; i++) {
            copyWord(SignalFrame.R8 + 8 * i, SlotLayout.register(SignalFrame.WORDS_FROM_R8[i]));
        }
        slot.fromFrame(RAX, SignalFrame.SELECTORS);
        code.mov(RCX, RAX);
        code.and(RAX, 0xffff);
        code.store(RBX, SlotLayout.register(StubWords.CS), RAX);
        code.shr(RCX, 48);
        code.store(RBX, SlotLayout.register(StubWords.SS), RCX);
        slot.saveBases();
    }

    /** Leaves the handler for our own code, with all registers as they were. The stack stays in use below that code's own rsp. */
    private void goBack() {
        slot.fromFrame(RCX, SignalFrame.FPU);
        slot.allStates();
        slot.loadFpu();
        // rip, cs, flags, rsp and ss for iretq
        code.lea(RCX, RSP, BELOW);
        slot.fromFrame(RAX, SignalFrame.RIP);
        code.store(RCX, 0, RAX);
        code.mov(RAX, USER_CS);
        code.store(RCX, 8, RAX);
        slot.fromFrame(RAX, SignalFrame.FLAGS);
        code.store(RCX, 16, RAX);
        slot.fromFrame(RAX, SignalFrame.RSP);
        code.store(RCX, 24, RAX);
        code.mov(RAX, USER_SS);
        code.store(RCX, 32, RAX);
        for (int i = 2; i < GENERAL.length; i++) { // all but rax and rcx
            slot.fromFrame(StubWords.general(i), GENERAL[i]);
        }
        slot.fromFrame(RBX, SignalFrame.RBX);
        slot.fromFrame(RAX, SignalFrame.RAX);
        code.lea(RSP, RSP, BELOW);
        slot.fromFrame(RCX, SignalFrame.RCX - BELOW);
        slot.interruptReturn();
    }

    private void copyWord(int inFrame, int inSlot) {
        slot.fromFrame(RAX, inFrame);
        code.store(RBX, inSlot, RAX);
    }

    private void testSignal(int signal) {
        code.bytes(0x83, 0xff, signal); // cmp edi, signal
    }
}
