package dev.caisson.cli;

import dev.caisson.control.RootLayers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.ParseResult;

/** What the options of a line say about a root filesystem. */
final class RootChoice {
    private static final String GOFER = "9p";

    private RootChoice() {}

    /**
     * A root filesystem.
     *
     * @param provider what serves it; null for what was chosen or configured anyway
     * @param source what that mounts; null for what the configuration says
     * @param options how
     */
    record Root(String provider, String source, Map<String, String> options) {
        boolean isDefault() {
            return source == null && options.isEmpty();
        }
    }

    /**
     * Reads the options.
     *
     * @param parsed a line of a command that has them
     * @param provider what is to serve the root, or null when the line does not say
     * @return the root filesystem
     * @throws IllegalArgumentException when they contradict each other or name what is not there
     */
    static Root of(ParseResult parsed, String provider) {
        String server = parsed.matchedOptionValue("--9p-server", (String) null);
        String source = parsed.matchedOptionValue("--rootfs-source", (String) null);
        String upper = parsed.matchedOptionValue("--rootfs-upper", (String) null);
        Long sizeBytes = parsed.matchedOptionValue("--rootfs-size", (Long) null);
        List<String> lowers = parsed.matchedOptionValue("--lower", List.of());
        if (server != null && provider != null && !provider.endsWith(GOFER)) {
            throw new IllegalArgumentException("--9p-server is for --rootfs 9p, not " + provider);
        }
        if (server != null && source != null) {
            throw new IllegalArgumentException("--9p-server and --rootfs-source name the same thing; give one");
        }
        if ((server != null || source != null) && !lowers.isEmpty()) {
            throw new IllegalArgumentException("--lower names all layers; give the last one as --lower, too, not as --"
                    + (server != null ? "9p-server" : "rootfs-source"));
        }
        boolean isLayered = upper != null || sizeBytes != null || !lowers.isEmpty();
        if (isLayered && provider != null && List.of("hostdir", "9p", "tar", "tmpfs").contains(provider)) {
            throw new IllegalArgumentException("--lower, --rootfs-upper and --rootfs-size are for --rootfs overlay or overlay+9p, not " + provider);
        }
        RootLayers layers = new RootLayers();
        if (upper != null) {
            layers.upper(upper.equals(RootLayers.MEMORY) ? upper : absolute(upper));
        }
        if (sizeBytes != null) {
            layers.sizeBytes(sizeBytes);
        }
        List<String> all = new ArrayList<>();
        lowers.forEach(lower -> all.add(lower.indexOf(':') > 0 && !lower.startsWith("/") && !lower.startsWith(".") ? lower : absolute(lower)));
        layers.lowers(all);
        String chosen = provider == null && server != null ? isLayered ? "overlay+9p" : GOFER : null;
        return new Root(chosen, server != null ? server : source == null || source.indexOf(':') > 0 ? source : absolute(source), layers.options());
    }

    private static String absolute(String path) {
        if (path.startsWith("/")) {
            return path;
        }
        String directory = CallerProcess.workingDirectory();
        return directory.endsWith("/") ? directory + path : directory + "/" + path;
    }
}
