package dev.caisson.host.code;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R12;
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

import dev.caisson.host.raw.SyscallNumber;
import java.nio.charset.StandardCharsets;

/**
 * Tells those who watch a memory control group of the host that a guest's process was killed for lack of memory. The guest's kernel keeps guests within
 * their limits, so the host's never has to kill anybody; but its group is what container engines listen to. The only thing that they hear is that the host
 * kills a process of the group, and so it gets one to kill.
 *
 * <p>One process of some megabytes declares itself the first to be killed (oom_score_adj). Its child, which inherits that, sets the group's limit to what
 * the group uses, and wants more. It dies; the host counts and reports that. The parent gives the group its limit back. Until then it is what the
 * host would kill next, and the sandbox, which might want more than these two have to give, stands still.
 */
public final class MemoryAlarm {
    private static final int RESERVE_BYTES = 32 << 20, WANTED_BYTES = 8 << 20;
    /**
     * oom_score_adj counts in thousandths of the group's limit, which is its use now; but the sandbox may have more pages than the group counts: the
     * program's and the JVM's files, and all that it had before it came into the group. What the child has counts twice, in the limit and as its own.
     */
    private static final int WEIGHT_BYTES = 64 << 20;
    private static final int PROTECTION = 3 /* PROT_READ, PROT_WRITE */, FLAGS = 0x8022 /* MAP_PRIVATE, MAP_ANONYMOUS, MAP_POPULATE */;
    private static final int SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, WALL = 0x4000_0000, AT_FDCWD = -100, O_WRONLY = 1;
    private static final int TEXT_BYTES = 32;
    private static final int LIMIT = 0, USAGE = 32, PATH = 64, SCORE = 112, STACK = 128;
    /** The group's use may grow between the look at it and the limit, which is refused then; or it shrinks, and there is room for more. */
    private static final int TRIES = 32;
    private static final long PAUSE_NS = 50_000_000;

    private MemoryAlarm() {}

    /**
     * Appends a subroutine. It changes all registers but r12 to r15, waits for what it starts, and does nothing where the descriptors are not open.
     *
     * @param code to append to
     * @param limit descriptor of memory.max or memory.limit_in_bytes, to read and write
     * @param usage descriptor of memory.current or memory.usage_in_bytes
     * @param sandbox of r12 to r15 the one with the process id of the group's sandbox; null when the group has none
     */
    public static void emit(Assembler code, int limit, int usage, Register sandbox) {
        Label done = new Label(), first = new Label(), second = new Label(), exit = new Label();
        code.sub(RSP, STACK);
        code.mov(RDI, limit).lea(RSI, RSP, LIMIT).mov(RDX, TEXT_BYTES).xor(R10, R10);
        call(code, SyscallNumber.PREAD64);
        code.cmp(RAX, 1).jump(Condition.LESS, done).mov(RBP, RAX);
        text(code, "/proc/self/oom_score_adj", PATH);
        text(code, "1000", SCORE);
        fork(code, first, done);
        await(code);
        end(code, limit, sandbox); // once more: the child may have been killed, too
        code.bind(done);
        code.add(RSP, STACK).ret();

        code.bind(first);
        code.mov(RDI, AT_FDCWD).lea(RSI, RSP, PATH).mov(RDX, O_WRONLY).xor(R10, R10);
        call(code, SyscallNumber.OPENAT);
        code.mov(RDI, RAX).lea(RSI, RSP, SCORE).mov(RDX, 4);
        call(code, SyscallNumber.WRITE);
        code.cmp(RAX, 4).jump(Condition.NOT_EQUAL, exit); // it would not be the first to be killed
        take(code, RESERVE_BYTES);
        signal(code, sandbox, SIGSTOP);
        fork(code, second, exit);
        await(code);
        end(code, limit, sandbox);
        // Whoever watches hears of an end of the container by another way, which should not be the faster one.
        code.mov(RCX, PAUSE_NS).store(RSP, USAGE + 8, RCX).xor(RCX, RCX).store(RSP, USAGE, RCX)
                .mov(RDI, 1 /* CLOCK_MONOTONIC */).xor(RSI, RSI).lea(RDX, RSP, USAGE).xor(R10, R10);
        call(code, SyscallNumber.CLOCK_NANOSLEEP);
        code.bind(exit);
        code.xor(RDI, RDI);
        call(code, SyscallNumber.EXIT_GROUP);

        code.bind(second);
        take(code, WEIGHT_BYTES);
        code.mov(R12, TRIES);
        Label again = code.here();
        code.mov(RDI, usage).lea(RSI, RSP, USAGE).mov(RDX, TEXT_BYTES).xor(R10, R10);
        call(code, SyscallNumber.PREAD64);
        code.mov(RDI, limit).lea(RSI, RSP, USAGE).mov(RDX, RAX).xor(R10, R10);
        call(code, SyscallNumber.PWRITE64);
        take(code, WANTED_BYTES);
        code.sub(R12, 1).jump(Condition.NOT_EQUAL, again).jump(exit);
    }

    private static void call(Assembler code, int number) {
        code.mov(RAX, number).syscall();
    }

    private static void text(Assembler code, String text, int at) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        for (int from = 0; from <= bytes.length; from += Long.BYTES) {
            long word = 0;
            for (int i = Math.min(bytes.length, from + Long.BYTES) - 1; i >= from; i--) {
                word = word << Byte.SIZE | bytes[i];
            }
            code.mov(RCX, word).store(RSP, at + from, RCX);
        }
    }

    /** Makes a child, which goes on elsewhere; rbx becomes its number. */
    private static void fork(Assembler code, Label child, Label failure) {
        code.mov(RDI, SIGCHLD).xor(RSI, RSI).xor(RDX, RDX).xor(R10, R10).xor(R8, R8);
        call(code, SyscallNumber.CLONE);
        code.test(RAX, RAX).jump(Condition.EQUAL, child).jump(Condition.SIGN, failure).mov(RBX, RAX);
    }

    private static void await(Assembler code) {
        code.mov(RDI, RBX).xor(RSI, RSI).mov(RDX, WALL).xor(R10, R10);
        call(code, SyscallNumber.WAIT4);
    }

    /** All is as it was. */
    private static void end(Assembler code, int limit, Register sandbox) {
        code.mov(RDI, limit).lea(RSI, RSP, LIMIT).mov(RDX, RBP).xor(R10, R10);
        call(code, SyscallNumber.PWRITE64);
        signal(code, sandbox, SIGCONT);
    }

    private static void signal(Assembler code, Register sandbox, int signal) {
        if (sandbox != null) {
            code.mov(RDI, sandbox).mov(RSI, signal);
            call(code, SyscallNumber.KILL);
        }
    }

    private static void take(Assembler code, int bytes) {
        code.xor(RDI, RDI).mov(RSI, bytes).mov(RDX, PROTECTION).mov(R10, FLAGS).mov(R8, -1).xor(R9, R9);
        call(code, SyscallNumber.MMAP);
    }
}
