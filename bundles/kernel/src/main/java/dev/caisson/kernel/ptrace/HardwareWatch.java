package dev.caisson.kernel.ptrace;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.util.Arrays;

/**
 * What {@link DebugRegisters} say, found out by steps: while a breakpoint is enabled, the task makes one instruction at a time, and what
 * it was to write is compared before and after. That is slow, and the same on every platform. The processor would tell of a
 * write that changes nothing too; debuggers ask for the change.
 *
 * <p>The trap flag is set between {@link #begins} and {@link #ends} only: nothing in the kernel sees it. The task's own thread calls.
 */
public final class HardwareWatch {
    private static final long TRAP_FLAG = 0x100;
    private static final int PUSHF = 0x9c;
    private static final int LONGEST = 8;

    private final Task task;
    private final DebugRegisters registers;
    private final StepCode code;
    private final byte[][] before = new byte[DebugRegisters.BREAKPOINTS][LONGEST];
    private final int[] present = new int[DebugRegisters.BREAKPOINTS];
    private final byte[] now = new byte[LONGEST];
    /** The trap flag is this object's: the program and its tracer know nothing of it. */
    private boolean ownsFlag;
    private int opcode;
    /** Where an execution breakpoint has just trapped: the instruction is made when the task goes on (the resume flag of the processor). */
    private long passed = -1;

    HardwareWatch(Task task, DebugRegisters registers) {
        this.task = task;
        this.registers = registers;
        this.code = new StepCode(task);
    }

    /** {@return whether the task is to be watched} */
    public boolean isOn() {
        return registers.isOn();
    }

    /**
     * The task is about to run: it will make one instruction.
     *
     * @return null, or what happens instead of that
     */
    public Exit begins() {
        Registers guest = task.registers();
        long rip = guest.rip();
        int hits = executionHits(rip);
        if (hits != 0 && rip != passed) {
            passed = rip;
            registers.trapped(hits, false);
            return new Exit.Signal(Signals.SIGTRAP, SignalCodes.TRAP_HWBKPT, rip);
        }
        MemoryManager memory = task.memory();
        for (int i = 0; i < DebugRegisters.BREAKPOINTS; i++) {
            if (registers.isOnWrite(i)) {
                present[i] = memory.peek(registers.address(i), before[i], registers.length(i));
            }
        }
        opcode = code.opcode(rip);
        ownsFlag = (guest.eflags() & TRAP_FLAG) == 0;
        guest.eflags(guest.eflags() | TRAP_FLAG);
        return null;
    }

    /**
     * The task has run.
     *
     * @param exit what ended it
     * @return what is to be made of it; {@link Exit.Plain#INTERRUPTED} for a step that nobody asked for
     */
    public Exit ends(Exit exit) {
        boolean isStep = exit instanceof Exit.Signal signal && signal.signal() == Signals.SIGTRAP && signal.code() == SignalCodes.TRAP_TRACE;
        if (ownsFlag) {
            hideFlag(isStep, exit == Exit.Plain.SYSCALL);
        }
        if (!isStep) {
            if (exit == Exit.Plain.SYSCALL) {
                passed = -1;
            }
            return exit;
        }
        passed = -1;
        long rip = task.registers().rip();
        int hits = writeHits();
        if (!ownsFlag) {
            registers.trapped(hits, true);
            return exit;
        }
        if (hits == 0) {
            return Exit.Plain.INTERRUPTED;
        }
        registers.trapped(hits, false);
        return new Exit.Signal(Signals.SIGTRAP, SignalCodes.TRAP_HWBKPT, rip);
    }

    /** What the instruction has saved of the flags is without the trap flag; what it has loaded stays. */
    private void hideFlag(boolean isDone, boolean isCall) {
        Registers guest = task.registers();
        if (!isDone || !StepCode.setsTrapFlag(opcode)) {
            guest.eflags(guest.eflags() & ~TRAP_FLAG);
        }
        if (isCall) {
            guest.r11(guest.r11() & ~TRAP_FLAG);
        } else if (isDone && opcode == PUSHF) {
            try {
                long high = guest.rsp() + 1;
                task.memory().writeByte(high, (byte) (task.memory().readByte(high) & ~(TRAP_FLAG >> 8)));
            } catch (ErrnoException gone) {
                // Another thread has unmapped the stack: nobody will read it.
            }
        }
    }

    private int executionHits(long rip) {
        int hits = 0;
        for (int i = 0; i < DebugRegisters.BREAKPOINTS; i++) {
            if (registers.isOnExecution(i) && registers.address(i) == rip) {
                hits |= 1 << i;
            }
        }
        return hits;
    }

    private int writeHits() {
        int hits = 0;
        for (int i = 0; i < DebugRegisters.BREAKPOINTS; i++) {
            if (registers.isOnWrite(i)) {
                int length = registers.length(i);
                int had = present[i];
                int has = task.memory().peek(registers.address(i), now, length);
                // A page that was not there yet was zero; one that has no bytes at all was not written.
                if (has == length && !(had == length ? Arrays.equals(now, 0, length, before[i], 0, length) : isZero(length))) {
                    hits |= 1 << i;
                }
            }
        }
        return hits;
    }

    private boolean isZero(int length) {
        for (int i = 0; i < length; i++) {
            if (now[i] != 0) {
                return false;
            }
        }
        return true;
    }
}
