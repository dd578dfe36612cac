package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/**
 * One task. Its FPU state is in {@link #fpu}, or in the processor that it ran on last ({@link #home}), as long as that one says so
 * ({@link Processor#owner}).
 *
 * <p>An interrupt is a flag plus, while the guest runs, a signal to the task's thread, which is blocked but for the time in KVM_RUN. Flag
 * and {@link #running} are written and read in opposite orders by the two sides, so at least one of them sees the other.
 */
final class KvmContext implements GuestContext {
    private static final int SIG_BLOCK = 0;
    private static final long EINTR = -4;
    private static final int INT_N = 0xcd;
    private static final int TRAP_FLAG = 0x100;
    /** Kicks that may find the guest in code of ours before that counts as stuck. */
    private static final int MOST_TRIES = 64;
    /** So many calls, none of them longer than this after the one before, are worth a companion. */
    private static final int HASTY = 8;
    /** A companion that answers fewer calls before the task must sleep is not tried again for a while. */
    private static final int WORTH_IT = 16;
    private static final long HASTE_NS = 300_000;
    private static final long KICK_NS = 200_000;
    /** For how long the two sides spin for each other: about the price of a sleep and a wake-up on another processor. */
    private static final long SPIN_NS = 60_000;
    /** The same in ticks of the time stamp counter, of which more or less does not matter. */
    private static final long STUB_TICKS = SPIN_NS * 3;
    private static final long SLEEP_NS = 20_000_000;
    private static final int LOOKS = 64;
    /** More than the pieces of the largest access that KVM emulates. */
    private static final int MOST_ACCESSES = 16;

    private final FpuFormat format;
    private final Crowd crowd;
    private final MemorySegment fpu;
    /** What the guest that waits in the stub was told at its last call: all but rax must be the same for a plain answer. */
    private final Registers told = new Registers();
    private final Exit.Fault fault = new Exit.Fault();
    /** Where a new state is looked at before it takes the place of {@link #fpu}; made when first needed. */
    private MemorySegment incoming;
    /** Where the FPU state is if that processor says so, too. Written by whoever has the processor. */
    private volatile Processor home;
    private volatile boolean interrupted;
    private volatile boolean running;
    private volatile int threadId;
    /** The task's thread while a companion runs the guest. */
    private volatile Thread companyThread;
    /** The processor that this context keeps between runs because its companion has the guest inside. */
    private Processor held;
    private boolean lent;
    private boolean awake;
    private int haste;
    /** Calls that were answered without an exit since the task last had to sleep for the guest. */
    private int answers;
    private long lastCallNs;

    /**
     * Makes a context.
     *
     * @param format what FPU images look like
     * @param kvmImageBytes the size of KVM's, which may be larger
     * @param crowd counts who is awake
     */
    KvmContext(FpuFormat format, int kvmImageBytes, Crowd crowd) {
        this.format = format;
        this.crowd = crowd;
        fpu = Arena.ofAuto().allocate(Math.max(kvmImageBytes, format.bytes()), 64);
        format.initialise(fpu);
    }

    Processor home() {
        return home;
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
        Processor processor = held();
        if (processor != null) {
            if (answer(processor, space, registers)) {
                return await(processor, space, registers);
            }
            processor.bringOut();
            if (processor.machine() != space.machine()) {
                letGo(processor);
                processor = null;
            }
        }
        while (true) {
            if (processor == null) {
                processor = space.machine().processors().take(this);
            }
            Exit exit;
            try {
                adopt(processor);
                processor.load(space, registers);
                exit = runOn(processor, space, registers);
            } catch (ErrnoException e) {
                letGo(processor);
                throw e;
            }
            if (held == null) {
                processor.machine().processors().giveBack(processor);
            }
            if (exit != null) {
                return exit;
            }
            processor = null;
        }
    }

    /** {@return as {@link #runHere} does} Decides who runs the guest; the processor is loaded. */
    private Exit runOn(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        if (haste >= HASTY && crowd.isRoomy() && space.machine().entryPath() == EntryPath.RING_3) {
            Companion companion = processor.companion();
            if (held != null && !companion.isAwake()) {
                haste = 0; // it would take longer to wake it than to go ourselves
            } else {
                companion.hold();
                held = processor;
                processor.slot().reset(STUB_TICKS);
                companion.enter(processor.slot());
                return await(processor, space, registers);
            }
        }
        if (held != null) {
            held.companion().drop();
            held = null;
        }
        processor.slot().reset(0);
        return runHere(processor, space, registers);
    }

    /** {@return whether the guest waited for the result of its call and nothing else, and has it now} */
    private boolean answer(Processor processor, KvmAddressSpace space, Registers registers) {
        if (processor.companion().isOutside()) {
            retreat(); // the stub gave up: we were late, for want of a processor of our own
            return false;
        }
        if (!processor.isIn(space) || space.machine().processors().isWanted()
            || (registers.eflags() & TRAP_FLAG) != 0) {
            return false;
        }
        long rax = registers.rax();
        told.rax(rax);
        told.origRax(-1);
        if (MemorySegment.mismatch(told.segment(), 0, Registers.BYTES, registers.segment(), 0, Registers.BYTES) >= 0) {
            return false;
        }
        processor.slot().answer(rax);
        answers++;
        return true;
    }

