package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_CLONE;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_FORK;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_VFORK;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.Sched;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.CloneRequest;
import dev.caisson.kernel.PtraceAccess;
import dev.caisson.kernel.Task;
import dev.caisson.spi.lock.RankedLock;

/** Begins to trace, and finds who is traced. */
public final class Tracing {
    private Tracing() {}

    /**
     * PTRACE_TRACEME: the parent becomes the tracer.
     *
     * @param task the caller
     * @throws ErrnoException EPERM when it has a tracer
     */
    public static void traceMe(Task task) throws ErrnoException {
        RankedLock taskSet = task.kernel().taskSet();
        taskSet.lock();
        try {
            if (task.tracee() != null) {
                throw EPERM.error("traced already");
            }
            Task parent = task.process().realParent();
            if (parent != null && !parent.isPastTracing()) {
                new Tracee(task, parent, false, 0, Tracee.isPowerful(parent)).linkLocked(false);
            }
        } finally {
            taskSet.unlock();
        }
    }

    /**
     * PTRACE_ATTACH, PTRACE_SEIZE.
     *
     * @param caller becomes the tracer
     * @param target becomes its tracee
     * @param seizes whether it is PTRACE_SEIZE, which does not stop the target
     * @param address with PTRACE_SEIZE 0
     * @param options with PTRACE_SEIZE {@code PTRACE_O_*}
     * @throws ErrnoException EIO for bad arguments, EPERM
     */
    public static void attach(Task caller, Task target, boolean seizes, long address, long options) throws ErrnoException {
        if (seizes) {
            if (address != 0 || (options & ~Integer.toUnsignedLong(Ptrace.PTRACE_O_MASK)) != 0) {
                throw EIO.error();
            }
            checkOptions(caller, options);
        }
        if (target.process() == caller.process() || !PtraceAccess.REAL_IDS.allows(caller, target)) {
            throw EPERM.error();
        }
        RankedLock taskSet = caller.kernel().taskSet();
        taskSet.lock();
        try {
            if (target.hasEnded() || target.tracee() != null) {
                throw EPERM.error("ended, or traced already");
            }
            new Tracee(target, caller, seizes, seizes ? (int) options : 0, Tracee.isPowerful(caller)).linkLocked(false);
        } finally {
            taskSet.unlock();
        }
        if (!seizes) {
            target.signals().process().send(SignalInfo.kernel(Signals.SIGSTOP), target.signals(), true);
        }
    }

    /**
     * Checks {@code PTRACE_O_*} (Linux: check_ptrace_options).
     *
     * @param caller the tracer
     * @param options what it wants
     * @throws ErrnoException EINVAL for unknown ones, EPERM for PTRACE_O_SUSPEND_SECCOMP without the right to it
     */
    static void checkOptions(Task caller, long options) throws ErrnoException {
        if ((options & ~Integer.toUnsignedLong(Ptrace.PTRACE_O_MASK)) != 0) {
            throw EINVAL.error();
        }
        if ((options & Ptrace.PTRACE_O_SUSPEND_SECCOMP) != 0) {
            Tracee own = caller.tracee();
            if (!caller.credentials().has(Capability.CAP_SYS_ADMIN) || caller.seccomp() != null || own != null && own.suspendsSeccomp()) {
                throw EPERM.error();
            }
        }
    }

    /**
     * Finds the tracee that a request names. Whether it is stopped, the request looks itself.
     *
     * @param caller the tracer
     * @param number of the task in the caller's pid namespace
     * @return the tracee
     * @throws ErrnoException ESRCH when there is no such task, or the caller does not trace it
     */
    public static Tracee find(Task caller, int number) throws ErrnoException {
        Task target = task(caller, number);
        Tracee tracee = target.tracee();
        if (tracee == null || tracee.tracer() != caller) {
            throw ESRCH.error();
        }
        return tracee;
    }

    /**
     * Finds a task.
     *
     * @param caller who asks
     * @param number of the task in the caller's pid namespace
     * @return the task
     * @throws ErrnoException ESRCH
     */
    public static Task task(Task caller, int number) throws ErrnoException {
        Task target = caller.pidNamespace().task(number);
        if (target == null) {
            throw ESRCH.error();
        }
        return target;
    }

    /**
     * The event that a clone(2) of a traced task is for its tracer.
     *
     * @param parent the calling task
     * @param request what it asks
     * @return {@code PTRACE_EVENT_*}, or 0 for none
     */
    public static int cloneEvent(Task parent, CloneRequest request) {
        Tracee tracee = parent.tracee();
        if (tracee == null || (request.flags() & Sched.CLONE_UNTRACED) != 0) {
            return 0;
        }
        int event = (request.flags() & Sched.CLONE_VFORK) != 0 ? PTRACE_EVENT_VFORK
                : request.exitSignal() != Signals.SIGCHLD ? PTRACE_EVENT_CLONE : PTRACE_EVENT_FORK;
        return tracee.reports(event) ? event : 0;
    }

    /**
     * A traced task has made another, which may be traced, too. TASK_SET is held.
     *
     * @param parent the calling task
     * @param child the new one, which has not run
     * @param request what made it
     * @param event {@link #cloneEvent}
     */
    public static void inheritLocked(Task parent, Task child, CloneRequest request, int event) {
        Tracee tracee = parent.tracee();
        if (tracee == null) {
            return;
        }
        tracee.clean(child.registers());
        if (event != 0 || (request.flags() & Sched.CLONE_PTRACE) != 0) {
            tracee.inheritLocked(child);
        }
    }
}
