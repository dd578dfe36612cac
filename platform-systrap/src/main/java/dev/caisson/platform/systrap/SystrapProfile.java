package dev.caisson.platform.systrap;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.SeccompProgram;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.stub.ControlPages;
import dev.caisson.stub.StubCode;
import dev.caisson.stub.StubProcess;
import dev.caisson.stub.StubProfile;
import java.lang.foreign.MemorySegment;

/** Stubs for systrap. */
final class SystrapProfile implements StubProfile {
    private static final int SIGALTSTACK = 131;
    private static final int RESTART_SYSCALL = 219;
    /** What control threads may do, and new threads until they have a filter of their own. */
    private static final int[] ALLOWED = {
        SyscallNumber.FUTEX, SyscallNumber.MMAP, SyscallNumber.MUNMAP, SyscallNumber.MPROTECT, SyscallNumber.MADVISE,
        SyscallNumber.CLONE, SyscallNumber.PWRITE64, SyscallNumber.PRCTL, SyscallNumber.GETPPID,
        SyscallNumber.RT_SIGPROCMASK, SyscallNumber.EXIT_GROUP, SIGALTSTACK, SyscallNumber.SECCOMP, RESTART_SYSCALL};

    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;
    private static final int[] HANDLED = {Signals.SIGSYS, Signals.SIGSEGV, Signals.SIGBUS, Signals.SIGFPE, Signals.SIGILL,
        Signals.SIGTRAP, StubWords.KICK, StubWords.WITHDRAW};
    private static final int SA_SIGINFO = 4;
    private static final int SA_RESTORER = 0x0400_0000;
    private static final int SA_ONSTACK = 0x0800_0000;
    private static final int SA_NODEFER = 0x4000_0000;
    private static final int ACTION_BYTES = 32;

    private final SlotGeometry geometry;
    private final SlotFile slots;
    private final TrampolineFile trampolines;
    private volatile long handler;

    SystrapProfile(SlotGeometry geometry, SlotFile slots, TrampolineFile trampolines) {
        this.geometry = geometry;
        this.slots = slots;
        this.trampolines = trampolines;
    }

    @Override
    public int[] descriptors() {
        return new int[] {slots.fd(), trampolines.fd()};
    }

    @Override
    public Attachment attach(MemorySegment page) throws ErrnoException {
        ProcessSlots own = new ProcessSlots(slots, geometry);
        page.set(Layouts.U64, ControlPages.EXTRA, own.firstChunk() + 1);
        return own;
    }

    @Override
    public long firstStack(Attachment attachment) {
        return geometry.address(2);
    }

    @Override
    public void assembleStart(StubCode stub, Assembler code) {
        SystrapCode.assembleStart(stub, code, geometry);
    }

    @Override
    public void assembleThread(StubCode stub, Assembler code) {
        SystrapCode own = new SystrapCode(code, geometry);
        SeccompProgram filter = guestFilter();
        own.assemble(stub, filter.instructions(), filter.length());
        trampolines.entry(own.entryAddress());
        handler = own.handlerAddress(); // the same in all images: what comes before has the same length in all of them
    }

    /** Handlers of signals are the same in all processes, which inherit them. */
    @Override
    public long prepareZygote(StubProcess process) {
        MemorySegment page = process.page();
        long[][] calls = new long[HANDLED.length][];
        for (int i = 0; i < HANDLED.length; i++) {
            long at = ControlPages.DATA + (long) i * ACTION_BYTES; // handler[8] flags[8] restorer[8] mask[8]
            page.set(Layouts.U64, at, handler);
            page.set(Layouts.U64, at + 8, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER);
            page.set(Layouts.U64, at + 16, handler); // never returned to
            page.set(Layouts.U64, at + 24, 0);
            calls[i] = new long[] {SyscallNumber.RT_SIGACTION, HANDLED[i], StubCode.CONTROL + at, 0, 8};
        }
        return process.orderAll(calls);
    }

    /** Refuses rather than kills: the verdict of the guests' filter must be the stronger one. */
    @Override
    public SeccompProgram controlFilter() {
        SeccompProgram program = SeccompProgram.ofAmd64(SeccompProgram.REFUSE).load(SeccompProgram.NUMBER);
        for (int number : ALLOWED) {
            program.endIf(number, SeccompProgram.ALLOW);
        }
        return program.end(SeccompProgram.REFUSE);
    }

    /**
     * What a thread may do that runs guest code: wait at a futex and wake others that wait at one, by an instruction in our own pages. It
     * reaches no futex but those in memory that the guest can reach. Everything else is a guest's system call.
     */
    static SeccompProgram guestFilter() {
        return SeccompProgram.ofAmd64(SeccompProgram.TRAP)
            .load(SeccompProgram.NUMBER).endUnless(SyscallNumber.FUTEX, SeccompProgram.TRAP)
            .load(SeccompProgram.PLACE_HIGH).endUnless((int) (StubCode.CODE >>> 32), SeccompProgram.TRAP)
            .load(SeccompProgram.PLACE_LOW).and(-StubCode.CODE_BYTES).endUnless((int) StubCode.CODE, SeccompProgram.TRAP)
            .load(SeccompProgram.SECOND_ARGUMENT)
            .endIf(FUTEX_WAIT, SeccompProgram.ALLOW).endIf(FUTEX_WAKE, SeccompProgram.ALLOW)
            .end(SeccompProgram.TRAP);
    }

    @Override
    public String name() {
        return "systrap";
    }
}
