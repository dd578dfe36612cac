package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.ERESTARTNOINTR;
import static dev.caisson.abi.Errno.ERESTARTSYS;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.ptrace.HardwareWatch;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.kernel.seccomp.SeccompGate;
import dev.caisson.kernel.seccomp.SeccompState;
import dev.caisson.kernel.seccomp.UserDispatch;
import dev.caisson.kernel.signal.SignalDelivery;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.syscall.SyscallRow;
import dev.caisson.kernel.syscall.SyscallTracer;
import dev.caisson.memory.FrameReader;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.Registers;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What a task does all its life: run the guest, answer what it wants, look for pending work, again. On the task's own thread, but for
 * the clocks. The loop allocates nothing.
 */
final class TaskLoop {
    private static final VarHandle RUNNING_SINCE;

    static {
        try {
            RUNNING_SINCE = MethodHandles.lookup().findVarHandle(TaskLoop.class, "runningSinceNs", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Task task;
    private final Kernel kernel;
    private final SignalState signals;
    private final TaskSleep sleep;
    private final CpuTimes times;
    private final Registers registers;
    private final SyscallArgs args;

    /** The last system call ended with a restart code that signal delivery has to resolve. */
    private boolean restartPending;
    /** The present call was told to fail, so that the task comes to its safe point, and is to be made again. */
    private boolean leavesForPause;
    private int exitStatus;
    /** When guest code last ended. */
    private long markNs;
    /** When the guest last began to run, 0 while it does not; others read it without a fence, for processor clocks. */
    private long runningSinceNs;

    TaskLoop(Task task, TaskSleep sleep) {
        this.task = task;
        this.kernel = task.kernel();
        this.signals = task.signals();
        this.sleep = sleep;
        this.times = task.times();
        this.registers = task.registers();
        this.args = new SyscallArgs(registers);
    }

    void exitStatus(int status) {
        exitStatus = status;
    }

    /** {@return another value after every run of guest code, 0 while there is none; any thread} */
    long runningSince() {
        return (long) RUNNING_SINCE.getOpaque(this);
    }

    /** See {@link Task#userNs}. */
    long userNs() {
        long since = runningSinceNs;
        return times.userNs() + (since == 0 ? 0 : Math.max(0, System.nanoTime() - since));
    }

    /** {@return time in the system call that runs, in nanoseconds; own thread only} */
    long inCallNs() {
        return Math.max(0, System.nanoTime() - markNs - sleep.sleptNs());
    }

    /** The task's whole life. */
    void live() {
        try {
            task.comm(task.comm());
            kernel.safePoints().enter(task);
            task.bindFrames();
            task.frames().enter();
            try {
                task.onPlatform().attach();
                task.storeTid();
                loop();
            } catch (ErrnoException gone) {
                // The platform lost the guest thread (killed from outside, out of memory on the host): as if by SIGKILL.
                if (!kernel.isEnding()) {
                    Kernel.LOG.warn("{}: the host took the guest thread away: {}", task, gone.getMessage());
                }
                task.process().exitGroup(Signals.SIGKILL);
                exitStatus = task.process().signals().endStatus();
            }
            SyscallTracer tracer = kernel.tracer();
            if (tracer != null) {
                tracer.ended(task, exitStatus);
            }
            Tracee tracee = task.tracee();
            if (tracee != null) {
                tracee.exits(exitStatus);
            }
            TaskExit.exit(task, exitStatus);
        } catch (Throwable bug) {
            kernel.fail(task, bug);
        } finally {
            if (task.frames() != null) {
                task.frames().suspend();
            }
            kernel.safePoints().leave(task);
        }
    }

    private void loop() throws ErrnoException {
        FrameReader frames = task.frames();
        TaskContext onPlatform = task.onPlatform();
        markNs = System.nanoTime();
        for (;;) {
            if ((sleep.work() != 0 || restartPending || signals.hasWork()) && doWork() == TaskState.EXIT) {
                return;
            }
            HardwareWatch watch = watch();
            if (watch != null && watch.begins() instanceof Exit.Signal trap) {
                registers.origRax(-1);
                TaskFaults.raise(task, trap);
                continue;
            }
            long start = System.nanoTime();
            times.systemNs += start - markNs - sleep.takeSleptNs();
            runningSinceNs = start;
            frames.leave();
            Exit exit;
            try {
                exit = onPlatform.current().run(task.memory().space(), registers);
            } catch (ErrnoException failed) {
                if (watch != null) {
                    watch.ends(Exit.Plain.INTERRUPTED);
                }
                recover(failed);
                continue;
            }
            frames.enter();
            runningSinceNs = 0;
            markNs = System.nanoTime();
            times.userNs += markNs - start;
            if (watch != null) {
                exit = watch.ends(exit);
            }
            if (onPlatform.isUnproved()) {
                onPlatform.proved();
            }
            if (exit == Exit.Plain.SYSCALL) {
                if (dispatch() == TaskState.EXIT) {
                    return;
                }
            } else {
                registers.origRax(-1);
                if (exit instanceof Exit.Fault fault) {
                    times.minorFaults++;
                    TaskFaults.handle(task, fault);
                } else if (exit instanceof Exit.Signal signal) {
                    TaskFaults.raise(task, signal);
                } else {
                    times.involuntarySwitches++;
                }
            }
        }
    }

    /** What a debugger has the processor watch, null for nothing. */
    private HardwareWatch watch() {
        Tracee tracee = task.tracee();
        return tracee == null || !tracee.watch().isOn() ? null : tracee.watch();
    }

    /** The guest could not run. On a platform that the sandbox has just moved to, the task waits to be moved back. */
    private void recover(ErrnoException failure) throws ErrnoException {
        runningSinceNs = 0;
        boolean goesBack = task.onPlatform().isUnproved() && kernel.safePoints().awaitWayBack(task, failure);
        task.frames().enter();
        markNs = System.nanoTime();
        if (!goesBack) {
            throw failure;
        }
    }

    /** Does what waits at the top of the loop. */
    private TaskState doWork() throws ErrnoException {
        for (;;) {
            if ((sleep.work() & TaskSleep.WORK_PAUSE) != 0) {
                sleep.arriveAtSafePoint();
                continue;
            }
            if ((sleep.work() & TaskSleep.WORK_CALL_ENDED) != 0) {
                sleep.clearWork(TaskSleep.WORK_CALL_ENDED);
                Tracee tracee = task.tracee();
                if (tracee != null) {
                    tracee.leavesCall();
                }
                restartPending = true; // the tracer may have changed the result
                continue;
            }
            if ((sleep.work() & TaskSleep.WORK_PUT_OFF) != 0) {
                sleep.clearWork(TaskSleep.WORK_PUT_OFF);
                task.doPutOff();
                continue;
            }
            if (!restartPending && !signals.hasWork()) {
                return TaskState.RESUME;
            }
            restartPending = false;
            sleep.forgetKick();
            switch (SignalDelivery.deliver(signals)) {
                case RUN -> {
                    if (sleep.work() == 0 && !signals.hasWork()) {
                        return TaskState.RESUME;
                    }
                }
                case STOP -> sleep.sleepStopped();
                case EXIT_GROUP -> {
                    exitStatus = task.process().signals().endStatus();
                    return TaskState.EXIT;
                }
                case EXIT_THREAD -> {
                    return TaskState.EXIT;
                }
            }
        }
    }

    private TaskState dispatch() {
        long number = (int) registers.origRax();
        SyscallRow row = kernel.syscallTable().row(number);
        if (kernel.tracer() != null || task.tracee() != null) {
            return dispatchWatched((int) number);
        }
        TaskState refused = refuse((int) number);
        if (refused != null) {
            return refused;
        }
        if (row == null) {
            kernel.unknownSyscall(number);
            registers.rax(ENOSYS.error().result());
            return TaskState.RESUME;
        }
        if (row.handler() != null) {
            long result;
            try {
                result = row.handler().handle(task, args);
            } catch (ErrnoException failed) {
                result = failed.result();
            }
            finish(result);
            return TaskState.RESUME;
        }
        try {
            return row.control().handle(task, args);
        } catch (ErrnoException failed) {
            finish(failed.result());
            return TaskState.RESUME;
        }
    }

    /** Asks those who may refuse a call; null when it is to be carried out. */
    private TaskState refuse(int number) {
        if (isDispatchedToGuest(number)) {
            return TaskState.RESUME;
        }
        SeccompState filters = task.seccomp();
        return filters == null ? null : SeccompGate.enter(task, filters, number);
    }

    private boolean isDispatchedToGuest(int number) {
        UserDispatch dispatch = task.userDispatch();
        return dispatch != null && dispatch.catches(task, number);
    }

    /** A call that the operator's trace shows, or that a tracer of the guest's may stop and change. */
    private TaskState dispatchWatched(int number) {
        SyscallTracer tracer = kernel.tracer();
        Tracee tracee = task.tracee();
        if (tracee == null) {
            return dispatchTraced(tracer, number);
        }
        if (isDispatchedToGuest(number)) {
            return TaskState.RESUME;
        }
        TaskState next = TaskState.RESUME;
        if (tracee.entersCall()) {
            next = carryOut(tracer, tracee);
        }
        if (tracee.wantsEndOfCall() && next != TaskState.EXIT) {
            sleep.note(TaskSleep.WORK_CALL_ENDED);
        }
        return next;
    }

    /** Carries out a call as its tracer has left it. */
    private TaskState carryOut(SyscallTracer tracer, Tracee tracee) {
        SeccompState filters = task.seccomp();
        if (filters != null && !tracee.suspendsSeccomp()) {
            TaskState refused = SeccompGate.enter(task, filters, (int) registers.origRax());
            if (refused != null) {
                return refused;
            }
        }
        int number = (int) registers.origRax(); // not necessarily what it was
        if (number == -1) {
            return TaskState.RESUME;
        }
        SyscallRow row = kernel.syscallTable().row(number);
        return call(show(tracer, row, number), row, number);
    }

    /** Whether the call that is being carried out may be given up and made again; it will be, if so. On the own thread. */
    boolean leavesRepeatableCall() {
        if (RepeatableCalls.contains(registers)) {
            leavesForPause = true;
        }
        return leavesForPause;
    }

    private void finish(long given) {
        long result = given == -ENOMEM.number() ? kernel.outOfMemory().atCallEnd(task, given) : given;
        registers.rax(result);
        // -512 to -516: the restart codes.
        if (result <= -512 && result >= -516) {
            restartPending = true;
            if (leavesForPause && result == -ERESTARTSYS.number()) {
                registers.rax(-ERESTARTNOINTR.number()); // no signal has to do with it
            }
            leavesForPause = false;
        }
    }

    private TaskState dispatchTraced(SyscallTracer tracer, int number) {
        SyscallRow row = kernel.syscallTable().row(number);
        SyscallTracer.Call shown = show(tracer, row, number);
        TaskState refused = refuse(number);
        if (refused == null) {
            return call(shown, row, number);
        }
        tell(shown, refused);
        return refused;
    }

    private SyscallTracer.Call show(SyscallTracer tracer, SyscallRow row, int number) {
        return tracer == null ? null : tracer.enter(task, row, number, args);
    }

    private void tell(SyscallTracer.Call shown, TaskState next) {
        if (shown == null) {
            return;
        }
        if (next == TaskState.EXIT) {
            shown.gone();
        } else {
            shown.returned(registers.rax());
        }
    }

    private TaskState call(SyscallTracer.Call shown, SyscallRow row, int number) {
        TaskState next = TaskState.RESUME;
        try {
            if (row == null) {
                kernel.unknownSyscall(number);
                finish(ENOSYS.error().result());
            } else if (row.handler() != null) {
                finish(row.handler().handle(task, args));
            } else {
                next = row.control().handle(task, args);
            }
        } catch (ErrnoException failed) {
            finish(failed.result());
        }
        tell(shown, next);
        return next;
    }
}
