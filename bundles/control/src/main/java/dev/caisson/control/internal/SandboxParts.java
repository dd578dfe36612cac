package dev.caisson.control.internal;

import dev.caisson.fs.dev.SandboxDevices;
import dev.caisson.kernel.KernelFileSystem;
import dev.caisson.kernel.syscall.SyscallTableProvider;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.net.NetworkStack;
import dev.caisson.spi.platform.Platform;
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
}
