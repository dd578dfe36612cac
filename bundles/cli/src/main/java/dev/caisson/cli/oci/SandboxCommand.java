package dev.caisson.cli.oci;

import dev.caisson.abi.ErrnoException;
import dev.caisson.cli.Boot;
import dev.caisson.cli.sandbox.HostSide;
import dev.caisson.cli.sandbox.OomScore;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.container.ContainerLimits;
import dev.caisson.control.container.HostPlaces;
import dev.caisson.control.internal.SignalForwarder;
import dev.caisson.control.lifecycle.ContainerLife;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.control.lifecycle.PassedStdio;
import dev.caisson.control.lifecycle.Pod;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostTitle;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.runtime.RuntimeLog;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciHooks;
import dev.caisson.oci.spec.OciProcess;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * {@code caisson create} and {@code run}: this process becomes the container's sandbox. For {@code create}, bin/caisson has put it into the
 * background and waits until it says that the container is there; it goes on then, in a session of its own.
 */
final class SandboxCommand {
    /** The copy of config.json that counts until the container is deleted. */
    static final String CONFIG = "config.json";
    private static final String LOG = "sandbox.log";
    private static final int SETTLED = 128;

    private final OciLine line;
    private final RuntimeLog log;
    private final boolean isDetached;
    private final boolean isRun;
    private final OciConfig config;
    private final Path bundle;
    private Descriptors descriptors;
    private ContainerDirectory directory;
    private FileChannel lock;
    private ContainerState state;
    private ContainerKernel kernel;
    private PassedStdio stdio;
    private Pod pod;
    private boolean hasRunHooks;
    /** What annotations choose. */
    private Map<ProviderKind, String> providers;
    private final HostSide host = HostSide.find();
    private ContainerServer server;
    private SignalForwarder signals;
    private ContainerLife life;
    private ControlGroup group;

    private SandboxCommand(OciLine line, Path bundle, OciConfig config) {
        this.line = line;
        this.log = line.log();
        this.isRun = line.command().equals("run");
        this.isDetached = !isRun || line.has("--detach");
        this.bundle = bundle;
        this.config = config;
    }

    static int run(OciLine line) throws ContainerException, OciConfigException, SandboxException, IOException {
        if ("create".equals(System.getenv("CAISSON_AOT"))) {
            Rehearsal.ofSandboxes(); // bin/caisson-prepare
        }
        Path bundle = line.value("--bundle", "").isEmpty() ? Path.of("").toAbsolutePath() : line.path("--bundle");
        OciConfig config = OciConfig.read(bundle);
        SandboxCommand command = new SandboxCommand(line, bundle.normalize(), config);
        PodMembership membership = membership(config);
        if (membership.isMember()) {
            command.check();
            if (command.host.launcher() != null) {
                Descriptors.take(0).report("plain"); // what stands for a member is no child of a sandbox that this process would be
                return 1;
            }
            return new MemberCommand(line, bundle.normalize(), config, membership).run();
        }
        boolean isCreated = false;
        try {
            command.check();
            command.create();
            isCreated = true;
        } finally {
            if (!isCreated) {
                command.undo();
            }
        }
        return command.live();
    }

    private static PodMembership membership(OciConfig config) throws ContainerException {
        try {
            return PodMembership.of(config.annotations());
        } catch (IllegalArgumentException e) {
            throw new ContainerException(e.getMessage(), e);
        }
    }

