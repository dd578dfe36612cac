package dev.caisson.platform.ptrace;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Signals;
import dev.caisson.host.HostPtrace;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What the stop of a stub thread means to the kernel. For one context, on its own thread. */
final class PtraceStops {
    private static final int SIGINFO_BYTES = 128;
    private static final int SYSCALL_INFO = SIGINFO_BYTES;
    private static final int SYSCALL_INFO_BYTES = 64;
    private static final int AUDIT_ARCH_X86_64 = 0xc000003e;
    private static final int SI_KERNEL = 0x80;
    private static final int SEGV_MAPERR = 1;
    private static final int SEGV_ACCERR = 2;
    private static final int BUS_ADRERR = 2;

    private final MemorySegment memory = Arena.ofAuto().allocate(SIGINFO_BYTES + SYSCALL_INFO_BYTES, 64);
    private final long signalInformation = memory.address();
    private final long callInformation = memory.address() + SYSCALL_INFO;
    private final Exit.Fault fault = new Exit.Fault();

    /** A general protection fault. */
    static Exit protectionFault() {
        return new Exit.Signal(Signals.SIGSEGV, SI_KERNEL, 0);
    }

    /** A stop before a system call. Fetches the registers. */
    Exit call(int threadId, Registers registers) {
        HostPtrace.registers(threadId, registers.segment().address());
        // syscall leaves its return address in rcx; whatever does not came in through another gate.
        return registers.rcx() == registers.rip() || isAmd64Call(threadId) ? Exit.Plain.SYSCALL : foreignCall(registers);
    }

    /** A stop before a signal; null when it is nobody's business. Fetches the registers if it is. */
    Exit exception(int signal, int threadId, Registers registers) {
        boolean exception = signal == Signals.SIGSEGV || signal == Signals.SIGBUS || signal == Signals.SIGTRAP
            || signal == Signals.SIGILL || signal == Signals.SIGFPE;
        if (!exception || HostPtrace.signalInformation(threadId, signalInformation) < 0) {
            return null; // somebody on the host sent a signal
        }
        int code = memory.get(Layouts.U32, 8);
        if (code <= 0) {
            return null; // sent, too: SI_USER, SI_TKILL, ...
        }
        long address = memory.get(Layouts.U64, 16);
        HostPtrace.registers(threadId, registers.segment().address());
        registers.origRax(-1);
        if (signal == Signals.SIGSEGV && (code == SEGV_MAPERR || code == SEGV_ACCERR)) {
            return pageFault(address, code == SEGV_ACCERR, registers.rip());
        }
        if (signal == Signals.SIGBUS && code >= BUS_ADRERR && code != SI_KERNEL) { // beyond the end of the memory file
            return fault.set(address, AccessType.UNKNOWN, true);
        }
        // The host's kernel adds an address to a trap or not; Linux's own guests see the same.
        return new Exit.Signal(signal, code, code == SI_KERNEL ? 0 : address);
    }

    /**
     * The host tells the address of a fault but not the access. All our mappings can be read, so lacking rights mean a write,
     * or a fetch if that is where the guest is.
     */
    private Exit.Fault pageFault(long address, boolean mapped, long rip) {
        AccessType access;
        if (address == rip) {
            access = AccessType.EXECUTE;
        } else if (!mapped) {
            access = AccessType.UNKNOWN;
        } else if (address > rip && address - rip < 15 && (address & 0xfff) == 0) {
            access = AccessType.UNKNOWN; // the instruction may cross into that page
        } else {
            access = AccessType.WRITE;
        }
        return fault.set(address, access, mapped);
    }

    private boolean isAmd64Call(int threadId) {
        long result = HostPtrace.syscallInformation(threadId, SYSCALL_INFO_BYTES, callInformation);
        return result <= 0 || memory.get(Layouts.U32, SYSCALL_INFO + 4) == AUDIT_ARCH_X86_64;
    }

    /**
     * A call by {@code int 0x80} or {@code sysenter}. We are a kernel without 32-bit calls, where these are general protection
     * faults. Deviation: after sysenter, rip is wherever the host goes on, since that instruction does not save it.
     */
    private static Exit foreignCall(Registers registers) {
        registers.rax(registers.origRax());
        registers.origRax(-1);
        registers.rip(registers.rip() - 2);
        return protectionFault();
    }
}
