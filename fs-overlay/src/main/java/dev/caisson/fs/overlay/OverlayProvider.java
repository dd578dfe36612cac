package dev.caisson.fs.overlay;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.SizeText;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.MountRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;

/**
 * Mounts overlays. Options:
 * <ul>
 * <li>{@code lowerdir=LAYER[:LAYER...]}, topmost first (default: the source of the request, one directory): a directory of the host, or
 *     {@code TYPE:SOURCE} for another provider; a backslash keeps the next character, as in mount(8).
 * <li>{@code upperdir=DIR}: changes go to a directory of the host, in the format of Linux's overlayfs; without it, to memory.
 * <li>{@code workdir=DIR}: on the same filesystem as upperdir (default: upperdir's path with {@code .work} at its end).
 * <li>{@code size=BYTES}: what changes may take, with k, m, g or t; {@code nr_inodes=} goes to the upper layer in memory.
 * <li>{@code volatile}: copies into upperdir need not be on disk before they take the place of a file.
 * <li>{@code cache=exclusive|shared} goes to lower directories of the host.
 * </ul>
 */
@Component(property = {FileSystemProvider.NAME + "=overlay", FileSystemProvider.ROOT + ":Boolean=true"})
public final class OverlayProvider implements FileSystemProvider {
    private static final String HOST_DIRECTORY = "hostdir";
    /** One file in memory for so many bytes of the limit: files without content need memory as well. */
    private static final long BYTES_PER_FILE = 4096;
    private static final long FEWEST_FILES = 1024;

    private final FileSystemProvider memory;
    private final Map<String, FileSystemProvider> sources = new HashMap<>();

    /**
     * Makes the provider.
     *
     * @param memory makes upper layers in memory
     * @param hostDirectory makes lower layers, and upper ones in directories of the host
     * @param archive makes lower layers of archives, or null
     * @param server makes lower layers that a server has, or null
     */
    @Activate
    public OverlayProvider(@Reference(target = "(caisson.name=tmpfs)") FileSystemProvider memory,
            @Reference(target = "(caisson.name=hostdir)") FileSystemProvider hostDirectory,
            @Reference(target = "(caisson.name=tar)", cardinality = ReferenceCardinality.OPTIONAL) FileSystemProvider archive,
            @Reference(target = "(caisson.name=9p)", cardinality = ReferenceCardinality.OPTIONAL) FileSystemProvider server) {
        this.memory = memory;
        sources.put(HOST_DIRECTORY, hostDirectory);
        if (archive != null) {
            sources.put("tar", archive);
        }
        if (server != null) {
            sources.put("9p", server);
        }
    }

    /**
     * Makes a provider of overlays over directories of the host.
     *
     * @param memory makes upper layers in memory
     * @param hostDirectory makes lower layers, and upper ones in directories of the host
     */
    public OverlayProvider(FileSystemProvider memory, FileSystemProvider hostDirectory) {
        this(memory, hostDirectory, null, null);
    }

    @Override
    public String name() {
        return "overlay";
    }

    @Override
    public boolean isGuestMountable() {
        return false; // the layers are directories of the host
    }

    /** The options of one mount. */
    private static final class Options {
        private String lowers;
        private String cache = "exclusive";
        private String upper;
        private String work;
        private String size;
        private String inodes;
        private boolean isVolatile;

        private Options(MountRequest request) throws ErrnoException {
            for (Map.Entry<String, String> option : request.options().entrySet()) {
                String value = option.getValue();
                switch (option.getKey()) {
                    case "lowerdir" -> lowers = value;
                    case "cache" -> cache = value;
                    case "upperdir" -> upper = value;
                    case "workdir" -> work = value;
                    case "size" -> size = value;
                    case "nr_inodes" -> inodes = value;
                    case "volatile" -> isVolatile = true;
                    default -> throw EINVAL.explained("overlay: unknown option " + option.getKey());
                }
            }
            if (upper == null ? work != null || isVolatile : inodes != null) {
                throw EINVAL.explained("overlay: workdir and volatile go with upperdir, nr_inodes goes without");
            }
            if (upper != null && work == null) {
                work = upper.replaceAll("/+$", "") + ".work";
            }
        }

