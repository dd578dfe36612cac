package dev.caisson.platform.kvm;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R11;
import static dev.caisson.host.code.Register.R12;
import static dev.caisson.host.code.Register.R13;
import static dev.caisson.host.code.Register.R14;
import static dev.caisson.host.code.Register.R15;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;

/**
 * The code where {@code syscall} arrives. Each processor has its own entry, at which this page is mapped, and behind it in each address
 * space a slot ({@link SlotLayout}). On {@link EntryPath#RING_3} guest code can write the slot and jump to any instruction here.
 *
 * <p>With no ticks to spin, it rings the doorbell and that is all: the task itself is in KVM_RUN. Else it plays the stub's half of the
 * slot's protocol, and the doorbell stands for everything that needs the host: to wake the kernel, and to sleep. The doorbell is
 * {@code hlt} in ring 0, and in ring 3 a store to an address without memory.
 */
final class StubCode {
    /** From the code page to the slot. */
    static final int SLOT = 0x1000;
    /** From the code page to the doorbell of ring 3. */
    static final int DOOR = 0x2000;

    /** A command of ours: leave the machine. */
    static final int LEAVE = 0x100;

    private static final int STACK_TOP = SlotLayout.HEADER_BYTES;
    private static final Register[] ORDER = {R15, R14, R13, R12, RBP, RBX, null, R10, R9, R8, RAX, null, RDX, RSI, RDI};
    private static final int INDEX_R11 = 6;
    private static final int INDEX_RAX = 10;
    private static final int INDEX_RCX = 11;
    private static final int INDEX_RDX = 12;
    private static final int INDEX_RIP = 16;
    private static final int INDEX_FLAGS = 18;
    private static final int INDEX_RSP = 19;
    private static final int INDEX_FS = 21;
    private static final int INDEX_GS = 22;
    private static final int INDEX_DS = 23;
    private static final int INDEX_ES = 24;

    private final Assembler code = new Assembler();
    private final boolean isRing0;
    private final byte[] bytes;
    /** From here on the guest's registers are in the slot, and the kernel may have answered; before, all but rcx are in the processor, too. */
    private final int waiting;
    /** From here on they are in the processor again, but for rcx. */
    private final int calling;
    private final int sysret;
    /** Behind the store to the doorbell of a call that is all in registers. */
    private final int callDoor;
    /** Behind the stores of a stub whose call is in the slot. */
    private final int wakeDoor;
    private final int idleDoor;
    private final int leaveDoor;

