package dev.caisson.syscalls.signal;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalStack;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.TaskState;
import dev.caisson.kernel.signal.SignalDelivery;
import dev.caisson.kernel.signal.SignalSets;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.kernel.syscall.SyscallArgs;

/** sigaction(2), sigprocmask(2), sigpending(2), sigaltstack(2), sigreturn(2). */
public final class SysSignal {
    /** What Linux keeps of sa_flags (UAPI_SA_FLAGS); a program finds out what is known by setting and reading. */
    private static final long KNOWN_FLAGS = Integer.toUnsignedLong(Signals.SA_NOCLDSTOP | Signals.SA_NOCLDWAIT | Signals.SA_SIGINFO
            | Signals.SA_ONSTACK | Signals.SA_RESTART | Signals.SA_NODEFER | Signals.SA_RESETHAND | Signals.SA_EXPOSE_TAGBITS
            | Signals.SA_RESTORER);
    private static final long SET_BYTES = 8;

    private SysSignal() {}

    /** rt_sigaction(2). */
    public static long rtSigaction(Task task, SyscallArgs args) throws ErrnoException {
        int signal = args.i32(0);
        long actionAddress = args.address(1);
        long oldAddress = args.address(2);
        if (args.value(3) != SET_BYTES) {
            throw EINVAL.error("sigsetsize");
        }
        SignalAction action = null;
        if (actionAddress != 0) {
            SignalAction given = task.memory().read(actionAddress, SignalAction.CODEC);
            action = new SignalAction(given.handler(), given.flags() & KNOWN_FLAGS, given.restorer(),
                    given.mask() & ~SignalSets.UNMASKABLE);
        }
        if (!SignalSets.isValid(signal) || action != null && SignalSets.has(SignalSets.UNMASKABLE, signal)) {
            throw EINVAL.error("not a signal that can be handled");
        }
        SignalAction old = task.process().signals().setAction(signal, action);
        if (oldAddress != 0) {
            task.memory().write(oldAddress, SignalAction.CODEC, old);
        }
        return 0;
    }

    /** rt_sigprocmask(2). */
    public static long rtSigprocmask(Task task, SyscallArgs args) throws ErrnoException {
        int how = args.i32(0);
        long setAddress = args.address(1);
        long oldAddress = args.address(2);
        if (args.value(3) != SET_BYTES) {
            throw EINVAL.error("sigsetsize");
        }
        SignalState signals = task.signals();
        long old = signals.mask();
        if (setAddress != 0) {
            long set = task.memory().readLong(setAddress);
            long next = switch (how) {
                case Signals.SIG_BLOCK -> old | set;
                case Signals.SIG_UNBLOCK -> old & ~set;
                case Signals.SIG_SETMASK -> set;
                default -> throw EINVAL.error("how");
            };
            if ((next & ~SignalSets.UNMASKABLE) != old) {
                signals.setMask(next);
            }
        }
        if (oldAddress != 0) {
            task.memory().writeLong(oldAddress, old);
        }
        return 0;
    }

    /** rt_sigreturn(2). */
    public static TaskState rtSigreturn(Task task, SyscallArgs args) {
        task.signals().takeRestartBlock(); // what the handler interrupted is not to be gone on with by restart_syscall(2)
        SignalDelivery.returnFromHandler(task.signals());
        return TaskState.RESUME;
    }

    /** rt_sigpending(2). */
    public static long rtSigpending(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        long bytes = args.value(1);
        if (bytes < 0 || bytes > SET_BYTES) {
            throw EINVAL.error("sigsetsize");
        }
        long pending = task.signals().pendingBlocked();
        if (bytes == SET_BYTES) {
            task.memory().writeLong(address, pending);
        } else {
            for (int i = 0; i < bytes; i++) {
                task.memory().writeByte(address + i, (byte) (pending >>> 8 * i));
            }
        }
        return 0;
    }

    /** sigaltstack(2). */
    public static long sigaltstack(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(0);
        long oldAddress = args.address(1);
        SignalState signals = task.signals();
        long sp = task.registers().rsp();
        SignalStack old = signals.reportStack(sp);
        if (address != 0) {
            signals.changeStack(task.memory().read(address, SignalStack.CODEC), sp, Signals.MINSIGSTKSZ);
        }
        if (oldAddress != 0) {
            writeStack(task, oldAddress, old);
        }
        return 0;
    }

    private static void writeStack(Task task, long address, SignalStack stack) throws ErrnoException {
        if (address < 0) {
            throw EFAULT.error();
        }
        var image = task.scratch().asSlice(0, SignalStack.CODEC.sizeBytes());
        image.fill((byte) 0);
        SignalStack.CODEC.write(image, 0, stack);
        task.copyOut(address, image);
    }
}