    /** The companion was of no use, now. If it was of none before, it gets a rest. */
    private void retreat() {
        haste = answers < WORTH_IT ? -HASTY * WORTH_IT : 0;
        answers = 0;
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
                    registers.origRax(registers.rax());
                    registers.rax(-Errno.ENOSYS.number());
                    told.copyFrom(registers);
                    return Exit.Plain.SYSCALL;
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
                        companion.drop();
                        held = null;
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
                    retreat();
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
            storeUser(processor, registers);
            if (interrupted) {
                interrupted = false;
                return Exit.Plain.INTERRUPTED;
            }
            return null;
        }
        if (result < 0) {
            throw Errno.of(-result).error("KVM_RUN");
        }
        return processor.isStubWaiting() ? null : store(processor, space, registers);
    }

    /** {@return the processor that this context kept since its last run, or null} */
    private Processor held() {
        if (lent) {
            lent = false;
            if (!held.companion().takeBack()) {
                held = null;
            }
        }
        return held;
    }

    /** Gives a processor back, and the companion with it. The guest is outside. */
    private void letGo(Processor processor) {
        if (held != null) {
            held.companion().drop();
            held = null;
        }
        processor.machine().processors().giveBack(processor);
    }

    /**
     * Runs the guest on this thread.
     *
     * @return why the guest stopped, or null if the processor is wanted by others and the registers are stored
     */
    private Exit runHere(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        ProcessorPool pool = space.machine().processors();
        int tries = 0;
        while (true) {
            running = true;
            if (interrupted && tries == 0) {
                running = false;
                interrupted = false;
                return Exit.Plain.INTERRUPTED; // the registers are as they were
            }
            long result = processor.run(this);
            running = false;
            if (result == EINTR) {
                HostSignal.take(Processor.KICK_MASK);
                if ((processor.isInHandler() || processor.isInStub()) && ++tries < MOST_TRIES) {
                    continue; // code of ours, an instruction or two away from its end
                }
                tries = 0;
                storeUser(processor, registers);
                if (!interrupted && pool.isWanted()) {
                    return null;
                }
                continue;
            }
            if (result < 0) {
                throw Errno.of(-result).error("KVM_RUN");
            }
            Exit exit = store(processor, space, registers);
            if (exit != null) {
                return exit;
            }
            tries = 0;
            processor.load(space, registers);
        }
    }

    /** {@return what happened, or null if the guest is to go on with the registers that were stored} */
    private Exit store(Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        switch (processor.exitReason()) {
            case KvmLayout.EXIT_HLT -> {
                if (processor.isAtEntry()) {
                    return call(processor, registers);
                }
                int vector = Supervisor.vector(processor.rip());
                if (vector >= 0) {
                    return exception(vector, processor, space, registers);
                }
            }
            case KvmLayout.EXIT_MMIO -> {
                if (processor.isAtCall()) {
                    hurry();
                    return call(processor, registers);
                }
                if (processor.isStubOutside()) {
                    // A stub that was told to spin although nobody is here: another thread of the guest writes its slot.
                    processor.slot().store(registers);
                    registers.origRax(registers.rax());
                    return Exit.Plain.SYSCALL;
                }
                return strayAccess(processor, registers);
            }
            case KvmLayout.EXIT_INTERNAL_ERROR -> {
                storeUser(processor, registers); // an instruction that KVM cannot emulate, on the doorbell
                return Exceptions.illegalInstruction(registers.rip());
            }
            default -> { }
        }
        throw Errno.EIO.error("KVM exit " + processor.exitReason() + " at " + Long.toHexString(processor.rip()));
    }

    /** Notices when the guest makes one call after the other. */
    private void hurry() {
        long now = System.nanoTime();
        haste = now - lastCallNs < HASTE_NS ? haste + 1 : Math.min(haste, 0);
        lastCallNs = now;
    }

    /** A system call: the processor left the return address in rcx and the flags in r11. */
    private static Exit call(Processor processor, Registers registers) {
        processor.storeGeneral(registers);
        registers.rsp(processor.rsp());
        registers.rip(registers.rcx());
        registers.eflags(registers.r11());
        registers.cs(Supervisor.USER_CS);
        registers.origRax(registers.rax());
        registers.rax(-Errno.ENOSYS.number());
        GuestRegisters.mend(registers);
        return Exit.Plain.SYSCALL;
    }

    private static void storeUser(Processor processor, Registers registers) {
        processor.storeGeneral(registers);
        registers.rsp(processor.rsp());
        registers.rip(processor.rip());
        registers.eflags(processor.flags());
        registers.cs(processor.selector());
        GuestRegisters.mend(registers);
    }

    private Exit exception(int vector, Processor processor, KvmAddressSpace space, Registers registers) throws ErrnoException {
        processor.storeGeneral(registers);
        boolean hasError = Exceptions.hasErrorCode(vector);
        int at = hasError ? 1 : 0;
        registers.rip(processor.pushed(at));
        registers.cs(processor.pushed(at + 1));
        registers.eflags(processor.pushed(at + 2));
        registers.rsp(processor.pushed(at + 3));
        GuestRegisters.mend(registers);
        long error = hasError ? processor.pushed(0) : 0;
        if (vector == Exceptions.PAGE_FAULT) {
            return pageFault(processor.faultAddress(), error, space);
        }
        if (vector == Exceptions.INVALID_OPCODE && space.byteAt(registers.rip()) == INT_N) {
            return Exceptions.generalProtection(); // some monitors say so of int 0x80
        }
        if (vector == Exceptions.MATH_FAULT || vector == Exceptions.SIMD_FAULT) {
            processor.saveFpu(fpu);
            return Exceptions.floatingPoint(vector, fpu, registers.rip());
        }
        return Exceptions.signal(vector, registers.rip());
    }

    private Exit pageFault(long address, long error, KvmAddressSpace space) {
        boolean execute = (error & Exceptions.FETCH) != 0;
        boolean write = (error & Exceptions.WRITE) != 0;
        boolean own = address < 0 || address >= KvmPlatform.ADDRESS_LIMIT;
        if (!own && space.tables().allows(address, write, execute)) {
            return null; // mapped since, or the processor remembered what was
        }
        AccessType access = execute ? AccessType.EXECUTE : write ? AccessType.WRITE : AccessType.READ;
        return fault.set(address, access, !own && (error & Exceptions.PRESENT) != 0);
    }

    /** The guest touched the doorbell by itself: there is no memory for it. */
    private Exit strayAccess(Processor processor, Registers registers) {
        boolean store = processor.accessWasStore();
        for (int i = 0; i < MOST_ACCESSES && processor.exitReason() == KvmLayout.EXIT_MMIO; i++) {
            processor.finishInstruction();
        }
        storeUser(processor, registers);
        return fault.set(Supervisor.SLOTS, store ? AccessType.WRITE : AccessType.READ, false);
    }

    /** Brings the FPU state into a processor that the caller has. */
    private void adopt(Processor processor) throws ErrnoException {
        KvmContext before = processor.owner();
        if (before == this && home == processor) {
            return;
        }
        if (before != null) {
            before.leave(processor); // first: its task may have our processor and wait for this
        }
        takeHome(true); // from another processor
        processor.loadFpu(fpu);
        home = processor;
        processor.owner(this);
    }

    /** Moves the state out of a processor that the caller has. */
    private void leave(Processor processor) throws ErrnoException {
        processor.saveFpu(fpu);
        processor.owner(null);
    }

    /**
     * Moves the state into {@link #fpu}; it may be on its way there already. On the task's own thread.
     *
     * @param isWanted whether the state matters; else it may be lost
     */
    private void takeHome(boolean isWanted) throws ErrnoException {
        Processor kept = held();
        if (kept != null) {
            kept.bringOut();
            letGo(kept);
        }
        Processor processor = home;
        if (processor == null) {
            return;
        }
        while (processor.owner() == this) {
            if (processor.tryTake()) {
                try {
                    if (processor.owner() == this) {
                        if (isWanted) {
                            leave(processor);
                        } else {
                            processor.owner(null);
                        }
                    }
                } finally {
                    processor.machine().processors().giveBack(processor);
                }
            } else {
                Thread.onSpinWait();
            }
        }
        home = null;
    }

    @Override
    public void interrupt() {
        interrupted = true;
        kick();
    }

    /** Ends KVM_RUN, for nothing if it must. Any thread. */
    void kick() {
        Thread company = companyThread;
        if (company != null) {
            LockSupport.unpark(company); // it will kick the companion
        } else if (running) {
            HostSignal.kill(HostProcess.processId(), threadId, Processor.KICK);
        }
    }

    @Override
    public int fpuBytes() {
        return format.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        Processor processor = home;
        if (held() != null) {
            held.bringOut();
            held.saveFpu(fpu);
            processor = null;
        }
        while (processor != null && processor.owner() == this) {
            if (processor.tryTake()) {
                try {
                    if (processor.owner() == this) {
                        processor.saveFpu(fpu);
                    }
                } finally {
                    processor.machine().processors().giveBack(processor);
                }
                break;
            }
            Thread.onSpinWait();
        }
        format.clearSoftwareBytes(fpu);
        MemorySegment.copy(fpu, 0, image, 0, format.bytes());
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        incoming = format.accept(image, incoming);
        takeHome(false);
        MemorySegment.copy(incoming, 0, fpu, 0, format.bytes());
    }

    @Override
    public void resetFpu() throws ErrnoException {
        takeHome(false);
        format.initialise(fpu);
    }

    @Override
    public void sleeping() {
        if (awake) {
            awake = false;
            crowd.leave();
        }
        if (held != null && !lent) {
            lent = true;
            held.companion().lend();
        }
    }

    @Override
    public void awake() {
        if (!awake) {
            awake = true;
            crowd.enter();
        }
    }

    @Override
    public void close() {
        if (awake) {
            awake = false;
            crowd.leave();
        }
        try {
            takeHome(false);
        } catch (ErrnoException e) {
            home = null; // the state is gone, and nobody wants it any more
        }
    }
}
