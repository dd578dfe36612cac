package dev.caisson.platform.systrap;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R12;
import static dev.caisson.host.code.Register.R13;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.Turn;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.SignalMasks;
import dev.caisson.stub.StubCode;

/**
 * The code of a thread that runs guest code: how it starts, its signal handler, how it waits for its turn and how it goes on. It
 * runs on the slot's stack, and rbx is the slot. There is no signal mask to restore and no frame worth returning to: the handler
 * copies what the guest was to the slot, and the guest goes on from there by iretq. So the only host calls are futex(2)'s two.
 *
 * <p>Kicks come at any instruction. The handler tells by rip where it is: in guest code, the kick is an event; between
 * {@link #commit} and {@link #committed}, where the slot's registers are what the guest shall go on with and nothing else has changed,
 * the kick is an event, too, with the registers as they are in the slot; anywhere else in this code it leaves a mark, which is
 * looked at before {@link #commit}.
 */
final class SystrapCode {
    /** Private words of the slot: a kick came while the stub was at work. */
    static final int KICKED = SlotLayout.PRIVATE;
    /**
     * Private words of the slot: address of the guest's FPU state, 0 while it is in the processor. The host starts a handler with the
     * FPU of a new process, and leaves the guest's in the frame.
     */
    static final int FPU_IMAGE = SlotLayout.PRIVATE + 8;
    /** Private words of the slot: struct stack_t of the alternate stack. */
    static final int STACK_STRUCTURE = SlotLayout.PRIVATE + 16;
    /** The signal of kicks; one that means nothing to a thread without handler. */
    static final int KICK = 23; // SIGURG

    private static final int SIGSYS = 31;
    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;
    private static final int SIG_SETMASK = 2;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int SPEC_ALLOW = 4;
    private static final int SIGALTSTACK = 131;

    /** Offsets in struct rt_sigframe (arch/x86/include/asm/sigframe.h): return address[8], ucontext[304], siginfo[128]. */
    private static final int FRAME_R8 = 48;
    private static final int FRAME_RIP = 176;
    private static final int FRAME_FLAGS = 184;
    private static final int FRAME_CS = 192;
    private static final int FRAME_ERROR = 200;
    private static final int FRAME_TRAP = 208;
    private static final int FRAME_FPU = 232;
    private static final int INFO_CODE = 320;
    private static final int INFO_ADDRESS = 328;
    private static final int INFO_ARCHITECTURE = 340;
    /** Word of {@link dev.caisson.spi.platform.Registers} for each register of struct sigcontext, from r8 on. */
    private static final int[] FRAME_ORDER = {9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, 10, 11, 19, 16, 18};
    /** Registers in the order of their encoding, and their words in {@link dev.caisson.spi.platform.Registers}. */
    private static final Register[] GENERAL = {RAX, RCX, RDX, RBP, RSI, RDI, R8, R9, R10, Register.R11, R12, R13, Register.R14,
        Register.R15};
    private static final int[] GENERAL_WORDS = {10, 11, 12, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0};
    private static final int WORD_RBX = 5;
    private static final int WORD_R11 = 6;
    private static final int WORD_RCX = 11;
    private static final int WORD_RIP = 16;
    private static final int WORD_CS = 17;
    private static final int WORD_FLAGS = 18;
    private static final int WORD_RSP = 19;
    private static final int WORD_SS = 20;
    private static final int WORD_FS = 21;
    private static final int WORD_GS = 22;

    private final SlotGeometry geometry;
    private final Label handler = new Label();
    private final Label entry = new Label();
    private final Label post = new Label();
    private final Label await = new Label();
    private final Label commit = new Label();
    private final Label committed = new Label();
    private final Label filter = new Label();
    private final Label mask = new Label();
    private Assembler code;

    SystrapCode(SlotGeometry geometry) {
        this.geometry = geometry;
    }

    /** {@return address of the signal handler} */
    long handlerAddress() {
        return StubCode.CODE + handler.offset();
    }

    /** {@return where trampolines go} */
    long entryAddress() {
        return StubCode.CODE + entry.offset();
    }

