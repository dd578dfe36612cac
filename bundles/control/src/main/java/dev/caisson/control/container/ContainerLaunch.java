package dev.caisson.control.container;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.SandboxException;
import dev.caisson.host.HostCredentials;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.oci.spec.IdMapping;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciNamespace;
import dev.caisson.oci.spec.OciNamespace.Type;
import dev.caisson.vfs.MountNamespace;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a container of its configuration, in runc's order: namespaces, root, mounts, devices, process, sysctls, masked and read-only
 * paths, and the search for the program.
 *
 * <p>Deviation: a namespace that the configuration leaves to the host ({@code docker run --pid=host}) is the sandbox's, since nothing of the host's is
 * within its reach. Of those that are given by path, the network namespace is the sandbox process' business; others stand for those of the
 * sandbox's first container.
 */
public final class ContainerLaunch {
    private static final Logger log = LoggerFactory.getLogger(ContainerLaunch.class);

    private final ContainerKernel owner;
    private final Kernel kernel;
    private final String id;
    private final OciConfig config;
    private final boolean isFirst;

    private ContainerLaunch(ContainerKernel owner, String id, OciConfig config) {
        this.owner = owner;
        this.kernel = owner.kernel();
        this.id = id;
        this.config = config;
        this.isFirst = kernel.init() == null;
    }

    /**
     * Makes a container up to the point where its program would begin.
     *
     * @param owner the kernel
     * @param id its name
     * @param config what it is; with a process
     * @param stdio its process' descriptors; closed with the process, also when this fails
     * @return the container, to be started
     * @throws SandboxException when something of the configuration cannot be done; nothing is left of the container then
     */
    public static Container create(ContainerKernel owner, String id, OciConfig config, ContainerStdio stdio) throws SandboxException {
        synchronized (owner) {
            Container made = new ContainerLaunch(owner, id, config).create(stdio);
            owner.add(made);
            return made;
        }
    }

    private Container create(ContainerStdio stdio) throws SandboxException {
        MountNamespace mounts = null;
        boolean isMade = false;
        try {
            if (config.process() == null) {
                throw new SandboxException("process: is required", null);
            }
            config.warnings().forEach(warning -> log.warn("{}: {}", id, warning));
            Namespaces namespaces = namespaces();
            byte[] filter = config.linux().seccomp() == null ? null
                    : new SeccompCompiler(config.linux().seccomp(), kernel.syscallTable()).compile();
            ContainerMounts files = new ContainerMounts(kernel, config, namespaces);
            mounts = files.mountRoot();
            files.mountAll();
            new ContainerDevices(kernel, files.tree(), config).make();
            Container made = new ProcessLaunch(owner, config, namespaces, mounts, filter).create(id, files, stdio);
            made.limitTasks(config.linux().resources().pidsLimit() == null ? 0 : config.linux().resources().pidsLimit());
            isMade = true;
            return made;
        } catch (ErrnoException e) {
            throw new SandboxException("cannot set up the container: " + e.getMessage(), e);
        } finally {
            if (!isMade) {
                stdio.close();
                if (mounts != null) {
                    mounts.close();
                }
            }
        }
    }

    /** Ids of the container are those of the host's files, except for a sandbox of one user, whose files everybody's are. */
    private static void checkMappings(String field, List<IdMapping> mappings, int own) throws SandboxException {
        for (IdMapping each : mappings) {
            boolean isRootless = own != 0 && each.hostID() == own && each.size() == 1;
            if (each.containerID() != each.hostID() && !isRootless) {
                throw new SandboxException("linux." + field + ": the mapping of " + each.containerID() + " to the host's " + each.hostID()
                        + " is not supported; ids are the same on both sides", null);
            }
        }
    }

    private Namespaces namespaces() throws SandboxException {
        checkMappings("uidMappings", config.linux().uidMappings(), HostCredentials.effectiveUser());
        checkMappings("gidMappings", config.linux().gidMappings(), HostCredentials.effectiveGroup());
        OciNamespace network = config.linux().namespace(Type.NETWORK);
        if (network != null && network.path() != null) {
            log.warn("{}: linux.namespaces: the network namespace {} is not entered: the network is the sandbox's", id, network.path());
        }
        for (OciNamespace each : config.linux().namespaces()) {
            boolean isHosts = each.type() == Type.NETWORK || each.type() == Type.USER || each.type() == Type.CGROUP;
            if (each.path() != null && !isHosts && (isFirst || each.type() == Type.MOUNT || each.type() == Type.TIME)) {
                throw new SandboxException("linux.namespaces: the " + each.type().text() + " namespace " + each.path()
                        + " is not the sandbox's, which cannot enter it", null);
            }
        }
        UtsNamespace uts = kernel.rootUts();
        if (!isFirst && isNew(Type.UTS)) {
            uts = new UtsNamespace(kernel.nextNamespaceId(), uts.hostName(), uts.domainName());
        }
        if (config.hostname() != null) {
            uts.hostName(GuestText.of(config.hostname()));
        }
        if (config.domainname() != null) {
            uts.domainName(GuestText.of(config.domainname()));
        }
        IpcNamespace ipc = isFirst || !isNew(Type.IPC) ? kernel.rootIpc() : kernel.newIpcNamespace();
        PidNamespace pids = isFirst || !isNew(Type.PID) ? kernel.rootPids()
                : new PidNamespace(kernel.rootPids(), kernel.nextNamespaceId());
        return new Namespaces(uts, ipc, pids);
    }

    private boolean isNew(Type type) {
        OciNamespace namespace = config.linux().namespace(type);
        return namespace != null && namespace.path() == null;
    }

    /** An annotation of ours, {@code dev.caisson.NAME}. */
    static String annotation(Map<String, String> annotations, String name, String otherwise) {
        return annotations.getOrDefault("dev.caisson." + name, otherwise);
    }
}
