package dev.caisson.control.internal;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.RootLayers;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.Volume;
import dev.caisson.host.HostSignal;
import dev.caisson.kernel.ExecRequest;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.kernel.syscall.SyscallTracer;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.LayerExporter;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One kernel with its first program, and what belongs to it outside: standard streams, signals, trace. */
public final class KernelSandbox implements Sandbox {
    private static final Logger log = LoggerFactory.getLogger(KernelSandbox.class);
    private static final AtomicInteger numbers = new AtomicInteger();
    private static final int CLD_STOPPED = 5;
    private static final int SIGSTOP = 19;

    private final int id;
    private final String name;
    private final SandboxSpec spec;
    private final Kernel kernel;
    private final MountNamespace namespace;
    private final StandardDescriptors streams;
    private final TraceOutput trace;
    private final SandboxControl control;
    private final Object platformLock = new Object();
    private final Object rootLock = new Object();
    /** What is mounted as the root, and what is to be when its provider is there. Guarded by this. */
    private RootMount root;
    private RootMount wantedRoot;
    /** Guarded by this; null once it has run. */
    private Runnable onClose = () -> { };
    /** Guarded by this. */
    private final Map<ProviderKind, String> providers = new EnumMap<>(ProviderKind.class);
    /** What it should use when it is there. Guarded by this. */
    private final Map<ProviderKind, String> wanted = new EnumMap<>(ProviderKind.class);
    private SignalForwarder signals;
    private ProfiledPlatform profiled;
    private boolean isClosed;
    private volatile boolean hasEnded;

    private KernelSandbox(int id, String name, SandboxSpec spec, Kernel kernel, MountNamespace namespace, StandardDescriptors streams,
            TraceOutput trace, SandboxControl control) {
        this.id = id;
        this.name = name;
        this.spec = spec;
        this.kernel = kernel;
        this.namespace = namespace;
        this.streams = streams;
        this.trace = trace;
        this.control = control;
    }

    /**
     * Boots a kernel and starts its first program.
     *
     * @param spec what to run
     * @param parts what the sandbox is made of
     * @return the running sandbox
     * @throws SandboxException when something fails; everything made so far is released
     */
    public static KernelSandbox start(SandboxSpec spec, SandboxParts parts) throws SandboxException {
        parts.limitMemory(spec.memoryLimitBytes());
        Platform platform = parts.platform();
        ProfiledPlatform profiled = null;
        String profile = System.getenv(ProfiledPlatform.VARIABLE);
        if (profile != null && !profile.isEmpty()) {
            profiled = new ProfiledPlatform(platform, Path.of(profile));
            platform = profiled;
        }
        int id = numbers.incrementAndGet();
        String name = spec.id() != null ? spec.id() : "do-" + ProcessHandle.current().pid() + (id == 1 ? "" : "-" + id);
        SandboxControl control = new SandboxControl(spec, name);
        Kernel kernel = null;
        KernelSandbox sandbox = null;
        try {
            control.listenIfNamed();
            FileSystem root = mountRoot(parts);
            MountNamespace namespace = new MountNamespace(root, parts.rootfs().name(), parts.root().flags());
            kernel = parts.boot(platform, spec.hostname());
            FileTree tree = new FileTree(kernel, namespace);
            tree.mountSystem();
            for (Volume volume : spec.volumes()) {
                tree.mountVolume(volume);
            }
            TraceOutput trace = TraceOutput.open(spec.strace());
            if (trace != null) {
                kernel.tracer(new SyscallTracer(trace));
            }
            StandardDescriptors streams = StandardDescriptors.open(kernel, parts.devices(), tree.root());
            sandbox = new KernelSandbox(id, name, spec, kernel, namespace, streams, trace, control);
            sandbox.profiled = profiled;
            sandbox.remember(parts);
            sandbox.startProgram(tree);
            control.started(sandbox);
            return sandbox;
        } catch (ErrnoException e) {
            throw new SandboxException("cannot set up the sandbox: " + e.getMessage(), e);
        } finally {
            if (sandbox == null) {
                control.close();
                if (kernel != null) {
                    kernel.close();
                }
            } else if (sandbox != null && kernel.init() == null) {
                sandbox.close();
            }
        }
    }

