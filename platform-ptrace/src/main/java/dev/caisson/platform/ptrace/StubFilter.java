package dev.caisson.platform.ptrace;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/**
 * The seccomp filter of stub processes, a second fence: should guest code ever run untraced, it can change its own memory and
 * make threads, and nothing else. Calls of traced guest code do not reach it.
 */
final class StubFilter {
    private static final int RESTART_SYSCALL = 219;
    private static final int[] ALLOWED = {
        SyscallNumber.MMAP, SyscallNumber.MUNMAP, SyscallNumber.MPROTECT, SyscallNumber.MADVISE, SyscallNumber.FUTEX,
        SyscallNumber.CLONE, SyscallNumber.PWRITE64, SyscallNumber.PRCTL, SyscallNumber.GETPPID,
        SyscallNumber.RT_SIGPROCMASK, SyscallNumber.EXIT, SyscallNumber.EXIT_GROUP, RESTART_SYSCALL};

    private static final int BPF_LD_W_ABS = 0x20;
    private static final int BPF_JEQ_K = 0x15;
    private static final int BPF_RET_K = 0x06;
    private static final int ARCH_OFFSET = 4;
    private static final int NUMBER_OFFSET = 0;
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int KILL_PROCESS = 0x8000_0000;
    private static final int ALLOW = 0x7fff_0000;
    private static final int INSTRUCTION_BYTES = 8;

    private StubFilter() {}


    /**
     * Writes a struct sock_fprog and the program behind it.
     *
     * @param memory where to
     * @param at offset, a multiple of 8
     * @param address of that place where the filter is installed
     * @return address of the sock_fprog there
     */
    static long write(MemorySegment memory, long at, long address) {
        int instructions = 0;
        long next = at + 16;
        // {code[2] jump if true[1] jump if false[1] k[4]}
        put(memory, next, BPF_LD_W_ABS, 0, 0, ARCH_OFFSET);
        put(memory, next + 8, BPF_JEQ_K, 1, 0, AUDIT_ARCH_X86_64);
        put(memory, next + 16, BPF_RET_K, 0, 0, KILL_PROCESS);
        put(memory, next + 24, BPF_LD_W_ABS, 0, 0, NUMBER_OFFSET);
        instructions = 4;
        for (int i = 0; i < ALLOWED.length; i++) {
            int toAllow = ALLOWED.length - i; // over the remaining tests and the kill
            put(memory, next + (long) instructions++ * INSTRUCTION_BYTES, BPF_JEQ_K, toAllow, 0, ALLOWED[i]);
        }
        put(memory, next + (long) instructions++ * INSTRUCTION_BYTES, BPF_RET_K, 0, 0, KILL_PROCESS);
        put(memory, next + (long) instructions++ * INSTRUCTION_BYTES, BPF_RET_K, 0, 0, ALLOW);
        memory.set(Layouts.U64, at, instructions); // unsigned short, padded
        memory.set(Layouts.U64, at + 8, address + 16);
        return address;
    }

    private static void put(MemorySegment memory, long at, int code, int ifTrue, int ifFalse, int k) {
        memory.set(Layouts.U16, at, (short) code);
        memory.set(Layouts.U8, at + 2, (byte) ifTrue);
        memory.set(Layouts.U8, at + 3, (byte) ifFalse);
        memory.set(Layouts.U32, at + 4, k);
    }
}
