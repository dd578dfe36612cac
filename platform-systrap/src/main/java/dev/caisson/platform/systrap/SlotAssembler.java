package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Register;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.mailbox.SlotLayout;

/** Sequences of instructions that several parts of {@link SystrapCode} have. rbx is the slot. */
final class SlotAssembler {
    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;

    private final Assembler code;
    private final SlotGeometry geometry;

    SlotAssembler(Assembler code, SlotGeometry geometry) {
        this.code = code;
        this.geometry = geometry;
    }

    /** The instructions themselves. */
    Assembler code() {
        return code;
    }

    SlotGeometry geometry() {
        return geometry;
    }

    /** A system call of the host, with its arguments in place. */
    void call(int number) {
        call(code, number);
    }

    static void call(Assembler code, int number) {
        code.mov(RAX, number);
        code.syscall();
    }

    /** Wakes one that waits at the word at rdi. */
    void wakeOne() {
        code.mov(RSI, FUTEX_WAKE);
        code.mov(RDX, 1);
        call(SyscallNumber.FUTEX);
    }

    /** Waits at the word at rdi for as long as it is edx, or until a signal comes. */
    void sleep() {
        code.mov(RSI, FUTEX_WAIT);
        code.mov(Register.R10, 0);
        call(SyscallNumber.FUTEX);
    }

    /** {@code mov to, [rsp+offset]}: out of the handler's {@link SignalFrame}. */
    void fromFrame(Register to, int offset) {
        code.load(to, RSP, offset);
    }

    /** {@code mov eax, [rsp+offset]}. */
    void halfFromFrame(int offset) {
        code.bytes(0x8b, 0x84, 0x24).int32(offset);
    }

    /** Says in the slot why the turn is given. */
    void kind(int kind) {
        code.bytes(0xc7, 0x43, SlotLayout.KIND, kind, 0, 0, 0); // mov dword [rbx+KIND], kind
    }

    /** {@code mov dword [rbx+offset], value}. */
    void set(int offset, int value) {
        code.bytes(0xc7, 0x83).int32(offset).int32(value);
    }

    /** Notes the guest's bases of fs and gs in the slot. */
    void saveBases() {
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc0); // rdfsbase rax
        code.store(RBX, SlotLayout.register(StubWords.FS), RAX);
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc8); // rdgsbase rax
        code.store(RBX, SlotLayout.register(StubWords.GS), RAX);
    }

    /** All FPU states that the host has enabled, for xsave and xrstor. */
    void allStates() {
        code.mov(RAX, -1);
        code.mov(RDX, -1);
    }

    /** Loads the FPU image at rcx, of the states in edx:eax. */
    void loadFpu() {
        code.bytes(0x48, 0x0f, 0xae, 0x29); // xrstor64 [rcx]
    }

    /** {@code lea rsp}: the words for {@link #interruptReturn}. */
    void returnFrame(Register slot) {
        code.lea(RSP, slot, geometry.returnFrame());
    }

    void interruptReturn() {
        code.bytes(0x48, 0xcf); // iretq
    }

    /** Clears what the guest may have set: with its nested-task flag iretq faults, and with its alignment check our own loads may. */
    void plainFlags() {
        code.bytes(0x6a, 0x02, 0x9d); // push 2; popfq
    }
}
