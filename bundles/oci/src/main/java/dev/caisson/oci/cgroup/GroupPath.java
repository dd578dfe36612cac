package dev.caisson.oci.cgroup;

import java.nio.file.Path;

/** Where a container's control group is: config-linux.md, "Control groups", and runc's ways where that leaves it open. */
public final class GroupPath {
    private GroupPath() {}

    /**
     * Finds the group in a filesystem.
     *
     * @param hierarchy the filesystem
     * @param isUnified whether it is of version 2
     * @param wanted linux.cgroupsPath; absolute ones begin at the mount, others at this process' group; null or empty for one that has the container's name
     * @param id the container's name
     * @return the directory
     */
    static Path of(Hierarchies.Hierarchy hierarchy, boolean isUnified, String wanted, String id) {
        String inner = wanted == null || wanted.isEmpty() ? id : wanted;
        Path path = inside("/" + inner);
        if (inner.startsWith("/")) {
            return below(hierarchy.mount(), path);
        }
        Path own = Path.of(hierarchy.own());
        // A group of version 2 with processes in it cannot have limited groups below: the neighbours of this process' own are taken.
        Path start = isUnified && own.getParent() != null ? own.getParent() : own;
        return below(below(hierarchy.mount(), start), path);
    }

    private static Path below(Path directory, Path absolute) {
        return directory.resolve(Path.of("/").relativize(absolute)).normalize();
    }

    /** {@code ..} does not lead out. */
    private static Path inside(String path) {
        return Path.of(path).normalize();
    }

    /**
     * Translates the form that systemd's managers use, {@code SLICE:PREFIX:NAME}, to the path that systemd gives to such a unit.
     *
     * @param wanted the form
     * @return an absolute path
     * @throws IllegalArgumentException when it is none
     */
    public static String ofSystemd(String wanted) {
        String[] words = wanted.split(":", -1);
        if (words.length != 3 || words[2].isEmpty()) {
            throw new IllegalArgumentException("expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"" + wanted
                    + "\" instead");
        }
        String slice = words[0].isEmpty() ? "system.slice" : words[0];
        String suffix = ".slice";
        if (!slice.equals("-.slice") && (!slice.endsWith(suffix) || slice.contains("/") || slice.length() == suffix.length())) {
            throw new IllegalArgumentException("invalid slice name: " + slice);
        }
        StringBuilder path = new StringBuilder();
        if (!slice.equals("-.slice")) {
            StringBuilder prefix = new StringBuilder();
            for (String component : slice.substring(0, slice.length() - suffix.length()).split("-", -1)) {
                if (component.isEmpty()) {
                    throw new IllegalArgumentException("invalid slice name: " + slice);
                }
                path.append('/').append(prefix).append(component).append(suffix); // a-b.slice is in a.slice
                prefix.append(component).append('-');
            }
        }
        if (words[2].endsWith(suffix)) {
            return path.append('/').append(words[2]).toString();
        }
        return path.append('/').append(words[1].isEmpty() ? "" : words[1] + "-").append(words[2]).append(".scope").toString();
    }
}
