package dev.caisson.control.container;

import dev.caisson.control.SandboxBuilder;
import dev.caisson.control.SandboxException;
import dev.caisson.control.internal.HostFacts;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.Kernel;
import java.util.ArrayList;
import java.util.List;

/** A kernel for containers: the first one has its root namespaces, others beside it namespaces of their own. Thread-safe. */
public final class ContainerKernel implements AutoCloseable {
    private final Kernel kernel;
    private final SandboxDevices devices;
    /** Guarded by this. */
    private final List<Container> containers = new ArrayList<>();

    /**
     * Takes a kernel over.
     *
     * @param kernel without a process
     * @param devices its devices
     */
    public ContainerKernel(Kernel kernel, SandboxDevices devices) {
        this.kernel = kernel;
        this.devices = devices;
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

    synchronized void add(Container container) {
        containers.add(container);
    }

    synchronized void remove(Container container) {
        containers.remove(container);
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
