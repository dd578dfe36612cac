package dev.caisson.cli.sandbox;

import dev.caisson.abi.Errno;
import dev.caisson.control.container.Submounts;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostEnd;
import dev.caisson.host.HostInet;
import dev.caisson.host.launch.Launcher;
import dev.caisson.host.launch.LossReport;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.cgroup.GroupException;
import dev.caisson.oci.cgroup.GroupFiles;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.IdMaps;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.RuntimeLog;
import dev.caisson.oci.spec.IdMapping;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciHooks;
import dev.caisson.oci.spec.OciMount;
import dev.caisson.oci.spec.OciNamespace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a sandbox' process has to do with the host: the {@link Launcher} that stands for it there, if it was started by one, and the root that it
 * leaves the host's for.
 */
public final class HostSide {
    private static final String NETWORK_PARAMETERS = "/proc/sys/", UNPRIVILEGED_PORTS = "net.ipv4.ip_unprivileged_port_start";
    private static final long MS_RDONLY = 1;
    private static final long ALARM_PAUSE_NS = 1_000_000_000;
    /** All that may be in a container's directory. */
    private static final List<String> FILES = List.of("config.json", "state.json", "state.json.new", "lock", "sandbox.log", "control.sock", "cgroup.json",
            ContainerDirectory.LOST);
    private static final String ROOTFS_ANNOTATION = "dev.caisson.rootfs";

    private final Launcher launcher;
    private EmptyRoot root;
    private volatile boolean isWatched;
    private final AtomicLong lastAlarmNs = new AtomicLong();
    /** Changes files of control groups on the host's side. */
    private final GroupFiles files = new GroupFiles() {
        @Override
        public void makeDirectory(Path directory) throws IOException {
            DIRECT.makeDirectory(directory);
        }

        @Override
        public void write(Path file, String text) throws IOException {
            long result = launcher.write(raw(file.toString()), text);
            if (result < 0) {
                throw new IOException(Errno.of(-result).text());
            }
        }
    };

    private HostSide(Launcher launcher) {
        this.launcher = launcher;
    }

    /** {@return that of this process; called once} */
    public static HostSide find() {
        return new HostSide(Launcher.find());
    }

    /** {@return who does on the host what this process cannot, until {@link #leave}; or null} */
    public Launcher launcher() {
        return launcher;
    }

    /** {@return the host's process that stands for this one: the one of the pid file} */
    public ProcessIdentity process() {
        return launcher == null ? ProcessIdentity.own() : ProcessIdentity.of(launcher.processId());
    }

    /** {@return this process by its number on the host} */
    public ProcessIdentity own() {
        return launcher == null ? ProcessIdentity.own() : ProcessIdentity.of(launcher.ownProcessId());
    }

    /** {@return what is to be said about the namespaces that this process does not have, or null} */
    public String remark() {
        if (launcher == null || launcher.error() == 0) {
            return null;
        }
        return "the sandbox goes without " + (launcher.hasMountNamespace() ? "a user namespace" : "namespaces and a root of its own")
                + ": the host refuses them (" + Errno.of(-launcher.error()).text() + "); caisson doctor says what to do";
    }

    /**
     * Checks that the user namespace maps ids as the configuration says.
     *
     * @param config of the container
     * @throws ContainerException when it does not
     */
    public void checkIds(OciConfig config) throws ContainerException {
        if (launcher != null && !launcher.hasIds()) {
            throw new ContainerException("linux.uidMappings: the host refuses these ids"
                    + (config.linux().uidMappings().isEmpty() ? "" : "; an ordinary user may map its own only, and others have to be mapped by who calls"));
        }
        check("uidMappings", config.linux().uidMappings(), "uid_map", HostCredentials.effectiveUser());
        check("gidMappings", config.linux().gidMappings(), "gid_map", HostCredentials.effectiveGroup());
    }

