package dev.caisson.control.container;

import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.control.SandboxException;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Namespaces;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.vfs.MountNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** One container: its namespaces and the processes that were started in it from outside. Thread-safe. */
public final class Container implements AutoCloseable {
    private final ContainerKernel owner;
    private final String id;
    private final OciConfig config;
    private final Namespaces namespaces;
    private final MountNamespace mounts;
    private final byte[] filter;
    private final ContainerProcess init;
    private final Set<ContainerProcess> executed = ConcurrentHashMap.newKeySet();
    private boolean isClosed;

    Container(ContainerKernel owner, String id, OciConfig config, Namespaces namespaces, MountNamespace mounts, byte[] filter,
            ContainerProcess init) {
        this.owner = owner;
        this.id = id;
        this.config = config;
        this.namespaces = namespaces;
        this.mounts = mounts;
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

    ContainerKernel owner() {
        return owner;
    }

    Namespaces namespaces() {
        return namespaces;
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
        ContainerProcess made = new ProcessLaunch(this).start(process, stdio);
        executed.add(made);
        made.onExit(() -> executed.remove(made));
        return made;
    }

    /** {@return its processes that have not ended, by number} */
    public List<GuestProcess> processes() {
        List<GuestProcess> all = new ArrayList<>();
        for (GuestProcess process : namespaces.pidForChildren().processes()) {
            if (!process.isZombie() && process.leader() != null && isOwn(process)) {
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
        if (!isShared()) {
            namespaces.pidForChildren().taskLimit(limit > 0 ? limit : Long.MAX_VALUE);
        }
    }

    /** In a shared pid namespace, who sees the container's files is the container's. */
    private boolean isOwn(GuestProcess process) {
        var fs = process.leader().fs();
        return fs != null && fs.namespace() == mounts || process == init.process() || !isShared();
    }

    private boolean isShared() {
        return init.process().identity().number() != 1;
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

    /** Kills every process. */
    void end() {
        executed.forEach(ContainerProcess::kill);
        send(Signals.SIGKILL, true);
        init.kill();
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
        owner.remove(this);
        mounts.close();
    }
}
