package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/**
 * One task: takes a processor, runs the guest there itself or waits while a companion does, and gives it back.
 *
 * <p>An interrupt is a flag plus, while the guest runs, a signal to the task's thread, which is blocked but for the time in KVM_RUN. Flag
 * and {@link #running} are written and read in opposite orders by the two sides, so at least one of them sees the other. A signal that was
 * taken is not sent again: after it, the guest goes on only where an instruction or two bring it out by themselves.
 */
final class KvmContext implements GuestContext {
    private static final int SIG_BLOCK = 0;
    private static final long EINTR = -4;
    private static final long KICK_NS = 200_000;
    /** For how long the two sides spin for each other: about the price of a sleep and a wake-up on another processor. */
    private static final long SPIN_NS = 60_000;
    /** The same in ticks of the time stamp counter, of which more or less does not matter. */
    private static final long STUB_TICKS = SPIN_NS * 3;
    private static final long SLEEP_NS = 20_000_000;
    private static final int LOOKS = 64;

    private final FpuState fpu;
    private final ExitReader reader;
    private final Company company;
    private volatile boolean interrupted;
    private volatile boolean running;
    private volatile int threadId;
    /** The task's thread while a companion runs the guest. */
    private volatile Thread companyThread;

    /**
     * Makes a context.
     *
     * @param format what FPU images look like
     * @param kvmImageBytes the size of KVM's, which may be larger
     * @param crowd counts who is awake
     */
    KvmContext(FpuFormat format, int kvmImageBytes, Crowd crowd) {
        fpu = new FpuState(format, kvmImageBytes);
        reader = new ExitReader(fpu);
        company = new Company(crowd);
    }

    @Override
    public Exit run(AddressSpace wanted, Registers registers) throws ErrnoException {
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (threadId == 0) {
            HostSignal.changeMask(SIG_BLOCK, Processor.KICK_MASK);
            threadId = HostProcess.threadId();
            awake();
        }
        registers.origRax(-1);
        if (!GuestRegisters.prepare(registers)) {
            return Exceptions.generalProtection();
        }
        KvmAddressSpace space = (KvmAddressSpace) wanted;
        Processor processor = company.held();
        if (processor != null) {
            Exit exit = answered(processor, space, registers);
            if (exit != null) {
                return exit;
            }
            processor = company.held(); // others may have wanted it
        }
        while (true) {
            if (processor == null) {
                processor = space.machine().processors().take(fpu.home());
            }
            Exit exit;
            try {
                fpu.adopt(processor);
                processor.load(space, registers);
                exit = runOn(processor, space, registers);
            } catch (ErrnoException e) {
                company.drop();
                processor.machine().processors().giveBack(processor);
                throw e;
            }
            if (company.held() == null) {
                processor.machine().processors().giveBack(processor);
            }
            if (exit != null) {
                return exit;
            }
            processor = null;
        }
    }

    /**
     * Goes on where a companion has the guest inside.
     *
     * @param processor which the context kept
     * @return why the guest stopped, or null if it is outside and its registers are to be loaded; the context may have no processor then
     */
    private Exit answered(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        if (company.answer(processor, space, registers)) {
            Exit exit = await(processor, space, registers);
            if (exit == null) {
                processor.machine().processors().giveBack(processor);
            }
            return exit;
        }
        processor.bringOut();
        if (processor.machine() != space.machine()) {
            company.leave();
        }
        return null;
    }

    /** {@return as {@link #runHere} does} Decides who runs the guest; the processor is loaded. */
    private Exit runOn(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        if (company.isWanted(processor)) {
            processor.slot().reset(STUB_TICKS);
            processor.companion().enter(processor.slot());
            return await(processor, space, registers);
        }
        processor.slot().reset(0);
        return runHere(processor, space, registers);
    }

