package dev.caisson.net.stack;

import java.util.HashMap;
import java.util.Map;

/** Which multicast groups the loopback interface is in: those that a socket has joined, and 224.0.0.1. Safe for use by many tasks. */
final class GroupTable {
    private static final String ALL_HOSTS = "e0000001";

    /** How many sockets are in a group, by its address in hexadecimal. Guarded by this. */
    private final Map<String, Integer> members = new HashMap<>();

    synchronized void join(String group) {
        members.merge(group, 1, Integer::sum);
    }

    synchronized void leave(String group) {
        members.computeIfPresent(group, (key, count) -> count == 1 ? null : count - 1);
    }

    synchronized boolean has(String group) {
        return members.containsKey(group) || group.equals(ALL_HOSTS);
    }
}
