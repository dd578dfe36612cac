package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostPtrace;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSignal;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One task: a Java thread and the stub thread it traces. The stub thread is taken when the task first runs in a space, and ended
 * when it goes to another.
 *
 * <p>An interrupt is a flag plus, while the guest runs, a signal to the stub thread. Flag and {@link #running} are written and read
 * in opposite orders by the two sides, so at least one of them sees the other. A signal that comes too late stops a later run for
 * nothing; that run finds no flag and goes on.
 */
final class PtraceContext implements GuestContext {
    private static final ThreadLocal<PtraceContext> OF_THREAD = new ThreadLocal<>();

    private static final int SIGINFO = 320;
    private static final int SYSCALL_INFO = SIGINFO + 128;
    private static final int SYSCALL_INFO_BYTES = 64;
    private static final int SYSCALL_STOP = (Signals.SIGTRAP | 0x80) << 8 | 0x7f;
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int SI_KERNEL = 0x80;
    private static final int SEGV_MAPERR = 1;
    private static final int SEGV_ACCERR = 2;
    private static final int BUS_ADRERR = 2;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;

    private final FpuFormat format;
    private final Processors processors;
    private final MemorySegment scratch = Arena.ofAuto().allocate(StubThread.SCRATCH_BYTES, 64);
    private final long signalInformation = scratch.address() + SIGINFO;
    private final Exit.Fault fault = new Exit.Fault();
    /** The FPU state while no stub thread holds it. */
    private MemorySegment fpu;
    /** Where a new state is looked at before it takes the place of {@link #fpu}; made when first needed. */
    private MemorySegment incoming;
    private boolean fpuInThread;

    private PtraceAddressSpace space;
    private volatile StubThread thread;
    private volatile boolean running;
    private volatile boolean interrupted;

    /** Guarded by this, but for reading on the task's own thread. */
    private int place = -1;
    private boolean awake;
    private volatile int javaThreadId;

    PtraceContext(FpuFormat format, Processors processors) {
        this.format = format;
        this.processors = processors;
        fpu = Arena.ofAuto().allocate(format.bytes(), 64);
        format.initialise(fpu);
    }

    /**
     * The stub thread of the calling Java thread, if it has one in a space.
     *
     * @param space the space
     * @return the thread, stopped, or null
     */
    static StubThread threadOfCaller(PtraceAddressSpace space) {
        PtraceContext context = OF_THREAD.get();
        return context != null && context.space == space ? context.thread : null;
    }

    /** {@return this context's thread if it is in a space, and the caller is its task} */
    StubThread threadIn(PtraceAddressSpace wanted) {
        return space == wanted && OF_THREAD.get() == this ? thread : null;
    }

    @Override
    public Exit run(AddressSpace wanted, Registers registers) throws ErrnoException {
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (space != wanted || thread == null) {
            attach((PtraceAddressSpace) wanted);
        }
        StubThread stub = thread;
        if (!fpuInThread) {
            Errno.check(stub.writeFpu(fpu.address(), format.bytes()));
            fpuInThread = true;
        }
        if (registers.cs() == 0) { // fresh registers
            registers.cs(USER_CS);
            registers.ss(USER_SS);
        }
        registers.origRax(-1); // the host must not restart a system call
        long at = registers.segment().address();
        int threadId = stub.threadId();
        long set = HostPtrace.setRegisters(threadId, at);
        if (set < 0) {
            if (set == -Errno.ESRCH.number()) {
                throw lost(stub);
            }
            return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0); // selectors or bases that no user can have
        }
        while (true) {
            running = true;
            if (interrupted) {
                running = false;
                interrupted = false;
                return Exit.Plain.INTERRUPTED;
            }
            HostPtrace.emulate(threadId, 0);
            int status = stub.await();
            running = false;
            if (status == SYSCALL_STOP) {
                HostPtrace.registers(threadId, at);
                // syscall leaves its return address in rcx; whatever does not came in through another gate.
                if (registers.rcx() == registers.rip() || isAmd64Call(threadId)) {
                    return Exit.Plain.SYSCALL;
                }
                return foreignCall(registers);
            }
            if (!StubThread.isStopped(status)) {
                throw lost(stub);
            }
            Exit exit = stopped(status, threadId, registers);
            if (exit != null) {
                return exit;
            }
        }
    }

    /** {@return what to tell the kernel, or null if this stop is nobody's business} */
    private Exit stopped(int status, int threadId, Registers registers) {
        int signal = status >> 8 & 0x7f;
        if (status >>> 16 != 0) {
            return null; // the host stopped the process: go on
        }
        if (signal == StubThread.KICK) {
            if (!interrupted) {
                return null; // one that came too late last time
            }
            interrupted = false;
            HostPtrace.registers(threadId, registers.segment().address());
            registers.origRax(-1);
            return Exit.Plain.INTERRUPTED;
        }
        boolean exception = signal == Signals.SIGSEGV || signal == Signals.SIGBUS || signal == Signals.SIGTRAP
            || signal == Signals.SIGILL || signal == Signals.SIGFPE;
        if (!exception || HostPtrace.signalInformation(threadId, signalInformation) < 0) {
            return null; // somebody on the host sent a signal
        }
        int code = scratch.get(Layouts.U32, SIGINFO + 8);
        if (code <= 0) {
            return null; // sent, too: SI_USER, SI_TKILL, ...
        }
        long address = scratch.get(Layouts.U64, SIGINFO + 16);
        HostPtrace.registers(threadId, registers.segment().address());
        registers.origRax(-1);
        if (signal == Signals.SIGSEGV && (code == SEGV_MAPERR || code == SEGV_ACCERR)) {
            return pageFault(address, code == SEGV_ACCERR, registers.rip());
        }
        if (signal == Signals.SIGBUS && code >= BUS_ADRERR) { // beyond the end of the memory file
            return fault.set(address, AccessType.UNKNOWN, true);
        }
        // The host's kernel adds an address to a trap or not; Linux's own guests see the same.
        return new Exit.Signal(signal, code, code == SI_KERNEL ? 0 : address);
    }

    /**
     * The host tells the address of a fault but not the access. All our mappings can be read, so lacking rights mean a write,
     * or a fetch if that is where the guest is.
     */
    private Exit.Fault pageFault(long address, boolean mapped, long rip) {
        AccessType access;
        if (address == rip) {
            access = AccessType.EXECUTE;
        } else if (!mapped) {
            access = AccessType.UNKNOWN;
        } else if (address > rip && address - rip < 15 && (address & 0xfff) == 0) {
            access = AccessType.UNKNOWN; // the instruction may cross into that page
        } else {
            access = AccessType.WRITE;
        }
        return fault.set(address, access, mapped);
    }

    private boolean isAmd64Call(int threadId) {
        long at = scratch.address() + SYSCALL_INFO;
        long result = HostPtrace.syscallInformation(threadId, SYSCALL_INFO_BYTES, at);
        return result <= 0 || scratch.get(Layouts.U32, SYSCALL_INFO + 4) == AUDIT_ARCH_X86_64;
    }

    /**
     * A call by {@code int 0x80} or {@code sysenter}. We are a kernel without 32-bit calls, where these are general protection
     * faults. Deviation: after sysenter, rip is wherever the host goes on, since that instruction does not save it.
     */
    private Exit foreignCall(Registers registers) {
        registers.rax(registers.origRax());
        registers.origRax(-1);
        registers.rip(registers.rip() - 2);
        return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);
    }

    private void attach(PtraceAddressSpace wanted) throws ErrnoException {
        if (place < 0) {
            javaThreadId = HostProcess.threadId();
            processors.enter(this);
        }
        detach();
        StubProcess process = wanted.process();
        int threadId = process.takeThread();
        HostScheduler.pin(threadId, processors.number(place));
        thread = StubThread.seize(process, threadId, scratch);
        synchronized (this) {
            HostScheduler.pin(threadId, processors.number(place)); // the watcher may have moved us meanwhile
        }
        space = wanted;
        OF_THREAD.set(this);
    }

    /** Ends the stub thread, and keeps what it knew. */
    private void detach() {
        StubThread stub = thread;
        if (stub == null) {
            return;
        }
        if (fpuInThread) {
            if (stub.readFpu(fpu.address(), format.bytes()) < 0) {
                format.initialise(fpu);
            }
            format.clearSoftwareBytes(fpu);
            fpuInThread = false;
        }
        forgetThread();
        stub.release();
    }

    /** Before the thread's id can become another's: nobody may pin it any more. */
    private void forgetThread() {
        synchronized (this) {
            thread = null;
        }
        space = null;
    }

    private ErrnoException lost(StubThread stub) {
        stub.process().markDead();
        forgetThread();
        fpuInThread = false;
        format.initialise(fpu);
        return stub.lost();
    }

    @Override
    public void interrupt() {
        interrupted = true;
        if (running) {
            StubThread stub = thread;
            if (stub != null) {
                HostSignal.kill(stub.process().processId(), stub.threadId(), StubThread.KICK);
            }
        }
    }

    @Override
    public int fpuBytes() {
        return format.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        if (fpuInThread) {
            if (thread.readFpu(fpu.address(), format.bytes()) < 0) {
                throw lost(thread);
            }
            format.clearSoftwareBytes(fpu);
        }
        MemorySegment.copy(fpu, 0, image, 0, format.bytes());
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        if (incoming == null) {
            incoming = Arena.ofAuto().allocate(format.bytes(), 64);
        }
        MemorySegment.copy(image, 0, incoming, 0, format.bytes());
        format.check(incoming);
        MemorySegment accepted = incoming;
        incoming = fpu;
        fpu = accepted;
        fpuInThread = false;
    }

    @Override
    public void resetFpu() {
        format.initialise(fpu);
        fpuInThread = false;
    }

    @Override
    public void sleeping() {
        if (place >= 0 && awake) {
            processors.sleeping(this);
        }
    }

    @Override
    public void awake() {
        if (place >= 0 && !awake) {
            processors.awake(this);
        }
    }

    @Override
    public void close() {
        detach();
        if (place >= 0) {
            processors.leave(this);
            place = -1;
        }
        if (OF_THREAD.get() == this) {
            OF_THREAD.remove();
        }
    }

    /** {@return index of the processor this task is on} */
    int place() {
        return place;
    }

    /** Moves the task. Callers hold {@link Processors}' lock. */
    synchronized void place(int index) {
        place = index;
        int number = processors.number(index);
        HostScheduler.pin(javaThreadId, number);
        StubThread stub = thread;
        if (stub != null) {
            HostScheduler.pin(stub.threadId(), number);
        }
    }

    boolean isAwake() {
        return awake;
    }

    void setAwake(boolean value) {
        awake = value;
    }
}
