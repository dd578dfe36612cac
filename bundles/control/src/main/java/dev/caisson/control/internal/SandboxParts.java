package dev.caisson.control.internal;

import dev.caisson.abi.ErrnoException;
import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.Kernel;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.KernelOptions;
import dev.caisson.kernel.ipc.MessageQueueFiles;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.kernel.pipe.Fifos;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
import dev.caisson.vfs.Vfs;
import java.util.List;

/**
 * What a sandbox is put together from.
 *
 * @param memoryFile all guest memory
 * @param platform how guest code runs
 * @param rootfs what serves the root filesystem
 * @param root how it is mounted
 * @param devices the drivers of its device files
 * @param network what serves sockets other than AF_UNIX
 * @param syscalls which table answers system calls
 * @param fileSystems kinds that can be mounted
 * @param kernelFileSystems kinds that show the kernel
 */
public record SandboxParts(MemoryFile memoryFile, Platform platform, FileSystemProvider rootfs, RootMount root, SandboxDevices devices, NetworkStack network,
        SyscallTableProvider syscalls, List<FileSystemProvider> fileSystems, List<KernelFileSystem> kernelFileSystems) {
    /** Copies the lists. */
    public SandboxParts {
        fileSystems = List.copyOf(fileSystems);
        kernelFileSystems = List.copyOf(kernelFileSystems);
    }

    /**
     * Bounds the guests' memory.
     *
     * @param bytes most of it, page cache included; 0 for no limit but the host's
     */
    public void limitMemory(long bytes) {
        memoryFile.limitBytes(bytes > 0 ? bytes : HostFacts.memoryBytes());
    }

    /**
     * Makes a kernel of them, without a process and without a mount.
     *
     * @param as the platform, as the kernel is to see it
     * @param hostName node name
     * @return the kernel
     * @throws ErrnoException as the host says
     */
    public Kernel boot(Platform as, String hostName) throws ErrnoException {
        return boot(as, KernelOptions.DEFAULT.withHostName(hostName));
    }

    /**
     * Makes a kernel of them, without a process and without a mount.
     *
     * @param as the platform, as the kernel is to see it
     * @param options what it is told
     * @return the kernel
     * @throws ErrnoException as the host says
     */
    public Kernel boot(Platform as, KernelOptions options) throws ErrnoException {
        Vfs vfs = new Vfs();
        vfs.fifoOpener(Fifos.OPENER);
        devices.register(vfs.devices());
        Kernel kernel = new Kernel(options, as, memoryFile, vfs, syscalls.table());
        for (FileSystemProvider provider : fileSystems) {
            kernel.fileSystems().register(provider);
        }
        for (KernelFileSystem kind : kernelFileSystems) {
            kernel.fileSystems().register(kind.bind(kernel));
        }
        kernel.fileSystems().register(new MessageQueueFiles(kernel));
        if (network != null) {
            KernelNetwork.of(kernel).select(network);
        }
        return kernel;
    }
}
