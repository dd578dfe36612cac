package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostPtrace;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSignal;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.Placed;
import dev.caisson.stub.Processors;
import dev.caisson.stub.StubProcess;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One task after the other: a Java thread and the stub thread it traces. The stub thread is taken when a task first runs in a space,
 * and kept for the next one that does.
 *
 * <p>An interrupt is a flag plus, while the guest runs, a signal to the stub thread. Flag and {@link #running} are written and read
 * in opposite orders by the two sides, so at least one of them sees the other. A signal that comes too late stops a later run for
 * nothing; that run finds no flag and goes on.
 */
final class PtraceContext implements GuestContext, Placed {
    private static final int SYSCALL_STOP = (Signals.SIGTRAP | 0x80) << 8 | 0x7f;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;

    private final PtraceProfile profile;
    private final FpuFormat format;
    private final Processors processors;
    private final MemorySegment scratch = Arena.ofAuto().allocate(StubThread.SCRATCH_BYTES, 64);
    private final PtraceStops stops = new PtraceStops();
    /** The FPU state while no stub thread holds it. */
    private MemorySegment fpu;
    /** Where a new state is looked at before it takes the place of {@link #fpu}; made when first needed. */
    private MemorySegment incoming;
    private boolean fpuInThread;

    private PtraceAddressSpace space;
    private volatile StubThread thread;
    private final KeptThreads kept = new KeptThreads();
    /** The Java thread that runs in {@link #space}, the tracer of all stub threads. */
    private Thread owner;
    private volatile boolean running;
    private volatile boolean interrupted;

    /** Guarded by this, but for reading on the task's own thread. */
    private int place = -1;
    private boolean awake;
    private volatile int javaThreadId;

    PtraceContext(PtraceProfile profile, FpuFormat format, Processors processors) {
        this.profile = profile;
        this.format = format;
        this.processors = processors;
        fpu = Arena.ofAuto().allocate(format.bytes(), 64);
        format.initialise(fpu);
    }

    /** {@return this context's thread if it is in a space, and the caller is its task} */
    StubThread threadIn(PtraceAddressSpace wanted) {
        return space == wanted && owner == Thread.currentThread() ? thread : null;
    }

    /** Whether a task of this context could start in a process without a new thread. The context's own thread sleeps. */
    boolean keepsThreadIn(StubProcess process) {
        StubThread current = thread;
        return current != null && current.process() == process || kept.has(process);
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
        PtraceAddressSpace here = space;
        here.enter();
        try {
            return resume(stub, registers);
        } finally {
            here.leave();
        }
    }

    private Exit resume(StubThread stub, Registers registers) throws ErrnoException {
        long at = registers.segment().address();
        int threadId = stub.threadId();
        long set = HostPtrace.setRegisters(threadId, at);
        if (set < 0) {
            if (set == -Errno.ESRCH.number()) {
                throw lost(stub);
            }
            return PtraceStops.protectionFault(); // selectors or bases that no user can have
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
                return stops.call(threadId, registers);
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
        if (status >>> 16 != 0) {
            return null; // the host stopped the process: go on
        }
        int signal = status >> 8 & 0x7f;
        if (signal != StubThread.KICK) {
            return stops.exception(signal, threadId, registers);
        }
        if (!interrupted) {
            return null; // one that came too late last time
        }
        interrupted = false;
        HostPtrace.registers(threadId, registers.segment().address());
        registers.origRax(-1);
        return Exit.Plain.INTERRUPTED;
    }

    private void attach(PtraceAddressSpace wanted) throws ErrnoException {
        if (place < 0) {
            javaThreadId = HostProcess.threadId();
            owner = Thread.currentThread();
            processors.enter(this);
        } else if (!awake) {
            processors.awake(this);
        }
        StubProcess process = wanted.process();
        if (thread == null || thread.process() != process) {
            setAside();
            StubThread next = kept.take(process);
            if (next == null) {
                next = StubThread.seize(process, profile, process.takeThread(), processors.number(place), scratch);
            }
            synchronized (this) {
                thread = next;
                next.pin(processors.number(place)); // the watcher may have moved us meanwhile
            }
        }
        space = wanted;
    }

    /** Gives up the stub thread for another one, or for good, but keeps what it knew. */
    private void setAside() {
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
        kept.add(stub);
        kept.buryDead();
    }

    /** Before the thread's id can become another's: nobody may pin it any more. */
    private void forgetThread() {
        synchronized (this) {
            thread = null;
        }
        space = null;
    }

    @Override
    public boolean reset() {
        fpuInThread = false;
        setAside();
        kept.buryDead();
        format.initialise(fpu);
        interrupted = false;
        if (place >= 0 && awake) {
            processors.sleeping(this);
        }
        return true;
    }

    @Override
    public void startBeside(GuestContext parent) {
        if (place >= 0 && parent instanceof PtraceContext other && other.place >= 0 && !awake) {
            processors.follow(this, other);
        }
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
        incoming = format.accept(image, incoming);
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
        fpuInThread = false;
        setAside();
        kept.releaseAll();
        if (place >= 0) {
            processors.leave(this);
            place = -1;
        }
    }

    @Override
    public int place() {
        return place;
    }

    @Override
    public synchronized void place(int index) {
        place = index;
        int number = processors.number(index);
        HostScheduler.pin(javaThreadId, number);
        StubThread stub = thread;
        if (stub != null) {
            stub.pin(number);
        }
    }

    @Override
    public boolean isAwake() {
        return awake;
    }

    @Override
    public void setAwake(boolean value) {
        awake = value;
    }
}
