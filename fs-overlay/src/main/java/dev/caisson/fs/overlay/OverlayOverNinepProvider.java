package dev.caisson.fs.overlay;

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
    /** Stands for the one lower layer, whose source may hold colons. */
    private static final String LOWER = "/";

    private final FileSystemProvider memory;
    private final FileSystemProvider server;

    /**
     * Makes the provider.
     *
     * @param memory makes upper layers
     * @param server makes lower layers
     */
    @Activate
    public OverlayOverNinepProvider(@Reference(target = "(caisson.name=tmpfs)") FileSystemProvider memory,
            @Reference(target = "(caisson.name=9p)") FileSystemProvider server) {
        this.memory = memory;
        this.server = server;
    }

    /** The 9P provider, which mounts one source whatever it is asked for. */
    private record Lower(FileSystemProvider server, String source) implements FileSystemProvider {
        @Override
        public String name() {
            return server.name();
        }

        @Override
        public boolean isGuestMountable() {
            return false;
        }

        @Override
        public FileSystem mount(MountRequest request) throws ErrnoException {
            return server.mount(new MountRequest(source, request.flags(), request.options(), request.credentials()));
        }
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
        String lower = options.remove("lowerdir");
        OverlayProvider overlay = new OverlayProvider(memory, new Lower(server, lower == null ? request.source() : lower));
        return overlay.mount(new MountRequest(LOWER, request.flags(), options, request.credentials()));
    }
}
