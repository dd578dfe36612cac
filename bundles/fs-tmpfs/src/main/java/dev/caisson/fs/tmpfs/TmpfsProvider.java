package dev.caisson.fs.tmpfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** Mounts tmpfs. Options: {@code size, nr_blocks, nr_inodes, mode, uid, gid}; those of huge pages and NUMA are accepted. */
@Component(property = {FileSystemProvider.NAME + "=tmpfs", FileSystemProvider.ROOT + ":Boolean=true"})
public final class TmpfsProvider implements FileSystemProvider {
    private final MemoryFile memory;

    /**
     * Makes the provider.
     *
     * @param memory where file content lives
     */
    @Activate
    public TmpfsProvider(@Reference MemoryFile memory) {
        this.memory = memory;
    }

    @Override
    public String name() {
        return "tmpfs";
    }

    @Override
    public boolean isGuestMountable() {
        return true;
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        return new TmpfsFileSystem(memory, TmpfsOptions.parse(request, memory.limitBytes()));
    }
}
