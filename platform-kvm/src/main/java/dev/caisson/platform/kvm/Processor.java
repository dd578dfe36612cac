package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostKvm;
import dev.caisson.host.HostMemory;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A virtual processor. Whoever has taken it ({@link #tryTake}) is the only one to touch it, but for {@link #kick}.
 *
 * <p>Guests go on by an instruction of ring 0 if the last exit was there, since that is much cheaper than to change rings from outside.
 */
final class Processor {
    /** Ends KVM_RUN. Blocked in all threads that run guests, but for the time in KVM_RUN; ignored by default elsewhere. */
    static final int KICK = Signals.SIGURG;
    /** The mask of {@link #KICK}. */
    static final long KICK_MASK = 1L << KICK - 1;

    private static final int PAGE = 4096;
    private static final long KICK_NS = 200_000;
    private static final int FRAME_BYTES = 40;
    private static final int RING_0_FLAGS = 2;

    private final Machine machine;
    private final int number;
    private final int fd;
    private final RunPage page;
    private final MemorySegment stack;
    private final StubCode stub;
    private final AtomicBoolean taken = new AtomicBoolean(true);

    /** Whose FPU state is here. Written by the taker. */
    private volatile FpuState owner;
    /** Who is in {@link #run}. */
    private volatile KvmContext runner;
    private KvmAddressSpace space;
    private Slot slot;
    /** Written by the taker. */
    private volatile Companion companion;
    /** Whether the last exit was a system call's in ring 0; {@code rip} may have been overwritten since. */
    private boolean entered;
    /** Whether a guest has brought it into a state that we do not know. */
    private boolean isDamaged;

    /**
     * Makes a processor, taken by the caller.
     *
     * @param machine its machine
     * @param number its number
     * @throws ErrnoException when the host has no memory for it, or it lacks what guests need
     */
    Processor(Machine machine, int number) throws ErrnoException {
        this.machine = machine;
        this.number = number;
        stub = machine.supervisor().stub();
        stack = machine.tables().memory().asSlice(machine.supervisor().addProcessor(number), PAGE);
        fd = (int) Errno.check(HostKvm.createProcessor(machine.fd(), number));
        MemorySegment shared = HostMemory.mapFile(fd, 0, machine.device().sharedBytes(), true);
        if (shared == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("kvm_run");
        }
        page = new RunPage(shared);
        try {
            ProcessorSetup.initialise(machine, fd);
            ProcessorSetup.reset(machine, fd, number, page);
        } catch (ErrnoException e) {
            close();
            throw e;
        }
    }

    int number() {
        return number;
    }

    Machine machine() {
        return machine;
    }

    StubCode stub() {
        return stub;
    }

    /** {@return what it shares with us} */
    RunPage page() {
        return page;
    }

    // ---- whose it is

    /** {@return whether the caller has the processor now} */
    boolean tryTake() {
        return !taken.getPlain() && taken.compareAndSet(false, true);
    }

    void giveBack() {
        taken.set(false);
    }

    FpuState owner() {
        return owner;
    }

    void owner(FpuState state) {
        owner = state;
    }

    /** {@return whether a space was loaded last} */
    boolean isIn(KvmAddressSpace other) {
        return space == other;
    }

    /** {@return the slot of the space that was loaded last} */
    Slot slot() {
        return slot;
    }

    /** {@return the thread that runs the guest while the task answers; made when first wanted} */
    Companion companion() {
        if (companion == null) {
            companion = new Companion(this);
        }
        return companion;
    }

    /** Makes the companion come out of KVM_RUN, where the guest waits for an answer; its holder's thread, or while that does not run. */
    void bringOut() {
        Companion running = companion;
        if (running == null || running.isOutside()) {
            return;
        }
        slot.dismiss();
        long start = System.nanoTime();
        while (!running.isOutside()) {
            Thread.onSpinWait();
            if (System.nanoTime() - start > KICK_NS) {
                running.kick();
                start = System.nanoTime();
            }
        }
    }

    // ---- state

    /** Copies the FPU state out. */
    void saveFpu(MemorySegment image) throws ErrnoException {
        Errno.check(HostKvm.xsave(fd, image));
    }

    /** Loads the FPU state. */
    void loadFpu(MemorySegment image) throws ErrnoException {
        Errno.check(HostKvm.setXsave(fd, image));
    }

    /**
     * Sets the state of user code to run.
     *
     * @param where its address space
     * @param registers its registers, which a user can have
     * @throws ErrnoException ENOMEM when there is no slot for this processor in that space; EIO when the host cannot repair it
     */
    void load(KvmAddressSpace where, Registers registers) throws ErrnoException {
        if (isDamaged) {
            ProcessorSetup.reset(machine, fd, number, page);
            space = null;
            isDamaged = false;
        }
        boolean changed = false;
        if (!page.hasSegments(registers)) {
            page.loadSegments(registers);
            changed = true;
        }
        if (where != space) {
            slot = where.slot(number);
            space = where;
            page.root(where.root());
            changed = true;
        }
        page.loadGeneral(registers);
        page.position(registers.rip(), registers.rsp(), registers.eflags());
        int selector = (int) registers.cs();
        if (changed) {
            page.enterUser(selector);
        } else if (page.codeSelector() == Supervisor.KERNEL_CS) {
            leaveRing0(registers);
        } else if (page.codeSelector() != selector) {
            page.enterUser(selector);
            changed = true;
        }
        page.changed(changed ? KvmLayout.SYNC_REGS | KvmLayout.SYNC_SREGS : KvmLayout.SYNC_REGS);
    }

    /** Lets ring 0 return to user code. */
    private void leaveRing0(Registers registers) {
        if (entered && registers.cs() == Supervisor.USER_CS && registers.rcx() == registers.rip()
            && registers.r11() == registers.eflags()) {
            page.position(Supervisor.stubAddress(number) + stub.sysret(), registers.rsp(), RING_0_FLAGS);
            return;
        }
        int frame = PAGE - FRAME_BYTES;
        stack.set(Layouts.U64, frame, registers.rip());
        stack.set(Layouts.U64, frame + 8, registers.cs());
        stack.set(Layouts.U64, frame + 16, registers.eflags());
        stack.set(Layouts.U64, frame + 24, registers.rsp());
        stack.set(Layouts.U64, frame + 32, Supervisor.USER_SS);
        page.position(Supervisor.IRET, Supervisor.taskState(number) + frame, RING_0_FLAGS);
    }

    /** The guest has brought the processor into a state that we do not know; the next one gets it as new. */
    void damaged() {
        isDamaged = true;
    }

    // ---- running

    /**
     * Runs the guest.
     *
     * @param context who runs it
     * @return 0 or a negated error number
     */
    long run(KvmContext context) {
        runner = context;
        long result = enter();
        runner = null;
        return result;
    }

    /** As {@link #run}, for the companion, which the context holds. */
    long enter() {
        long result = HostKvm.run(fd);
        entered = result == 0 && page.exitReason() == KvmLayout.EXIT_HLT && stub.isCall(stubOffset());
        return result;
    }

    /** Makes whoever runs come out of {@link #run}; it may come out for nothing. Any thread. */
    void kick() {
        KvmContext running = runner;
        Companion company = companion;
        if (running != null) {
            running.kick();
        } else if (company != null) {
            company.wake(); // its task may sleep while the guest computes; it looks who wants the processor
        }
    }

    /** Lets KVM finish an instruction of the guest that it emulates; nothing of the guest runs. */
    void finishInstruction() {
        page.immediateExit(true);
        HostKvm.run(fd);
        page.immediateExit(false);
    }

    // ---- where it stopped

    /** {@return whether the last exit was the stub's for a call that is in the registers} */
    boolean isAtCall() {
        return isAtDoorbell() && stub.isCall(stubOffset());
    }

    /** {@return whether the last exit was the stub's for anything but that} */
    boolean isStubOutside() {
        return isAtDoorbell() && stub.isStub(stubOffset());
    }

    /** {@return whether the last exit was the stub's, which waits for the kernel} */
    boolean isStubWaiting() {
        return isStubOutside() && !stub.isLeave(stubOffset());
    }

    private boolean isAtDoorbell() {
        return machine.entryPath() == EntryPath.RING_0 ? page.exitReason() == KvmLayout.EXIT_HLT
            : page.exitReason() == KvmLayout.EXIT_MMIO && page.accessWasStore();
    }

    /** {@return whether the guest is in the stub's code} */
    boolean isInStub() {
        long offset = stubOffset();
        return offset >= 0 && offset < PAGE;
    }

    /** {@return from the beginning of the stub's code} */
    long stubOffset() {
        return page.rip() - Supervisor.stubAddress(number);
    }

    /** {@return whether the guest has not gone on yet, so that its registers are those that were loaded} */
    boolean isReturning() {
        return page.codeSelector() == Supervisor.KERNEL_CS && !page.hasException()
            && (page.rip() == Supervisor.IRET || stubOffset() == stub.sysret());
    }

    /**
     * {@return whether the guest is in a handler, an instruction away from its end, or about to be} An exception that KVM has taken up
     * but not delivered would else hit whoever runs here next.
     */
    boolean isInHandler() {
        return page.codeSelector() == Supervisor.KERNEL_CS && !isInStub() || page.hasException();
    }

    /** {@return a word of what an exception pushed, counted from the supervisor's stack pointer} */
    long pushed(int index) {
        return stack.get(Layouts.U64, (page.rsp() & PAGE - 1) + 8L * index);
    }

    void close() {
        if (companion != null) {
            companion.close();
        }
        HostMemory.unmap(page.segment().address(), page.segment().byteSize());
        HostFile.close(fd);
    }
}
