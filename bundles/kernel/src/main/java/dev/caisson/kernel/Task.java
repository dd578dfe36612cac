package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.abi.Errno.ERESTARTSYS;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Resource;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.SignalDelivery;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.kernel.signal.SignalThread;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.syscall.SyscallRow;
import dev.caisson.kernel.syscall.SyscallTracer;
import dev.caisson.memory.FrameReader;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.TerminalGroup;
import dev.caisson.spi.fs.TerminalSession;
import dev.caisson.spi.platform.Exit;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import dev.caisson.spi.platform.Registers;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * A guest thread. It runs on one Java thread for its whole life: run the guest, answer what it wants, look for pending work, again.
 *
 * <p>Unless a method says otherwise, only the task's own thread may call it. Single references may be read from everywhere.
 */
public final class Task implements Caller, SignalThread, JobControl {
    /** The task goes to its safe point and waits there. */
    static final int WORK_PAUSE = 2;

    /** Bytes of {@link #scratch}. */
    public static final int SCRATCH_BYTES = 4096;

    /** With one processor the other side cannot run while we spin. */
    private static final boolean SPINNING = Runtime.getRuntime().availableProcessors() > 1;
    /** About what a park and its wake-up cost. */
    private static final long MOST_SPIN_NS = 50_000;
    private static final long LEAST_SPIN_NS = 12_500;
    /** After finding the processors busy, so many waits do not spin. */
    private static final int SPIN_HOLIDAYS = 256;