    private void check(String field, List<IdMapping> wanted, String file, int own) throws ContainerException {
        if (wanted.isEmpty()) {
            return;
        }
        List<IdMapping> maps = IdMaps.read(Path.of("/proc/self", file));
        for (IdMapping each : wanted) {
            // Without namespaces, the files of an ordinary user's sandbox are everybody's in it, which comes to the same.
            boolean isOwn = launcher == null && each.size() == 1 && each.hostID() == own && own != 0;
            // Root's own files are mapped where they are served; that takes the host's ids.
            boolean isReachable = IdMaps.covers(maps, new IdMapping(each.hostID(), each.hostID(), each.size()));
            if (!isOwn && !isReachable && !IdMaps.covers(maps, each)) {
                throw new ContainerException("linux." + field + ": the mapping of " + each.containerID() + " to the host's " + each.hostID()
                        + " needs a user namespace, which this sandbox does not have; " + (launcher == null ? "lib/launcher is missing"
                        : "the host refuses them"));
            }
        }
    }

    /**
     * Enters the network namespace that the configuration names, with the process that stands for the sandbox. Where programs get sockets of the host, these
     * are made there, and its parameters are set.
     *
     * @param config of the container
     * @param isHosts whether the sockets of programs are the host's
     * @throws ContainerException when there is none
     * @throws IOException when the launcher is gone
     */
    public void enterNetwork(OciConfig config, boolean isHosts) throws ContainerException, IOException {
        OciNamespace network = config.linux().namespace(OciNamespace.Type.NETWORK);
        String path = network == null ? null : network.path();
        if (launcher == null) {
            if (path != null && !Files.exists(Path.of(path))) {
                throw new ContainerException(missing(path));
            }
            return;
        }
        if (network != null && path == null) {
            launcher.enableLoopback(); // an ordinary user's is not this launcher's to change
        }
        if (network == null && isHosts) {
            path = callersNetwork();
        }
        if (path != null) {
            long result = launcher.enterNetwork(raw(path)); // it may be /proc/PID/ns/net, behind which this process must not look
            if (result == -Errno.ENOENT.number()) {
                throw new ContainerException(missing(path));
            }
            if (result < 0) {
                throw new ContainerException("linux.namespaces: cannot enter the network namespace " + path + ": " + Errno.of(-result).text());
            }
            if (isHosts) {
                HostInet.source(launcher::socket); // this process stays where it is
            }
        }
        if (network != null && isHosts) {
            setParameters(config);
        }
    }

    private static String missing(String network) {
        return "linux.namespaces: the network namespace " + network + " does not exist";
    }

    /** Where the launcher was started from: it is in a new one. */
    private String callersNetwork() throws IOException {
        String stat = Files.readString(Path.of("/proc", Integer.toString(launcher.processId()), "stat"), StandardCharsets.ISO_8859_1);
        String[] words = stat.substring(stat.lastIndexOf(')') + 2).split(" "); // proc(5): state, ppid
        return "/proc/" + words[1] + "/ns/net";
    }

    /** The kernel of the guest says who may bind low ports; this process never may. */
    private void setParameters(OciConfig config) throws IOException, ContainerException {
        launcher.write(NETWORK_PARAMETERS + UNPRIVILEGED_PORTS.replace('.', '/'), "0");
        for (Map.Entry<String, String> each : config.linux().sysctl().entrySet()) {
            String name = each.getKey();
            if (name.startsWith("net.") && !name.equals(UNPRIVILEGED_PORTS)) {
                long result = launcher.write(raw(NETWORK_PARAMETERS + name.replace('.', '/')), raw(each.getValue()));
                if (result < 0) {
                    throw new ContainerException("linux.sysctl: " + name + ": " + Errno.of(-result).text());
                }
            }
        }
    }

    /** Whether nobody may write to a source of mounts: not by another mount of it, and not to what is mounted below it. */
    private static boolean isReadOnly(OciConfig config, String source) throws IOException {
        boolean hasMounts = !Submounts.below(Path.of(source).toRealPath()).isEmpty();
        return config.mounts().stream().filter(mount -> mount.type().equals(OciMount.BIND) && mount.source().equals(source))
                .allMatch(mount -> (mount.options().recursiveFlags() & MS_RDONLY) != 0 || !hasMounts && (mount.options().flags() & MS_RDONLY) != 0);
    }

