package dev.caisson.platform.systrap;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostScheduler;
import dev.caisson.host.HostSignal;
import dev.caisson.mailbox.GuestRegisters;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.mailbox.SpinPolicy;
import dev.caisson.mailbox.Spinner;
import dev.caisson.mailbox.Turn;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.stub.FpuFormat;
import dev.caisson.stub.Placed;
import dev.caisson.stub.Processors;
import dev.caisson.stub.StubCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One task: the kernel's side of a slot. The slot is taken when the task first runs in a space, and given back when it goes to
 * another.
 */
final class SystrapContext implements GuestContext, Placed {
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int SI_KERNEL = 0x80;
    private static final int SEGV_MAPERR = 1;
    private static final int SEGV_ACCERR = 2;
    private static final int BUS_ADRERR = 2;
    /** Bits of a page fault's error code. */
    private static final int ERROR_WRITE = 2;
    private static final int ERROR_FETCH = 16;
    private static final int URETPROBE = 335;
    private static final int SYSCALL_BYTES = 2;
    private static final long NO_SYSCALL = -38; // what rax holds until there is a result
    /** So often a stub may not answer in time although it was kicked. */
    private static final int KICKS = 20;

    private final FpuFormat format;
    private final SlotGeometry geometry;
    private final Spinner spinner;
    private final Processors processors;
    private final long patienceNs;
    private final Exit.Fault fault = new Exit.Fault();
    /** The FPU state while no stub thread holds it. */
    private final MemorySegment fpu;
    /** Where new states are looked at; made when first needed. */
    private MemorySegment incoming;
    private boolean fpuInThread;
    /** Whether both threads are bound to one processor: {@link #place}. */
    private boolean paired;
    /** The pair of processors that both threads are bound to, or negative. */
    private int onPair = -1;
    /** Guarded by this, but for reading on the task's own thread. */
    private int place = -1;
    private boolean awake;
    private volatile int javaThreadId;

    private SystrapAddressSpace space;
    private volatile Slot slot;
    /** Bases that the stub thread has. */
    private long fsBase;
    private long gsBase;
    private boolean basesKnown;
    /** The base of fs under which the slot is noted in its process's table, and the table's generation then. */
    private long claimed;
    private int generation;
    private volatile boolean running;
    private volatile boolean interrupted;
    /** A kick is on its way that has not led to an event. Keeps the handler's stack shallow. */
    private final AtomicBoolean kicked = new AtomicBoolean();

    SystrapContext(FpuFormat format, SlotGeometry geometry, SpinPolicy policy, Processors processors, long patienceNs) {
        this.format = format;
        this.geometry = geometry;
        this.spinner = new Spinner(policy, () -> interrupted);
        this.processors = processors;
        this.patienceNs = patienceNs;
        fpu = Arena.ofAuto().allocate(format.bytes(), 64);
        format.initialise(fpu);
    }

