package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Mounts host directories. The source is an absolute host path; option {@code cache=exclusive|shared} (default: exclusive when read
 * only, else shared) says whether others may change the files.
 *
 * <p>With {@code workdir=PATH} the directory is one that takes the changes of an overlay ({@link HostUpperFileSystem}), and
 * {@code size=BYTES} limits what its files may take. With {@code uids=GUEST:HOST:COUNT[+...]} and {@code gids=}, owners of files are others on the host
 * than guests see.
 */
@Component(property = {FileSystemProvider.NAME + "=hostdir", FileSystemProvider.ROOT + ":Boolean=true"})
public final class HostDirectoryProvider implements FileSystemProvider {
    private final MemoryFile memory;

    /**
     * Makes the provider.
     *
     * @param memory where cached pages live
     */
    @Activate
    public HostDirectoryProvider(@Reference MemoryFile memory) {
        this.memory = memory;
    }

    @Override
    public String name() {
        return "hostdir";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // it would open any directory of the host
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        boolean isReadOnly = (request.flags() & Mount.MS_RDONLY) != 0;
        String work = null;
        String users = null;
        String groups = null;
        long size = 0;
        CacheMode cache = isReadOnly ? CacheMode.EXCLUSIVE : CacheMode.SHARED;
        for (Map.Entry<String, String> option : request.options().entrySet()) {
            switch (option.getKey()) {
                case "cache" -> cache = switch (option.getValue()) {
                    case "exclusive" -> CacheMode.EXCLUSIVE;
                    case "shared" -> CacheMode.SHARED;
                    default -> throw EINVAL.error("cache is exclusive or shared");
                };
                case "uids" -> users = option.getValue();
                case "gids" -> groups = option.getValue();
                case "workdir" -> work = option.getValue();
                case "size" -> size = bytes(option.getValue());
                case "ro" -> isReadOnly = true;
                case "rw" -> { }
                default -> throw EINVAL.error("hostdir: unknown option");
            }
        }
        if (work != null) {
            return new HostUpperFileSystem(request.source(), work, size, memory);
        }
        if (size != 0) {
            throw EINVAL.error("only what takes the changes of an overlay has a limit");
        }
        return new HostFileSystem(request.source(), cache, isReadOnly, memory, request.deviceId()).ids(HostIds.of(users, groups));
    }

    private static long bytes(String value) throws ErrnoException {
        try {
            return Math.max(1, Long.parseLong(value));
        } catch (NumberFormatException e) {
            throw EINVAL.explained("hostdir: size is a number of bytes");
        }
    }
}
