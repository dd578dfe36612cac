package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;

/** Where {@link Trampolines} go: a call of a rewritten site, without a signal. */
final class EntryCode {
    private final SlotAssembler slot;
    private final Label entry = new Label();

    EntryCode(SlotAssembler slot) {
        this.slot = slot;
    }

    /** {@return the entry} */
    Label entry() {
        return entry;
    }

    /** r11 is the slot, rcx where the guest goes on. The rest is the guest's. The FPU state stays where it is. */
    void assemble(TurnCode turn) {
        Assembler code = slot.code();
        Register own = Register.R11;
        code.bind(entry);
        for (int i = 0; i < StubWords.generalCount(); i++) {
            Register register = StubWords.general(i);
            if (register != RCX && register != own) {
                code.store(own, StubWords.generalPlace(i), register);
            }
        }
        code.store(own, SlotLayout.register(StubWords.RBX), RBX);
        code.store(own, SlotLayout.register(StubWords.RSP), RSP);
        code.store(own, SlotLayout.register(StubWords.RIP), RCX);
        code.store(own, SlotLayout.register(StubWords.RCX), RCX);
        slot.returnFrame(own);
        code.bytes(0x9c); // pushfq
        code.pop(RCX);
        code.store(own, SlotLayout.register(StubWords.FLAGS), RCX);
        code.store(own, SlotLayout.register(StubWords.R11), RCX);
        slot.plainFlags();
        code.mov(RBX, own);
        slot.saveBases();
        slot.kind(SlotLayout.KIND_DIRECT_CALL);
        code.jump(turn.post());
    }
}
