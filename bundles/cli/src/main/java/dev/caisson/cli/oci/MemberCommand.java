package dev.caisson.cli.oci;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.control.ContainerPolicy;
import dev.caisson.cli.sandbox.OomScore;
import dev.caisson.control.ProviderKind;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostPty;
import dev.caisson.host.HostSocket;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciMount;
import dev.caisson.oci.spec.OciNamespace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code caisson create} of a container that joins a pod: the sandbox of the pod's first container makes it. On the host a {@link Companion}
 * stands for it, which is there before it, so that hooks have a process to look at.
 */
final class MemberCommand {
    private final OciLine line;
    private final Path bundle;
    private final OciConfig config;
    private final PodMembership membership;
    /** A sandbox of the pool, whose first container this is; otherwise null. */
    private final Pool.Member pooled;
    /** Another process, for which this one does it; or null. */
    private final Caller caller;
    private final boolean hasTerminal;
    private ContainerState sandbox;
    private ContainerDirectory directory;
    private ContainerState state;
    private Companion companion;
    private boolean hasRunHooks;
    private boolean isMade;

    /**
     * Who has made the process that stands for the container, and does itself what only its own process can: files named by the line, the terminal.
     *
     * @param letter its line
     * @param channel to that process; stays the caller's
     * @param streams of the program, which stay the caller's
     */
    record Caller(Letter letter, int channel, List<Integer> streams) {}

    MemberCommand(OciLine line, Path bundle, OciConfig config, PodMembership membership) {
        this(line, bundle, config, membership, null, null);
    }

    /** For a container that takes a sandbox of the pool. */
    MemberCommand(OciLine line, Path bundle, OciConfig config, Pool.Member pooled, Caller caller) {
        this(line, bundle, config, null, pooled, caller);
    }

    private MemberCommand(OciLine line, Path bundle, OciConfig config, PodMembership membership, Pool.Member pooled, Caller caller) {
        this.line = line;
        this.bundle = bundle;
        this.config = config;
        this.membership = membership;
        this.pooled = pooled;
        this.caller = caller;
        this.hasTerminal = config.process() != null && config.process().terminal();
    }

    /** Makes the container, and starts it if the line says {@code run}. */
    int run() throws ContainerException, OciConfigException, IOException {
        if (pooled == null) {
            check();
        } else {
            sandbox = new ContainerState(config.version(), line.id(), Status.CREATING, pooled.process(), pooled.sandbox(), bundle, config.rootPath(),
                    Instant.now(), "", config.annotations(), pooled.socket(), ContainerState.NONE);
        }
        Descriptors descriptors = caller == null ? Descriptors.take(line.number("--preserve-fds")) : null;
        directory = OciCommands.store(line).make(line.id());
        boolean isDone = false;
        try (FileChannel lock = directory.lock()) {
            if (lock == null) {
                throw new ContainerException("container with given ID already exists: " + line.id());
            }
            create(descriptors);
            isDone = true;
        } finally {
            if (!isDone) {
                undo();
            }
        }
        if (descriptors != null) {
            descriptors.report();
        }
        return 0;
    }

    private void check() throws ContainerException, IOException {
        if (line.command().equals("run") && !line.has("--detach")) {
            throw new ContainerException("a container of a pod runs in the background: run --detach, or create and start");
        }
        if (config.process() == null) {
            throw new ContainerException("process: is required for a container of a pod");
        }
        sandbox = OciCommands.store(line).find(membership.sandbox()).state();
        if (sandbox.status() != Status.RUNNING && sandbox.status() != Status.CREATED) {
            throw new ContainerException("annotations[\"" + membership.annotation() + "\"]: the sandbox " + membership.sandbox() + " is "
                    + sandbox.status().word());
        }
        if (PodMembership.of(sandbox.annotations()).isMember()) {
            throw new ContainerException("annotations[\"" + membership.annotation() + "\"]: " + membership.sandbox()
                    + " is no sandbox, but a container of one");
        }
        for (ProviderKind kind : ProviderKind.values()) {
            String name = ContainerPolicy.ANNOTATION + kind.word();
            String wanted = config.annotations().get(name);
            if (kind != ProviderKind.ROOTFS && wanted != null && !wanted.equals(sandbox.annotations().get(name))) {
                throw new ContainerException("annotations[\"" + name + "\"]: the containers of a pod share one kernel, and "
                        + membership.sandbox() + " was made with " + sandbox.annotations().getOrDefault(name, "what etc/ says"));
            }
        }
    }

