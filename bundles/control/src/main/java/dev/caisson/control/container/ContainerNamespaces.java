package dev.caisson.control.container;

import dev.caisson.control.SandboxException;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.Namespaces;
import dev.caisson.kernel.PidNamespace;
import dev.caisson.kernel.UtsNamespace;
import dev.caisson.kernel.ipc.IpcNamespace;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciNamespace;
import dev.caisson.oci.spec.OciNamespace.Type;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The namespaces of a new container. The first one of a kernel has the kernel's own, others have new ones, or join those of a container of
 * the same kernel that a path names: {@code /proc/PID/ns/TYPE} with the process that stands for that container on the host (containerd), or
 * the path that that container's own configuration has (CRI-O, which makes them before the first container).
 *
 * <p>Deviation: a namespace that the configuration leaves to the host ({@code docker run --pid=host}) is the sandbox's, which its containers
 * share: nothing of the host's is within their reach. Network, user and cgroup namespaces are the sandbox process' business.
 */
final class ContainerNamespaces {
    private static final Logger log = LoggerFactory.getLogger(ContainerNamespaces.class);

    private final ContainerKernel owner;
    private final Kernel kernel;
    private final String id;
    private final OciConfig config;
    private final boolean isFirst;

    ContainerNamespaces(ContainerKernel owner, String id, OciConfig config) {
        this.owner = owner;
        this.kernel = owner.kernel();
        this.id = id;
        this.config = config;
        this.isFirst = kernel.init() == null;
    }

    Namespaces make() throws SandboxException {
        for (Type type : List.of(Type.MOUNT, Type.TIME)) {
            OciNamespace named = config.linux().namespace(type);
            if (named != null && named.path() != null) {
                throw foreign(named);
            }
        }
        OciNamespace network = config.linux().namespace(Type.NETWORK);
        if (network != null && network.path() != null) {
            log.warn("{}: linux.namespaces: the network namespace {} is not entered: the network is the sandbox's", id, network.path());
        }
        Namespaces root = new Namespaces(kernel.rootUts(), kernel.rootIpc(), kernel.rootPids());
        Namespaces joined = source(Type.UTS, root);
        UtsNamespace uts = joined != null ? joined.uts()
                : new UtsNamespace(kernel.nextNamespaceId(), root.uts().hostName(), root.uts().domainName());
        joined = source(Type.IPC, root);
        IpcNamespace ipc = joined != null ? joined.ipc() : kernel.newIpcNamespace();
        joined = source(Type.PID, root);
        PidNamespace pids = joined != null ? joined.pidForChildren() : new PidNamespace(root.pidForChildren(), kernel.nextNamespaceId());
        if (config.hostname() != null) {
            uts.hostName(GuestText.of(config.hostname()));
        }
        if (config.domainname() != null) {
            uts.domainName(GuestText.of(config.domainname()));
        }
        return new Namespaces(uts, ipc, pids);
    }

    /** Whose namespace of a kind the container has; null for a new one. */
    private Namespaces source(Type type, Namespaces root) throws SandboxException {
        OciNamespace wanted = config.linux().namespace(type);
        if (wanted == null) {
            log.info("{}: linux.namespaces has no {}: that of the sandbox is shared by its containers, the host's is out of their reach", id,
                    type.text());
            return root;
        }
        if (wanted.path() == null) {
            return isFirst ? root : null;
        }
        Container peer = owner.withNamespace(wanted);
        if (peer != null) {
            return peer.namespaces();
        }
        if (isFirst && PodMembership.of(config.annotations()).isSandbox()) {
            log.info("{}: the sandbox's {} namespace stands for {}", id, type.text(), wanted.path());
            return root;
        }
        throw foreign(wanted);
    }

    private SandboxException foreign(OciNamespace wanted) {
        return new SandboxException("linux.namespaces[" + config.linux().namespaces().indexOf(wanted) + "].path: the " + wanted.type().text()
                + " namespace " + wanted.path() + " is that of no container in this sandbox, which cannot enter another one", null);
    }
}
