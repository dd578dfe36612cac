package dev.caisson.stub;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R12;
import static dev.caisson.host.code.Register.R13;
import static dev.caisson.host.code.Register.R14;
import static dev.caisson.host.code.Register.R15;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.StaticElf;
import dev.caisson.host.raw.SyscallNumber;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The machine code of a stub process, as a static ELF image of {@link #CODE_BYTES}, mapped read-only and executable at
 * {@link #CODE} in every stub process. The control thread keeps everything in registers and uses no stack, because guest threads
 * share its memory:
 *
 * <ul>
 * <li>rbp: {@link #CONTROL}, the process's control page, read-only
 * <li>r15: where that page lies in its file, to write answers with pwrite64(2). Guest code can make no system call, so no
 *     answer can be forged
 * <li>rbx: sequence number of the order at work; r12: of the last one done, or, during one, the kind of a clone
 * <li>r13, r14: next call of the order, and how many are left
 * </ul>
 */
public final class StubCode {
    /**
     * One past the highest address a guest may use. The 64 GiB above it hold the stub's pages, and vdso and vvar of the host should
     * it refuse to unmap them: they lie at most 16 GiB below the end, where the host's address randomisation puts stacks.
     */
    public static final long ADDRESS_LIMIT = 0x7ff0_0000_0000L;
    /** Lowest address of ours but for what a profile maps above the limit. */
    public static final long BASE = 0x7fff_ff00_0000L;
    /** Where the image is mapped. */
    public static final long CODE = BASE;
    /** Where the control page is mapped. */
    public static final long CONTROL = BASE + 0x10000;
    /** One past our highest address. */
    public static final long END = BASE + 0x20000;
    /** One past the highest address the host gives to user code. */
    public static final long HOST_LIMIT = 0x7fff_ffff_f000L;

    /** Size of the image. */
    public static final int CODE_BYTES = 8192;

    /** Descriptors of the stub process: the memory file. */
    public static final int MEMORY_FD = 0;
    /** The file of control pages. */
    public static final int CONTROL_FD = 1;
    /** The image. */
    public static final int CODE_FD = 2;
    /** The first of those that the profile adds. */
    public static final int FIRST_EXTRA_FD = 3;

    /** Kinds of calls: an ordinary one. */
    public static final long PLAIN = 0;
    /** One that makes a thread. */
    public static final long NEW_THREAD = 1;
    /** One that makes a process (offset of its control page in r9). */
    public static final long NEW_PROCESS = 2;
    /** An ordinary one of whose result only a failure is told; it costs less. */
    public static final long QUIET = 3;

    private static final int PAGE = 4096;
    private static final int PROT_READ = 1;
    private static final int PROT_READ_EXEC = 5;
    private static final int MAP_SHARED_FIXED = 0x11;
    private static final int PR_SET_PDEATHSIG = 1;
    private static final int SIGKILL = 9;
    private static final int SIG_SETMASK = 2;
    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;

    private final Assembler code = new Assembler();
    private final Label inside = new Label();
    private final Label child = new Label();
    private final Label control = new Label();
    private final Label thread = new Label();
    private final Label die = new Label();
    private final Label allSignals = new Label();
    private final Label identity = new Label();
    private final byte[] image;
    /** Where the 8-byte immediate of the jump in {@link #start} lies. */
    private int startJumpAt;

    /**
     * Assembles the image.
     *
     * @param pageOffset where the zygote's page lies in the file of control pages
     * @param profile the platform's part
     */
    StubCode(long pageOffset, StubProfile profile) {
        code.bytes(new int[StaticElf.HEADER_BYTES]);
        start(pageOffset);
        childEntry(profile);
        controlLoop();
        code.bind(thread);
        profile.assembleThread(this, code);
        end();
        constants();
        byte[] bytes = code.toBytes();
        if (bytes.length > CODE_BYTES) {
            throw new IllegalStateException("stub code exceeds its pages");
        }
        image = new byte[CODE_BYTES];
        System.arraycopy(bytes, 0, image, 0, bytes.length);
        ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putLong(startJumpAt, CODE + inside.offset());
        StaticElf.complete(image);
    }

    /** {@return the ELF image} */
    public byte[] image() {
        return image;
    }

    /** {@return where a new process begins; r9 says where its control page lies} */
    public Label newProcess() {
        return child;
    }

    /** {@return where a new thread begins} */
    public Label newThread() {
        return thread;
    }

    /** {@return the end of the process} */
    public Label die() {
        return die;
    }

    /** First instruction after execveat: move up to {@link #CODE}. */
    private void start(long pageOffset) {
        code.mov(RDI, CODE);
        code.mov(RSI, CODE_BYTES);
        code.mov(RDX, PROT_READ_EXEC);
        code.mov(R10, MAP_SHARED_FIXED);
        code.mov(R8, CODE_FD);
        code.mov(R9, 0);
        call(SyscallNumber.MMAP);
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, die);
        code.mov(RAX, CODE); // a placeholder for CODE + inside, which the constructor fills in
        startJumpAt = code.offset() - 8;
        code.jump(RAX);
        code.bind(inside);
        code.mov(R9, pageOffset);
    }

    /** A new stub process begins here; r9 says where its control page lies. */
    private void childEntry(StubProfile profile) {
        code.bind(child);
        code.mov(R15, R9);
        code.mov(RBP, CONTROL);
        code.mov(RDI, RBP); // from now on our own page, not the parent's
        code.mov(RSI, PAGE);
        code.mov(RDX, PROT_READ);
        code.mov(R10, MAP_SHARED_FIXED);
        code.mov(R8, CONTROL_FD);
        call(SyscallNumber.MMAP);
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, die);
        code.mov(RDI, SIG_SETMASK); // no signal of the host disturbs the control thread
        code.leaLabel(RSI, allSignals);
        code.mov(RDX, 0);
        code.mov(R10, 8);
        call(SyscallNumber.RT_SIGPROCMASK);
        code.mov(RDI, PR_SET_PDEATHSIG); // die with the Java thread that is our parent
        code.mov(RSI, SIGKILL);
        call(SyscallNumber.PRCTL);
        call(SyscallNumber.GETPPID); // it may have died before we asked
        code.load(RDX, RBP, ControlPages.PARENT);
        code.cmp(RAX, RDX);
        code.jump(Condition.NOT_EQUAL, die);
        profile.assembleStart(this, code);
        code.mov(R12, 0);
        code.jump(control);
    }

    private void controlLoop() {
        Label work = new Label();
        Label order = new Label();
        Label next = new Label();
        Label end = new Label();
        Label publish = new Label();
        Label done = new Label();

        code.bind(control);
        code.load(RBX, RBP, ControlPages.SEQUENCE);
        code.cmp(RBX, R12);
        code.jump(Condition.NOT_EQUAL, work);
        code.lea(RDI, RBP, ControlPages.SEQUENCE);
        code.mov(RSI, FUTEX_WAIT);
        code.mov(RDX, RBX);
        code.mov(R10, 0);
        call(SyscallNumber.FUTEX);
        code.jump(control);

        code.bind(work);
        code.lea(R13, RBP, ControlPages.CALLS);
        code.load(R14, RBP, ControlPages.COUNT);
        code.mov(RAX, 0);
        code.bind(order);
        code.test(R14, R14);
        code.jump(Condition.EQUAL, end);
        code.load(RAX, R13, 0);
        code.load(RDI, R13, 8);
        code.load(RSI, R13, 16);
        code.load(RDX, R13, 24);
        code.load(R10, R13, 32);
        code.load(R8, R13, 40);
        code.load(R9, R13, 48);
        code.load(R12, R13, 56); // before the call: a new process must not look at this page any more
        code.syscall();
        code.test(RAX, RAX);
        code.jump(Condition.SIGN, publish); // the first failure ends the order
        code.jump(Condition.NOT_EQUAL, next);
        code.cmp(R12, (int) NEW_THREAD); // 0 of a clone: we are the new one
        code.jump(Condition.EQUAL, thread);
        code.cmp(R12, (int) NEW_PROCESS);
        code.jump(Condition.EQUAL, child);
        code.bind(next);
        code.add(R13, ControlPages.CALL_BYTES);
        code.sub(R14, 1);
        code.jump(order);

        code.bind(end);
        code.cmp(R12, (int) QUIET);
        code.jump(Condition.EQUAL, done);
        // The answer is the low 32 bits of the last result, written byte by byte out of a table of all bytes, since we have
        // no memory of our own to write from. 0 is there already.
        code.bind(publish);
        code.test(RAX, RAX);
        code.jump(Condition.EQUAL, done);
        code.mov(R14, RAX);
        code.mov(R13, 0);
        Label nextByte = code.here();
        code.mov(RDI, CONTROL_FD);
        code.leaLabel(RSI, identity);
        code.mov(RAX, R14);
        code.and(RAX, 0xff);
        code.add(RSI, RAX);
        code.mov(RDX, 1);
        code.lea(R10, R15, ControlPages.RESULT);
        code.add(R10, R13);
        call(SyscallNumber.PWRITE64);
        code.shr(R14, 8);
        code.add(R13, 1);
        code.cmp(R13, 4);
        code.jump(Condition.NOT_EQUAL, nextByte);

        code.bind(done); // copy SEQUENCE to DONE, and wake whoever waits
        code.mov(RDI, CONTROL_FD);
        code.lea(RSI, RBP, ControlPages.SEQUENCE);
        code.mov(RDX, 8);
        code.lea(R10, R15, ControlPages.DONE);
        call(SyscallNumber.PWRITE64);
        code.lea(RDI, RBP, ControlPages.DONE);
        code.mov(RSI, FUTEX_WAKE);
        code.mov(RDX, Integer.MAX_VALUE); // the JVM, and threads that need what was ordered
        call(SyscallNumber.FUTEX);
        code.mov(R12, RBX);
        code.jump(control);
    }

    private void end() {
        code.bind(die);
        code.mov(RDI, 1);
        call(SyscallNumber.EXIT_GROUP);
        code.int3();
    }

    private void constants() {
        code.align(8).bind(allSignals);
        code.word(-1);
        code.bind(identity);
        for (int value = 0; value < 256; value++) {
            code.bytes(value);
        }
    }

    private void call(int number) {
        code.mov(RAX, number);
        code.syscall();
    }
}
