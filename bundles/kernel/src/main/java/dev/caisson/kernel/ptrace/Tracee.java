package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Errno.EIO;
import static dev.caisson.abi.Errno.ESRCH;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_EXEC;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_EXIT;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_STOP;
import static dev.caisson.abi.Ptrace.PTRACE_O_EXITKILL;
import static dev.caisson.abi.Ptrace.PTRACE_O_MASK;
import static dev.caisson.abi.Ptrace.PTRACE_O_SUSPEND_SECCOMP;
import static dev.caisson.abi.Ptrace.PTRACE_O_TRACESYSGOOD;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.SignalTrace;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.platform.Registers;

/**
 * A task with a tracer. The task's own thread comes to its stops here ({@link #event}, {@link #entersCall}, {@link #deliver}, ...) and
 * sleeps in {@link #stop} until the tracer lets it go, goes away, or SIGKILL comes. The tracer's thread calls the methods that throw
 * ESRCH when the task is not stopped.
 *
 * <p>State is guarded by TASK_SET. Registers and signal mask of the task are its own thread's, and the tracer's while it is stopped;
 * what only the own thread can reach (the FPU state in the platform's context) it does itself, on request.
 */
public final class Tracee implements SignalTrace {
    private static final int SYSCALL_GOOD = 0x80;
    private static final int MOST_WAIT_NS = 50_000_000;
    private static final int NOT_STOPPED = -1;

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

    private final Task task;
    private final RankedLock taskSet;
    private final boolean seized;
    /** CAP_SYS_PTRACE of the tracer when it began: whether set-user-ID programs keep their rights. */
    private final boolean isTracerPowerful;
    private volatile Task tracer;
    private volatile int options;
    private volatile boolean stopped;
    private volatile boolean listening;
    /** What wait(2) has not told yet, 0 for nothing. */
    private int report;
    /** The signal that the tracer resumed with. */
    private int given;
    private long message;
    private SignalInfo info;
    private Order order;
    /** A thread that has ended, not the first one of its process: it waits for its tracer to learn of it. */
    private boolean zombie;
    private int exitStatus;

    // How the tracer resumed it; written while it is stopped, read by its own thread.
    private boolean reportsCalls;
    private boolean emulatesCalls;
    private final SingleStep step;
    private final DebugRegisters debug = new DebugRegisters();

    Tracee(Task task, Task tracer, boolean seized, int options, boolean isTracerPowerful) {
        this.task = task;
        this.taskSet = task.kernel().taskSet();
        this.tracer = tracer;
        this.seized = seized;
        this.options = options;
        this.isTracerPowerful = isTracerPowerful;
        this.step = new SingleStep(task);
    }

    // ---- links

    /** {@return the traced task} */
    public Task task() {
        return task;
    }

    /** {@return who traces it, or null when nobody does any more} */
    public Task tracer() {
        return tracer;
    }

    /** {@return whether it is in a stop, the tracing stop of proc(5)} */
    public boolean isStopped() {
        return stopped;
    }

    @Override
    public boolean isSeized() {
        return seized;
    }

    /** {@return whether its tracer is outside of its parent's process (ptrace_reparented)} */
    public boolean isReparented() {
        Task by = tracer;
        return by != null && by.process() != task.process().parent();
    }

    /** {@return whether set-user-ID programs keep their rights} */
    public boolean isTracerPowerful() {
        return isTracerPowerful;
    }

    /** {@return whether the death of the tracer kills it} */
    public boolean diesWithTracer() {
        return (options & PTRACE_O_EXITKILL) != 0;
    }

    /** {@return whether the filters of seccomp(2) do not count} */
    public boolean suspendsSeccomp() {
        return (options & PTRACE_O_SUSPEND_SECCOMP) != 0;
    }

    /** {@return whether it is a thread that has ended and waits to be waited for, with its process still there; TASK_SET is held} */
    public boolean isZombie() {
        return zombie;
    }

    /** {@return how {@link #isZombie the thread} ended, as wait(2) tells it} */
    public int exitStatus() {
        return exitStatus;
    }

    /**
     * The thread has ended, others of its process may not have. TASK_SET is held.
     *
     * @param status as wait(2) tells it
     */
    public void becomeZombieLocked(int status) {
        zombie = true;
        exitStatus = status;
    }

    /** Makes the two know each other. TASK_SET is held. */
    void linkLocked(boolean stops) {
        task.tracee(this);
        tracer.tracees().add(this);
        task.signals().process().trace(task.signals(), this, stops);
        keepCode();
    }

