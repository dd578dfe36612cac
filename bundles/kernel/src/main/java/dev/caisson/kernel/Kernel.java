package dev.caisson.kernel;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.futex.FutexTable;
import dev.caisson.kernel.futex.RobustList;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.SyscallTracer;
import dev.caisson.kernel.time.ClockParameters;
import dev.caisson.kernel.time.Clocks;
import dev.caisson.kernel.time.HostClock;
import dev.caisson.kernel.time.TimeOffsets;
import dev.caisson.kernel.time.Timers;
import dev.caisson.host.HostProcessor;
import dev.caisson.loader.Vdso;
import dev.caisson.loader.VdsoImage;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.MemoryManager;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.FileSystemSwapException;
import dev.caisson.vfs.Mount;
import dev.caisson.vfs.Vfs;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The root of everything a sandbox is: memory, tasks, files, clocks, the system-call table. All state of the sandbox can be reached from
 * here.
 *
 * <p>Safe for many threads. Tasks find their kernel through {@link Task#kernel}.
 */
public final class Kernel implements AutoCloseable {
    static final Logger LOG = LoggerFactory.getLogger(Kernel.class);
    /** /proc/PID/ns links start here, as in Linux (PROC_DYNAMIC_FIRST). */
    private static final long FIRST_NAMESPACE = 0xF0000000L;

    private final KernelOptions options;
    private final MemoryFile memoryFile;
    private final Vfs vfs;
    private final RankedLock taskSet = RankedLock.of(LockRank.TASK_SET);
    private final SafePoints safePoints = new SafePoints();
    private final TaskThreads threads = new TaskThreads();
    private final PlatformChanges platformChanges = new PlatformChanges(this);
    private final FileSystemChanges fileSystemChanges = new FileSystemChanges(this);
    private final AtomicLong namespaceIds = new AtomicLong(FIRST_NAMESPACE);
    private final PidNamespace rootPids;
    private final OutOfMemory outOfMemory = new OutOfMemory(this);
    private final ProcessSet rootSet = ProcessSet.root(this);
    private final UtsNamespace rootUts;
    private final Map<Integer, UserAccount> users = new ConcurrentHashMap<>();
    private final Timers timers = new Timers();
    private final Clocks clocks;
    private final List<TimeOffsets> timeOffsets = new CopyOnWriteArrayList<>();
    private Consumer<ClockParameters> clockPublisher;
    private final FutexTable futexes = new FutexTable();
    private final HostEvents hostEvents;
    private final ProcessAttachments services = new ProcessAttachments();
    private final AtomicInteger tasks = new AtomicInteger();
    private final Map<Long, Boolean> unknownSyscalls = new ConcurrentHashMap<>();
    private final long bootNs = System.nanoTime();
    private final CountDownLatch ended = new CountDownLatch(1);

    private volatile Platform platform;
    private volatile SyscallTable syscallTable;
    private volatile SyscallTracer tracer;
    private final FileSystemRegistry fileSystems = new FileSystemRegistry();
    private final IpcNamespace rootIpc;
    private volatile VdsoImage vdso;
    private volatile GuestProcess init;
    private volatile int initStatus;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    /** Everybody dies: guest threads that vanish are no surprise. */
    private volatile boolean ending;
    private volatile BiConsumer<Integer, Integer> initStateListener = (code, signal) -> { };

    /**
     * Makes a kernel without any process.
     *
     * @param options what it is told
     * @param platform runs guest code
     * @param memoryFile all guest memory; stays the caller's to close
     * @param vfs the files
     * @param syscallTable answers system calls
     * @throws ErrnoException when the host refuses an epoll descriptor
     */
    public Kernel(KernelOptions options, Platform platform, MemoryFile memoryFile, Vfs vfs, SyscallTable syscallTable)
            throws ErrnoException {
        this.options = options;
        this.platform = platform;
        this.memoryFile = memoryFile;
        this.vfs = vfs;
        this.syscallTable = syscallTable;
        this.clocks = new Clocks(HostClock.MACHINE, timers);
        this.rootUts = new UtsNamespace(namespaceIds.getAndIncrement(), options.hostName(), "(none)");
        this.rootPids = new PidNamespace(null, namespaceIds.getAndIncrement());
        this.rootIpc = newIpcNamespace();
        this.hostEvents = new HostEvents();
        this.vdso = newVdso();
        memoryFile.retain();
    }

    /** The vDSO, kept up to date by the clocks, so that both tell the same time. */
    private Vdso newVdso() throws ErrnoException {
        Vdso image = new Vdso(memoryFile);
        long taiNs = clocks.taiOffsetSeconds() * 1_000_000_000L;
        image.parameters().processors(HostProcessor.hasRdtscp() ? options.cpuCount() : 0);
        clockPublisher = now -> {
            TimeOffsets.NONE.publish(image, now, taiNs);
            timeOffsets.forEach(each -> each.publish(now, taiNs));
        };
        clocks.listener(clockPublisher);
        return image;
    }

    /**
     * Makes clocks that differ from the sandbox's, for programs that are loaded later.
     *
     * @param monotonicNs offset of CLOCK_MONOTONIC
     * @param boottimeNs offset of CLOCK_BOOTTIME
     * @return the offsets
     * @throws ErrnoException ERANGE when a clock would be negative or beyond half of what it can tell, ENOMEM
     */
    public TimeOffsets newTimeOffsets(long monotonicNs, long boottimeNs) throws ErrnoException {
        for (long at : new long[] {clocks.monotonicNs() + monotonicNs, clocks.boottimeNs() + boottimeNs}) {
            if (at < 0 || at > Long.MAX_VALUE / 2) {
                throw Errno.ERANGE.error("a clock cannot tell such a time");
            }
        }
        Vdso image = new Vdso(memoryFile);
        image.parameters().processors(HostProcessor.hasRdtscp() ? options.cpuCount() : 0);
        TimeOffsets made = new TimeOffsets(monotonicNs, boottimeNs, image);
        timeOffsets.add(made);
        clocks.listener(clockPublisher);
        return made;
    }

    /** Nobody has these clocks any more. */
    void closeTimeOffsets(TimeOffsets offsets) {
        timeOffsets.remove(offsets);
    }

    // ---- what hangs on it

    /** {@return what the kernel was told} */
    public KernelOptions options() {
        return options;
    }

    /** {@return the platform that runs guest code now} */
    public Platform platform() {
        return platform;
    }

    /** {@return all guest memory} */
    public MemoryFile memoryFile() {
        return memoryFile;
    }

    /** {@return the files} */
    public Vfs vfs() {
        return vfs;
    }

    /** {@return clocks} */
    public Clocks clocks() {
        return clocks;
    }

    /** {@return what every program gets mapped, or null} */
    public VdsoImage vdso() {
        return vdso;
    }

    /**
     * Sets what programs that are loaded from now on get mapped.
     *
     * @param image code and data of the kernel, or null
     */
    public void vdso(VdsoImage image) {
        vdso = image;
    }

    /** {@return all futex queues} */
    public FutexTable futexes() {
        return futexes;
    }

    /** {@return the timer thread} */
    public Timers timers() {
        return timers;
    }

    /** {@return the kinds of filesystems that can be mounted} */
    public FileSystemRegistry fileSystems() {
        return fileSystems;
    }

    /** {@return the epoll thread for descriptors of the host} */
    public HostEvents hostEvents() {
        return hostEvents;
    }

    /** {@return state that other parts of the kernel hang on it, one object per type} */
    public ProcessAttachments services() {
        return services;
    }

    /** {@return the pid namespace of the sandbox} */
    public PidNamespace rootPids() {
        return rootPids;
    }

    /** {@return the processes that no container has} */
    public ProcessSet rootSet() {
        return rootSet;
    }

    /** {@return the UTS namespace of the sandbox} */
    public UtsNamespace rootUts() {
        return rootUts;
    }

    /** {@return the lock over the process tree, of rank TASK_SET} */
    public RankedLock taskSet() {
        return taskSet;
    }

    /** {@return System.nanoTime() of the start} */
    public long bootNs() {
        return bootNs;
    }

    /** {@return the memory the guest believes to have, in bytes} */
    public long totalMemoryBytes() {
        long limit = memoryFile.limitBytes();
        return limit > 0 ? limit : memoryFile.sizeBytes();
    }

    /** {@return how many tasks there are} */
    public int taskCount() {
        return tasks.get();
    }

    /** {@return a fresh inode number for a namespace's nsfs link} */
    public long nextNamespaceId() {
        return namespaceIds.getAndIncrement();
    }

    SafePoints safePoints() {
        return safePoints;
    }

    TaskThreads threads() {
        return threads;
    }

    AtomicInteger tasks() {
        return tasks;
    }

    /**
     * What is counted per user.
     *
     * @param uid real user id
     * @return the account
     */
    public UserAccount user(int uid) {
        UserAccount account = users.get(uid);
        return account != null ? account : users.computeIfAbsent(uid, key -> new UserAccount());
    }

    // ---- the system-call table

    /** {@return the table that the next system call uses} */
    public SyscallTable syscallTable() {
        return syscallTable;
    }

    /**
     * Replaces the table; the next system call uses it.
     *
     * @param table the new table
     */
    public void selectSyscallTable(SyscallTable table) {
        syscallTable = table;
    }

    /** {@return who gets a line per system call, or null} */
    public SyscallTracer tracer() {
        return tracer;
    }

    /**
     * Starts or ends tracing.
     *
     * @param next who gets a line per system call, or null
     */
    public void tracer(SyscallTracer next) {
        tracer = next;
    }

    void unknownSyscall(long number) {
        if (unknownSyscalls.size() < 64 && unknownSyscalls.putIfAbsent(number, true) == null) {
            LOG.info("unknown system call {}", number);
        }
    }

    // ---- life

    /**
     * Starts process 1.
     *
     * @param request the program
     * @return the process
     * @throws ErrnoException when the program cannot be loaded: ENOENT, EACCES, ENOEXEC, ENOMEM and others
     */
    public GuestProcess startInit(ExecRequest request) throws ErrnoException {
        init = ProcessStart.start(this, request, true);
        return init;
    }

    /**
     * Starts one more process from outside, a child of nobody in the guest.
     *
     * @param request the program
     * @return the process
     * @throws ErrnoException as {@link #startInit}; EAGAIN when the sandbox ends
     */
    public GuestProcess startProcess(ExecRequest request) throws ErrnoException {
        return ProcessStart.start(this, request, false);
    }

    /** Process 1 has its number. */
    void init(GuestProcess process) {
        init = process;
    }

    /** {@return process 1, or null before its start} */
    public GuestProcess init() {
        return init;
    }

    /**
     * Waits until process 1 and with it everybody else has ended.
     *
     * @return its status as wait(2) tells it: exit code times 256, or the signal with 128 for a core dump
     * @throws InterruptedException when the calling thread is interrupted
     * @throws IllegalStateException when a bug ended the sandbox; the cause says which
     */
    public int awaitExit() throws InterruptedException {
        ended.await();
        Throwable bug = failure.get();
        if (bug != null) {
            throw new IllegalStateException("the kernel failed: " + bug, bug);
        }
        return initStatus;
    }

    /**
     * The status a shell shows for a wait status.
     *
     * @param waitStatus as {@link #awaitExit} gives it
     * @return the exit code, or 128 + n for signal n
     */
    public static int shellStatus(int waitStatus) {
        int signal = waitStatus & 0x7f;
        return signal == 0 ? waitStatus >>> 8 & 0xff : 128 + signal;
    }

    /**
     * Sends a signal to process 1, as from outside its pid namespace.
     *
     * @param signal signal number
     */
    public void signalInit(int signal) {
        GuestProcess process = init;
        if (process != null) {
            process.sendSignal(SignalInfo.kernel(signal));
        }
    }

    /**
     * Sets who hears that process 1 stopped or continued by job control, since it has no parent in the guest.
     *
     * @param listener gets CLD_STOPPED or CLD_CONTINUED and the signal, possibly under locks; it must not block
     */
    public void onInitStateChange(BiConsumer<Integer, Integer> listener) {
        initStateListener = listener;
    }

    void initChangedState(GuestProcess process, int code, int signal) {
        if (process == init) {
            initStateListener.accept(code, signal);
        }
    }

    void initExited(GuestProcess process) {
        if (process == init) {
            initStatus = process.exitStatus();
            ended.countDown();
        }
    }

    /** A bug: ends the sandbox loudly. Where one task fails, thousands may: the first one does what is to be done. */
    void fail(Task task, Throwable bug) {
        if (!failure.compareAndSet(null, bug)) {
            return;
        }
        killGuests();
        try {
            LOG.error("{}: the kernel failed; the sandbox ends", task, bug);
        } finally {
            ended.countDown();
            shutdown();
        }
    }

    /**
     * Ends all guest code by one call of the host, at the end of the sandbox. Tasks that compute are many, and to be told one by one
     * they would each have to get a processor first. Where another kernel's guests would end, too, it is one by one.
     */
    void killGuests() {
        ending = true;
        safePoints.melt();
        memoryFile.ifOneKernels(() -> platform.kill(memoryFile.fd()));
    }

    /** {@return whether {@link #killGuests} was called} */
    boolean isEnding() {
        return ending;
    }

    /** {@return what ended the sandbox, or null} */
    public Throwable failure() {
        return failure.get();
    }

    /** Kills every process. {@link #awaitExit} then returns. */
    public void shutdown() {
        killGuests();
        for (GuestProcess process : rootPids.processes()) {
            process.exitGroup(dev.caisson.abi.Signals.SIGKILL);
        }
    }

    /** Ends what is left: processes, timers, the epoll thread. Waits up to two seconds for tasks. */
    @Override
    public void close() {
        shutdown();
        long deadline = System.nanoTime() + 2_000_000_000L;
        while (tasks.get() > 0 && System.nanoTime() < deadline) {
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
        threads.dropContexts(null);
        clocks.close();
        timers.close();
        hostEvents.close();
        if (!closed.getAndSet(true)) {
            memoryFile.release();
        }
    }

    // ---- stopping the world

    /** Brings every task to its safe point and keeps it there. Not for tasks' own threads. */
    public void pauseAll() {
        safePoints.pause();
    }

    /** Ends {@link #pauseAll}. */
    public void resumeAll() {
        safePoints.resume();
    }

    /**
     * Brings every task of a set to its safe point and keeps it there, while others run. Not for tasks' own threads.
     *
     * @param set whose tasks
     * @param patienceNs how long they may take: one may be in the middle of a long call of the host
     * @return false when not every task arrived; then all go on
     */
    public boolean freeze(ProcessSet set, long patienceNs) {
        return safePoints.freeze(set, patienceNs);
    }

    /**
     * Ends {@link #freeze}.
     *
     * @param set whose tasks go on
     */
    public void thaw(ProcessSet set) {
        safePoints.thaw(set);
    }

    /**
     * Moves the running sandbox to another platform. Registers and FPU state go along; address spaces are rebuilt as they are touched.
     * Not for tasks' own threads.
     *
     * @param next the new platform
     * @return how long the tasks stood still, in nanoseconds; 0 when it is the present platform
     * @throws PlatformException when the new platform cannot run the tasks; the sandbox goes on with the old one
     */
    public long selectPlatform(Platform next) throws PlatformException {
        return platformChanges.change(next);
    }

    /**
     * Says that a platform, which is not the present one any more, is about to be closed.
     *
     * @param gone the platform
     */
    public void forgetPlatform(Platform gone) {
        platformChanges.forget(gone);
    }

    /**
     * Gives a mount, and all others of the same filesystem, another filesystem under the programs that use it: open files, directories,
     * mappings and locks go along. Not for tasks' own threads.
     *
     * @param mount the mount
     * @param next the new filesystem, mounted with {@link dev.caisson.spi.fs.MountRequest#replaced}; closed if it cannot be used
     * @param source what mountinfo is to show as the source
     * @return what was done
     * @throws FileSystemSwapException when it is not possible; the programs go on with the old filesystem
     */
    public FileSystemChange changeFileSystem(Mount mount, FileSystem next, String source) throws FileSystemSwapException {
        return fileSystemChanges.change(mount, next, source);
    }

    /**
     * The files that stayed with filesystems which others have taken the place of.
     *
     * @param mount a mount
     * @return a line each: path, who has it open, where it is
     */
    public List<String> filesLeftBehind(Mount mount) {
        return fileSystemChanges.filesLeftBehind(mount);
    }

    /**
     * The address spaces of all tasks.
     *
     * @param andLoading also those of programs that execve(2) has loaded and that do not run yet
     */
    List<MemoryManager> memories(boolean andLoading) {
        Set<MemoryManager> memories = new LinkedHashSet<>(); // by identity: they have no equals
        for (GuestProcess process : rootPids.processes()) {
            for (Task task : process.tasks()) {
                memories.add(task.memory());
                if (andLoading) {
                    memories.add(task.loading());
                }
            }
        }
        memories.remove(null);
        return List.copyOf(memories);
    }

    PlatformChanges platformChanges() {
        return platformChanges;
    }

    /** All tasks are at their safe points. */
    void setPlatform(Platform next) {
        platform = next;
    }

    /** {@return who makes processes give memory up} */
    OutOfMemory outOfMemory() {
        return outOfMemory;
    }

    // ---- joints to other parts of the kernel

    /** A task gives its address space up, at exit or execve: robust futexes, the tid to clear. */
    void memoryReleased(Task task, MemoryManager memory) {
        RobustList.release(futexes, task, memory);
    }

    /** {@return the IPC namespace of the sandbox} */
    public IpcNamespace rootIpc() {
        return rootIpc;
    }

    /** {@return a new, empty IPC namespace} */
    public IpcNamespace newIpcNamespace() {
        return new IpcNamespace(nextNamespaceId(), memoryFile);
    }
}
