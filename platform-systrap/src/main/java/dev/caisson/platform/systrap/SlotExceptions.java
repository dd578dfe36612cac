package dev.caisson.platform.systrap;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.mailbox.SlotLayout;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.MemorySegment;

/** What the exceptions of one guest thread mean: from the host's signal, as the slot has it, to what the kernel is told. */
final class SlotExceptions {
    /** The code of signals that the host's kernel itself sends. */
    private static final int SI_KERNEL = 0x80;
    /** What rax holds until a call has a result. */
    static final long NO_RESULT = -38;

    private static final int SEGV_MAPERR = 1;
    private static final int SEGV_ACCERR = 2;
    private static final int BUS_ADRERR = 2;
    /** Bits of a page fault's error code. */
    private static final int ERROR_WRITE = 2;
    private static final int ERROR_FETCH = 16;
    private static final int URETPROBE = 335;

    private final Exit.Fault fault = new Exit.Fault();

    /**
     * Reads an exception.
     *
     * @param memory the slot, at the kernel's turn
     * @param registers the guest's, copied
     * @return what to tell the kernel, or null if the exception is nobody's business
     */
    Exit read(MemorySegment memory, Registers registers) {
        int signal = memory.get(Layouts.U32, SlotLayout.SIGNAL);
        int code = memory.get(Layouts.U32, SlotLayout.CODE);
        long address = memory.get(Layouts.U64, SlotLayout.ADDRESS);
        if (code <= 0) {
            return null; // sent by somebody on the host: SI_USER, SI_TKILL, ...
        }
        if (signal == Signals.SIGSEGV && (code == SEGV_MAPERR || code == SEGV_ACCERR)) {
            return fault.set(address, access(memory, address == registers.rip()), code == SEGV_ACCERR);
        }
        if (signal == Signals.SIGBUS && code >= BUS_ADRERR && code != SI_KERNEL) { // beyond the end of the memory file
            return fault.set(address, access(memory, false), true);
        }
        if (signal == Signals.SIGILL && code == SI_KERNEL) {
            // The one or two calls that seccomp lets pass since Linux 6.14, whatever the filter says; the host does not like theirs.
            registers.origRax(URETPROBE);
            registers.rax(NO_RESULT);
            return Exit.Plain.SYSCALL;
        }
        if (signal < 1 || signal > Signals.SIGSYS) {
            return new Exit.Signal(Signals.SIGKILL, code, 0); // guest code has written to the slot
        }
        // The host's kernel adds an address to a trap or not; Linux's own guests see the same.
        return new Exit.Signal(signal, code, code == SI_KERNEL ? 0 : address);
    }

    /** {@return what a user does who wants what only the kernel may} */
    static Exit protectionFault() {
        return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);
    }

    private static AccessType access(MemorySegment memory, boolean fetch) {
        long error = memory.get(Layouts.U64, SlotLayout.ERROR);
        if (fetch || (error & ERROR_FETCH) != 0) { // on the vsyscall page, the code says something else
            return AccessType.EXECUTE;
        }
        return (error & ERROR_WRITE) != 0 ? AccessType.WRITE : AccessType.READ;
    }
}
