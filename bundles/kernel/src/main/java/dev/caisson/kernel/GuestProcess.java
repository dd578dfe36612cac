package dev.caisson.kernel;

import dev.caisson.abi.Resource;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.kernel.signal.ProcessSignals;
import dev.caisson.kernel.signal.SignalHandlers;
import dev.caisson.kernel.signal.SignalOwner;
import dev.caisson.kernel.signal.SignalQuota;
import dev.caisson.kernel.signal.SignalThread;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FdTable;
import java.util.ArrayList;
import java.util.List;

/**
 * A thread group: what POSIX calls a process. The links of the tree (parent, children, threads, group) are written under the kernel's
 * {@code TASK_SET} lock; single references may be read without it.
 */
public final class GuestProcess implements SignalOwner {
    private final Kernel kernel;
    private final ProcessSet set;
    private volatile Pid identity;
    private volatile Task leader;
    /** Live and exiting threads, the leader first until it is gone. Guarded by TASK_SET. */
    final List<Task> threads = new ArrayList<>(2);
    /** Guarded by TASK_SET. */
    final List<GuestProcess> children = new ArrayList<>(2);
    /**
     * Its parent died, and process 1 of the sandbox took it. Process 1 then stands for the init of a whole system, which does no job
     * control, though it may itself be a shell that does for its own children.
     */
    volatile boolean adoptedByInit;
    /** Threads that have not begun to exit. Guarded by TASK_SET. */
    int liveThreads;
    /** Init of a pid namespace at its end: children vanish without being waited for. */
    volatile boolean reapsAll;
    private volatile GuestProcess parent;
    /** The thread that made this process, for __WNOTHREAD and PR_SET_PDEATHSIG; null when it has exited. */
    volatile Task parentThread;
    /** The terminal of the session that it uses, inherited by children; null for none. */
    volatile Session.Control terminalControl;
    private volatile ProcessGroup group;

    private final ProcessSignals signals;
    private final ResourceLimits limits;

    /** Sent to the parent at exit; -1 for none, 0 for a silent child. */
    volatile int exitSignal;
    /** All threads have ended, and the parent has not waited yet. */
    private volatile boolean zombie;
    /** Threads that have ended and whose tracers do not know yet. The process is not waited for before. Guarded by TASK_SET. */
    int zombieThreads;
    /** Who keeps it from its program, or has done so. */
    volatile HeldProcess held;
    /** Waited for, or nobody will. */
    private volatile boolean reaped;
    private volatile int exitStatus;
    /** The thread that replaces the program and waits until it is alone. Guarded by TASK_SET. */
    volatile Task executing;

    /** The program was replaced since fork; setpgid(2) of the parent is then EACCES. */
    volatile boolean executed;
    volatile boolean subreaper;
    volatile boolean thpDisabled;
    private volatile int oomScoreAdjustment;
    private final boolean init;
    private final long startNs = System.nanoTime();

    /** What threads that began to exit had used, for the processor clocks. Written under the signal lock. */
    private volatile long leftUserNs;
    private volatile long leftCpuNs;

    /** Usage of threads that have ended. Guarded by TASK_SET. */
    final CpuTimes endedThreads = new CpuTimes();
    /** Usage of children that were waited for. Guarded by TASK_SET. */
    final CpuTimes waitedChildren = new CpuTimes();

    private final WaitQueue childEvents = new WaitQueue();
    private final WaitQueue exitEvents = new WaitQueue();
    private final ProcessAttachments attachments = new ProcessAttachments();

    GuestProcess(Kernel kernel, ProcessSet set, Pid identity, SignalHandlers handlers, ResourceLimits limits, int exitSignal) {
        this(kernel, set, identity, handlers, limits, exitSignal, false);
    }

    GuestProcess(Kernel kernel, ProcessSet set, Pid identity, SignalHandlers handlers, ResourceLimits limits, int exitSignal,
            boolean isContainerInit) {
        this.kernel = kernel;
        this.set = set;
        this.identity = identity;
        // Process 1 of the sandbox dies of signals like any program that is run directly, unless it is a container's; init of a nested
        // namespace does not.
        this.signals = new ProcessSignals(this, handlers, isContainerInit || identity.number() == 1 && identity.namespace().level() > 0);
        this.limits = limits;
        this.exitSignal = exitSignal;
        this.init = identity.number() == 1;
    }

    /** {@return the kernel} */
    public Kernel kernel() {
        return kernel;
    }

    /** {@return what it belongs to, as its descendants do} */
    public ProcessSet set() {
        return set;
    }