    /** Code that the platform has changed is made as it was, and stays so: the tracer looks at it and changes it. */
    private void keepCode() {
        MemoryManager memory = task.memory();
        if (memory != null) {
            memory.keepCode(true);
        }
    }

    private void letCodeChange() {
        MemoryManager memory = task.memory();
        if (memory == null) {
            return;
        }
        for (Task other : task.process().tasks()) {
            if (other.tracee() != null) {
                return;
            }
        }
        memory.keepCode(false);
    }

    /** Nobody traces the task any more: it goes on. TASK_SET is held. */
    public void unlinkLocked() {
        Task by = tracer;
        if (by == null) {
            return;
        }
        by.tracees().remove(this);
        tracer = null;
        task.tracee(null);
        reportsCalls = false;
        emulatesCalls = false;
        if (stopped) {
            step.end();
        }
        stopped = false;
        report = 0;
        task.signals().process().endTrace(task.signals());
        letCodeChange();
        wake();
    }

    private void wake() {
        task.waiter().onEvent(1);
    }

    // ---- stops, on the task's own thread

    /**
     * Stops until the tracer lets the task go on.
     *
     * @param code what wait(2) tells as the stop's signal
     * @param why {@code CLD_TRAPPED} or {@code CLD_STOPPED}
     * @param eventMessage for PTRACE_GETEVENTMSG
     * @param information for PTRACE_GETSIGINFO, null in a group-stop
     * @param whileDying whether the task stops although it is to die
     * @return the signal that the tracer resumed with, 0 for none; {@link #NOT_STOPPED} when there was no stop
     */
    private int stop(int code, int why, long eventMessage, SignalInfo information, boolean whileDying) {
        int groupStop;
        boolean reparented;
        taskSet.lock();
        try {
            if (tracer == null || !whileDying && task.isKilled()) {
                return NOT_STOPPED;
            }
            stopped = true;
            listening = false;
            report = code;
            given = 0;
            message = eventMessage;
            info = information;
            groupStop = task.signals().process().enterTrap(task.signals(), why == SignalCodes.CLD_STOPPED);
            reparented = isReparented();
            tellTracer(why, code & 0x7f);
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

    private void tellTracer(int why, int status) {
        tracer.process().childTrapped(task, why, status);
    }

    /** A stop of the kernel's own making (Linux: ptrace_do_notify). */
    private int notifyTracer(int signal, int code, int why, long eventMessage, boolean whileDying) {
        SignalInfo own = SignalInfo.sent(signal, code, task.tid(), task.credentials().uid());
        return stop(code, why, eventMessage, own, whileDying);
    }

    /**
     * Whether the tracer asked for an event.
     *
     * @param event {@code PTRACE_EVENT_*}
     * @return whether it did
     */
    public boolean reports(int event) {
        return (options & 1 << event) != 0;
    }

    /**
     * Something happened that the tracer may have asked for.
     *
     * @param event {@code PTRACE_EVENT_*}
     * @param eventMessage for PTRACE_GETEVENTMSG
     */
    public void event(int event, long eventMessage) {
        if (reports(event)) {
            notifyTracer(Signals.SIGTRAP, event << 8 | Signals.SIGTRAP, SignalCodes.CLD_TRAPPED, eventMessage, false);
        } else if (event == PTRACE_EVENT_EXEC && !seized && tracer != null) {
            // What execve(2) told tracers before there were events.
            SignalInfo trap = SignalInfo.sent(Signals.SIGTRAP, SignalCodes.SI_USER, task.process().pid(), task.credentials().uid());
            task.signals().process().send(trap, task.signals(), true);
        }
    }

    /**
     * An event about another task.
     *
     * @param event {@code PTRACE_EVENT_*}
     * @param about its number in the pid namespace of the tracer is the message
     */
    public void event(int event, dev.caisson.kernel.Pid about) {
        Task by = tracer;
        event(event, by == null ? 0 : about.in(by.pidNamespace()));
    }

    /**
     * The task ends: PTRACE_EVENT_EXIT, which SIGKILL does not prevent. When the whole process ends, SIGKILL does not end the stop either.
     *
     * @param status as wait(2) tells it
     */
    public void exits(int status) {
        if (reports(PTRACE_EVENT_EXIT)) {
            notifyTracer(Signals.SIGTRAP, PTRACE_EVENT_EXIT << 8 | Signals.SIGTRAP, SignalCodes.CLD_TRAPPED, status, true);
        }
    }

    /**
     * The task is about to make a system call: syscall-enter-stop. The tracer may have changed number and arguments afterwards.
     *
     * @return whether the call is to be made
     */
    public boolean entersCall() {
        boolean emulated = emulatesCalls;
        if (!emulated && !reportsCalls) {
            return true;
        }
        reportCall(Ptrace.PTRACE_EVENTMSG_SYSCALL_ENTRY);
        return !emulated && !task.isKilled();
    }

    /** {@return whether there is something to do when the present call is over} */
    public boolean wantsEndOfCall() {
        return reportsCalls || step.isOn();
    }

    /** The task has made a system call, whose result is in rax: syscall-exit-stop. */
    public void leavesCall() {
        if (step.isOn() && !emulatesCalls) {
            SignalInfo trap = SignalInfo.fault(Signals.SIGTRAP, SignalCodes.TRAP_BRKPT, task.registers().rip());
            task.signals().process().force(task.signals(), trap, false);
        } else if (reportsCalls) {
            reportCall(Ptrace.PTRACE_EVENTMSG_SYSCALL_EXIT);
        }
    }

    private void reportCall(long eventMessage) {
        int code = Signals.SIGTRAP | ((options & PTRACE_O_TRACESYSGOOD) != 0 ? SYSCALL_GOOD : 0);
        int signal = notifyTracer(Signals.SIGTRAP, code, SignalCodes.CLD_TRAPPED, eventMessage, false);
        if (signal > 0) {
            task.signals().process().send(SignalInfo.kernel(signal), task.signals(), true);
        }
    }

    @Override
    public SignalInfo deliver(SignalInfo taken) {
        int signal = stop(taken.signal(), SignalCodes.CLD_TRAPPED, 0, taken, false);
        if (signal == NOT_STOPPED) {
            return taken;
        }
        if (signal == 0) {
            return null;
        }
        SignalInfo next = info;
        if (next.signal() == signal) {
            return next;
        }
        Task by = tracer;
        return by == null ? SignalInfo.sent(signal, SignalCodes.SI_USER, task.process().parentPid(), task.process().uid())
                : SignalInfo.sent(signal, SignalCodes.SI_USER, by.identity().in(task.pidNamespace()), by.credentials().uid());
    }

    @Override
    public void trap(int stopSignal) {
        if (!seized) {
            stop(stopSignal, SignalCodes.CLD_STOPPED, 0, null, false);
            return;
        }
        int signal = stopSignal == 0 ? Signals.SIGTRAP : stopSignal;
        notifyTracer(signal, signal | PTRACE_EVENT_STOP << 8, SignalCodes.CLD_STOPPED, 0, false);
    }

    @Override
    public void trapPending() {
        if (listening) {
            wake();
        }
    }

    @Override
    public boolean endStep() {
        boolean was = step.isOn();
        step.end();
        return was;
    }

    @Override
    public void stepIntoHandler() {
        notifyTracer(Signals.SIGTRAP, Signals.SIGTRAP, SignalCodes.CLD_TRAPPED, 0, false);
    }

    /** {@return the trap flag if it is set for the tracer only, so that the program must not see it; else 0} */
    long hiddenFlags() {
        return step.hiddenFlags();
    }

    void flagsWritten(boolean hasTrapFlag) {
        step.flagsWritten(hasTrapFlag);
    }

    /**
     * Takes the tracer's flags out of registers that a child of the task begins with.
     *
     * @param copy registers of the child
     */
    public void clean(Registers copy) {
        copy.eflags(copy.eflags() & ~step.hiddenFlags());
    }

    // ---- what the tracer does

    private void checkStoppedLocked(Task caller) throws ErrnoException {
        if (tracer != caller || !stopped || listening) {
            throw ESRCH.error();
        }
    }

    private void checkMineLocked(Task caller) throws ErrnoException {
        if (tracer != caller) {
            throw ESRCH.error();
        }
    }

    /** Lets the task run: PTRACE_CONT, PTRACE_SYSCALL, ...; EIO for what is no signal. */
    void resume(Task caller, int request, long signal) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            checkSignal(signal);
            reportsCalls = request == Ptrace.PTRACE_SYSCALL;
            emulatesCalls = request == Ptrace.PTRACE_SYSEMU || request == Ptrace.PTRACE_SYSEMU_SINGLESTEP;
            if (request == Ptrace.PTRACE_SINGLESTEP || request == Ptrace.PTRACE_SYSEMU_SINGLESTEP) {
                step.begin();
            } else {
                step.end();
            }
            given = (int) signal;
            report = 0;
            stopped = false;
            wake();
        } finally {
            taskSet.unlock();
        }
    }

