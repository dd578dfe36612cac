package dev.caisson.kernel;

import dev.caisson.abi.SignalAction;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.ptrace.Tracee;
import java.util.ArrayList;

/** The end of tracers and of what they trace: wait(2) tells a tracer of each thread, and the real parent of the process only afterwards. */
final class TracedExit {
    private TracedExit() {}

    /** A task ends: whom it traces goes on alone, or dies with it (Linux: exit_ptrace). */
    static void tracerEnds(Task tracer) {
        tracer.kernel().taskSet().lock();
        try {
            tracer.pastTracing();
            if (!tracer.hasTracees()) {
                return;
            }
            for (Tracee tracee : new ArrayList<>(tracer.tracees())) {
                if (tracee.diesWithTracer()) {
                    tracee.task().process().kill();
                }
                boolean reparented = tracee.isReparented();
                tracee.unlinkLocked();
                if (tracee.isZombie()) {
                    releaseThreadLocked(tracee.task());
                } else if (tracee.task().process().isZombie()) {
                    forgottenLocked(tracer, tracee.task().process(), reparented);
                }
            }
        } finally {
            tracer.kernel().taskSet().unlock();
        }
    }

    private static void forgottenLocked(Task tracer, GuestProcess process, boolean reparented) {
        SignalAction action = tracer.process().signals().handlers().action(Signals.SIGCHLD);
        if (reparented) {
            TaskExit.announceLocked(process);
        } else if (process.zombieThreads == 0 && (action.isIgnore() || action.has(Signals.SA_NOCLDWAIT))) {
            TaskExit.reapLocked(process);
        }
    }

    /**
     * A task has ended, which is out of its process already. TASK_SET is held.
     *
     * @param status as wait(2) tells it
     * @return whether it keeps its number, since its tracer has to learn of it
     */
    static boolean keepsLocked(Task task, int status) {
        GuestProcess process = task.process();
        Tracee tracee = task.tracee();
        if (tracee == null) {
            return false;
        }
        if (task != process.leader()) {
            tracee.becomeZombieLocked(status);
            process.zombieThreads++;
            ChildEvents.tracedExited(tracee, status);
            return true;
        }
        if (process.executing != null && process.executing != task) {
            // The thread that executes a program takes its place, and nobody hears of this one.
            tracee.tracer().process().childEvents().notify(1);
            tracee.unlinkLocked();
        }
        return false;
    }

    /** The tracer has learned of the end of a thread. TASK_SET is held. */
    static void reapThreadLocked(Tracee tracee) {
        tracee.unlinkLocked();
        releaseThreadLocked(tracee.task());
    }

    private static void releaseThreadLocked(Task task) {
        Pid identity = task.identity();
        if (identity.task == task) {
            identity.task = null;
            identity.releaseIfUnused();
        }
        GuestProcess process = task.process();
        process.zombieThreads--;
        if (process.isZombie() && !process.isReaped()) {
            TaskExit.announceLocked(process);
        }
    }

    /** The tracer has learned of the end of a process: now its parent does, unless that is the tracer itself. TASK_SET is held. */
    static void reapProcessLocked(Tracee tracee) {
        GuestProcess process = tracee.task().process();
        boolean reparented = tracee.isReparented();
        tracee.unlinkLocked();
        if (reparented) {
            TaskExit.announceLocked(process);
        } else {
            TaskExit.reapLocked(process);
        }
    }
}
