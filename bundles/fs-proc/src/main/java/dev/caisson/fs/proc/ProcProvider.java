package dev.caisson.fs.proc;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.Kernel;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.pseudo.PseudoFileSystem;
import java.util.Set;

/** Mounts proc for one kernel. */
final class ProcProvider implements FileSystemProvider {
    /** Options of proc(5) that change nothing where the sandbox is one security domain. */
    private static final Set<String> OPTIONS = Set.of("hidepid", "gid", "subset");

    private final Kernel kernel;

    ProcProvider(Kernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public String name() {
        return "proc";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        for (var option : request.options().entrySet()) {
            if (!OPTIONS.contains(option.getKey()) || !option.getValue().equals("0")) {
                throw EINVAL.error("proc: only the default of its options is supported");
            }
        }
        PseudoFileSystem fileSystem = new PseudoFileSystem("proc", Mount.PROC_SUPER_MAGIC);
        return fileSystem.root(new ProcRoot(fileSystem, kernel));
    }
}
