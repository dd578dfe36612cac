package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.abi.Signals;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.SignalMasks;
import dev.caisson.stub.StubCode;

/**
 * The code of a thread that runs guest code: how it starts, how it waits for its turn ({@link TurnCode}) and how it goes on
 * ({@link ReturnCode}), its signal handler ({@link HandlerCode}, {@link WithdrawCode}), and the entry for rewritten sites
 * ({@link EntryCode}). It runs on the slot's stack, and rbx is the slot. There is no signal mask to restore and no frame worth returning
 * to: the handler copies what the guest was to the slot, and the guest goes on from there by iretq. So the only host calls are futex(2)'s
 * two.
 *
 * <p>Kicks come at any instruction. The handler tells by rip where it is: in guest code, the kick is an event; between
 * {@link ReturnCode#commit} and {@link ReturnCode#committed}, where the slot's registers are what the guest shall go on with and nothing
 * else has changed, the kick is an event, too, with the registers as they are in the slot; anywhere else in this code it leaves a mark,
 * which is looked at before {@link ReturnCode#commit}. When a guest is over, a signal of its own takes the thread away from it, wherever
 * it is.
 */
final class SystrapCode {
    private static final int SIG_SETMASK = 2;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int SPEC_ALLOW = 4;
    private static final int SIGALTSTACK = 131;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED_FIXED = 0x11;
    private static final long SIGNALS = SignalMasks.bit(StubWords.KICK) | SignalMasks.bit(StubWords.WITHDRAW)
        | SignalMasks.bit(Signals.SIGSYS) | SignalMasks.FAULTS;

    private final Label filter = new Label();
    private final Label mask = new Label();
    private final Assembler code;
    private final SlotGeometry geometry;
    private final TurnCode turn;
    private final ReturnCode back;
    private final HandlerCode handler;
    private final WithdrawCode withdraw;
    private final EntryCode entry;

    SystrapCode(Assembler code, SlotGeometry geometry) {
        this.code = code;
        this.geometry = geometry;
        SlotAssembler slot = new SlotAssembler(code, geometry);
        turn = new TurnCode(slot);
        back = new ReturnCode(slot);
        handler = new HandlerCode(slot);
        withdraw = new WithdrawCode(slot);
        entry = new EntryCode(slot);
    }

    /** {@return address of the signal handler} */
    long handlerAddress() {
        return StubCode.CODE + handler.handler().offset();
    }

    /** {@return where trampolines go} */
    long entryAddress() {
        return StubCode.CODE + entry.entry().offset();
    }

    /**
     * Maps the slots of a new process over those of its parent; see StubProfile.assembleStart. The control page's first extra word says
     * where they lie in their file, plus 1; 0 for a process that has none.
     */
    static void assembleStart(StubCode stub, Assembler code, SlotGeometry geometry) {
        Label none = new Label();
        code.mov(RDI, SlotGeometry.SLOTS);
        code.mov(RSI, SlotGeometry.SLOTS_END - SlotGeometry.SLOTS);
        SlotAssembler.call(code, SyscallNumber.MUNMAP);
        code.load(R9, RBP, ControlPages.EXTRA);
        code.test(R9, R9);
        code.jump(Condition.EQUAL, none);
        code.sub(R9, 1);
        code.mov(RDI, SlotGeometry.SLOTS);
        code.mov(RSI, geometry.chunkBytes());
        code.mov(RDX, PROT_READ_WRITE);
        code.mov(R10, MAP_SHARED_FIXED);
        code.mov(R8, StubCode.FIRST_EXTRA_FD);
        SlotAssembler.call(code, SyscallNumber.MMAP);
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, stub.die());
        code.bind(none);
    }

    /** All the rest. A new thread finds the end of its slot in rsp. */
    void assemble(StubCode stub, byte[] filterProgram, int filterLength) {
        begin(stub, filterLength);
        turn.assemble();
        back.assemble(turn);
        handler.assemble(turn, back, withdraw);
        withdraw.assemble(turn);
        entry.assemble(turn);
        code.align(8).bind(filter);
        for (byte value : filterProgram) {
            code.bytes(value);
        }
        code.bind(mask);
        code.word(~SIGNALS);
    }

    private void begin(StubCode stub, int filterLength) {
        code.mov(RBX, RSP);
        code.sub(RBX, geometry.slotBytes());
        code.sub(RSP, SlotGeometry.RETURN_BYTES);
        code.lea(RDI, RBX, StubWords.STACK_STRUCTURE);
        code.mov(RSI, 0);
        SlotAssembler.call(code, SIGALTSTACK);
        code.test(RAX, RAX);
        code.jump(Condition.NOT_EQUAL, stub.die());
        code.mov(RDI, SIG_SETMASK); // the control thread, whom we are a copy of, takes no signals
        code.leaLabel(RSI, mask);
        code.mov(RDX, 0);
        code.mov(R10, 8);
        SlotAssembler.call(code, SyscallNumber.RT_SIGPROCMASK);
        // struct sock_fprog on our stack, since it holds an address
        code.mov(RAX, filterLength);
        code.push(RAX);
        code.leaLabel(RAX, filter);
        code.bytes(0x48, 0x89, 0x44, 0x24, 0x08); // mov [rsp+8], rax: the first word for iretq, unused yet
        code.mov(RDI, SECCOMP_SET_MODE_FILTER);
        code.mov(RSI, SPEC_ALLOW);
        code.mov(RDX, RSP);
        SlotAssembler.call(code, SyscallNumber.SECCOMP);
        code.test(RAX, RAX);
        code.jump(Condition.NOT_EQUAL, stub.die());
        code.pop(RAX);
        code.jump(turn.await());
    }
}
