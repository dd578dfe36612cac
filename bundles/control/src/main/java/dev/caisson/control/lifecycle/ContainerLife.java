package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.abi.Signals;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.host.HostFile;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciCapabilities;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.oci.spec.OciUser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One container's way from created to stopped, and what may be asked of it on the way. The state in its directory is written before
 * anybody hears of a change.
 */
public final class ContainerLife implements ContainerServer.Service {
    private static final Logger log = LoggerFactory.getLogger(ContainerLife.class);
    private static final long NS_PER_SECOND = 1_000_000_000L;

    /** What is done when the program has started, before {@code start} returns. */
    public interface Started {
        /**
         * Acts.
         *
         * @param state of the container
         */
        void run(ContainerState state);
    }

    private final ContainerKernel kernel;
    private final Container container;
    private final OciProcess process;
    private final ContainerDirectory directory;
    private final Started started;
    /** Guarded by this. */
    private ContainerState state;

    /**
     * Takes a container over that was created.
     *
     * @param kernel runs it
     * @param container the container
     * @param process its process as configured, or null: then it cannot be started
     * @param directory where its state is kept
     * @param state what it is so far; becomes {@link Status#CREATED}
     * @param started what is done when the program has started
     * @throws IOException when the state cannot be written
     */
    public ContainerLife(ContainerKernel kernel, Container container, OciProcess process, ContainerDirectory directory, ContainerState state,
            Started started) throws IOException {
        this.kernel = kernel;
        this.container = container;
        this.process = process;
        this.directory = directory;
        this.started = started;
        this.state = state.with(Status.CREATED, ContainerState.NONE);
        directory.write(this.state);
    }

    /** {@return what it is now} */
    public synchronized ContainerState state() {
        return state;
    }

    @Override
    public ContainerServer.Reply answer(JsonObject request, List<Integer> descriptors) throws SandboxException {
        String command = request.getString("command", "");
        if (command.equals("exec")) {
            return execute(request, descriptors);
        }
        descriptors.forEach(HostFile::close);
        JsonObject answer = new JsonObject();
        switch (command) {
            case "start" -> start();
            case "kill" -> kill(request.getInt("signal", 0), request.getBoolean("all", false));
            case "pause" -> pause();
            case "resume" -> resume();
            case "processes" -> processes(answer);
            case "stats" -> stats(answer);
            case "update" -> update(request);
            case "wait" -> answer.put("status", new AttachedProcess(container.process()).awaitEnd());
            default -> throw failure("unknown command " + command);
        }
        return ContainerServer.Reply.of(answer);
    }

    private static SandboxException failure(String message) {
        return new SandboxException(message, null);
    }

    private void become(Status status, int waitStatus) {
        state = state.with(status, waitStatus);
        try {
            directory.write(state);
        } catch (IOException e) {
            log.error("cannot write the state of {}; it goes on as {}", state.id(), status, e);
        }
    }

    /**
     * Starts the program.
     *
     * @throws SandboxException when it cannot be started, or was before
     */
    public void start() throws SandboxException {
        synchronized (this) {
            if (state.status() == Status.STOPPED) {
                throw failure("cannot start a container that has stopped");
            }
            if (state.status() != Status.CREATED) {
                throw failure("cannot start an already running container");
            }
            if (process == null) {
                throw failure("cannot start the container: its config.json has no process");
            }
            container.start();
            become(Status.RUNNING, ContainerState.NONE);
        }
        started.run(state());
    }

    private void kill(int signal, boolean isForAll) throws SandboxException {
        if (signal < 1 || signal > 64) {
            throw failure("unknown signal \"" + signal + "\"");
        }
        container.kill(signal, isForAll);
        if (signal == Signals.SIGKILL) {
            synchronized (this) {
                if (state.status() == Status.PAUSED) {
                    resume(); // who stands still cannot die
                }
            }
        }
    }

    private synchronized void pause() throws SandboxException {
        if (state.status() != Status.RUNNING && state.status() != Status.CREATED) {
            throw failure("container not running or created: " + state.status().word());
        }
        if (state.status() == Status.CREATED) {
            throw failure("cannot pause a container that was not started: nothing of it runs");
        }
        kernel.kernel().pauseAll();
        become(Status.PAUSED, ContainerState.NONE);
    }

    private synchronized void resume() throws SandboxException {
        if (state.status() != Status.PAUSED) {
            throw failure("container not paused");
        }
        become(Status.RUNNING, ContainerState.NONE);
        kernel.kernel().resumeAll();
    }

