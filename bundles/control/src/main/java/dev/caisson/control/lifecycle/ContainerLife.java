package dev.caisson.control.lifecycle;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.abi.Signals;
import dev.caisson.control.SandboxException;
import dev.caisson.control.container.Container;
import dev.caisson.control.container.ContainerProcess;
import dev.caisson.host.HostFile;
import dev.caisson.kernel.CommandLine;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciCapabilities;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciProcess;
import dev.caisson.oci.spec.OciUser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One container's way from created to stopped, and what may be asked of it on the way. The state in its directory is written before
 * anybody hears of a change.
 */
public final class ContainerLife implements ContainerServer.Service {
    private static final Logger log = LoggerFactory.getLogger(ContainerLife.class);
    private static final long NS_PER_SECOND = 1_000_000_000L;
    private static final long FREEZE_PATIENCE_NS = 10 * NS_PER_SECOND;

    private final Container container;
    private final OciConfig config;
    private final OciProcess process;
    private final ContainerDirectory directory;
    /** Held while the program is being started, hooks included. */
    private final Object starting = new Object();
    /** Processes of the host that stand for executed ones, by their number there. */
    private final Set<Integer> companions = new ConcurrentSkipListSet<>();
    /** Guarded by this. */
    private ContainerState state;

    /**
     * Takes a container over that was created.
     *
     * @param container the container
     * @param config what it was made of
     * @param directory where its state is kept
     * @param state what it is so far; becomes {@link Status#CREATED}
     * @throws IOException when the state cannot be written
     */
    public ContainerLife(Container container, OciConfig config, ContainerDirectory directory, ContainerState state)
            throws IOException {
        this.container = container;
        this.config = config;
        this.process = config.process();
        this.directory = directory;
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
        if (command.equals("diff")) {
            try {
                return ContainerServer.Reply.of(ChangeRequests.diff(container, descriptors));
            } finally {
                descriptors.forEach(HostFile::close);
            }
        }
        descriptors.forEach(HostFile::close);
        JsonObject answer = new JsonObject();
        switch (command) {
            case "start" -> {
                if (request.getBoolean("plain", false) && !config.hooks().poststart().isEmpty()) {
                    throw failure("whoever starts this container runs its hooks then"); // lib/ask cannot
                }
                start();
            }
            case "state" -> answer.putAll(state().toJson());
            case "kill" -> kill(request.getInt("signal", 0), request.getBoolean("all", false));
            case "pause" -> pause();
            case "resume" -> resume();
            case "processes" -> processes(answer);
            case "stats" -> stats(answer);
            case "update" -> update(request);
            case "swap" -> answer.putAll(ChangeRequests.swap(container, request));
            case "oom" -> outOfMemory(request, answer);
            case "wait" -> answer.put("status", new AttachedProcess(container.process(), false).awaitEnd());
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
        synchronized (starting) {
            checkStartable();
            if (!config.hooks().startContainer().isEmpty()) {
                runHooks();
            }
            synchronized (this) {
                checkStartable(); // it may have been killed meanwhile
                container.start();
                become(Status.RUNNING, ContainerState.NONE);
            }
        }
    }

    private synchronized void checkStartable() throws SandboxException {
        if (state.status() == Status.STOPPED) {
            throw failure("cannot start a container that has stopped");
        }
        if (state.status() != Status.CREATED) {
            throw failure("cannot start an already running container");
        }
        if (process == null) {
            throw failure("cannot start the container: its config.json has no process");
        }
    }

    /** A hook that fails ends the container. */
    private void runHooks() throws SandboxException {
        boolean isDone = false;
        try {
            GuestHooks.run("startContainer", config.hooks().startContainer(), state(), container.hookPlace());
            isDone = true;
        } finally {
            if (!isDone) {
                container.kill(Signals.SIGKILL, true);
            }
        }
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
        if (!container.freeze(FREEZE_PATIENCE_NS)) {
            throw failure("cannot pause the container: some of its threads wait for the host and do not come to rest");
        }
        become(Status.PAUSED, ContainerState.NONE);
    }

    private synchronized void resume() throws SandboxException {
        if (state.status() != Status.PAUSED) {
            throw failure("container not paused");
        }
        become(Status.RUNNING, ContainerState.NONE);
        container.thaw();
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
        host.addAll(companions);
        answer.put("companions", host);
    }

    private static String command(GuestProcess process) {
        Task leader = process.leader();
        if (leader == null) {
            return "";
        }
        String words = CommandLine.arguments(leader);
        return words.isEmpty() ? "[" + leader.comm() + "]" : new String(words.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
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
        answer.put("memory", JsonObject.builder().object("usage").value("usage", container.memoryBytes())
                .value("max", container.peakMemoryBytes()).value("failcnt", container.memoryRefusals())
                .value("limit", container.memoryLimitBytes()).end().value("oomKills", container.memoryKills()).done());
        JsonObject pids = JsonObject.builder().value("current", threads).done();
        if (container.taskLimit() != Long.MAX_VALUE) {
            pids.put("limit", container.taskLimit());
        }
        answer.put("pids", pids);
    }

    /** Answers when more processes than the peer knows of were killed for lack of memory, or the container is over. */
    private void outOfMemory(JsonObject request, JsonObject answer) {
        long known = request.getLong("after", -1);
        try {
            answer.put("count", known < 0 ? container.memoryKills() : container.awaitMemoryKill(known));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            answer.put("count", container.memoryKills());
        }
        answer.put("over", container.process().isOver());
    }

    private void update(JsonObject request) throws SandboxException {
        Long memory = number(request, "memory");
        if (memory != null) {
            container.limitMemory(memory);
        }
        Long tasks = number(request, "pids");
        if (tasks != null) {
            container.limitTasks(tasks);
        }
        container.limits().memory(memory, number(request, "swap"));
        container.limits().processors(number(request, "shares"), number(request, "quota"), number(request, "period"), number(request, "burst"));
    }

    private static Long number(JsonObject request, String name) {
        return request.has(name) ? Long.valueOf(request.getLong(name)) : null;
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
            if (request.has("companion")) {
                Integer companion = request.getInt("companion");
                companions.add(companion);
                made.onExit(() -> companions.remove(companion));
            }
            isStarted = true;
            JsonObject answer = new JsonObject();
            answer.put("pid", made.pid());
            return new ContainerServer.Reply(answer, new AttachedProcess(made, request.getBoolean("foreground", false)));
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
        int status = new AttachedProcess(container.process(), false).awaitEnd();
        synchronized (this) {
            if (state.status() == Status.PAUSED) {
                container.thaw(); // others of its processes
            }
            if (state.status() != Status.STOPPED) {
                become(Status.STOPPED, status);
            }
        }
        return status;
    }

    /** {@return the container's process, for the one on the host that stands for it; its end is noted before it is told} */
    ContainerServer.Attached attached() {
        AttachedProcess own = new AttachedProcess(container.process(), false);
        return new ContainerServer.Attached() {
            @Override
            public void signal(int signal, boolean isFromTerminal) {
                own.signal(signal, isFromTerminal);
            }

            @Override
            public int awaitEnd() {
                return ContainerLife.this.awaitEnd();
            }

            @Override
            public void abandon() {
                own.abandon();
            }

            @Override
            public void onMemoryKill(Runnable action) {
                container.onMemoryKill(action);
            }
        };
    }

    /** Kills its processes, whatever their state. */
    void kill() {
        container.end();
    }

    /** Ends it and takes it out of the kernel. */
    void close() {
        container.close();
    }
}
