package dev.caisson.control;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The layers of a root filesystem, as options of the overlay that is mounted. Strings hold one byte per character. */
public final class RootLayers {
    /** The upper layer that goes with the sandbox. */
    public static final String MEMORY = "memory";

    /** The option that names the directory of the upper layer. */
    public static final String UPPER = "upperdir";
    /** The option that bounds the upper layer. */
    public static final String SIZE = "size";
    /** The option that lists the lower layers. */
    public static final String LOWERS = "lowerdir";

    private final Map<String, String> options = new LinkedHashMap<>();

    /** Starts with the defaults of the provider. */
    public RootLayers() {}

    /**
     * Sets where changes go.
     *
     * @param value {@value #MEMORY}, or an absolute path of a directory of the host, which keeps them
     * @return this
     * @throws IllegalArgumentException when it is neither; the message is for whoever wrote it
     */
    public RootLayers upper(String value) {
        if (!value.equals(MEMORY)) {
            if (!value.startsWith("/") || !Files.isDirectory(host(value))) {
                throw new IllegalArgumentException("an upper layer is " + MEMORY + " or a directory, not " + value);
            }
            options.put(UPPER, value);
        }
        return this;
    }

    /**
     * Bounds the upper layer.
     *
     * @param bytes how much it may hold
     * @return this
     */
    public RootLayers sizeBytes(long bytes) {
        options.put(SIZE, Long.toString(bytes));
        return this;
    }

    /**
     * Sets what is below.
     *
     * @param layers topmost first: absolute paths of directories or of layer archives (tar, possibly compressed by gzip), or
     *     {@code PROVIDER:SOURCE} for other filesystems; none leaves the source of the mount in its place
     * @return this
     * @throws IllegalArgumentException when one of them is nothing of these
     */
    public RootLayers lowers(List<String> layers) {
        if (!layers.isEmpty()) {
            List<String> words = new ArrayList<>();
            layers.forEach(layer -> words.add(lower(layer).replace("\\", "\\\\").replace(":", "\\:")));
            options.put(LOWERS, String.join(":", words));
        }
        return this;
    }

    private static String lower(String layer) {
        if (!layer.startsWith("/")) {
            if (layer.indexOf(':') <= 0) {
                throw new IllegalArgumentException("a lower layer is a directory, a tar archive or PROVIDER:SOURCE, not " + layer);
            }
            return layer;
        }
        Path path = host(layer);
        if (Files.isDirectory(path)) {
            return layer;
        }
        if (!Files.isRegularFile(path)) {
            throw new IllegalArgumentException(Files.exists(path) ? "a lower layer is a directory or a tar archive, unlike " + layer
                    : "there is no lower layer " + layer);
        }
        return "tar:" + layer;
    }

    private static Path host(String raw) {
        return Path.of(new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
    }

    /** {@return options of the mount by name; empty when all is left to the provider} */
    public Map<String, String> options() {
        return Map.copyOf(options);
    }

    /**
     * Options as one text, as of mount(8).
     *
     * @param options by name
     * @return comma separated; commas in values have a backslash before them
     */
    public static String text(Map<String, String> options) {
        StringBuilder text = new StringBuilder();
        options.forEach((name, value) -> text.append(text.isEmpty() ? "" : ",").append(name).append('=').append(value.replace(",", "\\,")));
        return text.toString();
    }
}