    private void processes(JsonObject answer) {
        JsonArray processes = new JsonArray();
        for (GuestProcess each : container.processes()) {
            JsonObject one = new JsonObject();
            one.put("pid", container.pidOf(each));
            one.put("ppid", container.parentOf(each));
            one.put("uid", Integer.toUnsignedString(each.uid()));
            one.put("seconds", each.cpuNs() / NS_PER_SECOND);
            one.put("command", command(each));
            processes.add(one);
        }
        answer.put("processes", processes);
        JsonArray host = new JsonArray();
        host.add(ProcessHandle.current().pid());
        answer.put("host", host);
    }

    private static String command(GuestProcess process) {
        Task leader = process.leader();
        return leader == null ? "" : leader.comm();
    }

    /** In the form of runc's events. */
    private void stats(JsonObject answer) {
        List<GuestProcess> processes = container.processes();
        long cpuNs = 0;
        int threads = 0;
        for (GuestProcess each : processes) {
            cpuNs += each.cpuNs();
            threads += each.threadCount();
        }
        answer.put("cpu", JsonObject.builder().object("usage").value("total", cpuNs).end().done());
        answer.put("memory", JsonObject.builder().object("usage").value("usage", kernel.kernel().memoryFile().usedBytes())
                .value("limit", kernel.kernel().totalMemoryBytes()).end().done());
        answer.put("pids", JsonObject.builder().value("current", threads).done());
    }

    private void update(JsonObject request) throws SandboxException {
        if (request.has("memory")) {
            kernel.limitMemory(request.getLong("memory"));
        }
    }

    private ContainerServer.Reply execute(JsonObject request, List<Integer> descriptors) throws SandboxException {
        PassedStdio stdio = new PassedStdio(descriptors, false);
        boolean isStarted = false;
        try {
            Status status = state().status();
            if (status == Status.PAUSED && !request.getBoolean("ignorePaused", false)) {
                throw failure("cannot exec in a paused container (use --ignore-paused to override)");
            }
            if (status != Status.RUNNING && status != Status.PAUSED) {
                throw failure("cannot exec in a " + status.word() + " container");
            }
            ContainerProcess made = container.exec(process(request), stdio);
            made.onExit(stdio::close);
            isStarted = true;
            JsonObject answer = new JsonObject();
            answer.put("pid", made.pid());
            return new ContainerServer.Reply(answer, new AttachedProcess(made));
        } finally {
            if (!isStarted) {
                stdio.close();
            }
        }
    }

    /** The process that exec wants: a whole one, or the container's own with what is said to be different. */
    private OciProcess process(JsonObject request) throws SandboxException {
        try {
            if (request.has("process")) {
                return OciProcess.parse(request.getString("process"));
            }
            List<String> args = strings(request.getArray("args"));
            List<String> env = new ArrayList<>(process.env());
            for (String entry : strings(request.getArray("env"))) {
                String name = entry.substring(0, entry.indexOf('=') + 1);
                env.removeIf(other -> other.startsWith(name));
                env.add(entry);
            }
            OciUser user = process.user();
            if (request.has("uid") || request.has("groups")) {
                List<Integer> groups = new ArrayList<>(user.additionalGids());
                strings(request.getArray("groups")).forEach(each -> groups.add(Integer.parseUnsignedInt(each)));
                user = new OciUser(request.has("uid") ? Integer.parseUnsignedInt(request.getString("uid")) : user.uid(),
                        request.has("gid") ? Integer.parseUnsignedInt(request.getString("gid")) : user.gid(), user.umask(), groups);
            }
            OciCapabilities capabilities = process.capabilities();
            for (String name : strings(request.getArray("caps"))) {
                int number = OciCapabilities.number(name);
                if (number < 0) {
                    throw failure("there is no capability " + name);
                }
                capabilities = capabilities.plus(number);
            }
            return process.with(args, env, request.getString("cwd", process.cwd())).with(user)
                    .with(capabilities, process.noNewPrivileges() || request.getBoolean("noNewPrivileges", false))
                    .with(request.getBoolean("tty", false), null);
        } catch (OciConfigException | IllegalArgumentException e) {
            throw new SandboxException("process: " + e.getMessage(), e);
        }
    }

    private static List<String> strings(JsonArray array) {
        List<String> strings = new ArrayList<>();
        if (array != null) {
            array.forEach(each -> strings.add(String.valueOf(each)));
        }
        return strings;
    }

    /**
     * Waits until the program is over, and notes that.
     *
     * @return its status as wait(2) tells it
     */
    public int awaitEnd() {
        int status = new AttachedProcess(container.process()).awaitEnd();
        synchronized (this) {
            if (state.status() == Status.PAUSED) {
                kernel.kernel().resumeAll();
            }
            become(Status.STOPPED, status);
        }
        return status;
    }
}
