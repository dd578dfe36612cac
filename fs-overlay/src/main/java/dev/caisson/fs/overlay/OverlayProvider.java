package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Mounts overlays of host directories under an upper layer in memory. Options: {@code lowerdir=PATH[:PATH...]}, topmost first (default:
 * the source of the request); {@code cache=exclusive|shared} and {@code size=} go to the layers.
 */
@Component(property = {FileSystemProvider.NAME + "=overlay", FileSystemProvider.ROOT + ":Boolean=true"})
public final class OverlayProvider implements FileSystemProvider {
    private final FileSystemProvider memory;
    private final FileSystemProvider hostDirectory;

    /**
     * Makes the provider.
     *
     * @param memory makes upper layers
     * @param hostDirectory makes lower layers
     */
    @Activate
    public OverlayProvider(@Reference(target = "(caisson.name=tmpfs)") FileSystemProvider memory,
            @Reference(target = "(caisson.name=hostdir)") FileSystemProvider hostDirectory) {
        this.memory = memory;
        this.hostDirectory = hostDirectory;
    }

    @Override
    public String name() {
        return "overlay";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // lowerdir= names directories of the host
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        String lowerPaths = request.source();
        String cache = "exclusive";
        Map<String, String> upperOptions = new java.util.LinkedHashMap<>();
        upperOptions.put("mode", "0755");
        for (Map.Entry<String, String> option : request.options().entrySet()) {
            switch (option.getKey()) {
                case "lowerdir" -> lowerPaths = option.getValue();
                case "cache" -> cache = option.getValue();
                case "size", "nr_inodes" -> upperOptions.put(option.getKey(), option.getValue());
                default -> throw EINVAL.error("overlay: unknown option");
            }
        }
        if (lowerPaths == null || lowerPaths.isEmpty()) {
            throw EINVAL.error("overlay: no lowerdir");
        }
        List<FileSystem> lowers = new ArrayList<>();
        try {
            for (String path : lowerPaths.split(":")) {
                lowers.add(hostDirectory.mount(new MountRequest(path, dev.caisson.abi.Mount.MS_RDONLY, Map.of("cache", cache),
                        request.credentials())));
            }
            FileSystem upper = memory.mount(new MountRequest("overlay-upper", 0, upperOptions, request.credentials()));
            return new OverlayFileSystem(upper, lowers, "lowerdir=" + lowerPaths + ",upperdir=memory,redirect_dir=on,index=on,xino=on");
        } catch (ErrnoException | RuntimeException e) {
            lowers.forEach(FileSystem::close);
            throw e;
        }
    }
}