    private void create(Descriptors descriptors) throws ContainerException, IOException {
        Files.writeString(directory.path().resolve(SandboxCommand.CONFIG), config.text(), StandardCharsets.UTF_8);
        Files.createSymbolicLink(directory.path().resolve(ContainerStore.SOCKET), sandbox.socket());
        ControlGroup group = HostCgroup.make(line, config, directory.path());
        List<Integer> passed;
        int channel;
        if (caller == null) {
            passed = descriptors.all();
            channel = makeCompanion(passed, group);
        } else {
            passed = caller.streams();
            channel = caller.channel();
            prepareCompanion(group);
        }
        state = new ContainerState(config.version(), line.id(), Status.CREATING, ProcessIdentity.of(companion.pid()), sandbox.sandbox(), bundle,
                config.rootPath(), Instant.now(), OciCommands.owner(directory.path()), config.annotations(), sandbox.socket(),
                ContainerState.NONE);
        directory.write(state);
        // What a pod's containers share is in the group of the pod's first one; this one's has what stands for it, and what its clients look at.
        List<Long> processes = new ArrayList<>(List.of((long) companion.pid()));
        if (pooled != null) {
            processes.add(pooled.process().pid());
            ProcessHandle.of(pooled.process().pid()).ifPresent(handle -> handle.descendants().forEach(each -> processes.add(each.pid())));
        }
        HostCgroup.enter(group, processes);
        protect();
        hasRunHooks = true;
        Hooks.run("prestart", config.hooks().prestart(), state);
        Hooks.run("createRuntime", config.hooks().createRuntime(), state);
        order(channel, passed);
        if (caller == null) {
            HostFile.close(channel);
        }
        isMade = true;
        if (line.command().equals("run")) {
            OciCommands.startProgram(line, directory.state());
        }
        if (caller == null && !line.value("--pid-file", "").isEmpty()) {
            Descriptors.writePid(line.path("--pid-file"), companion.pid());
        }
        companion.begin();
    }

    /** Has the host kill them, when it has to, in the order that their containers want. */
    private void protect() throws ContainerException, IOException {
        Integer wanted = pooled == null ? config.process().oomScoreAdj() : OomScore.of(config, line.log());
        if (wanted != null) {
            OomScore.set(List.of((long) companion.pid()), wanted, line.log());
        }
        if (pooled == null) {
            OomScore.ofPod(OciCommands.store(line), sandbox, false, line.log());
            return;
        }
        if (wanted == null || PodMembership.of(config.annotations()).isInPod()) {
            wanted = OomScore.of(caller == null ? ProcessHandle.current().pid() : caller.letter().pid()); // as if it were started now
        }
        if (wanted != null) {
            OomScore.set(List.of(pooled.process().pid()), wanted, line.log());
            OomScore.setTree(pooled.sandbox().pid(), wanted, line.log());
        }
    }

    /** Makes what stands for the container, and its terminal; gives the socket to it that the sandbox gets. */
    private int makeCompanion(List<Integer> passed, ControlGroup group) throws IOException, ContainerException {
        Descriptors.Pair terminal = hasTerminal ? Descriptors.newTerminal(config.process().consoleSize()) : null;
        if (terminal != null) {
            for (int fd = 0; fd < 3; fd++) {
                passed.set(fd, terminal.slave());
            }
        }
        long pair = HostSocket.pair();
        if (pair < 0) {
            throw new IOException("cannot make a pair of sockets: " + Errno.of(-pair).text());
        }
        int ours = (int) pair;
        companion = Companion.spawn(ours, title(), terminal == null ? -1 : terminal.slave(),
                pooled == null ? null : config.linux().namespace(OciNamespace.Type.NETWORK), group);
        HostFile.close(ours);
        if (terminal != null) {
            terminal.send(line.path("--console-socket"));
        }
        return (int) (pair >>> 32);
    }

