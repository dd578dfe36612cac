package dev.caisson.host.launch;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;
import static dev.caisson.host.code.Register.RCX;

import dev.caisson.abi.Socket;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.raw.SyscallNumber;

/**
 * A socket of the launcher's network namespace, for a sandbox in another: one word asks, and the answer, the descriptor's number or a negated error number,
 * brings the descriptor along (SCM_RIGHTS). The sandbox may be a hostile guest's by then: it gets the internet families and rtnetlink(7), no others, and the
 * launcher has no rights over networks any more.
 * <pre>
 *  bits   word
 *  0-7    {@value #NUMBER}
 *  8-15   family
 *  16-39  type, with flags
 *  40-63  protocol
 * </pre>
 */
final class SocketWish {
    static final int NUMBER = 4;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int EAFNOSUPPORT = 97;
    /** Behind the answer on the stack: struct msghdr, struct iovec, the control message. */
    private static final int HEADER = 8, VECTOR = 64, CONTROL = 80, CONTROL_BYTES = 24;

    private SocketWish() {}

    static long word(int family, int type, int protocol) {
        return NUMBER | (family & 0xffL) << 8 | (type & 0xff_ffffL) << 16 | (protocol & 0xff_ffffL) << 40;
    }

    /**
     * Answers the word in rbx. Changes rbp, rbx and what system calls change.
     *
     * @param code to append to
     * @param channel descriptor of the socket to the sandbox
     * @param buffer where there is room on the stack for {@code CONTROL + CONTROL_BYTES}
     */
    static void emit(Assembler code, int channel, int buffer) {
        Label made = new Label(), allowed = new Label(), answer = new Label(), end = new Label();
        code.mov(RDI, RBX).shr(RDI, 8).and(RDI, 0xff).mov(RSI, RBX).shr(RSI, 16).and(RSI, 0xff_ffff).mov(RDX, RBX).shr(RDX, 40);
        code.cmp(RDI, Socket.AF_INET).jump(Condition.EQUAL, allowed);
        code.cmp(RDI, Socket.AF_INET6).jump(Condition.EQUAL, allowed);
        code.mov(RAX, -EAFNOSUPPORT);
        code.cmp(RDI, Socket.AF_NETLINK).jump(Condition.NOT_EQUAL, made).test(RDX, RDX).jump(Condition.NOT_EQUAL, made); // NETLINK_ROUTE
        code.bind(allowed);
        code.mov(RAX, SyscallNumber.SOCKET).syscall();
        code.bind(made);
        code.mov(RBP, RAX).store(RSP, buffer, RAX);
        code.xor(RCX, RCX);
        for (int at = HEADER; at < VECTOR; at += Long.BYTES) {
            code.store(RSP, buffer + at, RCX);
        }
        code.lea(RAX, RSP, buffer + VECTOR).store(RSP, buffer + HEADER + 16, RAX).mov(RAX, 1).store(RSP, buffer + HEADER + 24, RAX);
        code.lea(RAX, RSP, buffer).store(RSP, buffer + VECTOR, RAX).mov(RAX, Long.BYTES).store(RSP, buffer + VECTOR + 8, RAX);
        code.test(RBP, RBP).jump(Condition.SIGN, answer);
        code.lea(RAX, RSP, buffer + CONTROL).store(RSP, buffer + HEADER + 32, RAX).mov(RAX, CONTROL_BYTES).store(RSP, buffer + HEADER + 40, RAX);
        code.mov(RAX, CONTROL_BYTES - Integer.BYTES).store(RSP, buffer + CONTROL, RAX);
        code.mov(RAX, (long) Socket.SCM_RIGHTS << 32 | Socket.SOL_SOCKET).store(RSP, buffer + CONTROL + 8, RAX).store(RSP, buffer + CONTROL + 16, RBP);
        code.bind(answer);
        code.mov(RDI, channel).lea(RSI, RSP, buffer + HEADER).mov(RDX, MSG_NOSIGNAL).xor(R10, R10).mov(RAX, SyscallNumber.SENDMSG).syscall();
        code.test(RBP, RBP).jump(Condition.SIGN, end);
        code.mov(RDI, RBP).mov(RAX, SyscallNumber.CLOSE).syscall();
        code.bind(end);
    }
}
