package dev.caisson.platform.ptrace;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostPtrace;
import dev.caisson.host.HostSignal;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.GuestFpu;
import dev.caisson.stub.Placement;
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
final class PtraceContext implements GuestContext {
    private static final int SYSCALL_STOP = (Signals.SIGTRAP | 0x80) << 8 | 0x7f;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;

    private final PtraceProfile profile;
    private final GuestFpu fpu;
    private final Placement placement;
    private final MemorySegment scratch = Arena.ofAuto().allocate(StubThread.SCRATCH_BYTES, 64);
    private final PtraceStops stops = new PtraceStops();

    private PtraceAddressSpace space;
    private volatile StubThread thread;
    private final KeptThreads kept = new KeptThreads();
    /** The Java thread that runs in {@link #space}, the tracer of all stub threads. */
    private Thread owner;
    private volatile boolean running;
    private volatile boolean interrupted;

    PtraceContext(PtraceProfile profile, FpuFormat format, Processors processors) {
        this.profile = profile;
        fpu = new GuestFpu(format);
        placement = new Placement(processors);
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
        if (!fpu.isInThread()) {
            Errno.check(stub.writeFpu(fpu.image().address(), fpu.bytes()));
            fpu.given();
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
        boolean isKick = status >>> 16 == 0; // else the host stopped the process
        int signal = status >> 8 & 0x7f;
        if (isKick && signal != StubThread.KICK) {
            return stops.exception(signal, threadId, registers);
        }
        // The guest may have run since it got its registers, and need not run again before the kernel looks at them.
        HostPtrace.registers(threadId, registers.segment().address());
        registers.origRax(-1);
        if (!isKick || !interrupted) {
            return null; // a kick that came too late last time
        }
        interrupted = false;
        return Exit.Plain.INTERRUPTED;
    }

    private void attach(PtraceAddressSpace wanted) throws ErrnoException {
        if (placement.isTogether()) {
            placement.awake();
        } else {
            owner = Thread.currentThread();
            placement.together();
        }
        StubProcess process = wanted.process();
        if (thread == null || thread.process() != process) {
            setAside();
            StubThread next = kept.take(process);
            if (next == null) {
                next = StubThread.seize(process, profile, process.takeThread(), placement.processor(), scratch);
            }
            thread = next;
            placement.guest(next); // the watcher may have moved us meanwhile
        }
        space = wanted;
    }

    /** Gives up the stub thread for another one, or for good, but keeps what it knew. */
    private void setAside() {
        StubThread stub = thread;
        if (stub == null) {
            return;
        }
        if (fpu.isInThread()) {
            if (fetchFpu(stub)) {
                fpu.taken();
            } else {
                fpu.reset();
            }
        }
        forgetThread();
        kept.add(stub);
        kept.buryDead();
    }

    /** {@return whether the thread is there to tell its FPU state} */
    private boolean fetchFpu(StubThread stub) {
        if (stub.readFpu(fpu.image().address(), fpu.bytes()) < 0) {
            return false;
        }
        fpu.fetched();
        return true;
    }

    /** Before the thread's id can become another's: nobody may pin it any more. */
    private void forgetThread() {
        thread = null;
        placement.guest(null);
        space = null;
    }

    @Override
    public boolean reset() {
        fpu.reset();
        setAside();
        kept.buryDead();
        interrupted = false;
        placement.sleeping();
        return true;
    }

    @Override
    public void startBeside(GuestContext parent) {
        if (parent instanceof PtraceContext other) {
            placement.startBeside(other.placement);
        }
    }

    private ErrnoException lost(StubThread stub) {
        stub.process().markDead();
        forgetThread();
        fpu.reset();
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
        return fpu.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        if (fpu.isInThread() && !fetchFpu(thread)) {
            throw lost(thread);
        }
        fpu.copyTo(image, 0);
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        fpu.restore(image);
    }

    @Override
    public void resetFpu() {
        fpu.reset();
    }

    @Override
    public void sleeping() {
        placement.sleeping();
    }

    @Override
    public void awake() {
        placement.awake();
    }

    @Override
    public void close() {
        fpu.taken();
        setAside();
        kept.releaseAll();
        placement.leave();
    }

    /** {@return where the task runs, for tests} */
    Placement placement() {
        return placement;
    }
}
