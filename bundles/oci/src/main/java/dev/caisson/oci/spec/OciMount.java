package dev.caisson.oci.spec;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A mount besides the root.
 *
 * @param destination absolute path in the container
 * @param type one of {@link #TYPES}; {@code bind} for whatever the options bind
 * @param source a path on the host for bind mounts, absolute; else what mountinfo shows
 * @param options what they mean
 * @param path where it stands in the document, for messages
 */
public record OciMount(String destination, String type, String source, MountOptions options, String path) {
    /** A bind mount of the host. */
    public static final String BIND = "bind";

    /** What can be mounted. */
    public static final Set<String> TYPES = Set.of(BIND, "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2");

    /** Reads the list, in order. */
    static final class Reader {
        private final Path bundle;
        private final List<OciMount> mounts = new ArrayList<>();

        Reader(Path bundle) {
            this.bundle = bundle;
        }

        List<OciMount> mounts() {
            return mounts;
        }

        void read(SpecNode node) throws OciConfigException {
            String destination = node.requireText("destination");
            if (!destination.startsWith("/")) {
                node.get("destination").warn("is not absolute; it begins at the root");
                destination = "/" + destination;
            }
            MountOptions options = MountOptions.of(node);
            String type = node.text("type", "");
            if (options.isBind()) {
                type = BIND; // any type may stand there, and counts for nothing
            } else if (type.equals(BIND)) {
                options = options.binding();
            }
            if (type.isEmpty()) {
                throw node.error("type", "is required, unless the options have bind or rbind");
            }
            if (!TYPES.contains(type)) {
                throw node.error("type", "unknown type " + type + "; known are " + String.join(", ", TYPES.stream().sorted().toList()));
            }
            if (node.get("uidMappings") != null || node.get("gidMappings") != null) {
                throw node.error(node.get("uidMappings") != null ? "uidMappings" : "gidMappings", "id-mapped mounts are not supported");
            }
            String source = node.text("source", "");
            if (type.equals(BIND)) {
                if (source.isEmpty()) {
                    throw node.error("source", "is required for a bind mount");
                }
                if (!options.data().isEmpty()) {
                    throw node.error("options", "unknown option " + options.data().firstEntry().getKey() + " for a bind mount");
                }
                source = onHost(node, source);
            }
            mounts.add(new OciMount(destination, type, source.isEmpty() ? type : source, options, node.path()));
        }

        private String onHost(SpecNode node, String source) throws OciConfigException {
            try {
                return bundle.resolve(source).normalize().toString();
            } catch (InvalidPathException e) {
                throw node.error("source", "is no path: " + source);
            }
        }
    }
}