    private static FileSystem mountRoot(SandboxParts parts) throws SandboxException {
        try {
            return parts.root().mount(parts.rootfs());
        } catch (ErrnoException e) {
            throw new SandboxException("cannot mount " + parts.root().source() + " as the root with " + parts.rootfs().name()
                    + (parts.root().options().isEmpty() ? "" : " (" + RootLayers.text(parts.root().options()) + ")") + ": " + e.getMessage(), e);
        }
    }

    private synchronized void remember(SandboxParts parts) {
        providers.put(ProviderKind.PLATFORM, parts.platform().name());
        providers.put(ProviderKind.ROOTFS, parts.rootfs().name());
        if (parts.network() != null) {
            providers.put(ProviderKind.NETWORK, parts.network().name());
        }
        providers.put(ProviderKind.SYSCALLS, parts.syscalls().table().name());
        wanted.putAll(providers);
        root = parts.root();
        wantedRoot = root;
    }

    private void startProgram(FileTree tree) throws SandboxException, ErrnoException {
        Vfs vfs = kernel.vfs();
        Credentials credentials = credentials(spec);
        Location top = namespace.rootLocation();
        FsContext fs = new FsContext(namespace, top, top, HostFacts.umask());
        BootCaller caller = new BootCaller(fs, credentials);
        try {
            fs.workingDirectory(vfs.resolve(caller, null, spec.workingDirectory(), PathWalker.FOLLOW | PathWalker.DIRECTORY));
        } catch (ErrnoException e) {
            throw new SandboxException("cannot change to directory " + spec.workingDirectory() + " in the sandbox: " + e.errno().text()
                    + "; choose another with --cwd", e);
        }
        String name = spec.command().getFirst();
        String path = Programs.find(vfs, caller, name, spec.environment());
        FdTable fds = streams.table();
        kernel.onInitStateChange(this::initChanged);
        kernel.pauseAll(); // the program must not look for its terminal before it has one
        try {
            try {
                fs.retain();
                fds.retain();
                kernel.startInit(new ExecRequest(path, spec.command(), spec.environment(), credentials, fs, fds));
            } catch (ErrnoException e) {
                if (e.errno() != Errno.ENOEXEC) {
                    throw e;
                }
                // As execvp(3): a text without "#!" is a script of the shell.
                List<String> script = new ArrayList<>(List.of("sh", path));
                script.addAll(spec.command().subList(1, spec.command().size()));
                kernel.startInit(new ExecRequest("/bin/sh", script, spec.environment(), credentials, fs, fds));
            }
            streams.control(kernel.init());
        } catch (ErrnoException e) {
            throw Programs.failure(name, e.errno());
        } finally {
            fs.release();
            fds.release();
            kernel.resumeAll();
        }
        log.info("sandbox {} runs {} on {}", name, path, providers);
    }

    private static Credentials credentials(SandboxSpec spec) {
        Credentials login = Credentials.ofUser(spec.uid(), spec.gid());
        int[] groups = spec.groups().stream().mapToInt(Integer::intValue).toArray();
        return new Credentials(login.uid(), login.euid(), login.suid(), login.fsuid(), login.gid(), login.egid(), login.sgid(),
                login.fsgid(), groups, login.permitted(), login.effective(), login.inheritable(), login.bounding(), login.ambient(),
                login.securebits());
    }

    /** Process 1 stopped: so does this process, for whoever waits for it (a shell with job control). Any thread, possibly under locks. */
    private void initChanged(int code, int signal) {
        if (code == CLD_STOPPED && signals != null) {
            Thread stopper = new Thread(() -> {
                log.debug("stopping with the program");
                streams.suspend();
                HostSignal.kill((int) ProcessHandle.current().pid(), SIGSTOP);
                streams.resume();
            }, "stopper");
            stopper.setDaemon(true);
            stopper.start();
        }
    }

