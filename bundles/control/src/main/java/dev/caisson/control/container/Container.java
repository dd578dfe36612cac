package dev.caisson.control.container;

import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SwapReport;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.ProcessSet;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.vfs.MountNamespace;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/** One container: its namespaces and the processes that were started in it from outside. Thread-safe. */
public final class Container implements AutoCloseable {
    private static final long END_PATIENCE_NS = 10_000_000_000L;

    private final ContainerKernel owner;
    private final String id;
    private final OciConfig config;
    private final Namespaces namespaces;
    private final ProcessSet set;
    private final ContainerLimits limits;
    private final long hostProcess;
    private final MountNamespace mounts;
    private final byte[] filter;
    private final ContainerProcess init;
    private final Set<ContainerProcess> executed = ConcurrentHashMap.newKeySet();
    private volatile ContainerRoot root;
    private boolean isClosed;

    Container(ContainerKernel owner, String id, OciConfig config, Namespaces namespaces, ProcessSet set, ContainerLimits limits, long hostProcess,
            MountNamespace mounts, ContainerRoot root, byte[] filter, ContainerProcess init) {
        this.owner = owner;
        this.id = id;
        this.config = config;
        this.namespaces = namespaces;
        this.set = set;
        this.limits = limits;
        this.hostProcess = hostProcess;
        this.mounts = mounts;
        this.root = root;
        this.filter = filter;
        this.init = init;
    }

    /** {@return its name} */
    public String id() {
        return id;
    }

    /** {@return what it was made from} */
    public OciConfig config() {
        return config;
    }

    /** {@return its first process, also before the start} */
    public ContainerProcess process() {
        return init;
    }

    /** {@return its limits as its programs see them} */
    public ContainerLimits limits() {
        return limits;
    }

    /** {@return how many of its processes were killed for lack of memory} */
    public long memoryKills() {
        return set.memoryKills();
    }

    /**
     * Adds what is done before one of its processes is killed for lack of memory.
     *
     * @param action does not wait
     */
    public void onMemoryKill(Runnable action) {
        set.onMemoryKill(action);
    }

    /**
     * Waits until more of its processes were killed for lack of memory, or its first one is over.
     *
     * @param known how many are known
     * @return how many there were
     * @throws InterruptedException when the calling thread is interrupted
     */
    public long awaitMemoryKill(long known) throws InterruptedException {
        return set.awaitMemoryKill(known, init::isOver);
    }

    /** {@return bytes of memory that its programs use, cached pages of files included} */
    public long memoryBytes() {
        return set.memoryBytes();
    }

    /** {@return the most that they used} */
    public long peakMemoryBytes() {
        return set.peakMemoryBytes();
    }

    /** {@return how often they had to go without more memory} */
    public long memoryRefusals() {
        return set.memoryRefusals();
    }

    /** {@return most bytes of memory: its own limit or that of all containers, whichever is less} */
    public long memoryLimitBytes() {
        return set.memoryLimitBytes();
    }

    /**
     * Limits how much memory its programs use; one of them is killed beyond that. What they have stays. A container that has its kernel for itself shows
     * them a machine of that size.
     *
     * @param bytes most of it, 0 or less for no limit but that of all containers
     * @throws SandboxException when it shares its kernel with so many others that its memory is not counted
     */
    public void limitMemory(long bytes) throws SandboxException {
        if (bytes > 0 && !set.isCounted()) {
            throw uncounted();
        }
        set.limitMemory(Math.max(0, bytes));
        if (!PodMembership.of(config.annotations()).isInPod()) {
            owner.limitMemory(Math.max(0, bytes));
        }
    }

    static SandboxException uncounted() {
        return new SandboxException("linux.resources.memory.limit: this kernel counts the memory of 255 containers, and there are as many; leave the limit out,"
                + " or delete one of the others", null);
    }

    /** {@return most tasks; {@link Long#MAX_VALUE} for no limit} */
    public long taskLimit() {
        return set.taskLimit();
    }

    ContainerKernel owner() {
        return owner;
    }

    Namespaces namespaces() {
        return namespaces;
    }

    /** {@return its processes, and no others} */
    ProcessSet set() {
        return set;
    }

    /** {@return the process of the host that stands for it, 0 for none} */
    long hostProcess() {
        return hostProcess;
    }

    MountNamespace mounts() {
        return mounts;
    }

    byte[] filter() {
        return filter;
    }

    /**
     * Lets the program begin.
     *
     * @throws SandboxException when it was started before, or the program cannot be loaded; the container has ended then
     */
    public void start() throws SandboxException {
        init.start();
    }

    /**
     * Executes one more program.
     *
     * @param process what; its capabilities count as they are
     * @param stdio its descriptors; closed with the process, also when this fails
     * @return the running process
     * @throws SandboxException when the container has ended, or the program cannot be started
     */
    public ContainerProcess exec(OciProcess process, ContainerStdio stdio) throws SandboxException {
        ContainerProcess made = new ProcessLaunch(this).start(process, null, stdio);
        executed.add(made);
        made.onExit(() -> executed.remove(made));
        return made;
    }

