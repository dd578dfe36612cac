package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostPtrace;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.GuestThread;
import dev.caisson.stub.SignalMasks;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProcess;
import java.lang.foreign.MemorySegment;

/**
 * A stub thread that the calling Java thread traces. All methods are that thread's, and but for {@link #release} they find the
 * thread stopped and leave it stopped.
 */
final class StubThread implements GuestThread {
    /** The signal by which {@link PtraceContext#interrupt} stops a thread: harmless to one that is not traced. */
    static final int KICK = Signals.SIGURG;

    /** Bytes of native memory a context lends its thread. */
    static final int SCRATCH_BYTES = 512;
    private static final int STATUS = 0;
    private static final int MASK = 8;
    private static final int VECTOR = 16;
    private static final int REGISTERS = 64;

    private static final int WALL = 0x4000_0000;
    private static final int STOPPED = 0x7f;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;
    private static final int FLAGS_FIXED = 0x202;

    private final StubProcess process;
    private final PtraceProfile profile;
    private final int threadId;
    private final MemorySegment scratch;
    private final long scratchAddress;
    private final Registers registers;
    /** Where it may run; -1 for everywhere. Guarded by the context. */
    private int processor = -1;
    private boolean gone;

    private StubThread(StubProcess process, PtraceProfile profile, int threadId, MemorySegment scratch) {
        this.process = process;
        this.profile = profile;
        this.threadId = threadId;
        this.scratch = scratch;
        this.scratchAddress = scratch.address();
        this.registers = new Registers(scratch.asSlice(REGISTERS, Registers.BYTES));
    }

    /**
     * Takes a parked thread over.
     *
     * @param process its process
     * @param profile what is in its code
     * @param threadId the thread
     * @param processor where it shall run
     * @param scratch {@link #SCRATCH_BYTES} bytes of native memory
     * @return the thread, stopped
     * @throws ErrnoException ESRCH when the process is dead, EPERM when the host allows no ptrace
     */
    static StubThread seize(StubProcess process, PtraceProfile profile, int threadId, int processor, MemorySegment scratch)
        throws ErrnoException {
        StubThread thread = new StubThread(process, profile, threadId, scratch);
        thread.pin(processor); // first of all: all that follows is waiting for it
        Errno.check(HostPtrace.seize(threadId, HostPtrace.O_EXITKILL | HostPtrace.O_TRACESYSGOOD));
        Errno.check(HostPtrace.interrupt(threadId));
        while (true) {
            int status = thread.await();
            if (!isStopped(status)) {
                throw thread.lost();
            }
            if (status >>> 16 == HostPtrace.EVENT_STOP) {
                break;
            }
            HostPtrace.proceed(threadId, 0); // a signal that came first
        }
        scratch.set(Layouts.U64, MASK, SignalMasks.ALL_BUT_FAULTS & ~SignalMasks.bit(KICK));
        Errno.check(HostPtrace.setSignalMask(threadId, thread.scratchAddress + MASK));
        Registers registers = thread.registers;
        registers.segment().fill((byte) 0);
        registers.cs(USER_CS);
        registers.ss(USER_SS);
        registers.eflags(FLAGS_FIXED);
        registers.rbp(StubCode.CONTROL);
        return thread;
    }

    StubProcess process() {
        return process;
    }

    int threadId() {
        return threadId;
    }

    /** Waits for the thread's next stop. The result is wait4(2)'s status; one that is no stop says that the thread is gone. */
    int await() {
        while (true) {
            long result = HostProcess.await(threadId, scratchAddress + STATUS, WALL);
            if (result == threadId) {
                int status = scratch.get(Layouts.U32, STATUS);
                gone = !isStopped(status);
                return status;
            }
            if (result != -Errno.EINTR.number()) {
                gone = true;
                return 0;
            }
        }
    }

    static boolean isStopped(int status) {
        return (status & 0xff) == STOPPED;
    }

    /** Waits for the end of a thread that the host took away; the result is the exception that says so. */
    ErrnoException lost() {
        bury();
        return Errno.ESRCH.error("stub thread is gone");
    }

    /** Waits for the end of a thread whose process has been killed. */
    void bury() {
        while (!gone) {
            await();
        }
    }

    /** While the thread is not {@link #release}d. */
    @Override
    public void pin(int number) {
        if (processor != number && HostScheduler.pin(threadId, number) == 0) {
            processor = number;
        }
    }

    /**
     * Has the thread make a system call of the host.
     *
     * @return its result; negated ESRCH when the thread is gone
     */
    long inject(long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        return run(profile.injectAddress(), number, a1, a2, a3, a4, a5, a6);
    }

    /**
     * Has the thread make a new thread or process, which goes its own way.
     *
     * @param flags clone(2)'s
     * @param kind {@link StubCode#NEW_THREAD} or {@link StubCode#NEW_PROCESS}
     * @param pageOffset control page of a new process
     * @return its id or a negated error number
     */
    long injectClone(long flags, long kind, long pageOffset) {
        registers.r12(kind);
        return run(profile.injectCloneAddress(), SyscallNumber.CLONE, flags, 0, 0, 0, 0, pageOffset);
    }

    private long run(long entry, long number, long a1, long a2, long a3, long a4, long a5, long a6) {
        if (gone) {
            return -Errno.ESRCH.number();
        }
        registers.rip(entry);
        registers.rax(number);
        registers.rdi(a1);
        registers.rsi(a2);
        registers.rdx(a3);
        registers.r10(a4);
        registers.r8(a5);
        registers.r9(a6);
        registers.rbp(StubCode.CONTROL);
        registers.origRax(-1);
        long at = registers.segment().address();
        HostPtrace.setRegisters(threadId, at);
        while (true) {
            if (HostPtrace.proceed(threadId, 0) < 0 && gone) {
                return -Errno.ESRCH.number();
            }
            int status = await();
            if (!isStopped(status)) {
                return -Errno.ESRCH.number();
            }
            // Anything but the int3 is a signal that came in between; it is dropped. A kick has left its flag behind.
            if (status == (Signals.SIGTRAP << 8 | STOPPED)) {
                HostPtrace.registers(threadId, at);
                if (registers.rip() > entry + 2 && registers.rip() < StubCode.CODE + StubCode.CODE_BYTES) {
                    return registers.rax();
                }
            }
        }
    }

    /** {@return the size of the image that was written, or a negated error number} */
    long readFpu(long image, long bytes) {
        scratch.set(Layouts.U64, VECTOR, image);
        scratch.set(Layouts.U64, VECTOR + 8, bytes);
        long result = HostPtrace.registerSet(threadId, HostPtrace.NT_X86_XSTATE, scratchAddress + VECTOR);
        return result < 0 ? result : scratch.get(Layouts.U64, VECTOR + 8);
    }

    /** {@return 0 or a negated error number} */
    long writeFpu(long image, long bytes) {
        scratch.set(Layouts.U64, VECTOR, image);
        scratch.set(Layouts.U64, VECTOR + 8, bytes);
        return HostPtrace.setRegisterSet(threadId, HostPtrace.NT_X86_XSTATE, scratchAddress + VECTOR);
    }

    /** Ends the thread. */
    void release() {
        if (gone) {
            return;
        }
        registers.rip(profile.injectAddress());
        registers.rax(SyscallNumber.EXIT);
        registers.rdi(0);
        registers.origRax(-1);
        HostPtrace.setRegisters(threadId, registers.segment().address());
        while (!gone) {
            if (HostPtrace.proceed(threadId, 0) < 0) {
                // Killed meanwhile; its end is still to be waited for.
                await();
                gone = true;
                return;
            }
            await();
        }
    }
}