    /** {@return the identity; that of the leader} */
    public Pid identity() {
        return identity;
    }

    /** {@return the process id in the process' own pid namespace} */
    public int pid() {
        return identity.number();
    }

    /** {@return the first thread; it may have exited before others} */
    public Task leader() {
        return leader;
    }

    void leader(Task task) {
        leader = task;
        identity = task.identity();
    }

    /** {@return whether this is process 1 of its pid namespace} */
    public boolean isInit() {
        return init;
    }

    /** {@return the parent, null for the first process of the sandbox} */
    public GuestProcess parent() {
        return parent;
    }

    void parent(GuestProcess process, Task thread) {
        parent = process;
        parentThread = thread;
    }

    /** {@return the thread that PTRACE_TRACEME makes the tracer, or null; TASK_SET is held} */
    public Task realParent() {
        Task maker = parentThread;
        GuestProcess p = parent;
        return maker != null || p == null ? maker : p.threads.isEmpty() ? null : p.threads.getFirst();
    }

    /**
     * A task that a thread of this process traces has stopped: SIGCHLD, and those who wait learn of it. TASK_SET is held.
     *
     * @param tracee the task
     * @param code {@code CLD_TRAPPED} or {@code CLD_STOPPED}
     * @param status the signal
     */
    public void childTrapped(Task tracee, int code, int status) {
        ChildEvents.trapped(this, tracee, code, status);
    }

    /** {@return real user of the leader, also after its end} */
    public int uid() {
        Task first = leader;
        return first == null ? 0 : first.credentials().uid();
    }

    /** Whether somebody still waits for it, or it runs. */
    boolean isLiveOrChildOf(GuestProcess init) {
        return !zombie || parent == init;
    }

    /** {@return the parent's id in this process' pid namespace; 0 when it is outside} */
    public int parentPid() {
        GuestProcess p = parent;
        return p == null ? 0 : p.identity.in(identity.namespace());
    }

