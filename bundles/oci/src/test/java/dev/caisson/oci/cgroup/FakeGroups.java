package dev.caisson.oci.cgroup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Control group filesystems as plain directories: what the kernel makes with each group is made here with each directory. */
final class FakeGroups implements GroupFiles {
    final Path root;
    private final StringBuilder mounts = new StringBuilder("22 1 0:21 / /proc rw - proc proc rw\n");
    private final StringBuilder groups = new StringBuilder();
    /** Content by the names of files that each group has. */
    private final Map<Path, Map<String, String>> kinds = new LinkedHashMap<>();

    FakeGroups(Path root) {
        this.root = root;
    }

    /** Mounts a filesystem of version 1. */
    FakeGroups first(String controllers, String own, Map<String, String> files) throws IOException {
        String mount = "/sys/fs/cgroup/" + controllers.replace("name=", "");
        mounts.append("30 1 0:30 / ").append(mount).append(" rw,relatime shared:9 - cgroup cgroup rw,").append(controllers).append('\n');
        groups.append("5:").append(controllers).append(':').append(own).append('\n');
        make(mount, own, files);
        return this;
    }

    /** Mounts a filesystem of version 2. */
    FakeGroups second(String mount, String own, Map<String, String> files) throws IOException {
        mounts.append("31 1 0:31 / ").append(mount).append(" rw - cgroup2 cgroup2 rw\n");
        groups.append("0::").append(own).append('\n');
        make(mount, own, files);
        return this;
    }

    private void make(String mount, String own, Map<String, String> files) throws IOException {
        Path top = root.resolve(mount.substring(1));
        Files.createDirectories(top);
        kinds.put(top, files);
        fill(top, files);
        Path at = top;
        for (Path name : Path.of("/").relativize(Path.of(own))) {
            if (!name.toString().isEmpty()) {
                at = at.resolve(name);
                makeDirectory(at);
            }
        }
    }

    private static void fill(Path directory, Map<String, String> files) throws IOException {
        Files.writeString(directory.resolve("cgroup.procs"), "");
        for (Map.Entry<String, String> each : files.entrySet()) {
            Files.writeString(directory.resolve(each.getKey()), each.getValue());
        }
    }

    Hierarchies hierarchies() {
        try {
            Files.writeString(root.resolve("mountinfo"), mounts);
            Files.writeString(root.resolve("groups"), groups);
            return Hierarchies.of(root.resolve("mountinfo"), root.resolve("groups"), root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void makeDirectory(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            return;
        }
        Files.createDirectory(directory);
        for (Map.Entry<Path, Map<String, String>> each : kinds.entrySet()) {
            if (directory.startsWith(each.getKey())) {
                Map<String, String> fresh = new LinkedHashMap<>(each.getValue());
                fresh.replaceAll((name, content) -> name.startsWith("cpuset.") ? "" : content);
                fill(directory, fresh);
            }
        }
    }

    @Override
    public void write(Path file, String text) throws IOException {
        DIRECT.write(file, text);
        if (file.getFileName().toString().equals("cgroup.subtree_control")) {
            Files.writeString(file, text.substring(1)); // as the kernel shows it
        } else {
            Files.writeString(file, text);
        }
    }

    String read(String path) throws IOException {
        return Files.readString(root.resolve(path));
    }
}