    /**
     * Leaves the host: this process' root becomes an empty one with what the container is made of. Without a launcher, or where the host refuses namespaces, everything stays as it is.
     *
     * @param home the installation
     * @param directory of the container
     * @param config of the container
     * @param log the file that the caller wants to have errors in, or null
     * @return under which names files of the host are found now, or null when they have their own
     * @throws IOException when it cannot be done
     */
    public EmptyRoot leave(Path home, Path directory, OciConfig config, Path log) throws IOException {
        if (launcher == null) {
            return null;
        }
        if (launcher.hasMountNamespace()) {
            EmptyRoot made = EmptyRoot.prepare(home);
            made.keep(directory);
            if (log != null) {
                if (!Files.exists(log)) {
                    Files.createFile(log); // what is logged later needs a place now
                }
                made.keep(log);
            }
            made.show(config.rootPath(), false);
            for (OciMount mount : config.mounts()) {
                if (mount.type().equals(OciMount.BIND) && Files.exists(Path.of(mount.source()))) {
                    made.show(Path.of(mount.source()), isReadOnly(config, mount.source()));
                }
            }
            OciHooks hooks = config.hooks();
            if (!hooks.createContainer().isEmpty()) {
                made.show(Path.of("/"), false);
            }
            for (Path path : ofProvider(config.annotations())) {
                made.keep(path);
            }
            made.enter(directory);
            root = made;
        }
        return root;
    }

    /** {@return whether root's rights on the host are not behind this process} */
    public boolean isOrdinaryUser() {
        if (launcher == null || !launcher.hasUserNamespace()) {
            return HostCredentials.effectiveUser() != 0;
        }
        List<IdMapping> maps = IdMaps.read(Path.of("/proc/self/uid_map"));
        return maps.stream().noneMatch(each -> each.containerID() == 0 && each.hostID() == 0);
    }

    /**
     * Takes this process, and the one that stands for it, into a control group.
     *
     * @param group the group
     * @throws GroupException when the host refuses
     */
    public void enterGroup(ControlGroup group) throws GroupException {
        if (launcher == null) {
            group.enter(0);
            return;
        }
        group.enter(0, files);
        group.enter(launcher.ownProcessId(), files);
    }

