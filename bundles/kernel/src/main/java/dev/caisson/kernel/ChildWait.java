package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ECHILD;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Wait;
import dev.caisson.kernel.ptrace.Tracee;

/** wait(2) and waitid(2): finds a child in a wanted state, or sleeps until there is one. */
public final class ChildWait {
    private static final int POLLIN = 1;

    /** Which children are meant. */
    public enum Which {
        /** Every child. */
        ANY,
        /** The child with an identity. */
        PROCESS,
        /** The members of a process group. */
        GROUP
    }

    /**
     * What was found.
     *
     * @param pid the child in the caller's pid namespace
     * @param uid its real user
     * @param code {@code CLD_*}
     * @param status exit code, or the signal that killed, stopped or continued it
     * @param waitStatus the status as wait4(2) tells it
     * @param usage what it used
     */
    public record Found(int pid, int uid, int code, int status, int waitStatus, CpuTimes usage) {}

    private ChildWait() {}

    /**
     * Waits.
     *
     * @param task the caller
     * @param which which children
     * @param identity of the process or group; null when there is no such number, which is ECHILD
     * @param options {@code W*}: WEXITED, WUNTRACED, WCONTINUED, WNOHANG, WNOWAIT, __WNOTHREAD, __WALL, __WCLONE
     * @return what was found, or null with WNOHANG when there is nothing yet
     * @throws ErrnoException ECHILD, ERESTARTSYS
     */
    public static Found await(Task task, Which which, Pid identity, int options) throws ErrnoException {
        GuestProcess process = task.process();
        Found found = look(task, which, identity, options);
        if (found != null || (options & Wait.WNOHANG) != 0) {
            return found;
        }
        process.childEvents().add(task.waiter(), POLLIN);
        try {
            for (;;) {
                found = look(task, which, identity, options);
                if (found != null) {
                    return found;
                }
                try {
                    task.block(Task.FOREVER);
                } catch (ErrnoException interrupted) {
                    // The child's own SIGCHLD may have come before its event: who finds a child is not interrupted.
                    found = look(task, which, identity, options);
                    if (found == null) {
                        throw interrupted;
                    }
                    return found;
                }
            }
        } finally {
            process.childEvents().remove(task.waiter());
        }
    }

    private static Found look(Task task, Which which, Pid identity, int options) throws ErrnoException {
        GuestProcess process = task.process();
        Kernel kernel = task.kernel();
        kernel.taskSet().lock();
        try {
            boolean any = false;
            for (int i = 0; i < process.children.size(); i++) {
                GuestProcess child = process.children.get(i);
                if (!matches(task, child, which, identity, options)) {
                    continue;
                }
                any = true;
                Tracee tracee = child.leader().tracee();
                if (tracee != null && !tracee.isReparented()) {
                    continue; // its stops are for us as its tracer
                }
                Found found = state(task, child, options);
                if (found != null) {
                    return found;
                }
            }
            for (Task thread : process.threads) {
                if (!thread.hasTracees() || (options & Wait.__WNOTHREAD) != 0 && thread != task) {
                    continue;
                }
                for (Tracee tracee : thread.tracees()) {
                    if (!matches(tracee.task(), which, identity)) {
                        continue;
                    }
                    any = true;
                    Found found = state(task, tracee, options);
                    if (found != null) {
                        return found;
                    }
                }
            }
            if (!any) {
                throw ECHILD.error();
            }
            return null;
        } finally {
            kernel.taskSet().unlock();
        }
    }

    private static boolean matches(Task task, GuestProcess child, Which which, Pid identity, int options) {
        if (which == Which.PROCESS && child.identity() != identity
                || which == Which.GROUP && (child.group() == null || child.group().identity() != identity)) {
            return false;
        }
        if ((options & Wait.__WNOTHREAD) != 0 && child.parentThread != task) {
            return false;
        }
        if ((options & Wait.__WALL) != 0) {
            return true;
        }
        boolean clone = child.exitSignal != Signals.SIGCHLD;
        return clone == ((options & Wait.__WCLONE) != 0);
    }

    private static boolean matches(Task tracee, Which which, Pid identity) {
        GuestProcess process = tracee.process();
        return switch (which) {
            case ANY -> true;
            case PROCESS -> tracee.identity() == identity;
            case GROUP -> process.group() != null && process.group().identity() == identity;
        };
    }

    /** What a tracer learns of a task: its end, and each of its stops. */
    private static Found state(Task caller, Tracee tracee, int options) {
        Task task = tracee.task();
        GuestProcess process = task.process();
        int pid = task.identity().in(caller.pidNamespace());
        int uid = task.credentials().uid();
        boolean consume = (options & Wait.WNOWAIT) == 0;
        boolean isProcess = task == process.leader() && process.isZombie() && process.zombieThreads == 0;
        if (isProcess || tracee.isZombie()) {
            if ((options & Wait.WEXITED) == 0) {
                return null;
            }
            CpuTimes usage = new CpuTimes();
            usage.add(isProcess ? process.endedThreads : task.times());
            Found found = ended(pid, uid, isProcess ? process.exitStatus() : tracee.exitStatus(), usage);
            if (consume && isProcess) {
                TracedExit.reapProcessLocked(tracee);
            } else if (consume) {
                TracedExit.reapThreadLocked(tracee);
            }
            return found;
        }
        int code = tracee.takeStopLocked(consume);
        if (code != 0) {
            return new Found(pid, uid, SignalCodes.CLD_TRAPPED, code, code << 8 | 0x7f, live(process));
        }
        if ((options & Wait.WCONTINUED) != 0 && process.signals().takeContinued(consume)) {
            return new Found(pid, uid, SignalCodes.CLD_CONTINUED, Signals.SIGCONT, 0xffff, live(process));
        }
        return null;
    }

    private static Found ended(int pid, int uid, int status, CpuTimes usage) {
        int killer = status & 0x7f;
        int code = killer == 0 ? SignalCodes.CLD_EXITED : (status & 0x80) != 0 ? SignalCodes.CLD_DUMPED : SignalCodes.CLD_KILLED;
        return new Found(pid, uid, code, killer == 0 ? status >>> 8 & 0xff : killer, status, usage);
    }

    private static Found state(Task task, GuestProcess child, int options) {
        int pid = child.identity().in(task.pidNamespace());
        int uid = child.uid();
        boolean consume = (options & Wait.WNOWAIT) == 0;
        if (child.isZombie()) {
            // One with a tracer is its tracer's first, and its threads come before it.
            if ((options & Wait.WEXITED) == 0 || child.leader().tracee() != null || child.zombieThreads > 0) {
                return null;
            }
            CpuTimes usage = new CpuTimes();
            usage.add(child.endedThreads);
            usage.add(child.waitedChildren);
            if (consume) {
                TaskExit.reapLocked(child);
            }
            return ended(pid, uid, child.exitStatus(), usage);
        }
        if ((options & Wait.WUNTRACED) != 0) {
            int signal = child.signals().takeStopped(consume);
            if (signal != 0) {
                return new Found(pid, uid, SignalCodes.CLD_STOPPED, signal, signal << 8 | 0x7f, live(child));
            }
        }
        if ((options & Wait.WCONTINUED) != 0 && child.signals().takeContinued(consume)) {
            return new Found(pid, uid, SignalCodes.CLD_CONTINUED, Signals.SIGCONT, 0xffff, live(child));
        }
        return null;
    }

    private static CpuTimes live(GuestProcess child) {
        CpuTimes sum = new CpuTimes();
        sum.add(child.endedThreads);
        for (Task thread : child.threads) {
            sum.add(thread.times());
        }
        return sum;
    }
}
