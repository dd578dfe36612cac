package dev.caisson.oci.spec;

import java.util.List;

/**
 * Capability sets, capabilities(7): bit n for the capability of number n.
 *
 * @param bounding what execve(2) can give at most
 * @param effective what counts
 * @param inheritable what programs with file capabilities can inherit
 * @param permitted what can become effective
 * @param ambient what programs without file capabilities inherit
 */
public record OciCapabilities(long bounding, long effective, long inheritable, long permitted, long ambient) {
    /** No capability in any set. */
    public static final OciCapabilities NONE = new OciCapabilities(0, 0, 0, 0, 0);

    /** Names by number, linux/capability.h. */
    static final List<String> NAMES = List.of("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
            "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
            "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
            "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
            "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
            "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
            "CAP_CHECKPOINT_RESTORE");

    /** Every capability that a process can use without its descendants inheriting more than usual. */
    public static final OciCapabilities ALL = all();

    private static OciCapabilities all() {
        long every = (1L << NAMES.size()) - 1;
        return new OciCapabilities(every, every, 0, every, 0);
    }

    static OciCapabilities of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return NONE;
        }
        return new OciCapabilities(set(node, "bounding"), set(node, "effective"), set(node, "inheritable"), set(node, "permitted"),
                set(node, "ambient"));
    }

    /** Unknown ones do not fail a container, as the specification wants, but are told. */
    private static long set(SpecNode node, String member) throws OciConfigException {
        long set = 0;
        for (SpecNode each : node.list(member)) {
            int number = NAMES.indexOf(each.text());
            if (number < 0) {
                each.warn("there is no capability " + each.text());
            } else {
                set |= 1L << number;
            }
        }
        return set;
    }

    /**
     * The number of a capability.
     *
     * @param name such as {@code CAP_CHOWN}
     * @return its number, or -1
     */
    public static int number(String name) {
        return NAMES.indexOf(name);
    }

    /**
     * The same with one more in the sets that {@code exec --cap} adds to: bounding, effective and permitted.
     *
     * @param number of the capability
     * @return the sets
     */
    public OciCapabilities plus(int number) {
        long bit = 1L << number;
        return new OciCapabilities(bounding | bit, effective | bit, inheritable, permitted | bit, ambient);
    }
}
