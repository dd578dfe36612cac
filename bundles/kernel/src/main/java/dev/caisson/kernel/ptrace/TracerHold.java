package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ESRCH;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_STOP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.Task;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.lock.RankedLock;

/**
 * What a task does, on its own thread, with one that it traces. Everything but {@link #kill} and {@link #interrupt} fails with ESRCH when that
 * one is not stopped, or traced by somebody else.
 */
final class TracerHold {
    private final Tracee tracee;
    private final TraceeStop stop;
    private final Task caller;
    private final RankedLock taskSet;

    TracerHold(Tracee tracee, Task caller) {
        this.tracee = tracee;
        this.stop = tracee.stop();
        this.caller = caller;
        this.taskSet = caller.kernel().taskSet();
    }

    /** {@return who is held} */
    Tracee tracee() {
        return tracee;
    }

    /** Something to be done with a stopped task that needs no more than its registers. */
    @FunctionalInterface
    interface Look<T> {
        T at(Tracee tracee) throws ErrnoException;
    }

    private void checkMineLocked() throws ErrnoException {
        if (tracee.tracer() != caller) {
            throw ESRCH.error();
        }
    }

    private void checkStoppedLocked() throws ErrnoException {
        checkMineLocked();
        stop.checkLocked();
    }

    /** Looks at, or changes, registers and the like; the task stays stopped meanwhile. Nothing is copied to or from guest memory. */
    <T> T look(Look<T> look) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked();
            return look.at(tracee);
        } finally {
            taskSet.unlock();
        }
    }

    /** ESRCH when the task is not stopped, before anything else is looked at. */
    void check() throws ErrnoException {
        look(stopped -> null);
    }

    /** Lets the task run: PTRACE_CONT, PTRACE_SYSCALL, ...; EIO for what is no signal. */
    void resume(int request, long signal) throws ErrnoException {
        look(stopped -> {
            checkSignal(signal);
            tracee.resumedLocked(request);
            stop.endLocked((int) signal);
            return null;
        });
    }

    /** PTRACE_DETACH. */
    void detach(long signal) throws ErrnoException {
        look(stopped -> {
            checkSignal(signal);
            stop.giveLocked((int) signal);
            tracee.unlinkLocked();
            return null;
        });
    }

    private static void checkSignal(long signal) throws ErrnoException {
        if (signal < 0 || signal > Signals.SIGRTMAX) {
            throw EIO.error("not a signal");
        }
    }

    /** PTRACE_KILL. */
    void kill() throws ErrnoException {
        taskSet.lock();
        try {
            checkMineLocked();
        } finally {
            taskSet.unlock();
        }
        Task task = tracee.task();
        task.signals().process().send(SignalInfo.sent(Signals.SIGKILL, SignalCodes.SI_USER, caller.process().pid(),
                caller.credentials().uid()), task.signals(), true);
    }

    /** PTRACE_INTERRUPT: a running task stops; one that is stopped does so again when it is let go. */
    void interrupt() throws ErrnoException {
        taskSet.lock();
        try {
            checkMineLocked();
            if (!tracee.isSeized() || tracee.isZombie()) {
                throw EIO.error();
            }
            Task task = tracee.task();
            task.signals().process().interrupt(task.signals());
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_LISTEN: the task stays stopped, until something happens to its group. */
    void listen() throws ErrnoException {
        look(stopped -> {
            if (!tracee.isSeized() || stop.codeLocked() >> 8 != PTRACE_EVENT_STOP) {
                throw EIO.error();
            }
            stop.listenLocked();
            return null;
        });
    }

    /** PTRACE_SETOPTIONS; they were checked. */
    void options(int next) throws ErrnoException {
        look(stopped -> {
            tracee.optionsLocked(next);
            return null;
        });
    }

    /** PTRACE_GETEVENTMSG. */
    long message() throws ErrnoException {
        return look(stopped -> stop.messageLocked());
    }

    /** PTRACE_GETSIGINFO: EINVAL in a group-stop. */
    SignalInfo information() throws ErrnoException {
        return look(stopped -> {
            SignalInfo info = stop.information();
            if (info == null) {
                throw EINVAL.error("no signal: a group-stop");
            }
            return info;
        });
    }

    /** PTRACE_SETSIGINFO: EINVAL in a group-stop. */
    void information(SignalInfo next) throws ErrnoException {
        look(stopped -> {
            if (stop.information() == null) {
                throw EINVAL.error("no signal: a group-stop");
            }
            stop.informationLocked(next);
            return null;
        });
    }

    /** The memory of the stopped task; ESRCH when it has gone. */
    MemoryManager memory() throws ErrnoException {
        return look(stopped -> {
            MemoryManager memory = tracee.task().memory();
            if (memory == null) {
                throw ESRCH.error();
            }
            return memory;
        });
    }

    /**
     * Has the stopped task do something on its own thread, and waits for that.
     *
     * @throws ErrnoException ESRCH when it is not stopped or dies, ERESTARTNOINTR when the caller is to die, and what the errand throws
     */
    void send(TraceeStop.Errand errand) throws ErrnoException {
        look(stopped -> stop.orderLocked(errand, caller)).await();
    }
}