    /**
     * Waits for the guest, which the companion runs.
     *
     * @return why it stopped, or null if the processor is wanted by others; the registers are stored, and the context has no
     *     companion any more
     */
    private Exit await(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        Companion companion = processor.companion();
        Slot slot = processor.slot();
        ProcessorPool pool = space.machine().processors();
        companyThread = Thread.currentThread();
        running = true;
        try {
            long start = 0;
            long nextKick = 0;
            for (int looks = 0;; looks++) {
                if (slot.isKernels()) {
                    slot.store(registers);
                    Exit call = ExitReader.called(registers);
                    company.called(registers);
                    return call;
                }
                if (companion.isOutside()) {
                    if (slot.isKernels()) {
                        continue;
                    }
                    Exit exit = outside(companion.result(), processor, space, registers);
                    if (exit != null) {
                        return exit;
                    }
                    if (pool.isWanted()) {
                        company.drop();
                        return null;
                    }
                    if (!processor.isStubWaiting() && companion.result() == 0) {
                        processor.load(space, registers);
                    }
                    companion.enter(slot);
                }
                Thread.onSpinWait();
                if ((looks & LOOKS - 1) != 0) {
                    continue;
                }
                long now = System.nanoTime();
                if (start == 0 || companion.isEntering()) {
                    start = now; // its wake-up takes as long as it takes
                }
                if (interrupted || pool.isWanted()) {
                    if (now >= nextKick) {
                        companion.kick();
                        nextKick = now + KICK_NS;
                    }
                } else if (now - start > SPIN_NS) {
                    company.retreat();
                    companion.sleep(SLEEP_NS);
                }
            }
        } finally {
            running = false;
            companyThread = null;
        }
    }

    /** {@return what happened that made the companion come out of KVM_RUN, or null if the guest is to go on} */
    private Exit outside(long result, Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        if (result == EINTR) {
            Exit call = readInterrupted(processor, registers);
            if (call == null && interrupted) {
                interrupted = false;
                return Exit.Plain.INTERRUPTED;
            }
            return call;
        }
        if (result < 0) {
            throw Errno.of(-result).error("KVM_RUN");
        }
        return processor.isStubWaiting() ? null : reader.read(processor, space, registers);
    }

    /** {@return the call that a guest was about to make when it was interrupted, or null; the registers are stored in any case} */
    private Exit readInterrupted(Processor processor, Registers registers) {
        if (processor.isReturning()) {
            return null; // the registers are as they were
        }
        if (processor.isInStub()) {
            return reader.readInStub(processor, registers);
        }
        reader.storeUser(processor, registers);
        return null;
    }

    /**
     * Runs the guest on this thread.
     *
     * @return why the guest stopped, or null if the processor is wanted by others and the registers are stored
     */
    private Exit runHere(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        ProcessorPool pool = space.machine().processors();
        while (true) {
            running = true;
            if (interrupted) {
                running = false;
                interrupted = false;
                return Exit.Plain.INTERRUPTED; // the registers are as they were
            }
            long result = enter(processor);
            running = false;
            Exit exit;
            if (result == EINTR) {
                exit = readInterrupted(processor, registers);
                if (exit == null && !interrupted && pool.isWanted()) {
                    return null;
                }
            } else if (result < 0) {
                throw Errno.of(-result).error("KVM_RUN");
            } else {
                exit = reader.read(processor, space, registers);
                if (exit == Exit.Plain.SYSCALL) {
                    company.calledByExit();
                }
                if (exit == null) {
                    processor.load(space, registers);
                }
            }
            if (exit != null) {
                return exit;
            }
        }
    }

    /** {@return as KVM_RUN does} Never leaves a processor in a handler: its next instruction ends KVM_RUN by itself. */
    private long enter(Processor processor) {
        while (true) {
            long result = processor.run(this);
            if (result != EINTR) {
                return result;
            }
            HostSignal.take(Processor.KICK_MASK);
            if (!processor.isInHandler() || processor.isReturning()) {
                return result;
            }
        }
    }

    @Override
    public void interrupt() {
        interrupted = true;
        kick();
    }

    /** Ends KVM_RUN, for nothing if it must. Any thread. */
    void kick() {
        Thread task = companyThread;
        if (task != null) {
            LockSupport.unpark(task); // it will kick the companion
        } else if (running) {
            HostSignal.kill(HostProcess.processId(), threadId, Processor.KICK);
        }
    }

    @Override
    public int fpuBytes() {
        return fpu.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        Processor held = company.held();
        if (held != null) {
            held.bringOut();
        }
        fpu.save(held, image);
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        company.leave();
        fpu.restore(image);
    }

    @Override
    public void resetFpu() throws ErrnoException {
        company.leave();
        fpu.reset();
    }

    @Override
    public void sleeping() {
        company.sleeping();
    }

    @Override
    public void awake() {
        company.awake();
    }

    @Override
    public void close() {
        company.close();
        fpu.close();
    }
}
