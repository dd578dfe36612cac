package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.R12;
import static dev.caisson.host.code.Register.R13;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;

/** Gives the turn to the kernel and waits for the next one: the stub's half of {@link Turn}. */
final class TurnCode {
    private final SlotAssembler slot;
    private final Assembler code;
    private final Label post = new Label();
    private final Label await = new Label();

    TurnCode(SlotAssembler slot) {
        this.slot = slot;
        this.code = slot.code();
    }

    /** {@return where the turn is given} */
    Label post() {
        return post;
    }

    /** {@return where the next turn is awaited} */
    Label await() {
        return await;
    }

    /** Ends where the turn is the stub's. Uses rax, rcx, rdx, rsi, rdi, r8 to r13, which are in the slot. */
    void assemble() {
        Label noWake = new Label();
        Label proceed = new Label();
        code.bind(post);
        code.mov(RAX, Turn.KERNEL);
        code.bytes(0x87, 0x03); // xchg [rbx], eax
        code.cmp(RAX, Turn.GUEST_AWAITED);
        code.jump(Condition.NOT_EQUAL, noWake);
        code.mov(RDI, RBX);
        slot.wakeOne();
        code.bind(noWake);
        code.bind(await);
        spin(proceed);
        sleep(proceed);
        code.bind(proceed);
    }

    private void spin(Label proceed) {
        ticks(R12);
        Label spin = code.here();
        code.bytes(0x8b, 0x03); // mov eax, [rbx]
        code.bytes(0xa8, Turn.KERNEL); // test al, KERNEL
        code.jump(Condition.EQUAL, proceed);
        code.pause();
        ticks(RCX);
        code.bytes(0x4c, 0x29, 0xe1); // sub rcx, r12
        code.load(R13, RBX, SlotLayout.SPIN); // each time: the kernel may find out that the answer will take its time
        code.cmp(RCX, R13);
        code.jump(Condition.BELOW, spin);
    }

    private void sleep(Label proceed) {
        Label sleep = code.here();
        code.mov(RAX, Turn.KERNEL);
        code.mov(RCX, Turn.KERNEL_AWAITED);
        code.bytes(0xf0, 0x0f, 0xb1, 0x0b); // lock cmpxchg [rbx], ecx: what was there goes to eax
        code.bytes(0xa8, Turn.KERNEL); // test al, KERNEL
        code.jump(Condition.EQUAL, proceed);
        code.mov(RDI, RBX);
        code.mov(RDX, Turn.KERNEL_AWAITED);
        slot.sleep();
        code.jump(sleep);
    }

    private void ticks(Register to) {
        code.rdtsc();
        code.shl(RDX, 32);
        code.or(RAX, RDX);
        code.mov(to, RAX);
    }
}
