package dev.caisson.oci.spec;

import java.util.ArrayList;
import java.util.List;

/**
 * A range of user or group ids, user_namespaces(7).
 *
 * @param containerID first id in the container
 * @param hostID first id on the host
 * @param size how many
 */
public record IdMapping(long containerID, long hostID, long size) {
    private static final long MOST_ID = 0xfffffffeL;
    private static final int MOST_MAPPINGS = 340; // as Linux: UID_GID_MAP_MAX_EXTENTS

    static List<IdMapping> list(SpecNode node, String member) throws OciConfigException {
        List<IdMapping> all = new ArrayList<>();
        for (SpecNode each : node.list(member)) {
            IdMapping next = new IdMapping(each.require("containerID").number(0, MOST_ID), each.require("hostID").number(0, MOST_ID),
                    each.require("size").number(1, MOST_ID));
            for (IdMapping other : all) {
                if (overlap(next.containerID, other.containerID, next.size, other.size)
                        || overlap(next.hostID, other.hostID, next.size, other.size)) {
                    throw each.error("overlaps another mapping");
                }
            }
            all.add(next);
        }
        if (all.size() > MOST_MAPPINGS) {
            throw node.error(member, "has more than " + MOST_MAPPINGS + " entries");
        }
        return List.copyOf(all);
    }

    private static boolean overlap(long first, long second, long firstSize, long secondSize) {
        return first < second + secondSize && second < first + firstSize;
    }
}
