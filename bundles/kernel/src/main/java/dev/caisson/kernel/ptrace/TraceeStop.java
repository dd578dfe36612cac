package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.Task;
import dev.caisson.spi.lock.RankedLock;

/**
 * The stop that a traced task is in, or is not. The task's own thread sleeps in {@link #enter} until the tracer lets it go, goes away, or
 * SIGKILL comes, and runs errands for the tracer meanwhile: what only the own thread can reach (the FPU state in the platform's context).
 *
 * <p>State is guarded by TASK_SET.
 */
final class TraceeStop {
    /** What {@link #enter} returns when there was no stop. */
    static final int NONE = -1;
    private static final int MOST_WAIT_NS = 50_000_000;

    /** Something that the stopped task does for its tracer. */
    @FunctionalInterface
    interface Errand {
        void run(Task task) throws ErrnoException;
    }

    /** An errand under way. Written by the tracee; the tracer looks when {@link #done}. */
    private static final class Order {
        final Errand errand;
        final Task sender;
        volatile boolean done;
        ErrnoException failure;

        Order(Errand errand, Task sender) {
            this.errand = errand;
            this.sender = sender;
        }

        void end() {
            done = true;
            sender.waiter().onEvent(1);
        }
    }

    private final Tracee tracee;
    private final Task task;
    private final RankedLock taskSet;
    private volatile boolean stopped;
    private volatile boolean listening;
    /** What wait(2) has not told yet, 0 for nothing. */
    private int report;
    /** The signal that the tracer resumed with. */
    private int given;
    private long message;
    private SignalInfo info;
    private Order order;

    TraceeStop(Tracee tracee) {
        this.tracee = tracee;
        this.task = tracee.task();
        this.taskSet = task.kernel().taskSet();
    }

    boolean isOn() {
        return stopped;
    }

    // ---- on the task's own thread

    /**
     * Stops until the tracer lets the task go on.
     *
     * @param code what wait(2) tells as the stop's signal
     * @param why {@code CLD_TRAPPED} or {@code CLD_STOPPED}
     * @param eventMessage for PTRACE_GETEVENTMSG
     * @param information for PTRACE_GETSIGINFO, null in a group-stop
     * @param whileDying whether the task stops although it is to die
     * @return the signal that the tracer resumed with, 0 for none; {@link #NONE} when there was no stop
     */
    int enter(int code, int why, long eventMessage, SignalInfo information, boolean whileDying) {
        int groupStop;
        boolean reparented;
        taskSet.lock();
        try {
            Task tracer = tracee.tracer();
            if (tracer == null || !whileDying && task.isKilled()) {
                return NONE;
            }
            stopped = true;
            listening = false;
            report = code;
            given = 0;
            message = eventMessage;
            info = information;
            groupStop = task.signals().process().enterTrap(task.signals(), why == SignalCodes.CLD_STOPPED);
            reparented = tracee.isReparented();
            tracer.process().childTrapped(task, why, code & 0x7f);
        } finally {
            taskSet.unlock();
        }
        if (groupStop != 0 && reparented) {
            task.process().jobControlChanged(SignalCodes.CLD_STOPPED, groupStop);
        }
        boolean wasEnding = task.process().isExiting();
        while (isKept()) {
            if (!whileDying) {
                try {
                    task.blockKillable(Task.FOREVER);
                } catch (ErrnoException killed) {
                    break;
                }
            } else if (!wasEnding && task.process().isExiting()) {
                break;
            } else {
                task.sleepUninterruptibly(System.nanoTime() + MOST_WAIT_NS);
            }
        }
        return leave();
    }

    /** Whether the stop goes on, after what there was to do for the tracer. */
    private boolean isKept() {
        Order next;
        taskSet.lock();
        try {
            next = order;
            order = null;
            if (next == null) {
                return stopped && !(listening && task.signals().hasTraps());
            }
        } finally {
            taskSet.unlock();
        }
        try {
            if (task.context() == null) {
                throw ESRCH.error();
            }
            next.errand.run(task);
        } catch (ErrnoException failed) {
            next.failure = failed;
        }
        next.end();
        return true;
    }

    private int leave() {
        taskSet.lock();
        try {
            stopped = false;
            listening = false;
            report = 0;
            message = 0;
            if (order != null) {
                order.failure = ESRCH.error();
                order.end();
                order = null;
            }
            task.signals().process().leaveTrap(task.signals());
            return given;
        } finally {
            taskSet.unlock();
        }
    }

    /** What PTRACE_GETSIGINFO tells of the present stop, null in a group-stop; the task's own thread, or TASK_SET is held. */
    SignalInfo information() {
        return info;
    }

    // ---- others

    void wake() {
        task.waiter().onEvent(1);
    }

    /** Something has happened to the group of the task, whose stop may go on only until then. */
    void trapPending() {
        if (listening) {
            wake();
        }
    }

    /** The stop is over, or there never is one: nobody traces the task. TASK_SET is held. */
    void cancelLocked() {
        stopped = false;
        report = 0;
    }

    /** The tracer lets the task go. TASK_SET is held. */
    void endLocked(int signal) {
        given = signal;
        cancelLocked();
        wake();
    }

    /** The signal that the task goes on with when its tracer goes away. TASK_SET is held. */
    void giveLocked(int signal) {
        given = signal;
    }

    /** The task stays stopped until something happens to its group: PTRACE_LISTEN. TASK_SET is held. */
    void listenLocked() {
        listening = true;
        if (task.signals().hasTraps()) {
            wake();
        }
    }

    /** ESRCH when the tracer can do nothing with the task at present. TASK_SET is held. */
    void checkLocked() throws ErrnoException {
        if (!stopped || listening) {
            throw ESRCH.error();
        }
    }

    /** Has the task do something on its own thread. TASK_SET is held, and the task is stopped. */
    Ticket orderLocked(Errand errand, Task sender) {
        Order sent = new Order(errand, sender);
        order = sent;
        wake();
        return () -> {
            while (!sent.done) {
                sender.blockKillable(Task.FOREVER);
            }
            if (sent.failure != null) {
                throw sent.failure;
            }
        };
    }

    /** For who waits for an errand. */
    @FunctionalInterface
    interface Ticket {
        /**
         * Waits for its end.
         *
         * @throws ErrnoException ERESTARTNOINTR when the caller is to die, ESRCH when the task did not come to it, and what the errand throws
         */
        void await() throws ErrnoException;
    }

    /** What PTRACE_SETSIGINFO says. TASK_SET is held. */
    void informationLocked(SignalInfo next) {
        info = next;
    }

    /** {@return the code of the present stop as its siginfo has it, 0 in a group-stop; TASK_SET is held} */
    int codeLocked() {
        return info == null ? 0 : info.code();
    }

    long messageLocked() {
        return message;
    }

    /** {@return what wait(2) tells of the stop, 0 for nothing; TASK_SET is held} */
    int takeReportLocked(boolean consume) {
        if (!stopped || listening) {
            return 0;
        }
        int code = report;
        if (consume) {
            report = 0;
        }
        return code;
    }
}
