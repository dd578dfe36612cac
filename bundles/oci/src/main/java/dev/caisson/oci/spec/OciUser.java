package dev.caisson.oci.spec;

import java.util.ArrayList;
import java.util.List;

/**
 * Who runs a program, by numbers of the container.
 *
 * @param uid user
 * @param gid group
 * @param umask file mode creation mask, or null for that of the runtime
 * @param additionalGids supplementary groups
 */
public record OciUser(int uid, int gid, Integer umask, List<Integer> additionalGids) {
    private static final long MOST_ID = 0xfffffffeL; // -1 stands for "no change"
    private static final int MOST_GROUPS = 65536;

    /** Copies what could change. */
    public OciUser {
        additionalGids = List.copyOf(additionalGids);
    }

    /** The superuser. */
    public static final OciUser ROOT = new OciUser(0, 0, null, List.of());

    static OciUser of(SpecNode node) throws OciConfigException {
        if (node == null) {
            return ROOT;
        }
        List<Integer> groups = new ArrayList<>();
        for (SpecNode group : node.list("additionalGids")) {
            groups.add((int) group.number(0, MOST_ID));
        }
        if (groups.size() > MOST_GROUPS) {
            throw node.error("additionalGids", "has more than " + MOST_GROUPS + " entries");
        }
        return new OciUser(id(node, "uid"), id(node, "gid"), node.integer("umask", 0, 0777), groups);
    }

    private static int id(SpecNode node, String member) throws OciConfigException {
        Long id = node.number(member, 0, MOST_ID);
        return id == null ? 0 : id.intValue();
    }
}
