package dev.caisson.oci.spec;

import java.util.Locale;

/**
 * A namespace that a container does not share with the runtime.
 *
 * @param type which kind
 * @param path a file that stands for an existing one to join, or null for a new one
 */
public record OciNamespace(Type type, String path) {
    /** The kinds. */
    public enum Type {
        /** Process ids. */
        PID,
        /** Network devices, addresses, ports. */
        NETWORK,
        /** Mounts. */
        MOUNT,
        /** System V IPC and message queues. */
        IPC,
        /** Host and domain name. */
        UTS,
        /** Users and groups. */
        USER,
        /** The root of control groups. */
        CGROUP,
        /** Clocks. */
        TIME;

        /** {@return its name in /proc/PID/ns} */
        public String fileName() {
            return this == NETWORK ? "net" : this == MOUNT ? "mnt" : text();
        }

        /** {@return the specification's name} */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static OciNamespace of(SpecNode node) throws OciConfigException {
        String name = node.requireText("type");
        for (Type type : Type.values()) {
            if (type.text().equals(name)) {
                boolean joins = node.get("path") != null && !node.text("path", "").isEmpty();
                return new OciNamespace(type, joins ? node.absolutePath("path") : null);
            }
        }
        throw node.error("type", "unknown type " + name);
    }
}
