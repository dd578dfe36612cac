package dev.caisson.cli.oci;

import dev.caisson.cli.sandbox.HostSide;
import dev.caisson.host.HostCredentials;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.cgroup.GroupException;
import dev.caisson.oci.cgroup.GroupFiles;
import dev.caisson.oci.cgroup.GroupPath;
import dev.caisson.oci.cgroup.Hierarchies;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A container's control group on the host, for the commands. */
final class HostCgroup {
    private static final Path SYSTEMD = Path.of("/run/systemd/system"); // sd_booted(3)

    private HostCgroup() {}

    /** Whether the client wants no group. Limits that only a group keeps are refused, then. */
    private static boolean isUnwanted(OciLine line, OciConfig config) throws ContainerException {
        if (!line.value("--cgroup-manager", "").equals("disabled")) {
            return false;
        }
        if (!Resources.isOfGuest(config.linux().resources())) {
            throw new ContainerException("linux.resources: with --cgroup-manager=disabled there is no control group to keep these limits; leave them out");
        }
        return true;
    }

    /**
     * Where the group is to be.
     *
     * @param line the command
     * @param config of the container
     * @return the path as the filesystem has it, or null for the default
     * @throws ContainerException when it is none
     */
    static String path(OciLine line, OciConfig config) throws ContainerException {
        String path = config.cgroupsPath();
        if (!line.has("--systemd-cgroup") && !line.value("--cgroup-manager", "").equals("systemd")) {
            return path;
        }
        if (!Files.isDirectory(SYSTEMD)) {
            throw new ContainerException("--systemd-cgroup: systemd not running on this host, cannot use systemd cgroups manager");
        }
        try {
            return GroupPath.ofSystemd(path == null || path.isEmpty() ? "system.slice:caisson:" + line.id() : path);
        } catch (IllegalArgumentException e) {
            throw new ContainerException("linux.cgroupsPath: " + e.getMessage(), e);
        }
    }

    /**
     * Makes the group of a new sandbox, limits it and takes the sandbox in.
     *
     * @param line the command
     * @param host the sandbox' side of the host
     * @param config of the container
     * @param directory the container's
     * @return the group, or null when an ordinary user may not have one and needs none
     * @throws ContainerException when that fails
     */
    static ControlGroup make(OciLine line, HostSide host, OciConfig config, Path directory) throws ContainerException, IOException {
        boolean isMade = false;
        ControlGroup group = null;
        if (isUnwanted(line, config)) {
            return null;
        }
        try {
            boolean isOptional = host.isOrdinaryUser() && Resources.isOfGuest(config.linux().resources());
            group = ControlGroup.make(Hierarchies.own(), path(line, config), line.id(), isOptional, GroupFiles.DIRECT);
            if (group == null) {
                isMade = true;
                return null;
            }
            group.note(directory);
            group.limit(config.linux().resources(), "linux.resources");
            host.enterGroup(group);
            isMade = true;
            return group;
        } catch (GroupException e) {
            throw new ContainerException(e.getMessage(), e);
        } finally {
            if (!isMade && group != null) {
                host.leaveGroup(group);
            }
        }
    }

    /**
     * Makes the group of a container whose processes come later, and limits it.
     *
     * @param line the command
     * @param config of the container
     * @param directory the container's
     * @return the group, or null when an ordinary user may not have one and needs none
     * @throws ContainerException when that fails; {@link #remove} takes the group away
     */
    static ControlGroup make(OciLine line, OciConfig config, Path directory) throws ContainerException, IOException {
        if (isUnwanted(line, config)) {
            return null;
        }
        try {
            boolean isOptional = HostCredentials.effectiveUser() != 0 && Resources.isOfGuest(config.linux().resources());
            ControlGroup group = ControlGroup.make(Hierarchies.own(), path(line, config), line.id(), isOptional, GroupFiles.DIRECT);
            if (group != null) {
                group.note(directory);
                group.limit(config.linux().resources(), "linux.resources");
            }
            return group;
        } catch (GroupException e) {
            throw new ContainerException(e.getMessage(), e);
        }
    }

    /**
     * Takes processes into a group.
     *
     * @param group the group, or null
     * @param processes their numbers; who has ended meanwhile is left out
     * @throws ContainerException when the host refuses
     */
    static void enter(ControlGroup group, List<Long> processes) throws ContainerException {
        if (group == null) {
            return;
        }
        try {
            for (long pid : processes) {
                if (ProcessHandle.of(pid).isPresent()) {
                    group.enter(pid);
                }
            }
        } catch (GroupException e) {
            throw new ContainerException(e.getMessage(), e);
        }
    }

    /**
     * Takes a process that stands for one of a container into the container's group.
     *
     * @param directory the container's
     * @param pid number of the process
     * @throws ContainerException when the host refuses
     */
    static void enter(Path directory, long pid) throws IOException, ContainerException {
        ControlGroup group = ControlGroup.of(directory);
        if (group != null) {
            try {
                group.enter(pid);
            } catch (GroupException e) {
                throw new ContainerException(e.getMessage(), e);
            }
        }
    }

    /** Leaves and removes the group of this process, if it has one. */
    static void leave(ControlGroup group) throws IOException {
        if (group == null) {
            return;
        }
        try {
            group.leave(0, GroupFiles.DIRECT);
            group.remove();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Removes a container's group.
     *
     * @param directory the container's
     * @throws IOException when it cannot be removed
     * @throws InterruptedException when the calling thread is interrupted
     */
    static void remove(Path directory) throws IOException, InterruptedException {
        ControlGroup group = ControlGroup.of(directory);
        if (group != null) {
            group.remove();
        }
    }
}