    private static void checkSignal(long signal) throws ErrnoException {
        if (signal < 0 || signal > Signals.SIGRTMAX) {
            throw EIO.error("not a signal");
        }
    }

    /** PTRACE_DETACH. */
    void detach(Task caller, long signal) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            checkSignal(signal);
            given = (int) signal;
            unlinkLocked();
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_KILL. */
    void kill(Task caller) throws ErrnoException {
        taskSet.lock();
        try {
            checkMineLocked(caller);
        } finally {
            taskSet.unlock();
        }
        task.signals().process().send(SignalInfo.sent(Signals.SIGKILL, SignalCodes.SI_USER, caller.process().pid(),
                caller.credentials().uid()), task.signals(), true);
    }

    /** PTRACE_INTERRUPT: a running task stops; one that is stopped does so again when it is let go. */
    void interrupt(Task caller) throws ErrnoException {
        taskSet.lock();
        try {
            checkMineLocked(caller);
            if (!seized || zombie) {
                throw EIO.error();
            }
            task.signals().process().interrupt(task.signals());
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_LISTEN: the task stays stopped, until something happens to its group. */
    void listen(Task caller) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            if (!seized || info == null || info.code() >> 8 != PTRACE_EVENT_STOP) {
                throw EIO.error();
            }
            listening = true;
            if (task.signals().hasTraps()) {
                wake();
            }
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_SETOPTIONS; they were checked. */
    void options(Task caller, int next) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            options = next;
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_GETEVENTMSG. */
    long message(Task caller) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            return message;
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_GETSIGINFO: EINVAL in a group-stop. */
    SignalInfo information(Task caller) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            if (info == null) {
                throw Errno.EINVAL.error("no signal: a group-stop");
            }
            return info;
        } finally {
            taskSet.unlock();
        }
    }

