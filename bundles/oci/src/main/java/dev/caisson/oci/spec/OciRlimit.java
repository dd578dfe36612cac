package dev.caisson.oci.spec;

import java.util.List;

/**
 * A resource limit, getrlimit(2).
 *
 * @param type such as {@code RLIMIT_NOFILE}
 * @param resource its number
 * @param soft unsigned; -1 for no limit
 * @param hard unsigned, at least the soft one
 */
public record OciRlimit(String type, int resource, long soft, long hard) {
    /** By number, asm-generic/resource.h. */
    private static final List<String> TYPES = List.of("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
            "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME");

    static OciRlimit of(SpecNode node) throws OciConfigException {
        String type = node.requireText("type");
        int resource = type.startsWith("RLIMIT_") ? TYPES.indexOf(type.substring("RLIMIT_".length())) : -1;
        if (resource < 0) {
            throw node.error("type", "unknown limit " + type);
        }
        long soft = node.unsigned("soft");
        long hard = node.unsigned("hard");
        if (Long.compareUnsigned(soft, hard) > 0) {
            throw node.error("soft", "is above the hard limit of " + Long.toUnsignedString(hard));
        }
        return new OciRlimit(type, resource, soft, hard);
    }
}