    @Override
    public int id() {
        return id;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SandboxSpec spec() {
        return spec;
    }

    @Override
    public synchronized Map<ProviderKind, String> providers() {
        return Map.copyOf(providers);
    }

    /** Notes that a running kernel was given another provider. */
    synchronized void uses(ProviderKind kind, String name) {
        providers.put(kind, name);
    }

    /** {@return the name of the provider that it should use when it is there} */
    synchronized String wanted(ProviderKind kind) {
        return wanted.get(kind);
    }

    /** Notes which provider it should use when it is there. */
    synchronized void wants(ProviderKind kind, String provider) {
        wanted.put(kind, provider);
    }

    /** Held while the platform changes and {@link #providers} with it. */
    Object platformLock() {
        return platformLock;
    }

    /** Held while the root filesystem changes, and {@link #providers} with it. */
    Object rootLock() {
        return rootLock;
    }

    /** {@return what is mounted as the root} */
    synchronized RootMount root() {
        return root;
    }

    synchronized void root(RootMount now) {
        root = now;
    }

    /** {@return what its wanted provider is to mount} */
    synchronized RootMount wantedRoot() {
        return wantedRoot;
    }

    /** Notes which provider is to serve the root when it is there, and what it mounts. */
    synchronized void wantsRoot(String provider, RootMount mount) {
        wanted.put(ProviderKind.ROOTFS, provider);
        wantedRoot = mount;
    }

    /** {@return the mount at the top of the tree} */
    dev.caisson.vfs.Mount rootMount() {
        return namespace.root();
    }

    /**
     * Finds a file of the sandbox.
     *
     * @param path absolute path
     * @return where it is, what is mounted there included
     * @throws SandboxException when there is none
     */
    Location place(String path) throws SandboxException {
        Location top = namespace.rootLocation();
        FsContext fs = new FsContext(namespace, top, top, 0);
        try {
            return kernel.vfs().resolve(new BootCaller(fs, Credentials.ROOT), null, path, PathWalker.FOLLOW);
        } catch (ErrnoException e) {
            throw new SandboxException("cannot find " + path + " in the sandbox: " + e.errno().text(), e);
        } finally {
            fs.release();
        }
    }

    /** Sets who gives what writes the root's changes as an archive; it gives null when nobody can. */
    void exporter(Supplier<LayerExporter> exporter) {
        control.exporter(exporter);
    }

    /** Sets who changes providers on request of other processes. */
    void changer(SandboxControl.Changer changer) {
        control.changer(changer);
    }

    @Override
    public void onChangeWanted(Runnable action) {
        control.wakeChanger(action);
    }

    /** New sockets come from another stack. */
    void selectNetwork(NetworkStack next) {
        KernelNetwork.of(kernel).select(next);
        uses(ProviderKind.NETWORK, next.name());
    }

    @Override
    public Kernel kernel() {
        return kernel;
    }

    @Override
    public boolean isRunning() {
        GuestProcess init = kernel.init();
        return !hasEnded && init != null && !init.isZombie();
    }

    @Override
    public int awaitExit() throws InterruptedException {
        int status = Kernel.shellStatus(kernel.awaitExit());
        hasEnded = true;
        return status;
    }

    @Override
    public void signal(int signal) {
        kernel.signalInit(signal);
    }

    @Override
    public synchronized void takeSignals() {
        try {
            if (signals == null) {
                signals = SignalForwarder.start(kernel);
            }
        } catch (ErrnoException e) {
            log.warn("signals are not forwarded to the program: {}", e.getMessage());
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            if (isClosed) {
                return;
            }
            isClosed = true;
        }
        control.close();
        if (signals != null) {
            signals.close();
        }
        kernel.close();
        streams.close();
        if (trace != null) {
            trace.close();
        }
        if (profiled != null) {
            try {
                profiled.write();
            } catch (IOException e) {
                log.warn("cannot write the profile", e);
            }
        }
        namespace.close();
        Runnable told;
        synchronized (this) {
            told = onClose;
            onClose = null;
        }
        told.run();
    }

    /**
     * Has somebody told when the sandbox has closed; at once, if it has.
     *
     * @param action one at most
     */
    void onClose(Runnable action) {
        synchronized (this) {
            if (onClose != null) {
                onClose = action;
                return;
            }
        }
        action.run();
    }
}
