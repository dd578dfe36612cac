package dev.caisson.kernel;

import dev.caisson.abi.SignalAction;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.ptrace.Tracee;

/** Tells parents what became of their children. */
final class ChildEvents {
    /** One tick of clock_t in nanoseconds. */
    private static final long TICK_NS = 10_000_000;
    private static final int POLLIN = 1;

    private ChildEvents() {}

    /** Job control stopped or continued a process. No lock is held. */
    static void jobControlChanged(GuestProcess child, int code, int signal) {
        child.kernel().taskSet().lock();
        try {
            GuestProcess parent = child.parent();
            if (parent == null) {
                child.kernel().initChangedState(child, code, signal);
                return;
            }
            SignalAction action = parent.signals().handlers().action(Signals.SIGCHLD);
            if (!action.isIgnore() && !action.has(Signals.SA_NOCLDSTOP)) {
                send(parent, child, Signals.SIGCHLD, code, signal);
            }
            parent.childEvents().notify(POLLIN);
            Tracee tracee = child.leader().tracee();
            if (code == SignalCodes.CLD_CONTINUED && tracee != null && tracee.isReparented()) {
                trapped(tracee.tracer().process(), child.leader(), code, signal);
            }
        } finally {
            child.kernel().taskSet().unlock();
        }
    }

    /** A traced task has stopped, or its group goes on. TASK_SET is held. */
    static void trapped(GuestProcess tracer, Task tracee, int code, int signal) {
        SignalAction action = tracer.signals().handlers().action(Signals.SIGCHLD);
        if (!action.isIgnore() && !action.has(Signals.SA_NOCLDSTOP)) {
            send(tracer, tracee, Signals.SIGCHLD, code, signal, tracee.times());
        }
        tracer.childEvents().notify(POLLIN);
    }

    /**
     * A traced task has ended. TASK_SET is held.
     *
     * @param status as wait(2) tells it
     */
    static void tracedExited(Tracee tracee, int status) {
        GuestProcess tracer = tracee.tracer().process();
        Task task = tracee.task();
        boolean isOwnChild = task == task.process().leader() && !tracee.isReparented();
        int signal = isOwnChild ? task.process().exitSignal : Signals.SIGCHLD;
        if (signal > 0 && signal <= Signals.SIGRTMAX) {
            int killer = status & 0x7f;
            int code = killer == 0 ? SignalCodes.CLD_EXITED : (status & 0x80) != 0 ? SignalCodes.CLD_DUMPED : SignalCodes.CLD_KILLED;
            send(tracer, task, signal, code, killer == 0 ? status >>> 8 & 0xff : killer, task.times());
        }
        tracer.childEvents().notify(POLLIN);
    }

    /**
     * A process has become a zombie. TASK_SET is held.
     *
     * @return whether the parent does not care, so that the process goes at once
     */
    static boolean exited(GuestProcess child) {
        GuestProcess parent = child.parent();
        if (parent == null) {
            return true;
        }
        boolean ignored = false;
        int signal = child.exitSignal;
        if (signal == Signals.SIGCHLD) {
            SignalAction action = parent.signals().handlers().action(Signals.SIGCHLD);
            // POSIX 3.3.1.3: SIG_IGN and SA_NOCLDWAIT leave no zombies; with the latter the signal is sent still.
            if (action.isIgnore() || action.has(Signals.SA_NOCLDWAIT)) {
                ignored = true;
            }
            if (action.isIgnore()) {
                signal = 0;
            }
        }
        // clone(2) takes any low byte; what is no signal is not sent.
        if (signal > 0 && signal <= Signals.SIGRTMAX) {
            int status = child.exitStatus();
            int killer = status & 0x7f;
            if (killer == 0) {
                send(parent, child, signal, SignalCodes.CLD_EXITED, status >>> 8 & 0xff);
            } else {
                send(parent, child, signal, (status & 0x80) != 0 ? SignalCodes.CLD_DUMPED : SignalCodes.CLD_KILLED, killer);
            }
        }
        parent.childEvents().notify(POLLIN);
        return ignored;
    }

    private static void send(GuestProcess parent, GuestProcess child, int signal, int code, int status) {
        send(parent, child.leader(), signal, code, status, child.endedThreads);
    }

    private static void send(GuestProcess parent, Task child, int signal, int code, int status, CpuTimes usage) {
        parent.signals().send(SignalInfo.child(signal, code, child.identity().in(parent.identity().namespace()), child.credentials().uid(),
                status, usage.userNs / TICK_NS, usage.systemNs / TICK_NS), null, true);
    }
}
