package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.StubCode;

/** The stub's turn: does what the kernel wants, and goes on with the guest. */
final class ReturnCode {
    /** What iretq takes from the stack, as words of {@link dev.caisson.spi.platform.Registers}. */
    private static final int[] FRAME = {StubWords.RIP, StubWords.CS, StubWords.FLAGS, StubWords.RSP, StubWords.SS};

    private final SlotAssembler slot;
    private final Assembler code;
    private final SlotGeometry geometry;
    private final Label commit = new Label();
    private final Label committed = new Label();

    ReturnCode(SlotAssembler slot) {
        this.slot = slot;
        this.code = slot.code();
        this.geometry = slot.geometry();
    }

    /** {@return from where on the slot has all of the guest's registers, and the guest the slot's FPU state and bases} */
    Label commit() {
        return commit;
    }

    /** {@return the end of what begins with {@link #commit}} */
    Label committed() {
        return committed;
    }

    /** Begins with the stub's turn. */
    void assemble(TurnCode turn) {
        Label noSave = new Label();
        Label kicked = new Label();
        testCommand(SlotLayout.SAVE_FPU);
        code.jump(Condition.EQUAL, noSave);
        reload();
        code.bytes(0x48, 0x0f, 0xae, 0xa3).int32(geometry.fpu()); // xsave64 [rbx+displacement]
        slot.kind(SlotLayout.KIND_SAVED);
        code.jump(turn.post());

        code.bind(noSave);
        awaitOrder();
        loadFpu();
        loadBases();
        for (int i = 0; i < FRAME.length; i++) {
            code.load(RAX, RBX, SlotLayout.register(FRAME[i]));
            code.store(RBX, geometry.returnFrame() + 8 * i, RAX);
        }
        code.bind(commit);
        code.bytes(0x83, 0xbb).int32(StubWords.KICKED).bytes(0); // cmp dword [rbx+displacement], 0
        code.jump(Condition.NOT_EQUAL, kicked);
        slot.returnFrame(RBX);
        for (int i = 0; i < StubWords.generalCount(); i++) {
            code.load(StubWords.general(i), RBX, StubWords.generalPlace(i));
        }
        code.load(RBX, RBX, SlotLayout.register(StubWords.RBX));
        slot.interruptReturn();
        code.bind(committed);

        code.bind(kicked);
        slot.returnFrame(RBX);
        slot.set(StubWords.KICKED, 0);
        slot.kind(SlotLayout.KIND_INTERRUPT);
        code.jump(turn.post());
    }

    /** Changes of the address space that the guest needs: nobody has woken the control thread for them. */
    private void awaitOrder() {
        Label none = new Label();
        Label done = new Label();
        code.load(RAX, RBX, StubWords.ORDER);
        code.test(RAX, RAX);
        code.jump(Condition.EQUAL, none);
        code.mov(RDI, StubCode.CONTROL + ControlPages.SEQUENCE);
        slot.wakeOne();
        Label look = code.here();
        code.mov(RDI, StubCode.CONTROL + ControlPages.DONE);
        code.load(RDX, RDI, 0);
        code.load(RAX, RBX, StubWords.ORDER);
        code.cmp(RDX, RAX);
        code.jump(Condition.GREATER_OR_EQUAL, done);
        slot.sleep();
        code.jump(look);
        code.bind(done);
        code.xor(RAX, RAX);
        code.store(RBX, StubWords.ORDER, RAX);
        code.bind(none);
    }

    private void loadFpu() {
        Label noFpu = new Label();
        testCommand(SlotLayout.LOAD_FPU);
        code.jump(Condition.EQUAL, noFpu);
        code.lea(RAX, RBX, geometry.fpu());
        code.store(RBX, StubWords.FPU_IMAGE, RAX);
        code.bind(noFpu);
        reload();
    }

    /** Loads the guest's FPU state if it is not in the processor. */
    private void reload() {
        Label live = new Label();
        code.load(RCX, RBX, StubWords.FPU_IMAGE);
        slot.allStates();
        code.test(RCX, RCX);
        code.jump(Condition.EQUAL, live);
        slot.loadFpu();
        code.xor(RCX, RCX);
        code.store(RBX, StubWords.FPU_IMAGE, RCX);
        code.bind(live);
    }

    private void loadBases() {
        Label noBases = new Label();
        testCommand(SlotLayout.LOAD_BASES);
        code.jump(Condition.EQUAL, noBases);
        code.load(RAX, RBX, SlotLayout.register(StubWords.FS));
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xd0); // wrfsbase rax
        code.load(RAX, RBX, SlotLayout.register(StubWords.GS));
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xd8); // wrgsbase rax
        code.bind(noBases);
    }

    private void testCommand(int bit) {
        code.bytes(0xf6, 0x43, SlotLayout.COMMAND, bit); // test byte [rbx+COMMAND], bit
    }
}
