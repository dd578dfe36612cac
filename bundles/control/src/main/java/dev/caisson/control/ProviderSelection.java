package dev.caisson.control;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** What the configuration chooses for each part of a sandbox. */
public final class ProviderSelection {
    /** The persistent identity of the configuration of volumes. */
    public static final String VOLUMES_PID = "caisson.volumes";

    private final Map<ProviderKind, String> names = new EnumMap<>(ProviderKind.class);
    private final String platformFallback;
    private final String rootFallback;
    private final String rootSource;
    private final String rootOptions;
    private final String rootUpper;
    private final String rootSize;
    private final String rootLowers;
    private final String volumeProvider;
    private final String volumeCache;
    private final List<String> volumes = new ArrayList<>();

    /**
     * Reads a configuration.
     *
     * @param configuration gives the value of a key (second) of a persistent identity (first), or null
     */
    public ProviderSelection(BiFunction<String, String, Object> configuration) {
        for (ProviderKind kind : ProviderKind.values()) {
            names.put(kind, text(configuration.apply(kind.pid(), "name"), kind.defaultName()));
        }
        platformFallback = text(configuration.apply(ProviderKind.PLATFORM.pid(), "fallback"), ProviderKind.PLATFORM.defaultName());
        rootFallback = text(configuration.apply(ProviderKind.ROOTFS.pid(), "fallback"), "");
        rootSource = text(configuration.apply(ProviderKind.ROOTFS.pid(), "source"), "/");
        rootOptions = text(configuration.apply(ProviderKind.ROOTFS.pid(), "options"), "");
        rootUpper = text(configuration.apply(ProviderKind.ROOTFS.pid(), "upper"), RootLayers.MEMORY);
        rootSize = text(configuration.apply(ProviderKind.ROOTFS.pid(), "size"), "");
        rootLowers = text(configuration.apply(ProviderKind.ROOTFS.pid(), "lowers"), "");
        volumeProvider = text(configuration.apply(VOLUMES_PID, "provider"), Volume.DIRECT);
        volumeCache = text(configuration.apply(VOLUMES_PID, "cache"), "");
        for (String volume : text(configuration.apply(VOLUMES_PID, "mounts"), "").split(",")) {
            if (!volume.isBlank()) {
                volumes.add(volume.trim());
            }
        }
    }

    private static String text(Object value, String otherwise) {
        return value == null || value.toString().isBlank() ? otherwise : value.toString().trim();
    }

    /**
     * Names a provider.
     *
     * @param kind which part
     * @return the name; nobody has checked that there is such a provider
     */
    public String name(ProviderKind kind) {
        return names.get(kind);
    }

    /** {@return all names by kind} */
    public Map<ProviderKind, String> names() {
        return Map.copyOf(names);
    }

    /** {@return name of the platform for sandboxes whose own one goes away} */
    public String platformFallback() {
        return platformFallback;
    }

    /** {@return name of the provider for root filesystems whose own one goes away; empty to keep what is mounted} */
    public String rootFallback() {
        return rootFallback;
    }

    /** {@return what is mounted as the root: a directory of the host, for most providers} */
    public String rootSource() {
        return rootSource;
    }

    /**
     * What a provider is to mount as the root. An address of a server means something only to the provider that it was written for.
     *
     * @param provider name of the one that was chosen
     * @return a directory of the host, or that provider's own source
     */
    public String rootSource(String provider) {
        return rootSource.startsWith("/") || isFor(provider) ? rootSource : "/";
    }

    private boolean isFor(String provider) {
        return provider.equals(name(ProviderKind.ROOTFS));
    }

    /** {@return options of that mount, comma separated, as of mount(8), without the layers} */
    public String rootOptions() {
        return rootOptions;
    }

    /**
     * How a provider is to mount the root.
     *
     * @param provider name of the one that was chosen; another than the configured one gets no options
     * @return options, comma separated, those of the layers among them
     * @throws SandboxException when a layer is not there; the message says where it was named
     */
    public String rootOptions(String provider) throws SandboxException {
        if (!isFor(provider)) {
            return "";
        }
        try {
            RootLayers layers = new RootLayers().upper(raw(rootUpper));
            if (!rootSize.isEmpty()) {
                layers.sizeBytes(Sizes.parse(rootSize));
            }
            layers.lowers(Arrays.stream(rootLowers.split(",")).map(String::trim).filter(word -> !word.isEmpty()).map(ProviderSelection::raw).toList());
            String text = RootLayers.text(layers.options());
            return rootOptions.isEmpty() || text.isEmpty() ? rootOptions + text : rootOptions + "," + text;
        } catch (IllegalArgumentException e) {
            throw new SandboxException(e.getMessage() + " (from etc/" + ProviderKind.ROOTFS.pid() + ".cfg)", e);
        }
    }

    /** One byte per character, as everywhere but in files of Java. */
    private static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /**
     * The volumes of a sandbox: those of the configuration, which every sandbox has, and its own.
     *
     * @param own those of the specification
     * @return all, with their providers
     * @throws SandboxException when the configuration is wrong
     */
    public List<Volume> volumes(List<Volume> own) throws SandboxException {
        try {
            if (!List.of(Volume.DIRECT, Volume.GOFER).contains(volumeProvider)) {
                throw new IllegalArgumentException("a volume is served by " + Volume.DIRECT + " or " + Volume.GOFER + ", not " + volumeProvider);
            }
            if (!List.of("", "shared", "exclusive").contains(volumeCache)) {
                throw new IllegalArgumentException("a cache is shared or exclusive, not " + volumeCache);
            }
            List<Volume> all = new ArrayList<>();
            volumes.forEach(text -> all.add(Volume.parse(raw(text))));
            all.addAll(own);
            all.replaceAll(volume -> volume.withDefaults(volumeProvider, volumeCache.isEmpty() ? null : volumeCache));
            return all;
        } catch (IllegalArgumentException e) {
            throw new SandboxException(e.getMessage() + " (from etc/" + VOLUMES_PID + ".cfg)", e);
        }
    }
}
