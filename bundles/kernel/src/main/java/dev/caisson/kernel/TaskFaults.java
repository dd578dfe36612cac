package dev.caisson.kernel;

import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalDelivery;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.Exit;

/** What a task does about exceptions of the processor. */
final class TaskFaults {
    /** x86 vector of a page fault. */
    private static final int PAGE_FAULT = 14;
    private static final int ERROR_PRESENT = 1;
    private static final int ERROR_WRITE = 2;
    private static final int ERROR_USER = 4;
    private static final int ERROR_FETCH = 16;

    private TaskFaults() {}

    /** Lets the address space resolve a page fault, or sends the signal Linux would send. */
    static void handle(Task task, Exit.Fault fault) {
        switch (task.memory().handleFault(fault.address(), fault.access(), fault.isMapped())) {
            case RESOLVED -> { }
            case SEGV_MAPERR -> send(task, fault, Signals.SIGSEGV, SignalCodes.SEGV_MAPERR);
            case SEGV_ACCERR -> send(task, fault, Signals.SIGSEGV, SignalCodes.SEGV_ACCERR);
            case BUS_ADRERR -> send(task, fault, Signals.SIGBUS, SignalCodes.BUS_ADRERR);
            case OUT_OF_MEMORY -> task.kernel().outOfMemory().atFault(task);
        }
    }

    private static void send(Task task, Exit.Fault fault, int signal, int code) {
        int error = ERROR_USER | (code == SignalCodes.SEGV_MAPERR ? 0 : ERROR_PRESENT);
        if (fault.access() == AccessType.WRITE) {
            error |= ERROR_WRITE;
        } else if (fault.access() == AccessType.EXECUTE) {
            error |= ERROR_FETCH;
        }
        task.signals().trap(PAGE_FAULT, error, fault.address());
        SignalDelivery.forceFault(task.signals(), signal, code, fault.address());
    }

    /** Any other exception becomes its signal. */
    static void raise(Task task, Exit.Signal exception) {
        int vector = switch (exception.signal()) {
            case Signals.SIGFPE -> 0;
            case Signals.SIGTRAP -> exception.code() == SignalCodes.SI_KERNEL ? 3 : 1;
            case Signals.SIGILL -> 6;
            case Signals.SIGBUS -> exception.code() == SignalCodes.SI_KERNEL ? 12 : 17;
            default -> 13;
        };
        task.signals().trap(vector, 0, 0);
        SignalDelivery.forceFault(task.signals(), exception.signal(), exception.code(), exception.address());
    }
}