    /** {@return threads that have not ended; a snapshot} */
    public List<Task> tasks() {
        kernel.taskSet().lock();
        try {
            return new ArrayList<>(threads);
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** {@return how many threads have not ended} */
    public int threadCount() {
        kernel.taskSet().lock();
        try {
            return threads.size();
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** {@return child processes, zombies included; a snapshot} */
    public List<GuestProcess> children() {
        kernel.taskSet().lock();
        try {
            return new ArrayList<>(children);
        } finally {
            kernel.taskSet().unlock();
        }
    }

    /** {@return the process group} */
    public ProcessGroup group() {
        return group;
    }

    void groupLocked(ProcessGroup next) {
        ProcessGroup old = group;
        if (old != next) {
            if (next != null) {
                next.addLocked(this);
                group = next;
            }
            if (old != null) {
                old.removeLocked(this);
            }
        }
    }

    /** {@return the session} */
    public Session session() {
        return group.session();
    }

    /** {@return the controlling terminal, or null} */
    public ControllingTerminal terminal() {
        Session.Control held = terminalControl;
        return held != null && held == session().control() ? held.terminal() : null;
    }

    /** Leaves the controlling terminal to the others of the session. */
    void giveUpTerminal() {
        terminalControl = null;
    }

    /** {@return signals and job control of the thread group} */
    public ProcessSignals signals() {
        return signals;
    }

    /** {@return the resource limits} */
    public ResourceLimits limits() {
        return limits;
    }

    /** {@return state that other parts of the kernel hang on the process: timers, semaphore undo lists} */
    public ProcessAttachments attachments() {
        return attachments;
    }

    /** {@return the address space of a thread that still has one, or null} */
    public MemoryManager memory() {
        Task first = leader;
        MemoryManager memory = first == null ? null : first.memory();
        if (memory == null) {
            for (Task task : tasks()) {
                memory = task.memory();
                if (memory != null) {
                    break;
                }
            }
        }
        return memory;
    }

    /** {@return whether all threads have ended and the parent has not waited} */
    public boolean isZombie() {
        return zombie;
    }

    void becomeZombie() {
        zombie = true;
    }

    /** {@return whether it is gone for good} */
    public boolean isReaped() {
        return reaped;
    }

    void becomeReaped() {
        reaped = true;
    }

    /** {@return whether every thread is leaving} */
    public boolean isExiting() {
        return signals.isEnding();
    }

    /** {@return the status wait(2) tells: code * 256, or the signal, plus 128 for a core dump} */
    public int exitStatus() {
        return exitStatus;
    }

    void exitStatusLocked(int status) {
        exitStatus = status;
    }

    /** {@return whether job control has stopped it} */
    public boolean isStopped() {
        return signals.isStopped();
    }

    /**
     * Ends every thread: exit_group(2). The first status counts. Any thread.
     *
     * @param status as wait(2) tells it
     */
    public void exitGroup(int status) {
        signals.end(status);
    }

    @Override
    public void jobControlChanged(int code, int signal) {
        ChildEvents.jobControlChanged(this, code, signal);
    }

    @Override
    public boolean isInOrphanedGroup() {
        return group.isOrphaned();
    }

    @Override
    public long pendingLimit() {
        return limits.soft(Resource.RLIMIT_SIGPENDING);
    }

    @Override
    public SignalQuota pendingQuota() {
        Task first = leader;
        return kernel.user(first == null ? 0 : first.credentials().uid()).signals();
    }

    /**
     * Sends a signal of the kernel, or of a sender outside the pid namespace, to the process.
     *
     * @param info the signal
     */
    public void sendSignal(SignalInfo info) {
        signals.send(info, null, true);
    }

    /** Sends SIGKILL from the kernel. */
    public void kill() {
        HeldProcess before = held;
        if (before != null && before.cancel()) {
            return; // it has no thread that could take the signal
        }
        sendSignal(SignalInfo.kernel(Signals.SIGKILL));
    }

    /** {@return where a thread waits for its children} */
    WaitQueue childEvents() {
        return childEvents;
    }

    /** {@return told when all threads have ended, for pidfds} */
    public WaitQueue exitEvents() {
        return exitEvents;
    }

    /** {@return System.nanoTime() when it was made} */
    public long startNs() {
        return startNs;
    }

    /** {@return whether the program was replaced since fork} */
    public boolean hasExecuted() {
        return executed;
    }

    /** {@return PR_GET_CHILD_SUBREAPER} */
    public boolean isSubreaper() {
        return subreaper;
    }

    /**
     * PR_SET_CHILD_SUBREAPER.
     *
     * @param value whether orphaned descendants become its children
     */
    public void subreaper(boolean value) {
        subreaper = value;
    }

    /** {@return PR_GET_THP_DISABLE} */
    public boolean isThpDisabled() {
        return thpDisabled;
    }

    /**
     * PR_SET_THP_DISABLE.
     *
     * @param value whether huge pages are off
     */
    public void thpDisabled(boolean value) {
        thpDisabled = value;
    }

    /** RLIMIT_NOFILE has changed: the descriptor tables must know. */
    public void fileLimitChanged() {
        long limit = limits.soft(Resource.RLIMIT_NOFILE);
        for (Task task : tasks()) {
            FdTable fds = task.fds();
            if (fds != null) {
                fds.limit(limit);
            }
        }
    }

    /** {@return oom_score_adj, -1000 to 1000} */
    public int oomScoreAdjustment() {
        return oomScoreAdjustment;
    }

    /**
     * Sets oom_score_adj.
     *
     * @param value -1000 to 1000
     */
    public void oomScoreAdjustment(int value) {
        oomScoreAdjustment = value;
    }

    /** {@return usage of all threads, ended ones included; a new sum} */
    public CpuTimes usage() {
        CpuTimes sum = new CpuTimes();
        kernel.taskSet().lock();
        try {
            sum.add(endedThreads);
            for (Task task : threads) {
                sum.add(task.times());
            }
        } finally {
            kernel.taskSet().unlock();
        }
        MemoryManager memory = memory();
        if (memory != null) {
            sum.maxResidentBytes = Math.max(sum.maxResidentBytes, memory.usage().peakResident() << 12);
        }
        return sum;
    }

    /** {@return usage of the children that were waited for; a new sum} */
    public CpuTimes childrenUsage() {
        CpuTimes sum = new CpuTimes();
        kernel.taskSet().lock();
        try {
            sum.add(waitedChildren);
        } finally {
            kernel.taskSet().unlock();
        }
        return sum;
    }

    @Override
    public void threadLeaves(SignalThread thread) {
        Task task = (Task) thread;
        leftUserNs += task.userNs();
        leftCpuNs += task.cpuNs();
    }

    /** {@return time of all threads in guest code, in nanoseconds; takes no lock} */
    public long userNs() {
        return signals.sum(thread -> ((Task) thread).userNs(), () -> leftUserNs);
    }

    /** {@return processor time of all threads in nanoseconds; takes no lock} */
    public long cpuNs() {
        return signals.sum(thread -> ((Task) thread).cpuNs(), () -> leftCpuNs);
    }

    @Override
    public String toString() {
        return "process " + identity;
    }
}
