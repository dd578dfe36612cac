package dev.caisson.kernel;

import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Resource;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.ptrace.Tracee;
import dev.caisson.kernel.signal.SignalState;
import dev.caisson.kernel.signal.SignalThread;
import dev.caisson.kernel.syscall.SyscallTracer;
import dev.caisson.memory.FrameReader;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.ControllingTerminal;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.TerminalGroup;
import dev.caisson.spi.fs.TerminalSession;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Registers;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest thread. It runs on one Java thread for its whole life: run the guest, answer what it wants, look for pending work, again.
 *
 * <p>Unless a method says otherwise, only the task's own thread may call it. Single references may be read from everywhere.
 */
public final class Task extends TaskAttributes implements Caller, SignalThread, JobControl {
    /** Bytes of {@link #scratch}. */
    public static final int SCRATCH_BYTES = 4096;
    /** Size of {@link #words}. */
    public static final int WORDS = 64;

    private final Kernel kernel;
    private volatile GuestProcess process;
    private volatile Pid identity;
    private final Registers registers = new Registers();
    private final SignalState signals;
    private final CpuTimes times = new CpuTimes();
    private final TaskSleep sleep;
    private final TaskLoop loop;
    private volatile Thread thread;
    private final TaskContext onPlatform = new TaskContext(this);

    private volatile MemoryManager memory;
    private volatile MemoryManager loading;
    private volatile ProgramFile program;
    private volatile FdTable fds;
    private volatile FsContext fs;
    private volatile Credentials credentials = Credentials.ROOT;
    private volatile Namespaces namespaces;
    private volatile String comm = "";

    private long childTidAtStart;
    /** Who traces it; null for nobody. Written under TASK_SET; a tracer that comes makes the task stop before anything else is to be seen. */
    private Tracee tracee;
    /** Whom it traces; null before the first one. Guarded by TASK_SET. */
    private List<Tracee> tracees;
    /** It is about to end and begins to trace nobody. Guarded by TASK_SET. */
    private boolean pastTracing;
    /** Makes the parent of a vfork go on; null when nobody waits. */
    volatile Completion vforkDone;
    /** Only for the own thread. */
    private final ArrayDeque<Runnable> putOff = new ArrayDeque<>(0);
    /** Everything is released, the thread waits for its number to be taken away. Guarded by TASK_SET. */
    boolean ended;

    /** Frames of guest memory may be used while it is entered: from the end of guest code to its next run, but for sleeps. */
    private FrameReader frames;

    private MemorySegment scratch;
    private final long[] words = new long[WORDS];

