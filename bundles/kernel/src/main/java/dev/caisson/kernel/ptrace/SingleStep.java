package dev.caisson.kernel.ptrace;

import dev.caisson.kernel.Task;
import dev.caisson.spi.platform.Registers;

/**
 * Steps by the trap flag of the processor. The program may set the flag itself: what the tracer has set is hidden from it and from the
 * tracer, and taken back afterwards (arch/x86/kernel/step.c). The task is stopped, or its own thread calls.
 */
final class SingleStep {
    private static final long TRAP_FLAG = 0x100;

    private final Task task;
    private final StepCode code;
    /** The tracer wants a trap after the next instruction, or at the end of the system call. */
    private boolean on;
    /** The flag in the registers is the tracer's. */
    private boolean ownsFlag;

    SingleStep(Task task) {
        this.task = task;
        this.code = new StepCode(task);
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
        if (StepCode.setsTrapFlag(code.opcode(registers.rip()))) {
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
}