    /** Tells what stands for the container what it has to know, and waits until it is in its network namespace: hooks look for that. */
    private void prepareCompanion(ControlGroup group) throws IOException {
        companion = Companion.existing(caller.letter().pid());
        if (hasTerminal && config.process().consoleSize() != null) {
            HostPty.resize(caller.streams().getFirst(), config.process().consoleSize().height(), config.process().consoleSize().width());
        }
        caller.letter().clear();
        caller.letter().write(Letter.TITLE, title());
        OciNamespace network = HostCredentials.effectiveUser() == 0 ? config.linux().namespace(OciNamespace.Type.NETWORK) : null;
        caller.letter().write(Letter.NETWORK, network == null ? "" : network.path() == null ? Letter.NEW : network.path());
        boolean isWatched = group != null && group.memoryLimitFile() != null && group.memoryUsageFile() != null;
        caller.letter().write(Letter.LIMIT, isWatched ? group.memoryLimitFile().toString() : "");
        caller.letter().write(Letter.USAGE, isWatched ? group.memoryUsageFile().toString() : "");
        HostSocket.setTimeout(caller.channel(), DeleteCommand.PATIENCE_MS);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment turn = arena.allocate(1);
            if (HostSocket.send(caller.channel(), turn.address(), 1, 0, 0, -1) != 1 || HostFile.read(caller.channel(), turn.address(), 1) != 1) {
                throw new IOException("the process that is to stand for the container is not ready");
            }
        }
        HostSocket.setTimeout(caller.channel(), 0);
    }

    private String title() {
        return String.join(" ", config.process().args());
    }

    /** Has the sandbox make it. */
    private void order(int channel, List<Integer> streams) throws ContainerException, IOException {
        JsonObject request = OciCommands.request("create");
        request.put("id", line.id());
        request.put("config", config.text());
        request.put("state", state.toFile());
        request.put("directory", directory.path().toString());
        if (pooled != null) {
            request.put("take", true);
            Long memory = config.linux().resources().memory().limit();
            request.put("memory", memory == null || PodMembership.of(config.annotations()).isInPod() ? 0 : Math.max(memory, 0));
        }
        Map<String, Integer> trees = trees();
        try {
            JsonArray places = new JsonArray();
            places.addAll(trees.keySet());
            request.put("places", places);
            List<Integer> descriptors = new ArrayList<>(List.of(channel));
            descriptors.addAll(trees.values());
            descriptors.addAll(streams);
            int socket = ExecCommand.connect(sandbox);
            ExecCommand.ask(socket, request, descriptors);
            HostFile.close(socket);
        } finally {
            trees.values().forEach(HostFile::close);
        }
    }

    /** What the sandbox needs of the host, which may not be within its reach: a descriptor each, by path. */
    private Map<String, Integer> trees() throws ContainerException {
        Map<String, Integer> trees = new LinkedHashMap<>();
        add(trees, directory.path().toString(), "the container's directory");
        if (!config.hooks().createContainer().isEmpty()) {
            add(trees, "/", "hooks.createContainer");
        }
        add(trees, config.rootPath().toString(), "root.path");
        for (OciMount mount : config.mounts()) {
            if (mount.type().equals(OciMount.BIND)) {
                add(trees, mount.source(), mount.path() + ".source");
            }
        }
        return trees;
    }

    private static void add(Map<String, Integer> trees, String path, String field) throws ContainerException {
        if (trees.containsKey(path)) {
            return;
        }
        String raw = new String(path.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        long tree = HostNamespace.cloneTree(Fcntl.AT_FDCWD, raw, true);
        if (tree < 0) {
            tree = HostPath.open(Fcntl.AT_FDCWD, raw, Fcntl.O_PATH | Fcntl.O_CLOEXEC, 0); // not root, or no such call
        }
        if (tree < 0) {
            trees.values().forEach(HostFile::close);
            throw new ContainerException(field + ": " + path + (tree == -Errno.ENOENT.number() ? " does not exist"
                    : ": " + Errno.of(-tree).text()));
        }
        trees.put(path, (int) tree);
    }

    /** Nothing of it is left, and nothing that failed here hides why. */
    private void undo() {
        if (pooled != null) {
            end();
        } else if (isMade) {
            try {
                JsonObject request = OciCommands.request("delete");
                OciCommands.ask(directory.state(), request, DeleteCommand.PATIENCE_MS);
            } catch (IOException | ContainerException e) {
                line.log().write("warning", "cannot take the container out of its sandbox: " + e.getMessage());
            }
        }
        if (companion != null) {
            companion.dismiss();
        }
        if (hasRunHooks) {
            for (String failure : Hooks.runAll(config.hooks().poststop(), state.with(Status.STOPPED, ContainerState.NONE))) {
                line.log().write("warning", "poststop: " + failure);
            }
        }
        try {
            HostCgroup.remove(directory.path());
            directory.delete();
        } catch (IOException e) {
            line.log().write("warning", "cannot remove " + directory.path() + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A sandbox of the pool is used once, even when nothing came of it. */
    private void end() {
        try {
            if (isMade) {
                JsonObject kill = OciCommands.request("kill");
                kill.put("signal", DeleteCommand.SIGKILL);
                kill.put("all", true);
                OciCommands.ask(directory.state(), kill, DeleteCommand.PATIENCE_MS);
            }
            pooled.end();
        } catch (IOException | ContainerException e) {
            line.log().write("warning", "cannot end the sandbox in " + pooled.directory() + ": " + e.getMessage());
        }
    }
}
