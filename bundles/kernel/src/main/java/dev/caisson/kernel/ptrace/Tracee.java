package dev.caisson.kernel.ptrace;

import static dev.caisson.abi.Ptrace.PTRACE_EVENT_EXEC;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_EXIT;
import static dev.caisson.abi.Ptrace.PTRACE_EVENT_STOP;
import static dev.caisson.abi.Ptrace.PTRACE_O_EXITKILL;
import static dev.caisson.abi.Ptrace.PTRACE_O_MASK;
import static dev.caisson.abi.Ptrace.PTRACE_O_SUSPEND_SECCOMP;
import static dev.caisson.abi.Ptrace.PTRACE_O_TRACESYSGOOD;

import dev.caisson.abi.Capability;
import dev.caisson.abi.Ptrace;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.SignalTrace;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.platform.Registers;

/**
 * A task with a tracer: who that is, which events it wants, and where the task comes to its stops. The task's own thread comes to them here
 * ({@link #event}, {@link #entersCall}, {@link #deliver}, ...) and sleeps in its {@link TraceeStop}; what the tracer does with it meanwhile is
 * {@link TracerHold}'s.
 *
 * <p>State is guarded by TASK_SET. Registers and signal mask of the task are its own thread's, and the tracer's while it is stopped.
 */
public final class Tracee implements SignalTrace {
    private static final int SYSCALL_GOOD = 0x80;

    private final Task task;
    private final TraceeStop stop;
    private final boolean seized;
    /** CAP_SYS_PTRACE of the tracer when it began: whether set-user-ID programs keep their rights. */
    private final boolean isTracerPowerful;
    private volatile Task tracer;
    private volatile int options;
    /** A thread that has ended, not the first one of its process: it waits for its tracer to learn of it. */
    private boolean zombie;
    private int exitStatus;

    // How the tracer resumed it; written while it is stopped, read by its own thread.
    private boolean reportsCalls;
    private boolean emulatesCalls;
    private final SingleStep step;
    private final DebugRegisters debug = new DebugRegisters();
    private final HardwareWatch watch;

    Tracee(Task task, Task tracer, boolean seized, int options, boolean isTracerPowerful) {
        this.task = task;
        this.stop = new TraceeStop(this);
        this.tracer = tracer;
        this.seized = seized;
        this.options = options;
        this.isTracerPowerful = isTracerPowerful;
        this.step = new SingleStep(task);
        this.watch = new HardwareWatch(task, debug);
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
        return stop.isOn();
    }

    /** {@return its stop} */
    TraceeStop stop() {
        return stop;
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
        if (stop.isOn()) {
            step.end();
        }
        stop.cancelLocked();
        task.signals().process().endTrace(task.signals());
        letCodeChange();
        stop.wake();
    }

    // ---- stops, on the task's own thread

    /** A stop of the kernel's own making (Linux: ptrace_do_notify). */
    private int notifyTracer(int signal, int code, int why, long eventMessage, boolean whileDying) {
        SignalInfo own = SignalInfo.sent(signal, code, task.tid(), task.credentials().uid());
        return stop.enter(code, why, eventMessage, own, whileDying);
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
        if (event == PTRACE_EVENT_EXEC) {
            debug.clear();
        }
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
        int signal = stop.enter(taken.signal(), SignalCodes.CLD_TRAPPED, 0, taken, false);
        if (signal == TraceeStop.NONE) {
            return taken;
        }
        if (signal == 0) {
            return null;
        }
        SignalInfo next = stop.information();
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
            stop.enter(stopSignal, SignalCodes.CLD_STOPPED, 0, null, false);
            return;
        }
        int signal = stopSignal == 0 ? Signals.SIGTRAP : stopSignal;
        notifyTracer(signal, signal | PTRACE_EVENT_STOP << 8, SignalCodes.CLD_STOPPED, 0, false);
    }

    @Override
    public void trapPending() {
        stop.trapPending();
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

    /** The tracer lets the task run by PTRACE_CONT, PTRACE_SYSCALL, ... TASK_SET is held. */
    void resumedLocked(int request) {
        reportsCalls = request == Ptrace.PTRACE_SYSCALL;
        emulatesCalls = request == Ptrace.PTRACE_SYSEMU || request == Ptrace.PTRACE_SYSEMU_SINGLESTEP;
        if (request == Ptrace.PTRACE_SINGLESTEP || request == Ptrace.PTRACE_SYSEMU_SINGLESTEP) {
            step.begin();
        } else {
            step.end();
        }
    }

    /** What PTRACE_SETOPTIONS says; it was checked. TASK_SET is held. */
    void optionsLocked(int next) {
        options = next;
    }

    DebugRegisters debugRegisters() {
        return debug;
    }

    /** {@return what its debug registers do when it runs} */
    public HardwareWatch watch() {
        return watch;
    }

    // ---- wait(2)

    /**
     * The stop that wait(2) tells the tracer. TASK_SET is held.
     *
     * @param consume whether it is told only once
     * @return the code, 0 for none
     */
    public int takeStopLocked(boolean consume) {
        return stop.takeReportLocked(consume);
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