    /** PTRACE_SETSIGINFO: EINVAL in a group-stop. */
    void information(Task caller, SignalInfo next) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            if (info == null) {
                throw Errno.EINVAL.error("no signal: a group-stop");
            }
            info = next;
        } finally {
            taskSet.unlock();
        }
    }

    /** Something to be done with a stopped task that needs no more than its registers. */
    @FunctionalInterface
    interface Look<T> {
        T at(Tracee tracee) throws ErrnoException;
    }

    /** Looks at, or changes, registers and the like; the task stays stopped meanwhile. Nothing is copied to or from guest memory. */
    <T> T look(Task caller, Look<T> look) throws ErrnoException {
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            return look.at(this);
        } finally {
            taskSet.unlock();
        }
    }

    DebugRegisters debugRegisters() {
        return debug;
    }

    /** {@return the code of the present stop as its siginfo has it, 0 in a group-stop; TASK_SET is held} */
    int stopCodeLocked() {
        return info == null ? 0 : info.code();
    }

    long messageLocked() {
        return message;
    }

    /** The memory of the stopped task; ESRCH when it has gone. */
    MemoryManager memory(Task caller) throws ErrnoException {
        return look(caller, tracee -> {
            MemoryManager memory = tracee.task.memory();
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
    void send(Task caller, Errand errand) throws ErrnoException {
        Order sent = new Order(errand, caller);
        taskSet.lock();
        try {
            checkStoppedLocked(caller);
            order = sent;
            wake();
        } finally {
            taskSet.unlock();
        }
        while (!sent.done) {
            caller.blockKillable(Task.FOREVER);
        }
        if (sent.failure != null) {
            throw sent.failure;
        }
    }

    // ---- wait(2)

    /**
     * The stop that wait(2) tells the tracer. TASK_SET is held.
     *
     * @param consume whether it is told only once
     * @return the code, 0 for none
     */
    public int takeStopLocked(boolean consume) {
        if (!stopped || listening) {
            return 0;
        }
        int code = report;
        if (consume) {
            report = 0;
        }
        return code;
    }

    /** A child of the task, which is linked already, is traced as the task is. TASK_SET is held. */
    void inheritLocked(Task child) {
        Task by = tracer;
        if (by != null) {
            new Tracee(child, by, seized, options & PTRACE_O_MASK, isTracerPowerful).linkLocked(true);
        }
    }

    /** {@return whether the tracer may gain from credentials: CAP_SYS_PTRACE} */
    static boolean isPowerful(Task tracer) {
        return tracer.credentials().has(Capability.CAP_SYS_PTRACE);
    }

    /** {@return the pid namespace of the tracer, or null when there is none} */
    public PidNamespace viewer() {
        Task by = tracer;
        return by == null ? null : by.pidNamespace();
    }
}
