package dev.caisson.oci.runtime;

import dev.caisson.oci.spec.IdMapping;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Maps of ids, user_namespaces(7). */
public final class IdMaps {
    private IdMaps() {}

    /**
     * Reads a map of the kernel's.
     *
     * @param file such as /proc/self/uid_map
     * @return its lines; none when it cannot be read
     */
    public static List<IdMapping> read(Path file) {
        List<IdMapping> maps = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(file)) {
                String[] words = line.strip().split("\\s+");
                if (words.length == 3) {
                    maps.add(new IdMapping(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2])));
                }
            }
        } catch (IOException | NumberFormatException e) {
            maps.clear();
        }
        return maps;
    }

    /**
     * Whether a mapping is part of what is mapped.
     *
     * @param maps what is mapped
     * @param wanted the mapping
     * @return whether
     */
    public static boolean covers(List<IdMapping> maps, IdMapping wanted) {
        return maps.stream().anyMatch(each -> wanted.containerID() >= each.containerID()
                && wanted.containerID() + wanted.size() <= each.containerID() + each.size()
                && wanted.containerID() - each.containerID() == wanted.hostID() - each.hostID());
    }

    /**
     * What an id of this namespace is outside of it.
     *
     * @param maps what is mapped
     * @param id the number here
     * @return the number there; the same when it is not mapped
     */
    public static long outside(List<IdMapping> maps, long id) {
        for (IdMapping each : maps) {
            if (id >= each.containerID() && id < each.containerID() + each.size()) {
                return id - each.containerID() + each.hostID();
            }
        }
        return id;
    }
}
