package dev.caisson.kernel.ptrace;

import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Registers;

/**
 * Steps by the trap flag of the processor. The program may set the flag itself: what the tracer has set is hidden from it and from the
 * tracer, and taken back afterwards (arch/x86/kernel/step.c). The task is stopped, or its own thread calls.
 */
final class SingleStep {
    private static final long TRAP_FLAG = 0x100;
    private static final int POPF = 0x9d;
    private static final int IRET = 0xcf;
    private static final int CODE_BYTES = 15;

    private final Task task;
    /** The tracer wants a trap after the next instruction, or at the end of the system call. */
    private boolean on;
    /** The flag in the registers is the tracer's. */
    private boolean ownsFlag;

    SingleStep(Task task) {
        this.task = task;
    }

    boolean isOn() {
        return on;
    }

    long hiddenFlags() {
        return ownsFlag ? TRAP_FLAG : 0;
    }

    void begin() {
        Registers registers = task.registers();
        boolean was = (registers.eflags() & TRAP_FLAG) != 0;
        on = true;
        registers.eflags(registers.eflags() | TRAP_FLAG);
        if (setsTrapFlag(registers.rip())) {
            ownsFlag = false; // the program decides itself
        } else if (!was) {
            ownsFlag = true;
        }
    }

    void end() {
        on = false;
        if (ownsFlag) {
            task.registers().eflags(task.registers().eflags() & ~TRAP_FLAG);
            ownsFlag = false;
        }
    }

    /** The tracer writes the flags: a trap flag is then the program's own. */
    void flagsWritten(boolean hasTrapFlag) {
        if (hasTrapFlag) {
            ownsFlag = false;
        } else if (ownsFlag) {
            task.registers().eflags(task.registers().eflags() | TRAP_FLAG);
        }
    }

    /** Whether the next instruction is popf or iret, behind any prefixes. */
    private boolean setsTrapFlag(long address) {
        MemoryManager memory = task.memory();
        if (memory == null) {
            return false;
        }
        byte[] code = new byte[CODE_BYTES];
        int length = memory.peek(address, code, CODE_BYTES);
        for (int i = 0; i < length; i++) {
            int opcode = code[i] & 0xff;
            if (opcode == POPF || opcode == IRET) {
                return true;
            }
            if (!isPrefix(opcode)) {
                return false;
            }
        }
        return false;
    }

    private static boolean isPrefix(int opcode) {
        return switch (opcode) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 -> true;
            default -> opcode >= 0x40 && opcode <= 0x4f; // REX
        };
    }
}
