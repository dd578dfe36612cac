package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ECHILD;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Wait;

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
                task.block(Task.FOREVER);
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
                Found found = state(task, child, options);
                if (found != null) {
                    return found;
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

    private static Found state(Task task, GuestProcess child, int options) {
        int pid = child.identity().in(task.pidNamespace());
        int uid = child.uid();
        boolean consume = (options & Wait.WNOWAIT) == 0;
        if (child.isZombie()) {
            if ((options & Wait.WEXITED) == 0) {
                return null;
            }
            int status = child.exitStatus();
            int killer = status & 0x7f;
            int code = killer == 0 ? SignalCodes.CLD_EXITED : (status & 0x80) != 0 ? SignalCodes.CLD_DUMPED : SignalCodes.CLD_KILLED;
            CpuTimes usage = new CpuTimes();
            usage.add(child.endedThreads);
            usage.add(child.waitedChildren);
            if (consume) {
                TaskExit.reapLocked(child);
            }
            return new Found(pid, uid, code, killer == 0 ? status >>> 8 & 0xff : killer, status, usage);
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
