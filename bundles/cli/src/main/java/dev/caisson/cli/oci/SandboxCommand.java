package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.abi.ErrnoException;
import dev.caisson.cli.Boot;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.internal.SignalForwarder;
import dev.caisson.control.lifecycle.ContainerLife;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.control.lifecycle.PassedStdio;
import dev.caisson.control.remote.RuntimeDirectory;
import dev.caisson.host.HostEnd;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostProcess;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.ProcessIdentity;
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
import java.util.EnumMap;
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
    /** Starts the names of annotations by which a bundle chooses providers. */
    private static final String ANNOTATION = "dev.caisson.";
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
    private ContainerServer server;
    private SignalForwarder signals;
    private ContainerLife life;

    private SandboxCommand(OciLine line, Path bundle, OciConfig config) {
        this.line = line;
        this.log = line.log();
        this.isRun = line.command().equals("run");
        this.isDetached = !isRun || line.has("--detach");
        this.bundle = bundle;
        this.config = config;
    }

    static int run(OciLine line) throws ContainerException, OciConfigException, SandboxException, IOException {
        Path bundle = line.value("--bundle", "").isEmpty() ? Path.of("").toAbsolutePath() : line.path("--bundle");
        SandboxCommand command = new SandboxCommand(line, bundle.normalize(), OciConfig.read(bundle));
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

    /** What is wrong is found before anything is made. */
    private void check() throws ContainerException, OciConfigException {
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
        String path = config.cgroupsPath();
        if (line.has("--systemd-cgroup") && path != null && !path.isEmpty() && path.split(":", -1).length != 3) {
            throw new ContainerException("linux.cgroupsPath: with --systemd-cgroup it is \"slice:prefix:name\", not " + path);
        }
        Resources.memoryLimit(config.linux().resources(), "linux.resources");
        if (!config.hooks().startContainer().isEmpty() || !config.hooks().createContainer().isEmpty()) {
            throw new ContainerException("hooks." + (config.hooks().startContainer().isEmpty() ? "createContainer" : "startContainer")
                    + ": hooks in the container's namespaces are not supported yet; createRuntime, poststart and poststop are");
        }
        config.warnings().forEach(warning -> log.write("warning", warning));
    }

    private void create() throws ContainerException, SandboxException, IOException {
        descriptors = Descriptors.take(line.number("--preserve-fds"));
        if (isDetached) {
            HostProcess.newSession();
        }
        directory = OciCommands.store(line).make(line.id());
        lock = directory.lock();
        if (lock == null) {
            throw new ContainerException("container with given ID already exists: " + line.id());
        }
        Boot.log(directory.path().resolve(LOG), line.has("--debug"));
        Files.writeString(directory.path().resolve(CONFIG), config.text(), StandardCharsets.UTF_8);
        Path socket = socket();
        state = new ContainerState(config.version(), line.id(), Status.CREATING, ProcessIdentity.own(), bundle, config.rootPath(), Instant.now(),
                Files.getOwner(directory.path()).getName(), config.annotations(), socket, ContainerState.NONE);
        directory.write(state);
        OciProcess process = config.process();
        if (process != null && process.terminal()) {
            if (isDetached) {
                descriptors.makeTerminal(line.path("--console-socket"), process.consoleSize());
            } else {
                descriptors.requireTerminal();
            }
        }
        kernel = ContainerKernel.boot(Boot.prepare(providers()), config.hostname() == null ? "" : config.hostname());
        Long memory = Resources.memoryLimit(config.linux().resources(), "linux.resources");
        if (memory != null && memory > 0) {
            kernel.limitMemory(memory);
        }
        OciHooks hooks = config.hooks();
        Hooks.run("prestart", hooks.prestart(), state);
        Hooks.run("createRuntime", hooks.createRuntime(), state);
        stdio = new PassedStdio(descriptors.all(), true);
        Container container = ContainerLaunch.create(kernel, line.id(), config, stdio);
        server = ContainerServer.start(socket, (request, passed) -> answer(request, passed));
        life = new ContainerLife(kernel, container, process, directory, state, this::started);
        takeSignals(container);
        if (isRun) {
            life.start();
        }
        if (!line.value("--pid-file", "").isEmpty()) {
            Descriptors.writePid(line.path("--pid-file"), ProcessIdentity.own().pid());
        }
        descriptors.report();
    }

    private Path socket() throws IOException {
        RuntimeDirectory own = RuntimeDirectory.of(null);
        Path socket = ContainerStore.socket(directory, own.path());
        if (!socket.startsWith(directory.path())) {
            own.make();
        }
        return socket;
    }

    /** Requests that come before all is made: nobody knows of the container yet. */
    private ContainerServer.Reply answer(JsonObject request, List<Integer> passed) throws SandboxException {
        ContainerLife made = life;
        if (made == null) {
            passed.forEach(HostFile::close);
            throw new SandboxException("the container is being created", null);
        }
        return made.answer(request, passed);
    }

    /** A hook that fails after the program has started changes nothing: it is told in the log. */
    private void started(ContainerState now) {
        for (String failure : Hooks.runAll(config.hooks().poststart(), now)) {
            log.write("warning", "poststart: " + failure);
        }
    }

    private Map<ProviderKind, String> providers() throws ContainerException {
        Map<ProviderKind, String> providers = new EnumMap<>(ProviderKind.class);
        for (Map.Entry<String, String> each : config.annotations().entrySet()) {
            if (each.getKey().startsWith(ANNOTATION) && !each.getKey().equals(ANNOTATION + ProviderKind.ROOTFS.word())) {
                String word = each.getKey().substring(ANNOTATION.length());
                try {
                    providers.put(ProviderKind.byWord(word), each.getValue());
                } catch (IllegalArgumentException e) {
                    throw new ContainerException("annotations." + each.getKey() + ": " + e.getMessage(), e);
                }
            }
        }
        return providers;
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
        if (kernel != null) {
            kernel.close();
        }
        if (stdio != null) {
            stdio.close();
        }
    }

    private void undo() {
        close();
        if (lock != null) {
            try {
                directory.delete();
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
            if (!line.has("--keep")) {
                for (String failure : Hooks.runAll(config.hooks().poststop(), life.state())) {
                    log.write("warning", "poststop: " + failure);
                }
                directory.delete();
            }
            int signal = status & 0x7f;
            return signal == 0 ? status >> 8 : SETTLED + signal;
        }
        System.out.flush();
        HostEnd.as(status);
        throw new AssertionError("the end came back");
    }
}