    /** What is wrong is found before anything is made. */
    private void check() throws ContainerException, OciConfigException, SandboxException {
        providers = Boot.policy(config.annotations()).check(config.annotations());
        for (ProviderKind kind : List.of(ProviderKind.PLATFORM, ProviderKind.NETWORK)) {
            String name = line.value("--" + kind.word(), "");
            if (!name.isEmpty()) {
                providers.putIfAbsent(kind, name);
            }
        }
        OciProcess process = config.process();
        boolean hasTerminal = process != null && process.terminal();
        boolean hasSocket = !line.value("--console-socket", "").isEmpty();
        if (hasTerminal && isDetached && !hasSocket) {
            throw new ContainerException("cannot allocate tty if runc will detach without setting console socket: process.terminal is true; "
                    + "name a socket with --console-socket");
        }
        if (hasSocket && (!hasTerminal || !isDetached)) {
            throw new ContainerException("cannot use console socket if runc will not detach or allocate tty: process.terminal is "
                    + hasTerminal);
        }
        if (isRun && process == null) {
            throw new ContainerException("process: config.json has none, and run starts it");
        }
        HostCgroup.path(line, config);
        Resources.check(config.linux().resources(), "linux.resources");
        config.warnings().forEach(warning -> log.write("warning", warning));
    }

    private void create() throws ContainerException, SandboxException, IOException {
        descriptors = Descriptors.take(line.number("--preserve-fds"));
        host.checkIds(config);
        if (isDetached) {
            HostProcess.newSession();
        }
        directory = OciCommands.store(line).make(line.id());
        lock = directory.lock();
        if (lock == null) {
            throw new ContainerException("container with given ID already exists: " + line.id());
        }
        Boot.log(directory.path().resolve(LOG), line.has("--debug"));
        if (host.remark() != null) {
            log.write("warning", host.remark());
        }
        OomScore.set(host, config, log);
        host.reportLoss(directory, LOG, log, line.command() + " " + line.id());
        Files.writeString(directory.path().resolve(CONFIG), config.text(), StandardCharsets.UTF_8);
        Path socket = socket();
        state = new ContainerState(config.version(), line.id(), Status.CREATING, host.process(), host.own(), bundle, config.rootPath(), Instant.now(),
                OciCommands.owner(directory.path()), config.annotations(), socket, ContainerState.NONE);
        directory.write(state);
        OciProcess process = config.process();
        if (process != null) {
            HostTitle.set("caisson: " + String.join(" ", process.args()));
        }
        if (process != null && process.terminal()) {
            if (isDetached) {
                descriptors.makeTerminal(line.path("--console-socket"), process.consoleSize());
            } else {
                descriptors.requireTerminal();
            }
        }
        kernel = ContainerKernel.boot(Boot.prepare(providers).processors(ContainerLimits.processors(config.linux().resources(),
                Runtime.getRuntime().availableProcessors())), config.hostname() == null ? "" : config.hostname());
        Long memory = config.linux().resources().memory().limit();
        if (memory != null && memory > 0 && !PodMembership.of(config.annotations()).isInPod()) {
            kernel.limitMemory(memory);
        }
        group = HostCgroup.make(line, host, config, directory.path());
        host.watchMemory(group);
        host.enterNetwork(config, "host".equals(kernel.provider(ProviderKind.NETWORK)));
        OciHooks hooks = config.hooks();
        hasRunHooks = true;
        Hooks.run("prestart", hooks.prestart(), state, host.launcher());
        Hooks.run("createRuntime", hooks.createRuntime(), state, host.launcher());
        if (!line.value("--pid-file", "").isEmpty()) {
            Descriptors.writePid(line.path("--pid-file"), state.process().pid());
        }
        pod = new Pod(kernel);
        server = ContainerServer.start(socket, new LineRequests(pod)); // its place may be out of reach later
        HostPlaces places = host.leave(Boot.home(), directory.path(), config, line.path("--log"));
        if (places != null) {
            kernel.places(places);
        }
        stdio = new PassedStdio(descriptors.all(), true);
        Container container = ContainerLaunch.create(kernel, line.id(), config, stdio, state.process().pid(), Pod.hooks(config, state));
        container.onMemoryKill(host::memoryKill);
        life = new ContainerLife(container, config, directory, state);
        pod.add(life);
        takeSignals(container);
        boolean isForeground = isRun && !isStartedByCaller();
        if (isForeground && host.isAway() && !line.has("--keep")) {
            host.removeAtEnd(directory.path(), socket, group, Hooks.last(hooks.poststop(), state.with(Status.STOPPED, ContainerState.NONE)));
        }
        if (isForeground && !hooks.poststart().isEmpty()) {
            // These hooks belong to the host and to the time after the start: nobody else is there to run them.
            life.start();
            Hooks.afterwards("poststart", line, directory, life.state(), host.launcher());
            host.seal();
        } else {
            host.seal();
            if (isForeground) {
                life.start();
            }
        }
        descriptors.report(isRun && isStartedByCaller() ? start() : "created");
    }

