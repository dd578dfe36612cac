package dev.caisson.fs.sys;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.pseudo.PseudoFileSystem;

/** Mounts sysfs for one kernel. */
final class SysProvider implements FileSystemProvider {
    private final Kernel kernel;

    SysProvider(Kernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public String name() {
        return "sysfs";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        if (!request.options().isEmpty()) {
            throw EINVAL.error("sysfs has no options");
        }
        PseudoFileSystem fileSystem = new PseudoFileSystem("sysfs", Mount.SYSFS_MAGIC);
        return fileSystem.root(SysTree.of(fileSystem, kernel));
    }
}