    /** {@return its processes that have not ended, by number} */
    public List<GuestProcess> processes() {
        List<GuestProcess> all = new ArrayList<>();
        for (GuestProcess process : set.processes()) {
            if (!process.isZombie() && process.leader() != null) {
                all.add(process);
            }
        }
        return all;
    }

    /**
     * The number of a process.
     *
     * @param process one of the kernel's
     * @return its number in the container's pid namespace, 0 when it has none
     */
    public int pidOf(GuestProcess process) {
        return process.identity().in(namespaces.pidForChildren());
    }

    /**
     * The number of a process' parent.
     *
     * @param process one of the kernel's
     * @return the parent's number in the container's pid namespace, 0 when it has none
     */
    public int parentOf(GuestProcess process) {
        GuestProcess parent = process.parent();
        return parent == null ? 0 : pidOf(parent);
    }

    /**
     * Limits how many processes and threads there are, as {@code linux.resources.pids} does. What runs goes on.
     *
     * @param limit most of them; 0 or less for no limit
     */
    public void limitTasks(long limit) {
        set.taskLimit(limit > 0 ? limit : Long.MAX_VALUE);
    }

    /** {@return what serves its root} */
    ContainerRoot root() {
        return root;
    }

    void root(ContainerRoot next) {
        root = next;
    }

    /**
     * Gives its kernel, which it may share with other containers, another provider.
     *
     * @param kind which part; not the root filesystem
     * @param name the new provider
     * @return what was done
     * @throws SandboxException when there is none of this name, or it does not work
     */
    public SwapReport swap(ProviderKind kind, String name) throws SandboxException {
        return owner.changes().swap(kind, name);
    }

    /**
     * Gives its root or something mounted below it another filesystem.
     *
     * @param path where that is mounted; null for the root
     * @param name the new provider
     * @param source what it is to mount; null for what is mounted now
     * @param options the provider's options and flags
     * @return what was done
     * @throws SandboxException when it cannot be mounted, or is another tree; the programs go on with what they have
     */
    public SwapReport swapFileSystem(String path, String name, String source, Map<String, String> options) throws SandboxException {
        return owner.changes().swapFileSystem(this, path, name, source, options);
    }

    /**
     * Writes what its programs have changed in its root filesystem, as a layer of an image.
     *
     * @param target takes the archive; not closed
     * @return what was written
     * @throws SandboxException when the root keeps no changes apart
     * @throws IOException when the target fails
     */
    public LayerExporter.Summary export(OutputStream target) throws SandboxException, IOException {
        return owner.changes().export(this, target);
    }

    /** {@return how many processes and threads there are} */
    public int taskCount() {
        return set.taskCount();
    }

    /**
     * Lets its processes stand still, and no others.
     *
     * @param patienceNs how long they may take to do so
     * @return false when they took longer; then they go on
     */
    public boolean freeze(long patienceNs) {
        return owner.kernel().freeze(set, patienceNs);
    }

    /** Ends {@link #freeze}. */
    public void thaw() {
        owner.kernel().thaw(set);
    }

    /** {@return where its hooks {@code startContainer} run: as its process does, with its rights} */
    public HookPlace hookPlace() {
        return new ProcessLaunch(this).hookPlace(init.pid());
    }

    /**
     * Sends a signal from outside.
     *
     * @param signal number
     * @param all whether to every process instead of the first one
     * @throws SandboxException when none of them runs
     */
    public void kill(int signal, boolean all) throws SandboxException {
        if (init.isOver() && (!all || processes().isEmpty())) {
            throw new SandboxException("container not running", null);
        }
        send(signal, all);
    }

    private void send(int signal, boolean all) {
        if (!all || !init.isStarted()) {
            init.signal(signal);
            return;
        }
        for (GuestProcess process : processes()) {
            if (signal != 0) {
                process.sendSignal(SignalInfo.kernel(signal));
            }
        }
    }

    /** Kills every process, also of one that stands still. */
    public void end() {
        thaw();
        executed.forEach(ContainerProcess::kill);
        send(Signals.SIGKILL, true);
        init.kill();
    }

    /** In a pid namespace that it shares, the end of its first process is not that of the others. */
    private void awaitOthers() {
        long deadline = System.nanoTime() + END_PATIENCE_NS;
        while (set.taskCount() > 0 && System.nanoTime() < deadline) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Kills what runs, waits for its end, and unmounts everything. */
    @Override
    public void close() {
        synchronized (this) {
            if (isClosed) {
                return;
            }
            isClosed = true;
        }
        end();
        try {
            init.awaitExit();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        awaitOthers();
        owner.remove(this);
        mounts.close();
        set.close();
    }
}