    Task(Kernel kernel, GuestProcess process, Pid identity, long signalMask) {
        super(kernel.options().cpuCount());
        this.kernel = kernel;
        this.process = process;
        this.identity = identity;
        this.signals = new SignalState(this, process.signals(), signalMask);
        this.sleep = new TaskSleep(this, signals);
        this.loop = new TaskLoop(this, sleep);
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

    /** {@return the address space of a program that execve(2) has loaded while it waits for other threads to end; else null} */
    MemoryManager loading() {
        return loading;
    }

    void loading(MemoryManager next) {
        loading = next;
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
        return onPlatform.current();
    }

    /** What runs its guest code. */
    TaskContext onPlatform() {
        return onPlatform;
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
        return loop.userNs();
    }

    /** {@return processor time up to now, in nanoseconds; any thread. Others see a system call in progress when it is over} */
    public long cpuNs() {
        long inCall = Thread.currentThread() == thread ? loop.inCallNs() : 0;
        return userNs() + times.systemNs() + inCall;
    }

    /** {@return another value after every run of guest code, 0 while there is none; any thread} */
    public long runningSince() {
        return loop.runningSince();
    }

    /** {@return the task whose thread calls, or null} */
    public static Task current() {
        return Thread.currentThread() instanceof TaskThreads.TaskThread own ? own.task() : null;
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

    /** {@return how it is traced, or null} */
    public Tracee tracee() {
        return tracee;
    }

    /**
     * Sets how it is traced. TASK_SET is held.
     *
     * @param next how, or null
     */
    public void tracee(Tracee next) {
        tracee = next;
    }

    /** {@return whom it traces, to be changed; TASK_SET is held} */
    public List<Tracee> tracees() {
        if (tracees == null) {
            tracees = new ArrayList<>(1);
        }
        return tracees;
    }

    /** {@return whether it traces anybody; TASK_SET is held} */
    boolean hasTracees() {
        return tracees != null && !tracees.isEmpty();
    }

    /** {@return whether it is so near its end that it traces nobody any more; TASK_SET is held} */
    public boolean isPastTracing() {
        return pastTracing;
    }

    void pastTracing() {
        pastTracing = true;
    }

    /** {@return whether it has ended, though somebody may have to learn of it; TASK_SET is held} */
    public boolean hasEnded() {
        return ended || !process.threads.contains(this);
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

    /**
     * Words for building structures in, without the cost of a store to native memory for each field; every use overwrites the last.
     *
     * @return {@link #WORDS} words
     */
    public long[] words() {
        return words;
    }

    /**
     * Copies the first of {@link #words} to the guest.
     *
     * @param address guest address
     * @param count how many
     * @throws ErrnoException EFAULT
     */
    public void copyOutWords(long address, int count) throws ErrnoException {
        memory.copyOutWords(address, words, count);
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
    public ControllingTerminal terminal() {
        return process.terminal();
    }

    @Override
    public void giveUpTerminal() {
        process.giveUpTerminal();
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
        return sleep.isParked();
    }

    @Override
    public Waiter waiter() {
        return sleep.waiter();
    }

    @Override
    public boolean block(long deadlineNs) throws ErrnoException {
        return sleep.block(deadlineNs, false);
    }

    /**
     * Sleeps as {@link #block}, but only a signal that kills ends it (Linux: TASK_KILLABLE).
     *
     * @param deadlineNs when to give up, on the clock of {@link System#nanoTime}
     * @return false when the deadline has passed without an event
     * @throws ErrnoException ERESTARTSYS when the task is to leave
     */
    public boolean blockKillable(long deadlineNs) throws ErrnoException {
        return sleep.block(deadlineNs, true);
    }

    /**
     * Sleeps until an event or the deadline, whatever happens; for the end of a pid namespace, and for a tracer's stop of a task that ends.
     *
     * @param deadlineNs when to give up
     */
    public void sleepUninterruptibly(long deadlineNs) {
        sleep.sleepUninterruptibly(deadlineNs);
    }

    /** {@return whether a signal or the end waits for the task, so that long work should be cut short} */
    public boolean isInterrupted() {
        return sleep.mustStop(false);
    }

    /** {@return whether the task is to die} */
    @Override
    public boolean isKilled() {
        return sleep.mustStop(true);
    }

    @Override
    public boolean isAwaited() {
        return (sleep.work() & TaskSleep.WORK_PAUSE) != 0 && loop.leavesRepeatableCall();
    }

    @Override
    public void wakeUp() {
        sleep.wakeUp();
    }

    @Override
    public void receives(SignalInfo info) {
        SyscallTracer tracer = kernel.tracer();
        if (tracer != null) {
            tracer.signal(this, info);
        }
    }

    /** Asks for work at the top of the loop. Any thread. */
    void raise(int bits) {
        sleep.raise(bits);
    }

    /**
     * Puts something off until the current call is over and holds no locks; before the guest runs on. On the task's own thread only.
     *
     * @param action what to do
     */
    public void afterCall(Runnable action) {
        putOff.add(action);
        sleep.note(TaskSleep.WORK_PUT_OFF);
    }

    void doPutOff() {
        for (Runnable action = putOff.poll(); action != null; action = putOff.poll()) {
            action.run();
        }
    }

    void clearWork(int bits) {
        sleep.clearWork(bits);
    }

    // ---- its life

    void thread(Thread own) {
        thread = own;
    }

    /** {@return the Java thread, or null before the start} */
    public Thread thread() {
        return thread;
    }

    /** Takes the calling thread's way to guest memory; on the task's own thread, before it sleeps for the first time. */
    void bindFrames() {
        frames = kernel.memoryFile().reader();
        frames.serve(process.set().account(), kernel.outOfMemory());
    }

    FrameReader frames() {
        return frames;
    }

    /** The task's whole life, on its own thread. */
    void live() {
        loop.live();
    }

    /** CLONE_CHILD_SETTID, when the child begins. */
    void storeTid() {
        if (childTidAtStart != 0) {
            TaskClone.storeQuietly(memory, childTidAtStart, tid());
        }
    }

    /**
     * The exit status of the thread itself, for exit(2); a group exit replaces it.
     *
     * @param status as wait(2) tells it
     */
    public void exitStatus(int status) {
        loop.exitStatus(status);
    }

    @Override
    public String toString() {
        return "task " + process.pid() + "/" + tid() + " (" + comm + ")";
    }
}
