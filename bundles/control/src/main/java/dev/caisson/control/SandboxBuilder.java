package dev.caisson.control;

import dev.caisson.abi.ErrnoException;
import dev.caisson.control.container.ContainerKernel;
import dev.caisson.control.container.ProviderSource;
import dev.caisson.control.internal.KernelSandbox;
import dev.caisson.control.internal.MemfdBacking;
import dev.caisson.control.internal.RootMount;
import dev.caisson.control.internal.SandboxParts;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.KernelOptions;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Makes sandboxes from plain objects, without a framework: for tests and for programs that embed Caisson. The parts stay the caller's
 * to close, and may serve several sandboxes.
 */
public final class SandboxBuilder {
    private final MemoryFile memoryFile;
    private Platform platform;
    private FileSystemProvider rootfs;
    private RootMount root = RootMount.DEFAULT;
    private NetworkStack network;
    private SandboxDevices devices;
    private ProviderSource others = ProviderSource.NONE;
    private SyscallTableProvider syscalls;
    private int processors = KernelOptions.DEFAULT.cpuCount();
    private final List<FileSystemProvider> fileSystems = new ArrayList<>();
    private final List<KernelFileSystem> kernelFileSystems = new ArrayList<>();

    /**
     * Starts with the memory that the sandbox's guests share.
     *
     * @param memoryFile all guest memory
     */
    public SandboxBuilder(MemoryFile memoryFile) {
        this.memoryFile = memoryFile;
    }

    /**
     * Makes guest memory of the usual size.
     *
     * @return a memory file without a limit
     * @throws ErrnoException ENOMEM and others, as the host says
     */
    public static MemoryFile newMemoryFile() throws ErrnoException {
        return new MemoryFile(new MemfdBacking(MemoryFile.DEFAULT_SIZE_BYTES), Long.MAX_VALUE);
    }

    /**
     * Sets how guest code runs.
     *
     * @param value the platform
     * @return this
     */
    public SandboxBuilder platform(Platform value) {
        platform = value;
        return this;
    }

    /**
     * Sets what serves the root filesystem.
     *
     * @param value the provider; it is asked to mount the host's root directory
     * @return this
     */
    public SandboxBuilder rootfs(FileSystemProvider value) {
        rootfs = value;
        return this;
    }

    /**
     * Sets what is mounted as the root.
     *
     * @param source a directory of the host, for most providers (default: its root)
     * @param options comma separated, as of mount(8): ro, rw, nosuid, nodev, noexec, or the provider's own
     * @return this
     */
    public SandboxBuilder root(String source, String options) {
        root = RootMount.parse(source, options);
        return this;
    }

    /**
     * Sets what is mounted as the root by specification and configuration.
     *
     * @param spec what the caller wants
     * @param selection what the configuration says
     * @return this
     * @throws SandboxException when the configuration names a layer that is not there
     */
    public SandboxBuilder root(SandboxSpec spec, ProviderSelection selection) throws SandboxException {
        root = RootMount.of(spec, selection);
        return this;
    }

    /**
     * Sets the drivers of device files.
     *
     * @param value the devices, of this sandbox only
     * @return this
     */
    public SandboxBuilder devices(SandboxDevices value) {
        devices = value;
        return this;
    }

    /**
     * Sets what serves sockets other than AF_UNIX.
     *
     * @param value the stack
     * @return this
     */
    public SandboxBuilder network(NetworkStack value) {
        network = value;
        return this;
    }

    /**
     * Sets which table answers system calls.
     *
     * @param value the table's provider
     * @return this
     */
    public SandboxBuilder syscalls(SyscallTableProvider value) {
        syscalls = value;
        return this;
    }

    /**
     * Sets how many processors guests of {@link #containers} see.
     *
     * @param count at least 1; more than the host has count as that
     * @return this
     */
    public SandboxBuilder processors(int count) {
        processors = Math.clamp(count, 1, KernelOptions.DEFAULT.cpuCount());
        return this;
    }

    /**
     * Adds a kind of filesystem.
     *
     * @param value its provider
     * @return this
     */
    public SandboxBuilder fileSystem(FileSystemProvider value) {
        fileSystems.add(value);
        return this;
    }

    /**
     * Adds a kind of filesystem that shows the kernel.
     *
     * @param value the kind
     * @return this
     */
    public SandboxBuilder kernelFileSystem(KernelFileSystem value) {
        kernelFileSystems.add(value);
        return this;
    }

    /**
     * Sets where a kernel for containers gets other providers from while it runs.
     *
     * @param value makes them; the caller's to close
     * @return this
     */
    public SandboxBuilder others(ProviderSource value) {
        others = value;
        return this;
    }

    /**
     * Starts a program.
     *
     * @param spec what to run
     * @return the running sandbox
     * @throws SandboxException when a part is missing or the program cannot be started
     */
    public Sandbox start(SandboxSpec spec) throws SandboxException {
        return KernelSandbox.start(spec, new SandboxParts(memoryFile, Objects.requireNonNull(platform), Objects.requireNonNull(rootfs),
                root, Objects.requireNonNull(devices), network, Objects.requireNonNull(syscalls), fileSystems, kernelFileSystems));
    }

    /**
     * Boots a kernel for containers, which bring their own root filesystems.
     *
     * @param hostName node name where a container does not say another
     * @param memoryLimitBytes the most memory guests may use, page cache included; 0 for no limit but the host's
     * @return the kernel, without a process
     * @throws SandboxException when the host refuses
     */
    public ContainerKernel containers(String hostName, long memoryLimitBytes) throws SandboxException {
        SandboxParts parts = new SandboxParts(memoryFile, Objects.requireNonNull(platform), null, null, Objects.requireNonNull(devices), network,
                Objects.requireNonNull(syscalls), fileSystems, kernelFileSystems);
        parts.limitMemory(memoryLimitBytes);
        try {
            ContainerKernel made = new ContainerKernel(parts.boot(platform, KernelOptions.DEFAULT.withHostName(hostName).withProcessors(processors)), devices, others);
            made.provider(ProviderKind.PLATFORM, platform.name());
            made.provider(ProviderKind.SYSCALLS, syscalls.table().name());
            if (network != null) {
                made.provider(ProviderKind.NETWORK, network.name());
            }
            return made;
        } catch (ErrnoException e) {
            throw new SandboxException("cannot set up the sandbox: " + e.getMessage(), e);
        }
    }
}