        /** As /proc/mounts shows them. */
        private String text(List<LayerSource> layers) {
            StringBuilder text = new StringBuilder("lowerdir=");
            for (int i = 0; i < layers.size(); i++) {
                text.append(i == 0 ? "" : ":").append(layers.get(i).escaped());
            }
            text.append(",upperdir=").append(upper == null ? "memory" : LayerSource.escape(upper));
            if (upper != null) {
                text.append(",workdir=").append(LayerSource.escape(work));
            }
            if (size != null) {
                text.append(",size=").append(size);
            }
            return text.append(",redirect_dir=on,index=on,xino=on").append(isVolatile ? ",volatile" : "").toString();
        }
    }

    @Override
    public FileSystem mount(MountRequest request) throws ErrnoException {
        Options options = new Options(request);
        List<LayerSource> layers = options.lowers != null ? LayerSource.list(options.lowers)
                : request.source() == null || request.source().isEmpty() ? List.of()
                : List.of(new LayerSource(HOST_DIRECTORY, request.source()));
        if (layers.isEmpty()) {
            throw EINVAL.explained("overlay: no lower layer");
        }
        List<FileSystem> opened = new ArrayList<>();
        try {
            for (LayerSource layer : layers) {
                opened.add(mountLower(layer, options, request));
            }
            return stack(options, opened, options.text(layers), request);
        } catch (ErrnoException | RuntimeException e) {
            opened.forEach(FileSystem::close);
            throw e;
        }
    }

    private FileSystem mountLower(LayerSource layer, Options options, MountRequest request) throws ErrnoException {
        FileSystemProvider provider = sources.get(layer.type());
        if (provider == null) {
            throw EINVAL.explained("overlay: no provider of lower layers is called " + layer.type());
        }
        Map<String, String> own = layer.type().equals(HOST_DIRECTORY) ? Map.of("cache", options.cache) : Map.of();
        return provider.mount(new MountRequest(layer.source(), Mount.MS_RDONLY, own, request.credentials()));
    }

    private FileSystem stack(Options options, List<FileSystem> lowers, String text, MountRequest request) throws ErrnoException {
        UpperOptions wanted = new UpperOptions(options.upper, options.work, options.size, options.inodes);
        if (request.replaced() instanceof OverlayFileSystem old && old.hasUpper(wanted)) {
            return old.withLowers(lowers, text); // what was changed goes on to be there
        }
        for (FileSystem left : options.upper == null ? List.<FileSystem>of() : request.leftBehind()) {
            FileSystem again = left instanceof OverlayFileSystem old && old.hasUpperAsIs(wanted) ? old.again(lowers, text, options.isVolatile)
                    : null;
            if (again != null) {
                return again;
            }
        }
        Map<String, String> own = new LinkedHashMap<>();
        long bytes = options.size == null ? 0 : SizeText.parse(options.size, 0, Long.MAX_VALUE);
        if (options.size != null) {
            own.put("size", Long.toString(bytes));
        }
        FileSystem upper;
        if (options.upper == null) {
            own.put("mode", "0755");
            if (options.inodes != null) {
                own.put("nr_inodes", options.inodes);
            } else if (options.size != null) {
                own.put("nr_inodes", Long.toString(Math.max(FEWEST_FILES, bytes / BYTES_PER_FILE)));
            }
            upper = memory.mount(new MountRequest("overlay-upper", 0, own, request.credentials()));
        } else {
            own.put("workdir", options.work);
            if (sources.get(HOST_DIRECTORY) == null) {
                throw EINVAL.explained("overlay: nobody mounts directories of the host");
            }
            upper = sources.get(HOST_DIRECTORY).mount(new MountRequest(options.upper, 0, own, request.credentials()));
        }
        try {
            return new OverlayFileSystem(upper, wanted, lowers, text, options.isVolatile, request.deviceId(),
                    request.replaced() != null && options.upper == null);
        } catch (ErrnoException | RuntimeException e) {
            upper.close();
            throw e;
        }
    }
}
