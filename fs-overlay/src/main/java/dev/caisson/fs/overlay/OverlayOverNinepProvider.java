package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Mounts overlays whose lower layer a 9P server serves. The source is what the 9P provider takes: a directory of the host, which a gofer
 * then serves, or a server's address, with options behind commas. Options are those of {@link OverlayProvider}.
 */
@Component(property = {FileSystemProvider.NAME + "=overlay+9p", FileSystemProvider.ROOT + ":Boolean=true"})
public final class OverlayOverNinepProvider implements FileSystemProvider {
    private final OverlayProvider overlay;

    /**
     * Makes the provider.
     *
     * @param memory makes upper layers in memory
     * @param server makes lower layers
     * @param hostDirectory makes upper layers in directories of the host
     */
    @Activate
    public OverlayOverNinepProvider(@Reference(target = "(caisson.name=tmpfs)") FileSystemProvider memory,
            @Reference(target = "(caisson.name=9p)") FileSystemProvider server,
            @Reference(target = "(caisson.name=hostdir)") FileSystemProvider hostDirectory) {
        this.overlay = new OverlayProvider(memory, hostDirectory, null, server);
    }

    /**
     * Makes a provider without upper layers in directories of the host.
     *
     * @param memory makes upper layers
     * @param server makes lower layers
     */
    public OverlayOverNinepProvider(FileSystemProvider memory, FileSystemProvider server) {
        this(memory, server, null);
    }

    @Override
    public String name() {
        return "overlay+9p";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // it would connect to any server of the host
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        Map<String, String> options = new LinkedHashMap<>(request.options());
        String lower = options.getOrDefault("lowerdir", request.source());
        if (lower == null || lower.isEmpty()) {
            throw EINVAL.explained("overlay+9p: no lower layer");
        }
        options.put("lowerdir", new LayerSource("9p", lower).escaped());
        return overlay.mount(new MountRequest(request.source(), request.flags(), options, request.credentials(), request.replaced(),
                request.leftBehind()));
    }
}