    @Override
    public Exit run(AddressSpace wanted, Registers registers) throws ErrnoException {
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (space != wanted) {
            attach((SystrapAddressSpace) wanted);
        }
        if (!GuestRegisters.prepare(registers)) {
            return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);
        }
        boolean spins = spinner.begin();
        if (interrupted) {
            interrupted = false;
            return Exit.Plain.INTERRUPTED;
        }
        if (spins != (onPair >= 0) || spins && onPair != spinner.pair()) {
            changePlaces(spins);
        }
        Slot own = slot;
        int command = SlotLayout.LOAD_REGISTERS;
        if (!fpuInThread) {
            MemorySegment.copy(fpu, 0, own.memory(), geometry.fpu(), format.bytes());
            fpuInThread = true;
            command |= SlotLayout.LOAD_FPU;
        }
        if (!basesKnown || registers.fsBase() != fsBase || registers.gsBase() != gsBase) {
            basesKnown = true;
            fsBase = registers.fsBase();
            gsBase = registers.gsBase();
            command |= SlotLayout.LOAD_BASES;
        }
        SlotTable table = space.table();
        if (fsBase != claimed || generation != table.generation()) {
            claim(table, own);
        }
        MemorySegment.copy(registers.segment(), 0, own.memory(), SlotLayout.REGISTERS, Registers.BYTES);
        while (true) {
            running = true;
            if (interrupted) {
                running = false;
                interrupted = false;
                forgetCommand(command);
                return Exit.Plain.INTERRUPTED;
            }
            give(own, command);
            await(own);
            running = false;
            int kind = own.memory().get(Layouts.U32, SlotLayout.KIND);
            Exit exit = event(own.memory(), kind, registers);
            if (exit != null) {
                return exit;
            }
            command = SlotLayout.LOAD_REGISTERS; // a kick that came late, or a signal of somebody on the host: go on as it was
            MemorySegment.copy(registers.segment(), 0, own.memory(), SlotLayout.REGISTERS, Registers.BYTES);
        }
    }

    /**
     * While they spin, the two threads of this task are bound to the two processors of a pair: one that spins must not keep the other
     * from running. Otherwise both are bound to one processor, where a switch from one to the other is cheapest.
     */
    private void changePlaces(boolean spins) {
        if (spins) {
            if (paired) {
                processors.leave(this);
                paired = false;
            }
            onPair = spinner.pair();
            HostScheduler.pin(0, processors.number(2 * onPair));
            HostScheduler.pin(slot.threadId(), processors.number(2 * onPair + 1));
        } else {
            onPair = -1;
            paired = true;
            javaThreadId = HostProcess.threadId();
            processors.enter(this);
        }
    }

    private void claim(SlotTable table, Slot own) {
        generation = table.generation();
        if (fsBase == claimed) {
            table.claimAgain(own, fsBase);
        } else {
            table.drop(own, claimed);
            table.claim(own, fsBase);
            claimed = fsBase;
        }
    }

    /** What was to be loaded is still to be loaded. */
    private void forgetCommand(int command) {
        if ((command & SlotLayout.LOAD_FPU) != 0) {
            fpuInThread = false;
        }
        if ((command & SlotLayout.LOAD_BASES) != 0) {
            basesKnown = false;
        }
    }

    private void give(Slot own, int command) {
        own.memory().set(Layouts.U32, SlotLayout.COMMAND, command);
        own.memory().set(Layouts.U64, SlotLayout.SPIN, paired ? 0 : Spinner.spinTicks());
        own.turn().give();
    }

    /** Waits for the kernel's turn, and sees to it that it comes. */
    private void await(Slot own) throws ErrnoException {
        Turn turn = own.turn();
        if (paired) {
            if (turn.isMine()) {
                return;
            }
        } else if (turn.spin(spinner.spinNs())) {
            spinner.succeeded();
            return;
        } else {
            spinner.failed();
        }
        int unanswered = 0;
        while (!turn.sleep(patienceNs)) {
            if (space.process().isDead() || !HostProcess.isAlive(space.process().processId(), StubCode.CODE)) {
                throw lost();
            }
            if (interrupted && ++unanswered > KICKS) { // no code of ours takes that long
                space.kill();
                throw lost();
            }
        }
    }

    /** {@return what to tell the kernel, or null if this event is nobody's business} */
    private Exit event(MemorySegment memory, int kind, Registers registers) {
        MemorySegment.copy(memory, SlotLayout.REGISTERS, registers.segment(), 0, Registers.BYTES);
        GuestRegisters.mend(registers);
        if (registers.fsBase() != fsBase) {
            space.table().disable(); // the guest does it itself: bases no longer tell its threads apart
            fsBase = registers.fsBase();
        }
        gsBase = registers.gsBase();
        Trampolines trampolines = space.trampolines();
        boolean inTrampoline = trampolines != null && trampolines.contains(registers.rip());
        switch (kind) {
            case SlotLayout.KIND_DIRECT_CALL -> {
                registers.origRax(registers.rax());
                registers.rax(NO_SYSCALL);
                return Exit.Plain.SYSCALL;
            }
            case SlotLayout.KIND_CALL -> {
                if (memory.get(Layouts.U32, SlotLayout.GATE) != AUDIT_ARCH_X86_64) {
                    // By int 0x80 or sysenter. We are a kernel without 32-bit calls, where these are general protection faults.
                    registers.origRax(-1);
                    registers.rip(registers.rip() - SYSCALL_BYTES);
                    return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);
                }
                registers.origRax(registers.rax());
                if (inTrampoline) {
                    registers.rip(trampolines.returnAddress(registers.rip()));
                    registers.rcx(registers.rip());
                } else if (space.rewriter() != null) {
                    space.rewriter().trapped(registers.rip(), registers.rax());
                }
                registers.rax(NO_SYSCALL);
                return Exit.Plain.SYSCALL;
            }
            case SlotLayout.KIND_INTERRUPT -> {
                kicked.set(false);
                registers.origRax(-1);
                if (inTrampoline) {
                    registers.rip(trampolines.site(registers.rip()));
                }
                if (interrupted) {
                    interrupted = false;
                    return Exit.Plain.INTERRUPTED;
                }
                return null;
            }
            default -> {
                registers.origRax(-1);
                if (inTrampoline && leaveTrampoline(memory, registers)) {
                    return null;
                }
                return exception(memory, registers);
            }
        }
    }

    /**
     * An exception in a trampoline is one of its site. Who steps through code gets the site back as it was.
     *
     * @return whether to go on there without a word
     */
    private boolean leaveTrampoline(MemorySegment memory, Registers registers) {
        long at = registers.rip();
        registers.rip(space.trampolines().site(at));
        SiteRewriter rewriter = space.rewriter();
        return memory.get(Layouts.U32, SlotLayout.SIGNAL) == Signals.SIGTRAP && rewriter != null && rewriter.undo(at);
    }

    private Exit exception(MemorySegment memory, Registers registers) {
        int signal = memory.get(Layouts.U32, SlotLayout.SIGNAL);
        int code = memory.get(Layouts.U32, SlotLayout.CODE);
        long address = memory.get(Layouts.U64, SlotLayout.ADDRESS);
        if (code <= 0) {
            return null; // sent by somebody on the host: SI_USER, SI_TKILL, ...
        }
        if (signal == Signals.SIGSEGV && (code == SEGV_MAPERR || code == SEGV_ACCERR)) {
            return fault.set(address, access(memory, address == registers.rip()), code == SEGV_ACCERR);
        }
        if (signal == Signals.SIGBUS && code >= BUS_ADRERR) { // beyond the end of the memory file
            return fault.set(address, access(memory, false), true);
        }
        if (signal == Signals.SIGILL && code == SI_KERNEL) {
            // The one or two calls that seccomp lets pass since Linux 6.14, whatever the filter says; the host does not like theirs.
            registers.origRax(URETPROBE);
            registers.rax(NO_SYSCALL);
            return Exit.Plain.SYSCALL;
        }
        if (signal < 1 || signal > Signals.SIGSYS) {
            return new Exit.Signal(Signals.SIGKILL, code, 0); // guest code has written to the slot
        }
        // The host's kernel adds an address to a trap or not; Linux's own guests see the same.
        return new Exit.Signal(signal, code, code == SI_KERNEL ? 0 : address);
    }

    private static AccessType access(MemorySegment memory, boolean fetch) {
        long error = memory.get(Layouts.U64, SlotLayout.ERROR);
        if (fetch || (error & ERROR_FETCH) != 0) { // on the vsyscall page, the code says something else
            return AccessType.EXECUTE;
        }
        return (error & ERROR_WRITE) != 0 ? AccessType.WRITE : AccessType.READ;
    }

    private void attach(SystrapAddressSpace wanted) throws ErrnoException {
        detach();
        slot = wanted.takeSlot();
        space = wanted;
        basesKnown = false;
        fpuInThread = false;
        if (paired) {
            HostScheduler.pin(slot.threadId(), processors.number(place));
        }
        onPair = -1;
    }

    /** Gives the slot back, and keeps the FPU state. */
    private void detach() throws ErrnoException {
        if (slot == null) {
            return;
        }
        if (space.process().isDead()) {
            forgetSlot();
            forgetFpu();
            return;
        }
        fetchFpu();
        fpuInThread = false;
        SystrapAddressSpace old = space;
        giveBack(old, slot);
    }

    private void giveBack(SystrapAddressSpace old, Slot own) {
        old.table().drop(own, claimed);
        claimed = 0;
        forgetSlot();
        if (paired || onPair >= 0) {
            HostScheduler.pin(own.threadId(), processors.all());
        }
        old.giveBack(own);
    }

    private void forgetSlot() {
        synchronized (this) { // nobody kicks a thread that has become another's
            slot = null;
            kicked.set(false);
        }
        space = null;
        claimed = 0;
    }

    private ErrnoException lost() {
        running = false;
        space.process().markDead();
        forgetSlot();
        forgetFpu();
        return Errno.ESRCH.error("stub thread is gone");
    }

    private void forgetFpu() {
        fpuInThread = false;
        format.initialise(fpu);
    }

    /** Brings {@link #fpu} up to date. */
    private void fetchFpu() throws ErrnoException {
        if (!fpuInThread) {
            return;
        }
        Slot own = slot;
        give(own, SlotLayout.SAVE_FPU);
        await(own);
        MemorySegment.copy(own.memory(), geometry.fpu(), fpu, 0, format.bytes());
        format.clearSoftwareBytes(fpu);
        try {
            format.check(fpu);
        } catch (ErrnoException e) {
            format.initialise(fpu); // guest code has written to the slot
            fpuInThread = false;
        }
    }

    @Override
    public void interrupt() {
        interrupted = true;
        spinner.callAway();
        if (running && kicked.compareAndSet(false, true)) {
            synchronized (this) {
                Slot own = slot;
                if (own != null) {
                    HostSignal.kill(own.processId(), own.threadId(), SystrapCode.KICK);
                }
            }
        }
    }

    @Override
    public int fpuBytes() {
        return format.bytes();
    }

    @Override
    public void saveFpu(MemorySegment image) throws ErrnoException {
        fetchFpu();
        MemorySegment.copy(fpu, 0, image, 0, format.bytes());
    }

    @Override
    public void restoreFpu(MemorySegment image) throws ErrnoException {
        incoming = format.accept(image, incoming);
        MemorySegment.copy(incoming, 0, fpu, 0, format.bytes());
        fpuInThread = false;
    }

    @Override
    public void resetFpu() {
        format.initialise(fpu);
        fpuInThread = false;
    }

    @Override
    public void sleeping() {
        Slot own = slot;
        if (paired) {
            if (awake) {
                processors.sleeping(this);
            }
        } else if (own != null) {
            own.memory().set(Layouts.U64, SlotLayout.SPIN, 0); // others may want the processor
            spinner.end();
        }
    }

    @Override
    public void awake() {
        if (paired && !awake) {
            processors.awake(this);
        }
    }

    @Override
    public void close() {
        if (slot != null && !space.process().isDead()) {
            giveBack(space, slot);
        }
        if (paired) {
            processors.leave(this);
            paired = false;
        } else if (onPair >= 0) {
            HostScheduler.pin(0, processors.all());
        }
        onPair = -1;
        spinner.end();
    }

    /** {@return the stub thread, for tests; the task has run} */
    int threadId() {
        return slot.threadId();
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
        Slot own = slot;
        if (own != null) {
            HostScheduler.pin(own.threadId(), number);
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
