package dev.caisson.platform.ptrace;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.Register;
import dev.caisson.host.code.SeccompProgram;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProfile;

/**
 * Stubs for ptrace: new threads sleep until a task seizes them, and the tracer can have a stopped thread make a call. The filter
 * is a second fence: should guest code ever run untraced, it can change its own memory and make threads, and nothing else. Calls of
 * traced guest code do not reach it.
 */
final class PtraceProfile implements StubProfile {
    private static final int FUTEX_WAIT = 0;
    private static final int RESTART_SYSCALL = 219;
    private static final int[] ALLOWED = {
        SyscallNumber.MMAP, SyscallNumber.MUNMAP, SyscallNumber.MPROTECT, SyscallNumber.MADVISE, SyscallNumber.FUTEX,
        SyscallNumber.CLONE, SyscallNumber.PWRITE64, SyscallNumber.PRCTL, SyscallNumber.GETPPID,
        SyscallNumber.RT_SIGPROCMASK, SyscallNumber.EXIT, SyscallNumber.EXIT_GROUP, RESTART_SYSCALL};

    /** The same in all images: what comes before has the same length in all of them. */
    private volatile long injectAddress;
    private volatile long injectCloneAddress;

    /** {@return where a traced thread executes one system call and then stops at {@code int3}} */
    long injectAddress() {
        return injectAddress;
    }

    /** {@return as {@link #injectAddress}, for clone(2), its kind in r12} */
    long injectCloneAddress() {
        return injectCloneAddress;
    }

    @Override
    public void assembleThread(StubCode stub, Assembler code) {
        Label park = code.here(); // until a task seizes it
        code.lea(Register.RDI, Register.RBP, ControlPages.PARK);
        code.mov(Register.RSI, FUTEX_WAIT);
        code.mov(Register.RDX, 0);
        code.mov(Register.R10, 0);
        code.mov(Register.RAX, SyscallNumber.FUTEX);
        code.syscall();
        code.jump(park);

        // A tracer has set all registers.
        injectAddress = StubCode.CODE + code.offset();
        code.syscall();
        code.int3();
        injectCloneAddress = StubCode.CODE + code.offset();
        code.syscall();
        code.test(Register.RAX, Register.RAX);
        Label stop = new Label();
        code.jump(Condition.NOT_EQUAL, stop);
        code.cmp(Register.R12, (int) StubCode.NEW_PROCESS);
        code.jump(Condition.EQUAL, stub.newProcess());
        code.jump(park);
        code.bind(stop);
        code.int3();
    }

    @Override
    public SeccompProgram controlFilter() {
        SeccompProgram program = SeccompProgram.ofAmd64(SeccompProgram.KILL_PROCESS).load(SeccompProgram.NUMBER);
        for (int number : ALLOWED) {
            program.endIf(number, SeccompProgram.ALLOW);
        }
        return program.end(SeccompProgram.KILL_PROCESS);
    }

    @Override
    public String name() {
        return "ptrace";
    }
}
