package dev.caisson.host.code;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.host.raw.SyscallNumber;

/** What small programs have in common that stand for a process elsewhere: they listen to two descriptors, and end as it ends. */
public final class ProcessCode {
    private static final int POLLIN = 1, SIG_SETMASK = 2, RLIMIT_CORE = 4;
    private static final int ACTION_BYTES = 32;
    private static final int SIGNALED = 128;
    /** Process ids are below 2^22. */
    private static final int DIGITS = 10_000_000;

    private ProcessCode() {}

    private static void call(Assembler code, int number) {
        code.mov(RAX, number).syscall();
    }

    /**
     * poll(2) without limit; rax becomes its result, and the upper 16 bits of the words at rsp and rsp+8 what there is.
     *
     * @param code to append to
     * @param first a descriptor
     * @param second a descriptor
     */
    public static void pollTwo(Assembler code, int first, int second) {
        code.mov(RAX, (long) POLLIN << 32 | first).store(RSP, 0, RAX);
        code.mov(RAX, (long) POLLIN << 32 | second).store(RSP, 8, RAX);
        code.mov(RDI, RSP).mov(RSI, 2).mov(RDX, -1);
        call(code, SyscallNumber.POLL);
    }

    /**
     * Ends the process as another one ended, like {@link dev.caisson.host.HostEnd}: no core file, the default action, and the signal is let in; a
     * signal that ends nobody becomes an exit status.
     *
     * @param code to append to
     * @param status has what wait(2) told; no register that a system call changes
     * @param buffer 32 bytes from rsp on
     */
    public static void endAs(Assembler code, Register status, int buffer) {
        Label alive = new Label();
        code.mov(RAX, status).and(RAX, 0x7f).test(RAX, RAX).jump(Condition.EQUAL, alive);
        code.xor(RAX, RAX);
        for (int at = 0; at < ACTION_BYTES; at += 8) {
            code.store(RSP, buffer + at, RAX);
        }
        code.xor(RDI, RDI).mov(RSI, RLIMIT_CORE).lea(RDX, RSP, buffer).xor(R10, R10);
        call(code, SyscallNumber.PRLIMIT64);
        code.and(status, 0x7f).mov(RDI, status).lea(RSI, RSP, buffer).xor(RDX, RDX).mov(R10, 8);
        call(code, SyscallNumber.RT_SIGACTION);
        call(code, SyscallNumber.GETPID);
        code.mov(RDI, RAX).mov(RSI, status);
        call(code, SyscallNumber.KILL);
        code.mov(RDI, SIG_SETMASK).lea(RSI, RSP, buffer).xor(RDX, RDX).mov(R10, 8);
        call(code, SyscallNumber.RT_SIGPROCMASK);
        code.bind(alive);
        exitAs(code, status);
    }

    /**
     * Ends the process with the exit status that a shell shows for another one.
     *
     * @param code to append to
     * @param status has what wait(2) told
     */
    public static void exitAs(Assembler code, Register status) {
        Label exited = new Label();
        code.mov(RDI, status).and(RDI, 0x7f).test(RDI, RDI).jump(Condition.EQUAL, exited);
        code.add(RDI, SIGNALED);
        call(code, SyscallNumber.EXIT_GROUP);
        code.bind(exited);
        code.mov(RDI, status).shr(RDI, 8).and(RDI, 0xff);
        call(code, SyscallNumber.EXIT_GROUP);
    }

    /**
     * A subroutine that writes rax, a number of a process, in decimal to rdi, which goes on behind it; up to seven further bytes are written to.
     * It uses rcx and rdx.
     *
     * @param code to append to
     */
    public static void writeNumber(Assembler code) {
        code.xor(RDX, RDX); // not 0 once there was a digit
        for (int unit = DIGITS; unit >= 1; unit /= 10) {
            Label digit = new Label(), skip = new Label();
            code.xor(RCX, RCX);
            Label more = code.here();
            code.cmp(RAX, unit).jump(Condition.LESS, digit).sub(RAX, unit).add(RCX, 1).jump(more);
            code.bind(digit);
            code.or(RDX, RCX).test(RDX, RDX).jump(Condition.EQUAL, skip);
            code.add(RCX, '0').store(RDI, 0, RCX).add(RDI, 1);
            code.bind(skip);
        }
        code.ret();
    }

    /**
     * A subroutine that gives the length of the string at rsi in rax; it uses rcx and rsi.
     *
     * @param code to append to
     */
    public static void length(Assembler code) {
        Label end = new Label();
        code.mov(RAX, RSI);
        Label next = code.here();
        code.load(RCX, RAX, 0).and(RCX, 0xff).test(RCX, RCX).jump(Condition.EQUAL, end);
        code.add(RAX, 1).jump(next);
        code.bind(end);
        code.neg(RSI).add(RAX, RSI).ret();
    }
}
