package dev.caisson.oci.cgroup;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The control group filesystems that this process sees, cgroups(7). With version 1, each has some controllers, and there may be one of version 2
 * without any of use beside them (a hybrid host), which is left out then.
 *
 * @param isUnified whether there is version 2 only
 * @param all by mount point
 */
public record Hierarchies(boolean isUnified, List<Hierarchy> all) {
    /**
     * One filesystem.
     *
     * @param mount where it is
     * @param controllers what can be limited in it; with version 2, what the root of the mount offers; "name=..." for one without
     * @param own the group of this process, an absolute path from the mount on
     */
    public record Hierarchy(Path mount, Set<String> controllers, String own) {}

    /** Copies the list. */
    public Hierarchies {
        all = List.copyOf(all);
    }

    /** {@return those of this process} */
    public static Hierarchies own() {
        return of(Path.of("/proc/self/mountinfo"), Path.of("/proc/self/cgroup"), Path.of("/"));
    }

    /**
     * Reads what there is.
     *
     * @param mounts a file in the form of /proc/PID/mountinfo
     * @param groups a file in the form of /proc/PID/cgroup
     * @param root where the mount points are found
     * @return the filesystems; none when there is nothing to be seen
     */
    public static Hierarchies of(Path mounts, Path groups, Path root) {
        Map<String, String> own = new LinkedHashMap<>(); // by controller, "" for version 2
        for (String line : lines(groups)) {
            String[] words = line.split(":", 3);
            if (words.length == 3) {
                for (String controller : words[1].split(",")) {
                    own.put(controller, words[2]);
                }
            }
        }
        List<Hierarchy> first = new ArrayList<>();
        List<Hierarchy> second = new ArrayList<>();
        Set<String> seen = new LinkedHashSet<>();
        for (String line : lines(mounts)) {
            int dash = line.indexOf(" - ");
            String[] words = line.split(" ");
            String[] rest = dash < 0 ? new String[0] : line.substring(dash + 3).split(" ");
            if (words.length < 6 || rest.length < 3 || !rest[0].startsWith("cgroup")) {
                continue;
            }
            Path mount = root.resolve(Path.of("/").relativize(Path.of(unescaped(words[4]))));
            if (rest[0].equals("cgroup2")) {
                Set<String> controllers = new LinkedHashSet<>();
                for (String each : lines(mount.resolve("cgroup.controllers"))) {
                    controllers.addAll(List.of(each.split(" ")));
                }
                second.add(new Hierarchy(mount, controllers, below(own.getOrDefault("", "/"), unescaped(words[3]))));
                continue;
            }
            Set<String> controllers = new LinkedHashSet<>();
            for (String option : rest[2].split(",")) {
                if (own.containsKey(option)) {
                    controllers.add(option);
                }
            }
            if (!controllers.isEmpty() && seen.addAll(controllers)) {
                first.add(new Hierarchy(mount, controllers, below(own.get(controllers.iterator().next()), unescaped(words[3]))));
            }
        }
        boolean isUnified = first.stream().allMatch(each -> each.controllers.iterator().next().startsWith("name=")) && !second.isEmpty();
        return new Hierarchies(isUnified, isUnified ? second.subList(0, 1) : first);
    }

    /** A group as seen from a mount whose root is another group: in a container, the mount shows the container's own. */
    private static String below(String group, String mountRoot) {
        if (mountRoot.equals("/")) {
            return group;
        }
        return group.equals(mountRoot) ? "/" : group.startsWith(mountRoot + "/") ? group.substring(mountRoot.length()) : "/";
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return List.of(); // a host without control groups
        }
    }

    /** As mountinfo writes blanks. */
    private static String unescaped(String text) {
        return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    }

    /**
     * Finds who has a controller.
     *
     * @param controller its name, of either version
     * @return the filesystem, or null
     */
    Hierarchy with(String controller) {
        for (Hierarchy each : all) {
            if (each.controllers.contains(controller)) {
                return each;
            }
        }
        return null;
    }
}
