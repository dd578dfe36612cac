package dev.caisson.platform.kvm;

import dev.caisson.abi.Layouts;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/**
 * What KVM shares with us of a processor ({@code struct kvm_run} with KVM_CAP_SYNC_REGS): why it stopped, and its registers. No guest
 * can write here. Registers that are set count when {@link #changed} was called, and at the next KVM_RUN.
 */
final class RunPage {
    /** General registers in the order of {@link Registers}, without orig_rax and what follows. */
    private static final int[] GENERAL = {
        KvmLayout.R15, KvmLayout.R14, KvmLayout.R13, KvmLayout.R12, KvmLayout.RBP, KvmLayout.RBX, KvmLayout.R11, KvmLayout.R10,
        KvmLayout.R9, KvmLayout.R8, KvmLayout.RAX, KvmLayout.RCX, KvmLayout.RDX, KvmLayout.RSI, KvmLayout.RDI};
    /** Of {@link Registers}: ds, es, fs, gs. */
    private static final int FIRST_SELECTOR = 23;
    private static final int[] SELECTORS = {KvmLayout.DS, KvmLayout.ES, KvmLayout.FS, KvmLayout.GS};

    private final MemorySegment page;

    /**
     * Looks at a page.
     *
     * @param page the mapping of the processor's descriptor
     */
    RunPage(MemorySegment page) {
        this.page = page;
        page.set(Layouts.U64, KvmLayout.RUN_VALID_REGS, KvmLayout.SYNC_REGS | KvmLayout.SYNC_SREGS | KvmLayout.SYNC_EVENTS);
    }

    MemorySegment segment() {
        return page;
    }

    /** {@return {@code struct kvm_sregs}} */
    MemorySegment system() {
        return page.asSlice(KvmLayout.RUN_SREGS, KvmLayout.SREGS_BYTES);
    }

    int exitReason() {
        return page.get(Layouts.U32, KvmLayout.RUN_EXIT_REASON);
    }

    boolean accessWasStore() {
        return page.get(Layouts.U8, KvmLayout.RUN_MMIO_IS_WRITE) != 0;
    }

    /** {@return the guest-physical address of an access to no memory} */
    long accessAddress() {
        return page.get(Layouts.U64, KvmLayout.RUN_MMIO_ADDRESS);
    }

    void immediateExit(boolean wanted) {
        page.set(Layouts.U8, KvmLayout.RUN_IMMEDIATE_EXIT, (byte) (wanted ? 1 : 0));
    }

    /** {@return whether KVM has taken up an exception that it has not delivered} */
    boolean hasException() {
        return page.get(Layouts.U8, KvmLayout.RUN_EXCEPTION_INJECTED) != 0 || page.get(Layouts.U8, KvmLayout.RUN_EXCEPTION_PENDING) != 0;
    }

    /** Forgets such exceptions, and whatever else was to be delivered. */
    void clearEvents() {
        page.asSlice(KvmLayout.RUN_EVENTS, KvmLayout.EVENTS_BYTES).fill((byte) 0);
        changed(KvmLayout.SYNC_EVENTS);
    }

    /** Tells KVM what was set; what an earlier call said may not have been applied yet. */
    void changed(int what) {
        page.set(Layouts.U64, KvmLayout.RUN_DIRTY_REGS, page.get(Layouts.U64, KvmLayout.RUN_DIRTY_REGS) | what);
    }

    long rip() {
        return page.get(Layouts.U64, KvmLayout.RIP);
    }

    long rsp() {
        return page.get(Layouts.U64, KvmLayout.RSP);
    }

    long flags() {
        return page.get(Layouts.U64, KvmLayout.RFLAGS);
    }

    /** Sets where code runs. */
    void position(long rip, long rsp, long flags) {
        page.set(Layouts.U64, KvmLayout.RIP, rip);
        page.set(Layouts.U64, KvmLayout.RSP, rsp);
        page.set(Layouts.U64, KvmLayout.RFLAGS, flags);
    }

    /** {@return the code selector; ring 0's while an exception or a call is handled there} */
    int codeSelector() {
        return selector(KvmLayout.CS);
    }

    /** {@return the address of the last page fault} */
    long faultAddress() {
        return page.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.CR2);
    }

    private int selector(int segment) {
        return page.get(Layouts.U16, KvmLayout.RUN_SREGS + segment + KvmLayout.SEGMENT_SELECTOR) & 0xffff;
    }

    /** Sets the general registers but rip, rsp and flags. */
    void loadGeneral(Registers registers) {
        MemorySegment from = registers.segment();
        for (int i = 0; i < GENERAL.length; i++) {
            page.set(Layouts.U64, GENERAL[i], from.get(Layouts.U64, 8L * i));
        }
    }

    /** Copies the general registers but rip, rsp and flags, the bases, and the data selectors. */
    void storeGeneral(Registers registers) {
        MemorySegment to = registers.segment();
        for (int i = 0; i < GENERAL.length; i++) {
            to.set(Layouts.U64, 8L * i, page.get(Layouts.U64, GENERAL[i]));
        }
        for (int i = 0; i < SELECTORS.length; i++) {
            to.set(Layouts.U64, 8L * (FIRST_SELECTOR + i), selector(SELECTORS[i]));
        }
        registers.fsBase(page.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS));
        registers.gsBase(page.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS));
    }

    /** {@return whether the data segments are those of a guest already} */
    boolean hasSegments(Registers registers) {
        for (int i = 0; i < SELECTORS.length; i++) {
            if (selector(SELECTORS[i]) != Segments.data(word(registers, i))) {
                return false;
            }
        }
        return page.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS) == registers.fsBase()
            && page.get(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS) == registers.gsBase();
    }

    /** Sets the data segments, with the bases of fs and gs. */
    void loadSegments(Registers registers) {
        MemorySegment sregs = system();
        for (int i = 0; i < SELECTORS.length; i++) {
            Segments.set(sregs, SELECTORS[i], Segments.data(word(registers, i)));
        }
        page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.FS, registers.fsBase());
        page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.GS, registers.gsBase());
    }

    private static long word(Registers registers, int index) {
        return registers.segment().get(Layouts.U64, 8L * (FIRST_SELECTOR + index));
    }

    /** Goes to user code when the processor runs next. */
    void enterUser(int codeSelector) {
        MemorySegment sregs = system();
        Segments.set(sregs, KvmLayout.CS, codeSelector);
        Segments.set(sregs, KvmLayout.SS, Supervisor.USER_SS);
    }

    /** Sets the page tables. */
    void root(long physical) {
        page.set(Layouts.U64, KvmLayout.RUN_SREGS + KvmLayout.CR3, physical);
    }
}