    /**
     * Maps the slots of a new process over those of its parent; see StubProfile.assembleStart. The control page's first extra word says
     * where they lie in their file, plus 1; 0 for a process that has none.
     */
    static void assembleStart(StubCode stub, Assembler code, SlotGeometry geometry) {
        Label none = new Label();
        code.mov(RDI, SlotGeometry.SLOTS);
        code.mov(RSI, SlotGeometry.SLOTS_END - SlotGeometry.SLOTS);
        call(code, SyscallNumber.MUNMAP);
        code.load(R9, RBP, ControlPages.EXTRA);
        code.test(R9, R9);
        code.jump(Condition.EQUAL, none);
        code.sub(R9, 1);
        code.mov(RDI, SlotGeometry.SLOTS);
        code.mov(RSI, geometry.chunkBytes());
        code.mov(RDX, 3); // read, write
        code.mov(R10, 0x11); // MAP_SHARED | MAP_FIXED
        code.mov(R8, StubCode.FIRST_EXTRA_FD);
        call(code, SyscallNumber.MMAP);
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, stub.die());
        code.bind(none);
    }

    /** All the rest. A new thread finds the end of its slot in rsp. */
    void assemble(StubCode stub, Assembler target, byte[] filterProgram, int filterLength) {
        code = target;
        begin(stub, filterLength);
        waiting();
        proceed();
        handle();
        enter();
        code.align(8).bind(filter);
        for (byte value : filterProgram) {
            code.bytes(value);
        }
        code.bind(mask);
        code.word(~(SignalMasks.bit(KICK) | SignalMasks.bit(SIGSYS) | SignalMasks.FAULTS));
    }

    private void begin(StubCode stub, int filterLength) {
        code.mov(RBX, RSP);
        code.sub(RBX, geometry.slotBytes());
        code.sub(RSP, SlotGeometry.RETURN_BYTES);
        code.lea(RDI, RBX, STACK_STRUCTURE);
        code.mov(RSI, 0);
        call(code, SIGALTSTACK);
        code.test(RAX, RAX);
        code.jump(Condition.NOT_EQUAL, stub.die());
        code.mov(RDI, SIG_SETMASK); // the control thread, whom we are a copy of, takes no signals
        code.leaLabel(RSI, mask);
        code.mov(RDX, 0);
        code.mov(R10, 8);
        call(code, SyscallNumber.RT_SIGPROCMASK);
        // struct sock_fprog on our stack, since it holds an address
        code.mov(RAX, filterLength);
        code.push(RAX);
        code.leaLabel(RAX, filter);
        code.bytes(0x48, 0x89, 0x44, 0x24, 0x08); // mov [rsp+8], rax: the first word for iretq, unused yet
        code.mov(RDI, SECCOMP_SET_MODE_FILTER);
        code.mov(RSI, SPEC_ALLOW);
        code.mov(RDX, RSP);
        call(code, SyscallNumber.SECCOMP);
        code.test(RAX, RAX);
        code.jump(Condition.NOT_EQUAL, stub.die());
        code.pop(RAX);
        code.jump(await);
    }

    /** Gives the turn, then waits for the next one. Uses rax, rcx, rdx, rsi, rdi, r8 to r13, which are in the slot. */
    private void waiting() {
        Label noWake = new Label();
        Label spin = new Label();
        Label sleep = new Label();
        Label proceed = new Label();
        code.bind(post);
        code.mov(RAX, Turn.KERNEL);
        code.bytes(0x87, 0x03); // xchg [rbx], eax
        code.cmp(RAX, Turn.GUEST_AWAITED);
        code.jump(Condition.NOT_EQUAL, noWake);
        code.mov(RDI, RBX);
        code.mov(RSI, FUTEX_WAKE);
        code.mov(RDX, 1);
        call(code, SyscallNumber.FUTEX);
        code.bind(noWake);

        code.bind(await);
        ticks(R12);
        code.bind(spin);
        code.bytes(0x8b, 0x03); // mov eax, [rbx]
        code.bytes(0xa8, Turn.KERNEL); // test al, KERNEL
        code.jump(Condition.EQUAL, proceed);
        code.pause();
        ticks(RCX);
        code.bytes(0x4c, 0x29, 0xe1); // sub rcx, r12
        code.load(R13, RBX, SlotLayout.SPIN); // each time: the kernel may find out that the answer will take its time
        code.cmp(RCX, R13);
        code.jump(Condition.BELOW, spin);

        code.bind(sleep);
        code.mov(RAX, Turn.KERNEL);
        code.mov(RCX, Turn.KERNEL_AWAITED);
        code.bytes(0xf0, 0x0f, 0xb1, 0x0b); // lock cmpxchg [rbx], ecx: what was there goes to eax
        code.bytes(0xa8, Turn.KERNEL); // test al, KERNEL
        code.jump(Condition.EQUAL, proceed);
        code.mov(RDI, RBX);
        code.mov(RSI, FUTEX_WAIT);
        code.mov(RDX, Turn.KERNEL_AWAITED);
        code.mov(R10, 0);
        call(code, SyscallNumber.FUTEX);
        code.jump(sleep);
        code.bind(proceed);
    }

    /** Does what the kernel wants, and goes on with the guest. */
    private void proceed() {
        Label noBases = new Label();
        Label noFpu = new Label();
        Label noSave = new Label();
        Label kicked = new Label();
        testCommand(SlotLayout.SAVE_FPU);
        code.jump(Condition.EQUAL, noSave);
        reload();
        code.bytes(0x48, 0x0f, 0xae, 0xa3); // xsave64 [rbx+displacement]
        displacement(geometry.fpu());
        kind(SlotLayout.KIND_SAVED);
        code.jump(post);

        code.bind(noSave);
        testCommand(SlotLayout.LOAD_FPU);
        code.jump(Condition.EQUAL, noFpu);
        code.lea(RAX, RBX, geometry.fpu());
        code.store(RBX, FPU_IMAGE, RAX);
        code.bind(noFpu);
        reload();
        testCommand(SlotLayout.LOAD_BASES);
        code.jump(Condition.EQUAL, noBases);
        code.load(RAX, RBX, SlotLayout.register(WORD_FS));
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xd0); // wrfsbase rax
        code.load(RAX, RBX, SlotLayout.register(WORD_GS));
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xd8); // wrgsbase rax
        code.bind(noBases);
        int[] frame = {WORD_RIP, WORD_CS, WORD_FLAGS, WORD_RSP, WORD_SS};
        for (int i = 0; i < frame.length; i++) {
            code.load(RAX, RBX, SlotLayout.register(frame[i]));
            code.store(RBX, geometry.returnFrame() + 8 * i, RAX);
        }
        code.bind(commit);
        code.bytes(0x83, 0xbb); // cmp dword [rbx+displacement], 0
        displacement(KICKED);
        code.bytes(0);
        code.jump(Condition.NOT_EQUAL, kicked);
        code.lea(RSP, RBX, geometry.returnFrame());
        for (int i = 0; i < GENERAL.length; i++) {
            code.load(GENERAL[i], RBX, SlotLayout.register(GENERAL_WORDS[i]));
        }
        code.load(RBX, RBX, SlotLayout.register(WORD_RBX));
        code.bytes(0x48, 0xcf); // iretq
        code.bind(committed);
        code.bind(kicked);
        code.lea(RSP, RBX, geometry.returnFrame());
        dword(KICKED, 0);
        kind(SlotLayout.KIND_INTERRUPT);
        code.jump(post);
    }

    /** Loads the guest's FPU state if it is not in the processor. */
    private void reload() {
        Label live = new Label();
        code.load(RCX, RBX, FPU_IMAGE);
        allStates();
        code.test(RCX, RCX);
        code.jump(Condition.EQUAL, live);
        code.bytes(0x48, 0x0f, 0xae, 0x29); // xrstor64 [rcx]
        code.xor(RCX, RCX);
        code.store(RBX, FPU_IMAGE, RCX);
        code.bind(live);
    }

    /** The signal handler: edi is the signal, rsp the frame. */
    private void handle() {
        Label event = new Label();
        Label call = new Label();
        Label outside = new Label();
        Label uncommitted = new Label();
        code.bind(handler);
        code.mov(RBX, RSP);
        code.and(RBX, -geometry.slotBytes());
        code.bytes(0x83, 0xff, KICK); // cmp edi, KICK
        code.jump(Condition.NOT_EQUAL, event);
        fromFrame(RAX, FRAME_RIP);
        code.mov(RCX, StubCode.CODE);
        code.bytes(0x48, 0x29, 0xc8); // sub rax, rcx
        code.cmp(RAX, StubCode.CODE_BYTES);
        code.jump(Condition.ABOVE_OR_EQUAL, outside);
        // In our own code.
        code.leaLabel(RCX, commit);
        code.mov(RDX, StubCode.CODE);
        code.add(RAX, RDX);
        code.cmp(RAX, RCX);
        code.jump(Condition.BELOW, uncommitted);
        code.leaLabel(RCX, committed);
        code.cmp(RAX, RCX);
        code.jump(Condition.ABOVE_OR_EQUAL, uncommitted);
        fromFrame(RAX, FRAME_FPU);
        code.store(RBX, FPU_IMAGE, RAX);
        dword(KICKED, 0);
        kind(SlotLayout.KIND_INTERRUPT);
        code.jump(post);

        code.bind(uncommitted);
        dword(KICKED, 1);
        goBack();

        code.bind(outside);
        kind(SlotLayout.KIND_INTERRUPT);
        Label copy = new Label();
        code.jump(copy);

        code.bind(event);
        code.bytes(0x83, 0xff, SIGSYS); // cmp edi, SIGSYS
        code.jump(Condition.EQUAL, call);
        kind(SlotLayout.KIND_EXCEPTION);
        code.bytes(0x89, 0x7b, SlotLayout.SIGNAL); // mov [rbx+SIGNAL], edi
        code.bytes(0x8b, 0x84, 0x24); // mov eax, [rsp+displacement]
        displacement(INFO_CODE);
        code.bytes(0x89, 0x43, SlotLayout.CODE); // mov [rbx+CODE], eax
        fromFrame(RAX, INFO_ADDRESS);
        code.store(RBX, SlotLayout.ADDRESS, RAX);
        fromFrame(RAX, FRAME_ERROR);
        code.store(RBX, SlotLayout.ERROR, RAX);
        fromFrame(RAX, FRAME_TRAP);
        code.store(RBX, SlotLayout.TRAP, RAX);
        code.jump(copy);

        code.bind(call);
        kind(SlotLayout.KIND_CALL);
        code.bytes(0x8b, 0x84, 0x24); // mov eax, [rsp+displacement]
        displacement(INFO_ARCHITECTURE);
        code.bytes(0x89, 0x43, SlotLayout.GATE); // mov [rbx+GATE], eax

        code.bind(copy);
        fromFrame(RAX, FRAME_FPU);
        code.store(RBX, FPU_IMAGE, RAX);
        for (int i = 0; i < FRAME_ORDER.length; i++) {
            fromFrame(RAX, FRAME_R8 + 8 * i);
            code.store(RBX, SlotLayout.register(FRAME_ORDER[i]), RAX);
        }
        fromFrame(RAX, FRAME_CS); // cs[2] gs[2] fs[2] ss[2]
        code.mov(RCX, RAX);
        code.and(RAX, 0xffff);
        code.store(RBX, SlotLayout.register(WORD_CS), RAX);
        code.shr(RCX, 48);
        code.store(RBX, SlotLayout.register(WORD_SS), RCX);
        bases();
        code.jump(post);
    }

    /**
     * A call of a rewritten site: r11 is the slot, rcx where the guest goes on. The rest is the guest's. The FPU state stays where it is.
     */
    private void enter() {
        code.bind(entry);
        Register slot = Register.R11;
        for (int i = 0; i < GENERAL.length; i++) {
            if (GENERAL[i] != RCX && GENERAL[i] != slot) {
                code.store(slot, SlotLayout.register(GENERAL_WORDS[i]), GENERAL[i]);
            }
        }
        code.store(slot, SlotLayout.register(WORD_RBX), RBX);
        code.store(slot, SlotLayout.register(WORD_RSP), RSP);
        code.store(slot, SlotLayout.register(WORD_RIP), RCX);
        code.store(slot, SlotLayout.register(WORD_RCX), RCX);
        code.lea(RSP, slot, geometry.returnFrame());
        code.bytes(0x9c); // pushfq
        code.pop(RCX);
        code.store(slot, SlotLayout.register(WORD_FLAGS), RCX);
        code.store(slot, SlotLayout.register(WORD_R11), RCX);
        code.bytes(0xfc); // cld, as a handler would find it
        code.mov(RBX, slot);
        bases();
        kind(SlotLayout.KIND_DIRECT_CALL);
        code.jump(post);
    }

    private void bases() {
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc0); // rdfsbase rax
        code.store(RBX, SlotLayout.register(WORD_FS), RAX);
        code.bytes(0xf3, 0x48, 0x0f, 0xae, 0xc8); // rdgsbase rax
        code.store(RBX, SlotLayout.register(WORD_GS), RAX);
    }

    /** Leaves the handler for our own code, with all registers as they were. The stack stays in use below that code's own rsp. */
    private void goBack() {
        fromFrame(RCX, FRAME_FPU);
        allStates();
        code.bytes(0x48, 0x0f, 0xae, 0x29); // xrstor64 [rcx]
        // rip, cs, flags, rsp and ss for iretq, built below the frame, which is still needed.
        code.lea(RCX, RSP, -64);
        fromFrame(RAX, FRAME_RIP);
        code.store(RCX, 0, RAX);
        code.mov(RAX, 0x33);
        code.store(RCX, 8, RAX);
        fromFrame(RAX, FRAME_FLAGS);
        code.store(RCX, 16, RAX);
        fromFrame(RAX, 168); // rsp
        code.store(RCX, 24, RAX);
        code.mov(RAX, 0x2b);
        code.store(RCX, 32, RAX);
        int[] at = {152, 160, 144, 128, 120, 112, 48, 56, 64, 72, 80, 88, 96, 104}; // as GENERAL
        for (int i = 2; i < GENERAL.length; i++) {
            fromFrame(GENERAL[i], at[i]);
        }
        fromFrame(RBX, 136);
        fromFrame(RAX, 152);
        code.lea(RSP, RSP, -64);
        code.bytes(0x48, 0x8b, 0x8c, 0x24); // mov rcx, [rsp+displacement]
        displacement(64 + 160);
        code.bytes(0x48, 0xcf); // iretq
    }

    private void fromFrame(Register to, int offset) {
        code.load(to, RSP, offset);
    }

    private void ticks(Register to) {
        code.rdtsc();
        code.shl(RDX, 32);
        code.or(RAX, RDX);
        code.mov(to, RAX);
    }

    private void testCommand(int bit) {
        code.bytes(0xf6, 0x43, SlotLayout.COMMAND, bit); // test byte [rbx+COMMAND], bit
    }

    private void kind(int kind) {
        code.bytes(0xc7, 0x43, SlotLayout.KIND, kind, 0, 0, 0); // mov dword [rbx+KIND], kind
    }

    private void dword(int offset, int value) {
        code.bytes(0xc7, 0x83); // mov dword [rbx+displacement], value
        displacement(offset);
        displacement(value);
    }

    /** All states that the host has enabled, for xsave and xrstor. */
    private void allStates() {
        code.mov(RAX, -1);
        code.mov(RDX, -1);
    }

    private void displacement(int value) {
        code.bytes(value, value >> 8, value >> 16, value >> 24);
    }

    private static void call(Assembler code, int number) {
        code.mov(RAX, number);
        code.syscall();
    }
}