    /** Whether bin/caisson starts the program by a command of its own, outside of the sandbox' namespaces, where hooks belong. */
    private boolean isStartedByCaller() {
        return isDetached && host.launcher() != null;
    }

    /** What bin/caisson needs to know to start the program. */
    private String start() throws IOException {
        return String.join("\n", "started", OciCommands.store(line).root().toString(), line.id(),
                line.path("--log") == null ? "" : line.path("--log").toString(), line.value("--log-format", "text"));
    }

    private Path socket() throws IOException {
        RuntimeDirectory own = RuntimeDirectory.of(null);
        Path socket = ContainerStore.socket(directory, own.path());
        if (!socket.startsWith(directory.path())) {
            own.make();
            Files.createSymbolicLink(directory.path().resolve(ContainerStore.SOCKET), socket); // for who asks from inside the directory
        }
        return socket;
    }

    private void takeSignals(Container container) {
        try {
            signals = SignalForwarder.start(kernel.kernel(), new SignalForwarder.Target() {
                @Override
                public GuestProcess process() {
                    return container.process().guest();
                }

                @Override
                public void signal(int signal) {
                    try {
                        container.kill(signal, false);
                    } catch (SandboxException e) {
                        log.write("warning", "signal " + signal + " came too late: " + e.getMessage());
                    }
                }
            });
        } catch (ErrnoException e) {
            log.write("warning", "signals are not forwarded to the program: " + e.getMessage());
        }
    }

    /** Ends what serves the container. */
    private void close() {
        if (server != null) {
            server.close();
        }
        if (signals != null) {
            signals.close();
        }
        if (pod != null) {
            pod.close();
        }
        if (kernel != null) {
            kernel.close();
        }
        if (stdio != null) {
            stdio.close();
        }
    }

    private void undo() {
        close();
        if (host.launcher() == null || !host.launcher().isSealed()) { // from then on it does by itself what was arranged for the end
            undoOnHost();
        }
        host.lastWord(1);
    }

    private void undoOnHost() {
        if (hasRunHooks) {
            Hooks.afterwards("poststop", line, directory, state.with(Status.STOPPED, ContainerState.NONE), host.launcher());
        }
        if (lock != null) {
            try {
                if (group != null) {
                    host.leaveGroup(group);
                }
                host.remove(directory, ContainerStore.socket(directory, RuntimeDirectory.of(null).path()));
                lock.close();
            } catch (IOException e) {
                log.write("warning", "cannot remove " + directory.path() + ": " + e.getMessage());
            }
        }
    }

    /** Until the program is over; then this process ends as it did. */
    private int live() throws IOException {
        int status;
        try {
            status = life.awaitEnd();
        } catch (RuntimeException e) {
            log.write("error", "the sandbox of " + line.id() + " failed: " + e);
            status = SandboxException.OWN_FAILURE << 8;
        }
        close();
        if (isRun && !isDetached) {
            if (!line.has("--keep") && !host.isAway()) {
                HostCgroup.leave(group);
                Hooks.afterwards("poststop", line, directory, life.state());
                directory.delete();
            }
            int signal = status & 0x7f;
            int exitStatus = signal == 0 ? status >> 8 : SETTLED + signal;
            host.lastWord(exitStatus);
            return exitStatus;
        }
        System.out.flush();
        host.end(status);
        throw new AssertionError("the end came back");
    }
}
