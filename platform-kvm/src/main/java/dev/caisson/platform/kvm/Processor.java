package dev.caisson.platform.kvm;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostKvm;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostProcessor;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A virtual processor. Whoever has taken it ({@link #tryTake}) is the only one to touch it, but for {@link #kick}.
 *
 * <p>General and system registers go through the page that KVM shares with us ({@code kvm_run}); no guest can write that.
 */
final class Processor {
    /** Ends KVM_RUN. Blocked in all threads that run guests, but for the time in KVM_RUN; ignored by default elsewhere. */
    static final int KICK = Signals.SIGURG;
    /** The mask of {@link #KICK}. */
    static final long KICK_MASK = 1L << KICK - 1;

    private static final int PAGE = 4096;
    private static final long KICK_NS = 200_000;
    private static final int MSR_STAR = 0xc000_0081;
    private static final int MSR_LSTAR = 0xc000_0082;
    private static final int MSR_CSTAR = 0xc000_0083;
    private static final int MSR_SYSCALL_MASK = 0xc000_0084;
    /** Flags that {@code syscall} clears: TF IF DF IOPL NT AC, as on Linux. */
    private static final long SYSCALL_MASK = 0x47700;
    /** PE MP ET NE WP AM PG. */
    private static final long CR0 = 0x8005_0033L;
    /** PAE OSFXSR OSXMMEXCPT OSXSAVE. */
    private static final long CR4 = 0x4_0620;
    private static final long CR4_FSGSBASE = 0x1_0000;
    /** SCE LME LMA NX. */
    private static final long EFER = 0xd01;
    private static final long XTILE = 3L << 17;

    private static final int CODE_TYPE = 11;
    private static final int DATA_TYPE = 3;

    /** Registers in the order of {@link Registers}, without orig_rax and what follows; 0 stands for none. */
    private static final int[] GENERAL = {
        KvmLayout.R15, KvmLayout.R14, KvmLayout.R13, KvmLayout.R12, KvmLayout.RBP, KvmLayout.RBX, KvmLayout.R11, KvmLayout.R10,
        KvmLayout.R9, KvmLayout.R8, KvmLayout.RAX, KvmLayout.RCX, KvmLayout.RDX, KvmLayout.RSI, KvmLayout.RDI};

    private final Machine machine;
    private final int fd;
    private final MemorySegment shared;
    private final MemorySegment stack;
    private final AtomicBoolean taken = new AtomicBoolean(true);

    /** Whose FPU and segment state is here. Written by the taker. */
    private volatile KvmContext owner;
    /** Who is in {@link #run}. */
    private volatile KvmContext runner;
    private final int number;
    private KvmAddressSpace space;
    private Slot slot;
    private Companion companion;
    /** Whether the last exit was a system call in ring 0; {@code rip} may have been overwritten since. */
    private boolean entered;

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
        long offset = machine.supervisor().addProcessor(number);
        stack = machine.tables().memory().asSlice(offset, PAGE);
        fd = (int) Errno.check(HostKvm.createProcessor(machine.fd(), number));
        shared = HostMemory.mapFile(fd, 0, machine.device().sharedBytes(), true);
        if (shared == null) {
            HostFile.close(fd);
            throw Errno.ENOMEM.error("kvm_run");
        }
        try {
            prepare(number);
        } catch (ErrnoException e) {
            close();
            throw e;
        }
    }

    private void prepare(int number) throws ErrnoException {
        Errno.check(HostKvm.setCpuid(fd, machine.device().cpuid()));
        Errno.check(HostKvm.setXcr0(fd, HostProcessor.xsaveStates() & ~XTILE));
        MemorySegment sregs = shared.asSlice(KvmLayout.RUN_SREGS, KvmLayout.SREGS_BYTES);
        Errno.check(HostKvm.systemRegisters(fd, sregs));
        setSegment(sregs, KvmLayout.CS, Supervisor.USER_CS, CODE_TYPE);
        setSegment(sregs, KvmLayout.SS, Supervisor.USER_SS, DATA_TYPE);
        for (int segment : new int[] {KvmLayout.DS, KvmLayout.ES, KvmLayout.FS, KvmLayout.GS}) {
            setSegment(sregs, segment, 0, DATA_TYPE);
        }
        sregs.asSlice(KvmLayout.LDT, KvmLayout.SEGMENT_BYTES).fill((byte) 0);
        sregs.set(Layouts.U8, KvmLayout.LDT + KvmLayout.SEGMENT_UNUSABLE, (byte) 1);
        MemorySegment tr = sregs.asSlice(KvmLayout.TR, KvmLayout.SEGMENT_BYTES);
        tr.fill((byte) 0);
        tr.set(Layouts.U64, 0, Supervisor.taskState(number));
        tr.set(Layouts.U32, KvmLayout.SEGMENT_LIMIT, 0x67);
        tr.set(Layouts.U16, KvmLayout.SEGMENT_SELECTOR, (short) Supervisor.TSS_SELECTOR);
        tr.set(Layouts.U8, KvmLayout.SEGMENT_TYPE, (byte) 11); // busy 64-bit task state segment
        tr.set(Layouts.U8, KvmLayout.SEGMENT_PRESENT, (byte) 1);
        sregs.set(Layouts.U64, KvmLayout.GDT, Supervisor.GDT);
        sregs.set(Layouts.U16, KvmLayout.GDT + 8, (short) Supervisor.GDT_LIMIT);
        sregs.set(Layouts.U64, KvmLayout.IDT, Supervisor.IDT);
        sregs.set(Layouts.U16, KvmLayout.IDT + 8, (short) Supervisor.IDT_LIMIT);
        sregs.set(Layouts.U64, KvmLayout.CR0, CR0);
        sregs.set(Layouts.U64, KvmLayout.CR4, CR4 | CR4_FSGSBASE);
        sregs.set(Layouts.U64, KvmLayout.EFER, EFER);
        sregs.set(Layouts.U64, KvmLayout.CR3, machine.supervisor().root());
        if (HostKvm.setSystemRegisters(fd, sregs) < 0) {
            sregs.set(Layouts.U64, KvmLayout.CR4, CR4); // a processor without fsgsbase
            Errno.check(HostKvm.setSystemRegisters(fd, sregs));
        }
        HostKvm.setModelRegister(fd, MSR_STAR, (long) (Supervisor.USER_SS - 8) << 48 | (long) Supervisor.KERNEL_CS << 32);
        HostKvm.setModelRegister(fd, MSR_LSTAR, machine.entryPath() == EntryPath.RING_0 ? Supervisor.ENTRY : Supervisor.stubAddress(number));
        HostKvm.setModelRegister(fd, MSR_CSTAR, Supervisor.ENTRY);
        HostKvm.setModelRegister(fd, MSR_SYSCALL_MASK, SYSCALL_MASK);
        HostKvm.setTscOffset(fd, 0); // where this cannot be said, the guest has the host's counter anyway, or the clock is asked for
        Errno.check(HostKvm.setSignalMask(fd, ~KICK_MASK));
        shared.set(Layouts.U64, KvmLayout.RUN_VALID_REGS,
            KvmLayout.SYNC_REGS | KvmLayout.SYNC_SREGS | KvmLayout.SYNC_EVENTS);
    }

    private static void setSegment(MemorySegment sregs, int segment, int selector, int type) {
        MemorySegment s = sregs.asSlice(segment, KvmLayout.SEGMENT_BYTES);
        s.fill((byte) 0);
        boolean is64 = selector == Supervisor.USER_CS;
        s.set(Layouts.U32, KvmLayout.SEGMENT_LIMIT, -1);
        s.set(Layouts.U16, KvmLayout.SEGMENT_SELECTOR, (short) selector);
        s.set(Layouts.U8, KvmLayout.SEGMENT_TYPE, (byte) type);
        s.set(Layouts.U8, KvmLayout.SEGMENT_PRESENT, (byte) 1);
        s.set(Layouts.U8, KvmLayout.SEGMENT_DPL, (byte) 3);
        s.set(Layouts.U8, KvmLayout.SEGMENT_DB, (byte) (is64 ? 0 : 1));
        s.set(Layouts.U8, KvmLayout.SEGMENT_S, (byte) 1);
        s.set(Layouts.U8, KvmLayout.SEGMENT_L, (byte) (is64 ? 1 : 0));
        s.set(Layouts.U8, KvmLayout.SEGMENT_G, (byte) 1);
    }

    int number() {
        return number;
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

    Machine machine() {
        return machine;
    }

    /** {@return whether the caller has the processor now} */
    boolean tryTake() {
        return !taken.getPlain() && taken.compareAndSet(false, true);
    }

    void giveBack() {
        taken.set(false);
    }

    KvmContext owner() {
        return owner;
    }

    void owner(KvmContext context) {
        owner = context;
    }

    /** Makes whoever runs come out of {@link #run}; it may come out for nothing. Any thread. */
    void kick() {
        KvmContext running = runner;
        if (running != null) {
            running.kick();
        }
    }

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
     * @throws ErrnoException ENOMEM when there is no slot for this processor in that space
     */
    void load(KvmAddressSpace where, Registers registers) throws ErrnoException {
        MemorySegment from = registers.segment();
        for (int i = 0; i < GENERAL.length; i++) {
            shared.set(Layouts.U64, GENERAL[i], from.get(Layouts.U64, 8L * i));
        }
        shared.set(Layouts.U64, KvmLayout.RSP, registers.rsp());
        shared.set(Layouts.U64, KvmLayout.RIP, registers.rip());
        shared.set(Layouts.U64, KvmLayout.RFLAGS, registers.eflags());
        int dirty = KvmLayout.SYNC_REGS;
        if (loadSystem(where, registers)) {
            dirty |= KvmLayout.SYNC_SREGS;
        }
        // what an earlier load set may not have been applied yet
        shared.set(Layouts.U64, KvmLayout.RUN_DIRTY_REGS, shared.get(Layouts.U64, KvmLayout.RUN_DIRTY_REGS) | dirty);
    }

    /** {@return whether system registers changed} */
    private boolean loadSystem(KvmAddressSpace where, Registers registers) throws ErrnoException {
        MemorySegment page = shared;
        int cs = (int) registers.cs();
        boolean changed = false;
        if (selector() != cs) {
            if (cs == Supervisor.USER_CS && entered && where == space && sameBases(registers)
                && registers.rcx() == registers.rip() && registers.r11() == registers.eflags()) {
                page.set(Layouts.U64, KvmLayout.RIP, Supervisor.SYSRET); // much cheaper than to change the ring from outside
                page.set(Layouts.U64, KvmLayout.RFLAGS, 2);
                return false;
            }
            MemorySegment sregs = page.asSlice(KvmLayout.RUN_SREGS, KvmLayout.SREGS_BYTES);
            setSegment(sregs, KvmLayout.CS, cs, CODE_TYPE);
            setSegment(sregs, KvmLayout.SS, Supervisor.USER_SS, DATA_TYPE);
            changed = true;
        }
        if (!sameBases(registers)) {
            page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS, registers.fsBase());
            page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS, registers.gsBase());
            changed = true;
        }
        if (where != space) {
            slot = where.slot(number);
            space = where;
            page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.CR3, where.root());
            changed = true;
        }
        return changed;
    }

    private boolean sameBases(Registers registers) {
        return shared.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS) == registers.fsBase()
            && shared.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS) == registers.gsBase();
    }

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
        entered = result == 0 && exitReason() == KvmLayout.EXIT_HLT && rip() == Supervisor.ENTRY + 1;
        return result;
    }

    /** {@return whether the last exit was a system call in ring 0} */
    boolean isAtEntry() {
        return entered;
    }

    /** {@return whether the last exit was the stub's for a call that is in the registers} */
    boolean isAtCall() {
        return isAtDoorbell() && machine.supervisor().stub().isCall(stubOffset());
    }

    /** {@return whether the last exit was the stub's for anything but that} */
    boolean isStubOutside() {
        return isAtDoorbell() && machine.supervisor().stub().isStub(stubOffset());
    }

    /** {@return whether the last exit was the stub's, which waits for the kernel} */
    boolean isStubWaiting() {
        return isStubOutside() && !machine.supervisor().stub().isLeave(stubOffset());
    }

    private boolean isAtDoorbell() {
        return exitReason() == KvmLayout.EXIT_MMIO && accessWasStore();
    }

    /** {@return whether the guest is in the stub's code} */
    boolean isInStub() {
        return stubOffset() >= 0 && stubOffset() < PAGE;
    }

    /**
     * {@return whether the guest is in a handler, an instruction away from its end, or about to be} An exception that KVM has taken up
     * but not delivered would else hit whoever runs here next.
     */
    boolean isInHandler() {
        return selector() == Supervisor.KERNEL_CS || shared.get(Layouts.U8, KvmLayout.RUN_EXCEPTION_INJECTED) != 0
            || shared.get(Layouts.U8, KvmLayout.RUN_EXCEPTION_PENDING) != 0;
    }

    private long stubOffset() {
        return rip() - Supervisor.stubAddress(number);
    }

    /** Lets KVM finish an instruction of the guest that it emulates; nothing of the guest runs. */
    void finishInstruction() {
        shared.set(Layouts.U8, KvmLayout.RUN_IMMEDIATE_EXIT, (byte) 1);
        HostKvm.run(fd);
        shared.set(Layouts.U8, KvmLayout.RUN_IMMEDIATE_EXIT, (byte) 0);
    }

    /**
     * Copies the general registers but rip, rsp and flags, and the bases.
     *
     * @param registers where to
     */
    void storeGeneral(Registers registers) {
        MemorySegment to = registers.segment();
        for (int i = 0; i < GENERAL.length; i++) {
            to.set(Layouts.U64, 8L * i, shared.get(Layouts.U64, GENERAL[i]));
        }
        registers.fsBase(shared.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS));
        registers.gsBase(shared.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS));
    }

    int exitReason() {
        return shared.get(Layouts.U32, KvmLayout.RUN_EXIT_REASON);
    }

    boolean accessWasStore() {
        return shared.get(Layouts.U8, KvmLayout.RUN_MMIO_IS_WRITE) != 0;
    }

    long rip() {
        return shared.get(Layouts.U64, KvmLayout.RIP);
    }

    long rsp() {
        return shared.get(Layouts.U64, KvmLayout.RSP);
    }

    long flags() {
        return shared.get(Layouts.U64, KvmLayout.RFLAGS);
    }

    /** {@return the code selector; ring 0's while an exception or a call is handled} */
    int selector() {
        return shared.get(Layouts.U16, KvmLayout.RUN_SREGS + KvmLayout.CS + KvmLayout.SEGMENT_SELECTOR) & 0xffff;
    }

    /** {@return the address of the last page fault} */
    long faultAddress() {
        return shared.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.CR2);
    }

    /** {@return a word of what an exception pushed, counted from the supervisor's stack pointer} */
    long pushed(int index) {
        return stack.get(Layouts.U64, (rsp() & PAGE - 1) + 8L * index);
    }

    void close() {
        if (companion != null) {
            companion.close();
        }
        HostMemory.unmap(shared.address(), shared.byteSize());
        HostFile.close(fd);
    }
}
