package dev.caisson.cli.oci;

import static dev.caisson.host.code.Register.R10;
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
import dev.caisson.host.code.ProcessCode;
import dev.caisson.host.code.StaticElf;
import dev.caisson.host.raw.SyscallNumber;

/**
 * The program lib/ask, which bin/caisson runs in place of Java for commands that are one question to a sandbox: a Java runtime takes longer to
 * start than most of them take.
 *
 * <pre>ask SOCKET REQUEST [-]</pre>
 *
 * <p>It sends the request and reads up to the end of the stream. The status is 0 when the answer was an empty object: done; or an object
 * on lines of its own, which it writes to standard output. In every other case it is 1, or a signal's: then nothing was done, or it is not known,
 * and the same command in Java finds out and says so. With a third word it gives up after a minute.
 *
 * <pre>ask PID</pre>
 *
 * <p>waits until a process has ended, for ten seconds at most: then the status is 1.
 */
public final class Asker {
    /** How much of an answer it takes. */
    static final int MOST_BYTES = 1 << 16;

    private static final int ARGUMENT_1 = 16, ARGUMENT_2 = 24, ARGUMENT_3 = 32;
    private static final int AF_UNIX = 1, SOCK_STREAM = 1, MSG_NOSIGNAL = 0x4000;
    private static final int MOST_PATH = 107, PATH = 2; // struct sockaddr_un: a family of two bytes, and the path with its end
    private static final int PATIENCE_SECONDS = 60, END_PATIENCE_MS = 10_000;
    private static final int ESRCH = 3, POLLIN = 1;
    private static final int DONE = '{' | '}' << 8 | '\n' << 16;
    private static final int FIRST = '{' | '\n' << 8, LAST = '}' | '\n' << 8;

    private Asker() {}

    /** {@return the program, a static ELF image} */
    public static byte[] image() {
        Assembler code = new Assembler();
        code.bytes(new int[StaticElf.HEADER_BYTES]);
        Label failed = new Label(), length = new Label(), patient = new Label(), exit = new Label(), question = new Label();
        code.mov(RBX, RSP).sub(RSP, MOST_BYTES + 64);
        code.load(RAX, RBX, 0).cmp(RAX, 2).jump(Condition.NOT_EQUAL, question);
        awaitEnd(code, failed, exit);
        code.bind(question);
        code.load(RDI, RBX, ARGUMENT_3).test(RDI, RDI).jump(Condition.EQUAL, patient);
        code.mov(RDI, PATIENCE_SECONDS);
        call(code, SyscallNumber.ALARM);
        code.bind(patient);

        code.load(RSI, RBX, ARGUMENT_1).call(length);
        code.cmp(RAX, MOST_PATH).jump(Condition.ABOVE, failed);
        code.mov(R15, RAX).mov(RCX, RAX);
        code.mov(RAX, AF_UNIX).store(RSP, 0, RAX);
        code.load(RSI, RBX, ARGUMENT_1).lea(RDI, RSP, PATH);
        Label copy = code.here();
        code.load(RAX, RSI, 0).store(RDI, 0, RAX).add(RSI, 8).add(RDI, 8).sub(RCX, 8).jump(Condition.NOT_SIGN, copy);
        code.mov(RDI, AF_UNIX).mov(RSI, SOCK_STREAM).xor(RDX, RDX);
        call(code, SyscallNumber.SOCKET);
        code.test(RAX, RAX).jump(Condition.SIGN, failed);
        code.mov(R14, RAX).mov(RDI, RAX).mov(RSI, RSP).lea(RDX, R15, PATH + 1);
        call(code, SyscallNumber.CONNECT);
        code.test(RAX, RAX).jump(Condition.SIGN, failed);

        code.load(RSI, RBX, ARGUMENT_2).call(length);
        code.mov(RDX, RAX).load(RSI, RBX, ARGUMENT_2).mov(RDI, R14).mov(R10, MSG_NOSIGNAL).xor(R8, R8).xor(R9, R9);
        call(code, SyscallNumber.SENDTO);
        code.cmp(RAX, RDX).jump(Condition.NOT_EQUAL, failed);
        receive(code, failed);

        Label print = new Label();
        code.load(RAX, RSP, 0).and(RAX, 0xff_ffff).cmp(RAX, DONE).jump(Condition.NOT_EQUAL, print);
        code.cmp(R15, 3).jump(Condition.NOT_EQUAL, failed);
        code.xor(RDI, RDI).jump(exit);
        code.bind(print);
        code.and(RAX, 0xffff).cmp(RAX, FIRST).jump(Condition.NOT_EQUAL, failed);
        code.mov(RSI, RSP).add(RSI, R15).load(RAX, RSI, -2).and(RAX, 0xffff).cmp(RAX, LAST).jump(Condition.NOT_EQUAL, failed);
        code.mov(RBP, RSP);
        Label more = code.here();
        code.mov(RDI, 1).mov(RSI, RBP).mov(RDX, R15);
        call(code, SyscallNumber.WRITE);
        code.cmp(RAX, 0).jump(Condition.LESS_OR_EQUAL, failed);
        code.add(RBP, RAX).neg(RAX).add(R15, RAX).test(R15, R15).jump(Condition.NOT_EQUAL, more);
        code.xor(RDI, RDI).jump(exit);
        code.bind(failed);
        code.mov(RDI, 1);
        code.bind(exit);
        call(code, SyscallNumber.EXIT_GROUP);
        code.int3();

        code.bind(length); // of the string at rsi, to rax
        ProcessCode.length(code);
        byte[] image = code.toBytes();
        StaticElf.complete(image);
        return image;
    }

