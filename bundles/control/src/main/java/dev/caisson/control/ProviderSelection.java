package dev.caisson.control;

import java.util.EnumMap;
import java.util.Map;
import java.util.function.BiFunction;

/** What the configuration chooses for each part of a sandbox. */
public final class ProviderSelection {
    private final Map<ProviderKind, String> names = new EnumMap<>(ProviderKind.class);
    private final String platformFallback;
    private final String rootSource;
    private final String rootOptions;

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
        rootSource = text(configuration.apply(ProviderKind.ROOTFS.pid(), "source"), "/");
        rootOptions = text(configuration.apply(ProviderKind.ROOTFS.pid(), "options"), "");
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

    /** {@return what is mounted as the root: a directory of the host, for most providers} */
    public String rootSource() {
        return rootSource;
    }

    /** {@return options of that mount, comma separated, as of mount(8)} */
    public String rootOptions() {
        return rootOptions;
    }
}
