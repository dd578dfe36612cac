package dev.caisson.kernel.ptrace;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Seccomp;
import dev.caisson.abi.Signals;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct ptrace_syscall_info}: {@code op[1] pad[3] arch[4] instruction_pointer[8] stack_pointer[8]}, then by kind of stop. Source:
 * include/uapi/linux/ptrace.h.
 */
final class CallInformation {
    /** With the longest of its parts. */
    static final int BYTES = 88;

    private static final int WORD = 8;
    private static final int HEAD_BYTES = 24;
    private static final int ENTRY_BYTES = 80;
    private static final int EXIT_BYTES = 33;
    private static final int SECCOMP_BYTES = 84;
    private static final int SYSCALL_GOOD = Signals.SIGTRAP | 0x80;
    private static final int SECCOMP_STOP = Signals.SIGTRAP | Ptrace.PTRACE_EVENT_SECCOMP << 8;

    private CallInformation() {}

    /** Describes where a task has stopped; TASK_SET is held. Returns how many bytes say something. */
    static int describe(Tracee stopped, MemorySegment to) {
        Registers registers = stopped.task().registers();
        int code = stopped.stop().codeLocked();
        int kind = Ptrace.PTRACE_SYSCALL_INFO_NONE;
        int known = HEAD_BYTES;
        if (code == SYSCALL_GOOD && stopped.stop().messageLocked() == Ptrace.PTRACE_EVENTMSG_SYSCALL_EXIT) {
            kind = Ptrace.PTRACE_SYSCALL_INFO_EXIT;
            known = EXIT_BYTES;
            to.set(Layouts.U64, HEAD_BYTES, registers.rax());
            to.set(Layouts.U8, HEAD_BYTES + WORD, (byte) (Long.compareUnsigned(registers.rax(), -4096) > 0 ? 1 : 0));
        } else if (code == SYSCALL_GOOD || code == SECCOMP_STOP) {
            kind = code == SECCOMP_STOP ? Ptrace.PTRACE_SYSCALL_INFO_SECCOMP : Ptrace.PTRACE_SYSCALL_INFO_ENTRY;
            known = code == SECCOMP_STOP ? SECCOMP_BYTES : ENTRY_BYTES;
            to.set(Layouts.U64, HEAD_BYTES, (int) registers.origRax());
            for (int i = 0; i < 6; i++) {
                to.set(Layouts.U64, HEAD_BYTES + (i + 1L) * WORD, registers.argument(i));
            }
            to.set(Layouts.U32, ENTRY_BYTES, code == SECCOMP_STOP ? (int) stopped.stop().messageLocked() : 0);
        }
        to.set(Layouts.U8, 0, (byte) kind);
        to.set(Layouts.U32, 4, Seccomp.AUDIT_ARCH_X86_64);
        to.set(Layouts.U64, 8, registers.rip());
        to.set(Layouts.U64, 16, registers.rsp());
        return known;
    }
}