    private static final int AWAKE = 0;
    private static final int TOLD = 1;
    private static final int PARKED = 2;
    private static final VarHandle WORK;
    private static final VarHandle SLEEP;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            WORK = lookup.findVarHandle(Task.class, "work", int.class);
            SLEEP = lookup.findVarHandle(Task.class, "sleep", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Kernel kernel;
    private volatile GuestProcess process;
    private volatile Pid identity;
    private final Registers registers = new Registers();
    private final SyscallArgs args = new SyscallArgs(registers);
    private final SignalState signals;
    private final CpuTimes times = new CpuTimes();
    private final Waiter waiter = events -> tell();
    private volatile Thread thread;
    private volatile GuestContext context;

    private volatile MemoryManager memory;
    private volatile ProgramFile program;
    private volatile FdTable fds;
    private volatile FsContext fs;
    private volatile Credentials credentials = Credentials.ROOT;
    private volatile Namespaces namespaces;
    private volatile String comm = "";

    /** WORK_* bits that others want done at the top of the loop. */
    @SuppressWarnings("unused")
    private volatile int work;
    /** AWAKE, TOLD (an event came), or PARKED. */
    @SuppressWarnings("unused")
    private volatile int sleep;
    /** Set by {@link #wakeUp}, for the sleep of a stopped task. */
    private volatile boolean kicked;
    /** The last system call ended with a restart code that signal delivery has to resolve. */
    private boolean restartPending;

    /** Where exit writes 0 and wakes a futex; 0 for nowhere. */
    private long clearChildTid;
    private long childTidAtStart;
    private volatile int parentDeathSignal;
    private volatile boolean noNewPrivileges;
    private volatile int personality;
    private final TaskScheduling scheduling;
    private final ProcessAttachments attachments = new ProcessAttachments();

    /** Makes the parent of a vfork go on; null when nobody waits. */
    volatile Completion vforkDone;
    /** FPU state to begin with; null for that of a new process. */
    private MemorySegment initialFpu;
    /** Everything is released, the thread waits for its number to be taken away. Guarded by TASK_SET. */
    boolean ended;
    private int exitStatus;

    /** Frames of guest memory may be used while it is entered: from the end of guest code to its next run, but for sleeps. */
    private FrameReader frames;

    private MemorySegment scratch;
    /** How long the next wait spins before it parks; 0 for not at all. */
    private long spinNs;
    private int spinHolidays;
    private long markNs;
    private long sleptNs;
    /** When the guest last began to run, 0 while it does not; others read it without a fence, for processor clocks. */
    private long runningSinceNs;

    Task(Kernel kernel, GuestProcess process, Pid identity, long signalMask) {
        this.kernel = kernel;
        this.process = process;
        this.identity = identity;
        this.scheduling = new TaskScheduling(kernel.options().cpuCount());
        this.signals = new SignalState(this, process.signals(), signalMask);
    }

    // ---- what hangs on a task

    /** {@return the kernel} */
    public Kernel kernel() {
        return kernel;
    }

    /** {@return the thread group} */
    public GuestProcess process() {
        return process;
    }

    /** {@return the identity in all pid namespaces} */
    public Pid identity() {
        return identity;
    }

    /** A thread that executes a program takes the leader's identity. TASK_SET is held. */
    void identity(Pid next) {
        identity = next;
        next.task = this;
    }

    /** {@return the thread id in the task's own pid namespace} */
    @Override
    public int tid() {
        return identity.number();
    }

    /** {@return the pid namespace of the task, by which it names others} */
    public PidNamespace pidNamespace() {
        return identity.namespace();
    }

    /** {@return the address space; null when the task has given it up at exit} */
    public MemoryManager memory() {
        return memory;
    }

    void memory(MemoryManager next) {
        memory = next;
    }

    /** The file that runs; null before the start and after the end. */
    ProgramFile program() {
        return program;
    }

    void program(ProgramFile next) {
        program = next;
    }

    /** {@return the descriptor table; null when the task has given it up at exit} */
    public FdTable fds() {
        return fds;
    }

    /**
     * Replaces the descriptor table, for clone(2), execve(2), unshare(2) and close_range(2).
     *
     * @param next the new one; the task owns a reference to it
     */
    public void fds(FdTable next) {
        fds = next;
    }

    @Override
    public FsContext fs() {
        return fs;
    }

    /**
     * Replaces root, working directory and umask.
     *
     * @param next the new ones; the task owns a reference to them
     */
    public void fs(FsContext next) {
        fs = next;
    }

    @Override
    public Credentials credentials() {
        return credentials;
    }

    /**
     * Replaces the credentials.
     *
     * @param next the new ones
     */
    public void credentials(Credentials next) {
        Credentials old = credentials;
        credentials = next;
        if (old.uid() != next.uid() && thread != null) {
            kernel.user(old.uid()).tasks.decrementAndGet();
            kernel.user(next.uid()).tasks.incrementAndGet();
        }
    }

    /** {@return the namespaces other than pid, which the identity has} */
    public Namespaces namespaces() {
        return namespaces;
    }

    /**
     * Replaces the namespaces, for unshare(2) and setns(2).
     *
     * @param next the new ones
     */
    public void namespaces(Namespaces next) {
        namespaces = next;
    }

    /** {@return the UTS namespace} */
    public UtsNamespace uts() {
        return namespaces.uts();
    }

    @Override
    public Registers registers() {
        return registers;
    }

    @Override
    public GuestContext context() {
        return context;
    }

    @Override
    public SignalState signals() {
        return signals;
    }

    /** {@return processor time and faults of this task} */
    public CpuTimes times() {
        return times;
    }

    /** {@return time in guest code up to now, in nanoseconds; any thread} */
    public long userNs() {
        long since = runningSinceNs;
        return times.userNs() + (since == 0 ? 0 : Math.max(0, System.nanoTime() - since));
    }

    /** {@return processor time up to now, in nanoseconds; any thread. Others see a system call in progress when it is over} */
    public long cpuNs() {
        long inCall = Thread.currentThread() == thread ? Math.max(0, System.nanoTime() - markNs - sleptNs) : 0;
        return userNs() + times.systemNs() + inCall;
    }

    /** {@return the task whose thread calls, or null} */
    public static Task current() {
        return Thread.currentThread() instanceof TaskThreads.TaskThread own ? own.task() : null;
    }

    /** {@return scheduling parameters} */
    public TaskScheduling scheduling() {
        return scheduling;
    }

    /** {@return state that other parts of the kernel hang on this task} */
    public ProcessAttachments attachments() {
        return attachments;
    }

    /** {@return the name, at most 15 bytes} */
    public String comm() {
        return comm;
    }

    /**
     * Sets the name.
     *
     * @param name cut to 15 bytes
     */
    public void comm(String name) {
        comm = name.length() > 15 ? name.substring(0, 15) : name;
        Thread own = thread;
        if (own != null) {
            own.setName("task " + process.identity().rootNumber() + "/" + identity.rootNumber() + " " + comm);
        }
    }

    /** The name to begin with; before the start. */
    void initialComm(String name) {
        comm = name;
    }

    /** CLONE_CHILD_SETTID: the child's memory gets the tid when the child begins. */
    void storeTidAtStart(long address) {
        childTidAtStart = address;
    }

    /** {@return where exit writes 0; 0 for nowhere} */
    public long clearChildTid() {
        return clearChildTid;
    }

    /**
     * set_tid_address(2).
     *
     * @param address guest address
     */
    public void clearChildTid(long address) {
        clearChildTid = address;
    }

    /** {@return the signal to send when the parent thread exits, or 0} */
    public int parentDeathSignal() {
        return parentDeathSignal;
    }

    /**
     * PR_SET_PDEATHSIG.
     *
     * @param signal signal number, or 0
     */
    public void parentDeathSignal(int signal) {
        parentDeathSignal = signal;
    }

    /** {@return whether execve(2) may not raise privileges} */
    public boolean noNewPrivileges() {
        return noNewPrivileges;
    }

    /** PR_SET_NO_NEW_PRIVS; it cannot be taken back. */
    public void setNoNewPrivileges() {
        noNewPrivileges = true;
    }

    /** {@return personality(2)} */
    public int personality() {
        return personality;
    }

    /**
     * Sets the personality.
     *
     * @param value new value
     */
    public void personality(int value) {
        personality = value;
    }

    @Override
    public long fileSizeLimit() {
        long limit = process.limits().soft(Resource.RLIMIT_FSIZE);
        return limit < 0 ? Long.MAX_VALUE : limit;
    }

    /**
     * Native memory for building structures in; every use overwrites the last. It belongs to the system call that runs.
     *
     * @return {@link #SCRATCH_BYTES} bytes, aligned to 64
     */
    public MemorySegment scratch() {
        MemorySegment segment = scratch;
        if (segment == null) {
            segment = Arena.ofAuto().allocate(SCRATCH_BYTES, 64);
            scratch = segment;
        }
        return segment;
    }

    @Override
    public void copyIn(long address, MemorySegment target) throws ErrnoException {
        memory.copyIn(address, target);
    }

    @Override
    public void copyOut(long address, MemorySegment source) throws ErrnoException {
        memory.copyOut(address, source);
    }

    // ---- job control, for terminals

    @Override
    public TerminalSession session() {
        return process.session();
    }

    @Override
    public TerminalGroup group() {
        return process.group();
    }

    @Override
    public boolean isSessionLeader() {
        return process.session().leader() == process;
    }

    @Override
    public boolean isBlockedOrIgnored(int signal) {
        return signals.isBlocked(signal) || process.signals().handlers().isIgnored(signal);
    }

    @Override
    public TerminalGroup groupById(int id) throws ErrnoException {
        ProcessGroup group = pidNamespace().group(id);
        if (group == null) {
            throw ESRCH.error();
        }
        return group;
    }

    @Override
    public int idOf(TerminalGroup group) {
        return group == null ? 0 : ((ProcessGroup) group).identity().in(pidNamespace());
    }

    @Override
    public int idOf(TerminalSession session) {
        return session == null ? 0 : ((Session) session).identity().in(pidNamespace());
    }

    // ---- sleeping and waking

    /** {@return whether it sleeps in a system call, for /proc/PID/stat} */
    public boolean isSleeping() {
        return sleep == PARKED;
    }

    @Override
    public Waiter waiter() {
        return waiter;
    }

    /** An event: ends the current or the next sleep. Any thread, takes no lock. */
    private void tell() {
        if ((int) SLEEP.getAndSet(this, TOLD) == PARKED) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public boolean block(long deadlineNs) throws ErrnoException {
        return sleep(deadlineNs, false);
    }

    /**
     * Sleeps as {@link #block}, but only a signal that kills ends it (Linux: TASK_KILLABLE).
     *
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @return false when the deadline has passed without an event
     * @throws ErrnoException ERESTARTSYS when the task is to leave
     */
    public boolean blockKillable(long deadlineNs) throws ErrnoException {
        return sleep(deadlineNs, true);
    }

    /**
     * Sleeps until an event or the deadline, whatever happens; for the end of a pid namespace.
     *
     * @param deadlineNs when to give up
     */
    void sleepUninterruptibly(long deadlineNs) {
        if ((int) SLEEP.getAndSet(this, AWAKE) == TOLD) {
            return;
        }
        int entered = frames.suspend();
        if (SLEEP.compareAndSet(this, AWAKE, PARKED)) {
            while (sleep == PARKED && deadlineNs - System.nanoTime() > 0) {
                if ((work & WORK_PAUSE) != 0) {
                    arriveAtSafePoint();
                }
                LockSupport.parkNanos(this, deadlineNs - System.nanoTime());
            }
        }
        frames.resume(entered);
        SLEEP.setVolatile(this, AWAKE);
    }

    private void arriveAtSafePoint() {
        int entered = frames.suspend();
        kernel.safePoints().arrive(this);
        frames.resume(entered);
    }

    private boolean sleep(long deadlineNs, boolean killableOnly) throws ErrnoException {
        for (;;) {
            if ((int) SLEEP.getAndSet(this, AWAKE) == TOLD) {
                return true;
            }
            if (mustStopSleeping(killableOnly)) {
                throw ERESTARTSYS.error();
            }
            if (deadlineNs != FOREVER && deadlineNs - System.nanoTime() <= 0) {
                return false;
            }
            if ((work & WORK_PAUSE) != 0) {
                arriveAtSafePoint();
                continue;
            }
            boolean spins = spinNs > 0;
            if (spins && spin()) {
                continue;
            }
            park(deadlineNs, killableOnly, !spins);
        }
    }

    /**
     * Waits awake for a while, since a wake-up on another core costs more than a short wait. How long, the waits before have taught.
     *
     * @return whether an event came
     */
    private boolean spin() {
        long budget = spinNs;
        long start = System.nanoTime();
        long now;
        do {
            for (int i = 0; i < 8; i++) {
                Thread.onSpinWait();
            }
            now = System.nanoTime();
            if (sleep == TOLD || (work & WORK_PAUSE) != 0 || signals.hasWork()) {
                sleptNs += now - start;
                return true;
            }
        } while (now - start < budget);
        sleptNs += now - start;
        if (now - start > 2 * budget) {
            // Somebody else had our processor meanwhile: there are more threads than processors, so leave them alone for a while.
            spinNs = 0;
            spinHolidays = SPIN_HOLIDAYS;
        } else {
            spinNs = budget / 2 < LEAST_SPIN_NS ? 0 : budget / 2;
        }
        return false;
    }

    /** A wait without spinning took so long: a short one makes the next wait spin. */
    private void learn(long parkedNs) {
        if (spinHolidays > 0) {
            spinHolidays--;
        } else if (parkedNs < 2 * MOST_SPIN_NS) {
            spinNs = MOST_SPIN_NS;
        }
    }

    /** Parks until an event, the deadline, or work; the caller looks which it was. */
    private void park(long deadlineNs, boolean killableOnly, boolean teaches) {
        if (!SLEEP.compareAndSet(this, AWAKE, PARKED)) {
            return;
        }
        // Those who add work do so before they look whether we are parked, and we look for work after we said so: no wake-up is lost.
        long start = System.nanoTime();
        int entered = frames.suspend();
        GuestContext current = context;
        if (current != null) {
            current.sleeping();
        }
        while (sleep == PARKED && (work & WORK_PAUSE) == 0 && !mustStopSleeping(killableOnly)) {
            if (deadlineNs == FOREVER) {
                LockSupport.park(this);
            } else {
                long left = deadlineNs - System.nanoTime();
                if (left <= 0) {
                    break;
                }
                LockSupport.parkNanos(this, left);
            }
            if (Thread.interrupted()) {
                continue;
            }
        }
        if (current != null) {
            current.awake();
        }
        frames.resume(entered);
        SLEEP.compareAndSet(this, PARKED, AWAKE);
        long parkedNs = System.nanoTime() - start;
        sleptNs += parkedNs;
        if (SPINNING && teaches) {
            learn(parkedNs);
        }
        times.voluntarySwitches++;
    }

    private boolean mustStopSleeping(boolean killableOnly) {
        return signals.hasWork() && (!killableOnly || signals.isEnding());
    }

    /** {@return whether a signal or the end waits for the task, so that long work should be cut short} */
    public boolean isInterrupted() {
        return mustStopSleeping(false);
    }

    /** {@return whether the task is to die} */
    public boolean isKilled() {
        return mustStopSleeping(true);
    }

    @Override
    public void wakeUp() {
        kicked = true; // volatile: ordered before our look at the sleep state
        if (Thread.currentThread() == thread) {
            return;
        }
        GuestContext current = context;
        if (current != null) {
            current.interrupt();
        }
        if (sleep == PARKED) {
            LockSupport.unpark(thread);
        }
    }

    /** Asks for work at the top of the loop. Any thread. */
    void raise(int bits) {
        int old = (int) WORK.getAndBitwiseOr(this, bits);
        if ((old & bits) != bits) {
            wakeUp();
        }
    }

    void clearWork(int bits) {
        WORK.getAndBitwiseAnd(this, ~bits);
    }

    int work() {
        return work;
    }

    // ---- the loop

    void thread(Thread own) {
        thread = own;
    }

    /** {@return the Java thread, or null before the start} */
    public Thread thread() {
        return thread;
    }

    /** FPU state to begin with; before the start. */
    void initialFpu(MemorySegment image) {
        initialFpu = image;
    }

    /** Takes the calling thread's way to guest memory; on the task's own thread, before it sleeps for the first time. */
    void bindFrames() {
        frames = kernel.memoryFile().reader();
    }

    /** The task's whole life, on its own thread. */
    void live() {
        try {
            comm(comm);
            kernel.safePoints().enter(this);
            bindFrames();
            frames.enter();
            try {
                attachContext();
                if (childTidAtStart != 0) {
                    TaskClone.storeQuietly(memory, childTidAtStart, tid());
                }
                loop();
            } catch (ErrnoException gone) {
                // The platform lost the guest thread (killed from outside, out of memory on the host): as if by SIGKILL.
                Kernel.LOG.warn("{}: the host took the guest thread away: {}", this, gone.getMessage());
                process.exitGroup(Signals.SIGKILL);
                exitStatus = process.signals().endStatus();
            }
            TaskExit.exit(this, exitStatus);
        } catch (Throwable bug) {
            kernel.fail(this, bug);
        } finally {
            if (frames != null) {
                frames.suspend();
            }
            kernel.safePoints().leave(this);
        }
    }

    /** Makes the context on the current platform and gives it the FPU state that was kept. */
    void attachContext() throws ErrnoException {
        Platform platform = kernel.platform();
        GuestContext next = platform.newContext();
        context = next;
        MemorySegment image = initialFpu;
        if (image != null) {
            next.restoreFpu(image);
            initialFpu = null;
        }
    }

    /** Takes the FPU state out and closes the context, for a change of platform. */
    void detachContext() throws ErrnoException {
        GuestContext old = context;
        if (old != null) {
            MemorySegment image = Arena.ofAuto().allocate(old.fpuBytes(), 64);
            old.saveFpu(image);
            initialFpu = image;
            context = null;
            old.close();
        }
    }

    /** Closes the context at exit. */
    void closeContext() {
        GuestContext old = context;
        context = null;
        if (old != null) {
            old.close();
        }
    }

    /**
     * The exit status of the thread itself, for exit(2); a group exit replaces it.
     *
     * @param status as wait(2) tells it
     */
    public void exitStatus(int status) {
        exitStatus = status;
    }

    private void loop() throws ErrnoException {
        markNs = System.nanoTime();
        for (;;) {
            if ((work != 0 || restartPending || signals.hasWork()) && doWork() == TaskState.EXIT) {
                return;
            }
            long start = System.nanoTime();
            times.systemNs += start - markNs - sleptNs;
            sleptNs = 0;
            runningSinceNs = start;
            frames.leave();
            Exit exit = context.run(memory.space(), registers);
            frames.enter();
            runningSinceNs = 0;
            markNs = System.nanoTime();
            times.userNs += markNs - start;
            if (exit == Exit.Plain.SYSCALL) {
                if (dispatch() == TaskState.EXIT) {
                    return;
                }
            } else {
                registers.origRax(-1);
                if (exit instanceof Exit.Fault fault) {
                    times.minorFaults++;
                    TaskFaults.handle(this, fault);
                } else if (exit instanceof Exit.Signal signal) {
                    TaskFaults.raise(this, signal);
                } else {
                    times.involuntarySwitches++;
                }
            }
        }
    }

    /** Does what waits at the top of the loop. */
    private TaskState doWork() throws ErrnoException {
        for (;;) {
            int bits = work;
            if ((bits & WORK_PAUSE) != 0) {
                arriveAtSafePoint();
                continue;
            }
            if (!restartPending && !signals.hasWork()) {
                return TaskState.RESUME;
            }
            restartPending = false;
            kicked = false;
            switch (SignalDelivery.deliver(signals)) {
                case RUN -> {
                    if (work == 0 && !signals.hasWork()) {
                        return TaskState.RESUME;
                    }
                }
                case STOP -> sleepStopped();
                case EXIT_GROUP -> {
                    exitStatus = process.signals().endStatus();
                    return TaskState.EXIT;
                }
                case EXIT_THREAD -> {
                    return TaskState.EXIT;
                }
            }
        }
    }

    /** Job control stopped the process: sleeps until {@link #wakeUp}. */
    private void sleepStopped() {
        GuestContext current = context;
        int entered = frames.suspend();
        current.sleeping();
        long start = System.nanoTime();
        while (!kicked && (work & WORK_PAUSE) == 0) {
            SLEEP.setVolatile(this, PARKED);
            if (!kicked && (work & WORK_PAUSE) == 0) {
                LockSupport.park(this);
            }
        }
        // An event that came meanwhile concerns no wait of ours: we are at the top of the loop.
        SLEEP.setVolatile(this, AWAKE);
        sleptNs += System.nanoTime() - start;
        current.awake();
        frames.resume(entered);
    }

    private TaskState dispatch() {
        long number = (int) registers.origRax();
        SyscallRow row = kernel.syscallTable().row(number);
        SyscallTracer tracer = kernel.tracer();
        if (tracer != null) {
            return dispatchTraced(tracer, row, number);
        }
        if (row == null) {
            kernel.unknownSyscall(number);
            registers.rax(ENOSYS.error().result());
            return TaskState.RESUME;
        }
        if (row.handler() != null) {
            long result;
            try {
                result = row.handler().handle(this, args);
            } catch (ErrnoException failed) {
                result = failed.result();
            }
            finish(result);
            return TaskState.RESUME;
        }
        try {
            return row.control().handle(this, args);
        } catch (ErrnoException failed) {
            finish(failed.result());
            return TaskState.RESUME;
        }
    }

    private void finish(long result) {
        registers.rax(result);
        // -512 to -516: the restart codes.
        if (result <= -512 && result >= -516) {
            restartPending = true;
        }
    }

    private TaskState dispatchTraced(SyscallTracer tracer, SyscallRow row, long number) {
        SyscallTracer.Call call = tracer.enter(this, row, number, args);
        TaskState next = TaskState.RESUME;
        long result;
        try {
            if (row == null) {
                kernel.unknownSyscall(number);
                result = ENOSYS.error().result();
            } else if (row.handler() != null) {
                result = row.handler().handle(this, args);
            } else {
                next = row.control().handle(this, args);
                if (next == TaskState.EXIT) {
                    call.gone();
                } else {
                    call.returned(registers.rax());
                }
                return next;
            }
        } catch (ErrnoException failed) {
            result = failed.result();
        }
        call.returned(result);
        finish(result);
        return next;
    }

    @Override
    public String toString() {
        return "task " + process.pid() + "/" + tid() + " (" + comm + ")";
    }
}
