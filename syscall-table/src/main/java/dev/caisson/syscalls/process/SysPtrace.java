package dev.caisson.syscalls.process;

import static dev.caisson.abi.Ptrace.PTRACE_ARCH_PRCTL;
import static dev.caisson.abi.Ptrace.PTRACE_ATTACH;
import static dev.caisson.abi.Ptrace.PTRACE_CONT;
import static dev.caisson.abi.Ptrace.PTRACE_DETACH;
import static dev.caisson.abi.Ptrace.PTRACE_GETEVENTMSG;
import static dev.caisson.abi.Ptrace.PTRACE_GETFPREGS;
import static dev.caisson.abi.Ptrace.PTRACE_GETREGS;
import static dev.caisson.abi.Ptrace.PTRACE_GETREGSET;
import static dev.caisson.abi.Ptrace.PTRACE_GETSIGINFO;
import static dev.caisson.abi.Ptrace.PTRACE_GETSIGMASK;
import static dev.caisson.abi.Ptrace.PTRACE_GET_SYSCALL_INFO;
import static dev.caisson.abi.Ptrace.PTRACE_INTERRUPT;
import static dev.caisson.abi.Ptrace.PTRACE_KILL;
import static dev.caisson.abi.Ptrace.PTRACE_LISTEN;
import static dev.caisson.abi.Ptrace.PTRACE_OLDSETOPTIONS;
import static dev.caisson.abi.Ptrace.PTRACE_PEEKDATA;
import static dev.caisson.abi.Ptrace.PTRACE_PEEKSIGINFO;
import static dev.caisson.abi.Ptrace.PTRACE_PEEKTEXT;
import static dev.caisson.abi.Ptrace.PTRACE_PEEKUSER;
import static dev.caisson.abi.Ptrace.PTRACE_POKEDATA;
import static dev.caisson.abi.Ptrace.PTRACE_POKETEXT;
import static dev.caisson.abi.Ptrace.PTRACE_POKEUSER;
import static dev.caisson.abi.Ptrace.PTRACE_SECCOMP_GET_FILTER;
import static dev.caisson.abi.Ptrace.PTRACE_SEIZE;
import static dev.caisson.abi.Ptrace.PTRACE_SETFPREGS;
import static dev.caisson.abi.Ptrace.PTRACE_SETOPTIONS;
import static dev.caisson.abi.Ptrace.PTRACE_SETREGS;
import static dev.caisson.abi.Ptrace.PTRACE_SETREGSET;
import static dev.caisson.abi.Ptrace.PTRACE_SETSIGINFO;
import static dev.caisson.abi.Ptrace.PTRACE_SETSIGMASK;
import static dev.caisson.abi.Ptrace.PTRACE_SINGLESTEP;
import static dev.caisson.abi.Ptrace.PTRACE_SYSCALL;
import static dev.caisson.abi.Ptrace.PTRACE_SYSEMU;
import static dev.caisson.abi.Ptrace.PTRACE_SYSEMU_SINGLESTEP;
import static dev.caisson.abi.Ptrace.PTRACE_TRACEME;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.ptrace.TracerRequests;
import dev.caisson.kernel.ptrace.Tracing;
import dev.caisson.kernel.syscall.SyscallArgs;

/** ptrace(2), the raw call: peeks store their word at {@code data}. */
public final class SysPtrace {
    private SysPtrace() {}

    /** ptrace(2). */
    public static long ptrace(Task task, SyscallArgs args) throws ErrnoException {
        long request = args.value(0);
        int pid = args.i32(1);
        long address = args.value(2);
        long data = args.value(3);
        if (request == PTRACE_TRACEME) {
            Tracing.traceMe(task);
            return 0;
        }
        if (request == PTRACE_ATTACH || request == PTRACE_SEIZE) {
            Tracing.attach(task, Tracing.task(task, pid), request == PTRACE_SEIZE, address, data);
            return 0;
        }
        TracerRequests tracee = new TracerRequests(task, Tracing.find(task, pid));
        int number = request == (int) request ? (int) request : -1;
        return switch (number) {
            case PTRACE_PEEKSIGINFO -> tracee.queuedSignals(address, data);
            case PTRACE_SECCOMP_GET_FILTER -> tracee.filter(address, data);
            case PTRACE_GET_SYSCALL_INFO -> tracee.callInformation(address, data);
            default -> {
                carryOut(tracee, number, address, data);
                yield 0;
            }
        };
    }

    private static void carryOut(TracerRequests tracee, int request, long address, long data) throws ErrnoException {
        switch (request) {
            case PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP -> tracee.resume(request, data);
            case PTRACE_DETACH -> tracee.detach(data);
            case PTRACE_KILL -> tracee.kill();
            case PTRACE_INTERRUPT -> tracee.interrupt();
            case PTRACE_LISTEN -> tracee.listen();
            case PTRACE_PEEKTEXT, PTRACE_PEEKDATA -> tracee.peek(address, data);
            case PTRACE_POKETEXT, PTRACE_POKEDATA -> tracee.poke(address, data);
            case PTRACE_PEEKUSER -> tracee.peekUser(address, data);
            case PTRACE_POKEUSER -> tracee.pokeUser(address, data);
            case PTRACE_GETREGS -> tracee.registers(data);
            case PTRACE_SETREGS -> tracee.setRegisters(data);
            case PTRACE_GETFPREGS -> tracee.floatingPoint(data);
            case PTRACE_SETFPREGS -> tracee.setFloatingPoint(data);
            case PTRACE_GETREGSET -> tracee.registerSet(address, data, false);
            case PTRACE_SETREGSET -> tracee.registerSet(address, data, true);
            case PTRACE_ARCH_PRCTL -> tracee.base(data, address);
            case PTRACE_SETOPTIONS, PTRACE_OLDSETOPTIONS -> tracee.options(data);
            case PTRACE_GETEVENTMSG -> tracee.eventMessage(data);
            case PTRACE_GETSIGINFO -> tracee.signalInformation(data);
            case PTRACE_SETSIGINFO -> tracee.setSignalInformation(data);
            case PTRACE_GETSIGMASK -> tracee.signalMask(address, data);
            case PTRACE_SETSIGMASK -> tracee.setSignalMask(address, data);
            default -> tracee.refuse(); // as Linux refuses what it does not know, or what this processor or kernel lacks
        }
    }
}
