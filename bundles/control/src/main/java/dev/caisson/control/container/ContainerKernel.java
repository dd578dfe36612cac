package dev.caisson.control.container;

import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.HostFacts;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.Kernel;
import dev.caisson.oci.spec.OciNamespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A kernel for containers: the first one has its root namespaces, others beside it namespaces of their own. Thread-safe. */
public final class ContainerKernel implements AutoCloseable {
    private final Kernel kernel;
    private final SandboxDevices devices;
    private final Map<ProviderKind, String> providers = new ConcurrentHashMap<>();
    private final ContainerChanges changes;
    private volatile HostPlaces places = HostPlaces.SAME;
    /** Guarded by this. */
    private final List<Container> containers = new ArrayList<>();

    /**
     * Takes a kernel over.
     *
     * @param kernel without a process
     * @param devices its devices
     * @param others where it gets other providers from
     */
    public ContainerKernel(Kernel kernel, SandboxDevices devices, ProviderSource others) {
        this.kernel = kernel;
        this.devices = devices;
        this.changes = new ContainerChanges(this, others);
    }

    /**
     * Boots a kernel without memory limit.
     *
     * @param builder has everything but a root
     * @param hostName node name where a container does not say another
     * @return the kernel
     * @throws SandboxException when the host refuses
     */
    public static ContainerKernel boot(SandboxBuilder builder, String hostName) throws SandboxException {
        return builder.containers(hostName, 0);
    }

    /** {@return the kernel} */
    public Kernel kernel() {
        return kernel;
    }

    /** {@return who changes it} */
    ContainerChanges changes() {
        return changes;
    }

    /**
     * The provider that it uses.
     *
     * @param kind which part; each container has a root filesystem of its own
     * @return its name
     */
    public String provider(ProviderKind kind) {
        return providers.get(kind);
    }

    /**
     * Notes which provider it uses.
     *
     * @param kind which part
     * @param name its name
     */
    public void provider(ProviderKind kind, String name) {
        providers.put(kind, name);
    }

    /** {@return its devices} */
    SandboxDevices devices() {
        return devices;
    }

    /**
     * Bounds the memory of all containers.
     *
     * @param bytes most of it, page cache included; 0 for no limit but the host's
     */
    public void limitMemory(long bytes) {
        kernel.memoryFile().limitBytes(bytes > 0 ? bytes : HostFacts.memoryBytes());
    }

    /** {@return under which names this process finds files of the host} */
    public HostPlaces places() {
        return places;
    }

    /**
     * Sets under which names this process finds files of the host; before the first container.
     *
     * @param value the names
     */
    public void places(HostPlaces value) {
        places = value;
    }

    synchronized void add(Container container) {
        containers.add(container);
    }

    synchronized void remove(Container container) {
        containers.remove(container);
    }

    /** Who has the namespace that a path names: a container by its process on the host, or one that was told to have it; null for nobody. */
    synchronized Container withNamespace(OciNamespace wanted) {
        for (Container each : containers) {
            OciNamespace own = each.config().linux().namespace(wanted.type());
            boolean isTold = own != null && wanted.path().equals(own.path());
            if (isTold || each.hostProcess() != 0 && wanted.path().equals("/proc/" + each.hostProcess() + "/ns/" + wanted.type().fileName())) {
                return each;
            }
        }
        return null;
    }

    /** Ends all containers and the kernel. */
    @Override
    public void close() {
        List<Container> all;
        synchronized (this) {
            all = List.copyOf(containers);
        }
        // The first one last: its process 1 takes all others along.
        for (Container container : all.reversed()) {
            container.end();
        }
        kernel.close();
        for (Container container : all.reversed()) {
            container.close();
        }
    }
}