    /**
     * Assembles it.
     *
     * @param path how system calls arrive
     */
    StubCode(EntryPath path) {
        isRing0 = path == EntryPath.RING_0;
        Label door = new Label();
        Label spin = new Label();
        Label wake = new Label();
        Label leave = new Label();
        // rcx: return address, r11: flags. Nothing else may change while it is not in the slot.
        storeSlot(SlotLayout.register(INDEX_RCX), RCX);
        loadSlot(RCX, SlotLayout.SPIN);
        // The flags are r11's now, so a test does no harm.
        code.test(RCX, RCX).jump(Condition.EQUAL, door);
        for (int i = 0; i < ORDER.length; i++) {
            if (ORDER[i] != null) {
                storeSlot(SlotLayout.register(i), ORDER[i]);
            }
        }
        storeSlot(SlotLayout.register(INDEX_R11), R11);
        storeSlot(SlotLayout.register(INDEX_FLAGS), R11);
        storeSlot(SlotLayout.register(INDEX_RSP), RSP);
        loadSlot(RCX, SlotLayout.register(INDEX_RCX));
        storeSlot(SlotLayout.register(INDEX_RIP), RCX);
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc1); // rdfsbase rcx
        storeSlot(SlotLayout.register(INDEX_FS), RCX);
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc9); // rdgsbase rcx
        storeSlot(SlotLayout.register(INDEX_GS), RCX);
        code.bytes(0x8c, 0xd9); // mov ecx, ds
        storeSlot(SlotLayout.register(INDEX_DS), RCX);
        code.bytes(0x8c, 0xc1); // mov ecx, es
        storeSlot(SlotLayout.register(INDEX_ES), RCX);
        code.mov(RCX, SlotLayout.KIND_CALL);
        code.bytes(0x89, 0x0d); // mov [rip + kind], ecx
        relative(SLOT + SlotLayout.KIND);
        code.mov(RCX, Turn.KERNEL);
        code.bytes(0x87, 0x0d); // xchg [rip + state], ecx
        relative(SLOT + SlotLayout.STATE);
        waiting = code.offset();
        code.cmp(RCX, Turn.GUEST_AWAITED).jump(Condition.EQUAL, wake);

        code.bind(spin);
        tsc();
        loadSlot(R11, SlotLayout.SPIN);
        code.add(R11, RAX); // the deadline
        Label look = code.here();
        Label mine = new Label();
        code.pause();
        code.bytes(0xf6, 0x05); // test byte [rip + state], KERNEL
        relative(SLOT + SlotLayout.STATE, 1);
        code.bytes(Turn.KERNEL);
        code.jump(Condition.EQUAL, mine);
        tsc();
        code.cmp(RAX, R11).jump(Condition.BELOW, look);
        idleDoor = ring();
        code.jump(spin);

        code.bind(wake);
        wakeDoor = ring();
        code.jump(spin);

        code.bind(mine);
        code.bytes(0x8b, 0x0d); // mov ecx, [rip + command]
        relative(SLOT + SlotLayout.COMMAND);
        code.test(RCX, RCX).jump(Condition.NOT_EQUAL, leave);
        loadSlot(R11, SlotLayout.register(INDEX_R11));
        if (!isRing0) {
            code.bytes(0x48, 0x8d, 0x25); // lea rsp, [rip + stack]: popfq needs one, and the guest's may be anywhere
            relative(SLOT + STACK_TOP);
            code.push(R11).bytes(0x9d); // popfq
        }
        loadSlot(RSP, SlotLayout.register(INDEX_RSP));
        loadSlot(RDX, SlotLayout.register(INDEX_RDX));
        loadSlot(RAX, SlotLayout.register(INDEX_RAX));
        loadSlot(RCX, SlotLayout.register(INDEX_RCX));
        goBack();

        code.bind(leave);
        leaveDoor = ring();
        code.jump(spin);

        code.bind(door);
        calling = code.offset();
        loadSlot(RCX, SlotLayout.register(INDEX_RCX));
        callDoor = ring();
        sysret = isRing0 ? code.offset() : -1;
        goBack(); // in ring 3 for a guest that comes here by itself
        bytes = code.toBytes();
    }

    /** {@return the code of the page} */
    byte[] bytes() {
        return bytes;
    }

    /** {@return whether a processor has just rung the doorbell for a call, which is in its registers} */
    boolean isCall(long offset) {
        return offset == callDoor;
    }

    /** {@return whether a processor has just rung the doorbell for a stub whose call, if it has one, is in the slot} */
    boolean isStub(long offset) {
        return offset == wakeDoor || offset == idleDoor || offset == leaveDoor;
    }

    /** {@return whether the stub left because it was told to} */
    boolean isLeave(long offset) {
        return offset == leaveDoor;
    }

    /** {@return where ring 0 returns from a call to rcx with the flags in r11; -1 in ring 3} */
    int sysret() {
        return sysret;
    }

    /** {@return whether at this place a guest's call is in its registers, rcx in the slot} */
    boolean isBeforeCall(long offset) {
        return offset < waiting || offset >= calling;
    }

    /** {@return whether at this place the kernel had a call, and may have answered it} */
    boolean isAfterCall(long offset) {
        return offset >= waiting && offset < calling;
    }

    private void goBack() {
        if (isRing0) {
            code.bytes(0x48, 0x0f, 0x07); // sysretq
        } else {
            code.jump(RCX);
        }
    }

    /** rax = time stamp counter; rdx is lost. */
    private void tsc() {
        code.rdtsc().shl(RDX, 32).or(RAX, RDX);
    }

    /** {@return the offset behind} an instruction that ends KVM_RUN, which it appends. */
    private int ring() {
        if (isRing0) {
            code.bytes(0xf4); // hlt
        } else {
            code.bytes(0x89, 0x05); // mov [rip + door], eax
            relative(DOOR);
        }
        return code.offset();
    }

    private void storeSlot(int offset, Register from) {
        slot(0x89, offset, from);
    }

    private void loadSlot(Register to, int offset) {
        slot(0x8b, offset, to);
    }

    private void slot(int opcode, int offset, Register register) {
        int number = register.ordinal();
        code.bytes(0x48 | number >> 3 << 2, opcode, (number & 7) << 3 | 5);
        relative(SLOT + offset);
    }

    /** A displacement from the end of the instruction to a place counted from the beginning of the page. */
    private void relative(int place) {
        relative(place, 0);
    }

    private void relative(int place, int bytesThatFollow) {
        code.int32(place - (code.offset() + 4 + bytesThatFollow));
    }
}
