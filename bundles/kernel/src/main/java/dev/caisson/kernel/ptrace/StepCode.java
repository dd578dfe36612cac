package dev.caisson.kernel.ptrace;

import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;

/** What a step has to know of the instruction that comes next: whether it loads or saves the flags. */
final class StepCode {
    private static final int POPF = 0x9d;
    private static final int IRET = 0xcf;
    private static final int LONGEST_INSTRUCTION = 15;

    private final Task task;
    private final byte[] code = new byte[LONGEST_INSTRUCTION];

    StepCode(Task task) {
        this.task = task;
    }

    /** The first byte behind the prefixes of the instruction at an address, or -1. */
    int opcode(long address) {
        MemoryManager memory = task.memory();
        int length = memory == null ? 0 : memory.peek(address, code, LONGEST_INSTRUCTION);
        for (int i = 0; i < length; i++) {
            int value = code[i] & 0xff;
            if (!isPrefix(value)) {
                return value;
            }
        }
        return -1;
    }

    /** Whether an instruction takes the trap flag from memory: popf or iret. */
    static boolean setsTrapFlag(int opcode) {
        return opcode == POPF || opcode == IRET;
    }

    private static boolean isPrefix(int opcode) {
        return switch (opcode) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> opcode >= 0x40 && opcode <= 0x4f; // REX
        };
    }
}