    /**
     * Leaves a control group, whose container could not be made, and removes it.
     *
     * @param group the group
     */
    public void leaveGroup(ControlGroup group) {
        try {
            if (launcher == null) {
                group.leave(0, GroupFiles.DIRECT);
                group.remove();
                return;
            }
            group.leave(0, files);
            group.leave(launcher.ownProcessId(), files);
            List<String> paths = new ArrayList<>();
            group.paths().forEach(each -> paths.add(raw((String) each) + "/"));
            launcher.remove(paths);
        } catch (IOException e) {
            return; // it stays, empty: nobody can be told better than by the failure that led here
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return whether this process has left the host's root, and what is there with it} */
    public boolean isAway() {
        return root != null;
    }

    /**
     * Has a container removed when this process has ended, however it did.
     *
     * @param directory the container's, and what else has to go
     * @param socket where the sandbox listens
     * @param group its control group, or null
     * @param hooks programs of the host to run before, each with what it reads
     * @throws IOException when that cannot be arranged
     */
    public void removeAtEnd(Path directory, Path socket, ControlGroup group, List<Launcher.Last> hooks) throws IOException {
        List<String> groups = new ArrayList<>();
        if (group != null) {
            group.paths().forEach(each -> groups.add(raw((String) each)));
        }
        List<String> paths = new ArrayList<>();
        for (String name : FILES) {
            paths.add(raw(directory.resolve(name).toString()));
        }
        paths.add(raw(socket.toString()));
        paths.add(raw(directory.toString()) + "/");
        groups.forEach(each -> paths.add(each + "/"));
        launcher.atEnd(hooks, groups, paths);
    }

    /**
     * Leaves the host before it is known for which container; what that is made of comes later, by {@link EmptyRoot#add}.
     *
     * @param home the installation
     * @param directory of this sandbox
     * @return as the other one
     * @throws IOException when it cannot be done
     */
    public EmptyRoot leave(Path home, Path directory) throws IOException {
        if (launcher != null && launcher.hasMountNamespace()) {
            root = EmptyRoot.prepare(home);
            root.keep(directory);
            root.enter(directory);
        }
        return root;
    }

    /**
     * Arranges that the loss of this process is told: a line in the container's log and in the client's, and a note for {@code wait}.
     *
     * @param directory the container's
     * @param sandboxLog name of the container's log in it
     * @param log the client's
     * @param what the line begins with
     * @throws IOException when that cannot be arranged
     */
    public void reportLoss(ContainerDirectory directory, String sandboxLog, RuntimeLog log, String what) throws IOException {
        if (launcher == null) {
            return;
        }
        String message = what + ": the sandbox was lost: ";
        List<LossReport.Line> lines = new ArrayList<>();
        lines.add(new LossReport.Line(raw(directory.path().resolve(ContainerDirectory.LOST).toString()), LossReport.STATUS + "\n"));
        lines.add(new LossReport.Line(raw(directory.path().resolve(sandboxLog).toString()),
                LossReport.TIME + " [launcher] ERROR " + raw(message) + LossReport.REASON + "\n"));
        if (log.file() != null) {
            String reason = "{reason}";
            String line = log.line("error", message + reason, Instant.EPOCH).replace(Instant.EPOCH.toString(), Character.toString(LossReport.TIME));
            int at = line.lastIndexOf(reason);
            lines.add(new LossReport.Line(raw(log.file().toString()),
                    raw(line.substring(0, at)) + LossReport.REASON + raw(line.substring(at + reason.length()))));
        }
        launcher.atLoss(lines);
    }

    /**
     * Arranges that those who watch a control group are told of {@link #memoryKill}.
     *
     * @param group the group, or null
     * @throws IOException when that cannot be arranged
     */
    public void watchMemory(ControlGroup group) throws IOException {
        if (launcher != null && group != null && group.memoryLimitFile() != null && group.memoryUsageFile() != null) {
            isWatched = launcher.watchMemory(raw(group.memoryLimitFile().toString()), raw(group.memoryUsageFile().toString())) >= 0;
        }
    }

    /** Has those who watch the container's control group told that a program was killed for lack of memory; many at once are one. Any thread. */
    public void memoryKill() {
        long now = System.nanoTime();
        long last = lastAlarmNs.get();
        if (isWatched && (last == 0 || now - last > ALARM_PAUSE_NS) && lastAlarmNs.compareAndSet(last, now)) {
            launcher.memoryKill();
        }
    }

    /**
     * Says how what stands for this process is to end, which goes on by itself.
     *
     * @param exitStatus of a command that is done
     */
    public void lastWord(int exitStatus) {
        if (launcher != null) {
            launcher.end(exitStatus << 8);
        }
    }

    /** Nobody carries out the wishes of this process any more; no code of a guest has run so far. */
    public void seal() {
        // The seccomp filter of DESIGN, section 9, belongs here: from now on nothing is mounted but what members of a pod bring along.
        if (launcher != null) {
            launcher.seal();
        }
    }

    /**
     * Removes what there is of a container that could not be made.
     *
     * @param directory the container's
     * @param socket where the sandbox listened, if it did
     * @throws IOException when that fails
     */
    public void remove(ContainerDirectory directory, Path socket) throws IOException {
        if (root == null) {
            Files.deleteIfExists(socket);
            directory.delete();
            return;
        }
        List<String> paths = new ArrayList<>(List.of(raw(socket.toString()))); // it may lie elsewhere
        try (var files = Files.walk(directory.path())) {
            files.forEach(each -> paths.add(raw(each.toString()) + (Files.isDirectory(each, LinkOption.NOFOLLOW_LINKS) ? "/" : "")));
        }
        launcher.remove(paths.reversed());
    }

    /** Directories that a filesystem provider is told to use, by their own names: what is beside an upper layer belongs to it. */
    private static List<Path> ofProvider(Map<String, String> annotations) {
        List<Path> paths = new ArrayList<>();
        String[] options = annotations.getOrDefault(ROOTFS_ANNOTATION, "").split(",");
        for (int i = 1; i < options.length; i++) {
            for (String value : options[i].substring(options[i].indexOf('=') + 1).split(":")) {
                if (value.startsWith("/") && value.length() > 1) {
                    Path path = Path.of(value).normalize();
                    paths.add(Files.isDirectory(path) && !options[i].startsWith("upperdir=") && !options[i].startsWith("workdir=") ? path : path.getParent());
                }
            }
        }
        return paths;
    }

    /**
     * Ends this process, and what stands for it, as a program ended. Does not return.
     *
     * @param waitStatus as wait(2) tells it
     */
    public void end(int waitStatus) {
        if (launcher != null) {
            launcher.end(waitStatus);
            HostEnd.as(0); // the first process of a process namespace cannot die of its own signals
        }
        HostEnd.as(waitStatus);
    }

    private static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }
}