    /** Waits until the process whose number is the only word has ended. */
    private static void awaitEnd(Assembler code, Label failed, Label exit) {
        Label known = new Label(), there = new Label();
        code.load(RSI, RBX, ARGUMENT_1).xor(RDI, RDI);
        Label digit = code.here();
        code.load(RAX, RSI, 0).and(RAX, 0xff).cmp(RAX, '0').jump(Condition.BELOW, known).cmp(RAX, '9').jump(Condition.ABOVE, failed);
        code.mov(RCX, RDI).shl(RCX, 3).add(RDI, RDI).add(RDI, RCX).add(RDI, RAX).sub(RDI, '0').add(RSI, 1).jump(digit);
        code.bind(known);
        code.xor(RSI, RSI);
        call(code, SyscallNumber.PIDFD_OPEN);
        code.test(RAX, RAX).jump(Condition.NOT_SIGN, there);
        code.cmp(RAX, -ESRCH).jump(Condition.NOT_EQUAL, failed);
        code.xor(RDI, RDI).jump(exit);
        code.bind(there);
        code.mov(RCX, (long) POLLIN << 32).add(RAX, RCX).store(RSP, 0, RAX);
        code.mov(RDI, RSP).mov(RSI, 1).mov(RDX, END_PATIENCE_MS);
        call(code, SyscallNumber.POLL);
        code.cmp(RAX, 1).jump(Condition.NOT_EQUAL, failed);
        code.xor(RDI, RDI).jump(exit);
    }

    /** Reads to rsp up to the end of the stream; r15 is how much. */
    private static void receive(Assembler code, Label failed) {
        Label complete = new Label();
        code.xor(R15, R15);
        Label read = code.here();
        code.mov(RDI, R14).mov(RSI, RSP).add(RSI, R15).mov(RDX, R15).neg(RDX).add(RDX, MOST_BYTES);
        call(code, SyscallNumber.READ);
        code.test(RAX, RAX).jump(Condition.SIGN, failed);
        code.jump(Condition.EQUAL, complete);
        code.add(R15, RAX).cmp(R15, MOST_BYTES).jump(Condition.EQUAL, failed);
        code.jump(read);
        code.bind(complete);
    }

    private static void call(Assembler code, int number) {
        code.mov(RAX, number).syscall();
    }
}
