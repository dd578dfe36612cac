package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.stub.StubCode;

/**
 * The guest is over; see {@link ProcessSlots}. Other threads of it may still be writing to the slot: from the handler's first instruction
 * on, nothing but the token comes out of it, and no instruction here can fault. The FPU state is the host's for handlers, and the next
 * guest's is loaded before it runs.
 */
final class WithdrawCode {
    private final SlotAssembler slot;
    private final Label withdrawn = new Label();

    WithdrawCode(SlotAssembler slot) {
        this.slot = slot;
    }

    /** {@return where the handler goes on, with its frame at rsp} */
    Label withdrawn() {
        return withdrawn;
    }

    /** Ends with waiting for the next guest's first turn. */
    void assemble(TurnCode turn) {
        Assembler code = slot.code();
        code.bind(withdrawn);
        slot.fromFrame(RCX, SignalFrame.VALUE);
        code.mov(RAX, 0);
        code.bytes(0x8e, 0xd8, 0x8e, 0xc0); // mov ds, eax; mov es, eax
        code.bytes(0x8e, 0xe0, 0x8e, 0xe8); // mov fs, eax; mov gs, eax
        slot.returnFrame(RBX);
        code.mov(RBP, StubCode.CONTROL);
        code.store(RBX, StubWords.TOKEN, RCX);
        Label held = code.here();
        code.load(RDX, RBP, StubWords.HOLD);
        code.test(RDX, RDX);
        code.jump(Condition.EQUAL, turn.await());
        code.lea(RDI, RBP, StubWords.HOLD);
        slot.sleep();
        code.jump(held);
    }
}
