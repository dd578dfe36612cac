package dev.caisson.oci.cgroup;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import dev.caisson.oci.spec.OciResources;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A container's control group on the host: one directory in each filesystem of version 1, or one of version 2. All processes of the sandbox are in it.
 * Who made it notes where it is in the container's directory, for those that change, measure and remove it later.
 */
public final class ControlGroup {
    private static final String NOTE = "cgroup.json";
    private static final String PROCESSES = "cgroup.procs";
    private static final int REMOVAL_STEPS = 500;
    private static final long REMOVAL_STEP_MS = 10;

    /** Says that a group of this name is there. */
    private static final ControlGroup TAKEN = new ControlGroup(false, Map.of(), GroupFiles.DIRECT);
    private static final int MOST_OF_A_NAME = 1000;

    private final boolean isUnified;
    /** Directories by their controllers, joined by commas. */
    private final Map<String, Path> groups;
    private final GroupFiles files;

    private ControlGroup(boolean isUnified, Map<String, Path> groups, GroupFiles files) {
        this.isUnified = isUnified;
        this.groups = groups;
        this.files = files;
    }

    /**
     * Makes a container's group. Where the container says which, an empty one that exists is used as it is; another one has the container's name, with a
     * number behind it where somebody else's container has the same.
     *
     * @param hierarchies what the host has
     * @param wanted linux.cgroupsPath, or null
     * @param id the container's name
     * @param isOptional whether a host that does not let this user make groups is fine: an ordinary user's container without limits
     * @param files makes them
     * @return the group, or null when there is none and that is fine
     * @throws GroupException when it cannot be made
     */
    public static ControlGroup make(Hierarchies hierarchies, String wanted, String id, boolean isOptional, GroupFiles files) throws GroupException {
        if (hierarchies.all().isEmpty()) {
            return none(isOptional, "linux.cgroupsPath: this host shows no control groups; mount them, or leave out linux.resources", null);
        }
        boolean isNamed = wanted != null && !wanted.isEmpty();
        for (int number = 1;; number++) {
            ControlGroup made = make(hierarchies, wanted, number == 1 ? id : id + "-" + number, !isNamed, isOptional, files);
            if (made != TAKEN) {
                return made;
            }
            if (number == MOST_OF_A_NAME) {
                throw new GroupException("linux.cgroupsPath: there are control groups " + id + " to " + id + "-" + number + " already; name one", null);
            }
        }
    }

    private static ControlGroup make(Hierarchies hierarchies, String wanted, String id, boolean isNew, boolean isOptional, GroupFiles files)
            throws GroupException {
        Map<String, Path> groups = new LinkedHashMap<>();
        ControlGroup made = new ControlGroup(hierarchies.isUnified(), groups, files);
        for (Hierarchies.Hierarchy each : hierarchies.all()) {
            Path directory = GroupPath.of(each, hierarchies.isUnified(), wanted, id);
            boolean isThere = Files.exists(directory);
            try {
                if (!made.makeDirectories(each, directory, isNew)) {
                    made.removeMade();
                    return TAKEN;
                }
                if (isThere && isPopulated(directory)) {
                    made.removeMade();
                    throw new GroupException("linux.cgroupsPath: the control group " + directory + " is not empty: it is somebody else's; name another one");
                }
            } catch (IOException e) {
                made.removeMade();
                return none(isOptional && (e instanceof AccessDeniedException || e.getMessage().contains("ermi") || e.getMessage().contains("ead-only")),
                        "linux.cgroupsPath: cannot make the control group " + directory + ": " + reason(e), e);
            }
            groups.put(String.join(",", each.controllers()), directory);
        }
        return made;
    }

    /** Whether there are processes, those included that have no number here: this process may be in a process namespace of its own. */
    private static boolean isPopulated(Path group) throws IOException {
        Path events = group.resolve("cgroup.events");
        Path count = group.resolve("pids.current");
        return !Files.readString(group.resolve(PROCESSES)).isBlank() || Files.exists(events) && Files.readString(events).contains("populated 1")
                || Files.exists(count) && !Files.readString(count).strip().equals("0");
    }

    private static ControlGroup none(boolean isOptional, String message, IOException cause) throws GroupException {
        if (isOptional) {
            return null;
        }
        throw new GroupException(message, cause);
    }

    private static String reason(IOException e) {
        return e instanceof AccessDeniedException ? "permission denied" : e instanceof NoSuchFileException ? "no such file" : e.getMessage();
    }

    /** Gives false when the last one has to be new, and is not. */
    private boolean makeDirectories(Hierarchies.Hierarchy hierarchy, Path directory, boolean isNew) throws IOException {
        Path at = hierarchy.mount();
        for (Path name : at.relativize(directory)) {
            if (isUnified) {
                delegate(at, hierarchy.controllers());
            }
            Path next = at.resolve(name);
            if (!isNew || !next.equals(directory)) {
                files.makeDirectory(next);
            } else if (!files.makeNew(next)) {
                return false;
            }
            if (hierarchy.controllers().contains("cpuset") && !isUnified) {
                inherit(at, next, "cpuset.cpus");
                inherit(at, next, "cpuset.mems");
            }
            at = next;
        }
        return true;
    }

    /** With version 2, a group's children have the controllers that it says; what it cannot give they do without, as limits on them will tell. */
    private void delegate(Path group, Set<String> controllers) throws IOException {
        Path file = group.resolve("cgroup.subtree_control");
        if (!Files.exists(file)) {
            return;
        }
        Set<String> given = new LinkedHashSet<>(List.of(Files.readString(file).strip().split(" ")));
        Set<String> available = new LinkedHashSet<>(List.of(Files.readString(group.resolve("cgroup.controllers")).strip().split(" ")));
        for (String controller : controllers) {
            if (!controller.isEmpty() && !given.contains(controller) && available.contains(controller)) {
                try {
                    files.write(file, "+" + controller);
                } catch (IOException e) {
                    continue; // a limit on it is refused by its name later
                }
            }
        }
    }

    /** A new group of version 1 has no processors and no memory nodes, and takes nobody in. */
    private void inherit(Path parent, Path group, String name) throws IOException {
        Path file = group.resolve(name);
        if (Files.exists(file) && Files.readString(file).isBlank()) {
            files.write(file, Files.readString(parent.resolve(name)).strip());
        }
    }

    private void removeMade() {
        for (Path each : groups.values()) {
            try {
                Files.deleteIfExists(each);
            } catch (IOException e) {
                continue; // others are in it
            }
        }
    }

    /**
     * Notes where the group is.
     *
     * @param directory the container's
     * @throws IOException when it cannot be written
     */
    public void note(Path directory) throws IOException {
        JsonObject all = new JsonObject();
        groups.forEach((controllers, path) -> all.put(controllers, path.toString()));
        JsonObject note = new JsonObject();
        note.put("version", isUnified ? 2 : 1);
        note.put("groups", all);
        Files.writeString(directory.resolve(NOTE), JsonWriter.string(note), StandardCharsets.UTF_8);
    }

    /**
     * Finds a container's group again.
     *
     * @param directory the container's
     * @return the group, or null when the container has none
     * @throws IOException when the note cannot be read
     */
    public static ControlGroup of(Path directory) throws IOException {
        Path file = directory.resolve(NOTE);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            JsonObject note = JsonParser.object().from(Files.readString(file, StandardCharsets.UTF_8));
            Map<String, Path> groups = new LinkedHashMap<>();
            note.getObject("groups").forEach((controllers, path) -> groups.put(controllers, Path.of((String) path)));
            return new ControlGroup(note.getInt("version") == 2, groups, GroupFiles.DIRECT);
        } catch (JsonParserException e) {
            throw new IOException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Takes a process with all of its threads in.
     *
     * @param pid its number; 0 for the one that writes
     * @param by who writes
     * @throws GroupException when it cannot be
     */
    public void enter(long pid, GroupFiles by) throws GroupException {
        for (Path group : groups.values()) {
            try {
                by.write(group.resolve(PROCESSES), Long.toString(pid));
            } catch (IOException e) {
                throw new GroupException("linux.cgroupsPath: cannot enter " + group + ": " + reason(e), e);
            }
        }
    }

    /** As {@link #enter(long, GroupFiles)}, by this process. */
    public void enter(long pid) throws GroupException {
        enter(pid, files);
    }

    /**
     * Has a process leave the group for the one above.
     *
     * @param pid its number; 0 for the one that writes
     * @param by who writes
     * @throws IOException when it cannot
     */
    public void leave(long pid, GroupFiles by) throws IOException {
        for (Path group : groups.values()) {
            by.write(group.resolveSibling(PROCESSES), Long.toString(pid));
        }
    }

    /** {@return the group for a controller, or null when the host does not have it here} */
    Path with(String controller) {
        if (isUnified) {
            return groups.values().iterator().next();
        }
        for (Map.Entry<String, Path> each : groups.entrySet()) {
            if (List.of(each.getKey().split(",")).contains(controller)) {
                return each.getValue();
            }
        }
        return null;
    }

    /** {@return the file with the limit of the group's memory, or null where there is none} */
    public Path memoryLimitFile() {
        return memoryFile(isUnified ? "memory.max" : "memory.limit_in_bytes");
    }

    /** {@return the file with the use of the group's memory, or null where there is none} */
    public Path memoryUsageFile() {
        return memoryFile(isUnified ? "memory.current" : "memory.usage_in_bytes");
    }

    private Path memoryFile(String name) {
        Path group = with("memory");
        return group == null || !Files.exists(group.resolve(name)) ? null : group.resolve(name);
    }

    boolean isUnified() {
        return isUnified;
    }

    /**
     * Sets limits. What is not said stays.
     *
     * @param resources the limits
     * @param prefix where they come from, for messages
     * @throws GroupException when one cannot be kept; the message names it
     */
    public void limit(OciResources resources, String prefix) throws GroupException {
        List<HostLimits> limits;
        try {
            limits = new ArrayList<>(HostLimits.of(resources, isUnified));
        } catch (GroupException e) {
            throw new GroupException(prefix + "." + e.getMessage(), e);
        }
        swapFirst(limits);
        for (HostLimits each : limits) {
            try {
                set(each);
            } catch (IOException e) {
                Path group = with(each.controller());
                boolean isMissing = e instanceof NoSuchFileException;
                throw new GroupException(prefix + "." + each.field() + ": " + (isMissing || group == null
                        ? "this host's control groups have no " + each.file() + "; leave the limit out, or enable the controller " + each.controller()
                        : "the host refuses " + each.text() + " for " + each.in(group) + ": " + reason(e)), e);
            }
        }
    }

    /** Version 1 refuses memory beyond memory with swap: when both grow, the sum comes first. */
    private void swapFirst(List<HostLimits> limits) throws GroupException {
        int memory = index(limits, "memory.limit_in_bytes");
        int both = index(limits, "memory.memsw.limit_in_bytes");
        Path group = with("memory");
        if (memory < 0 || both < 0 || group == null) {
            return;
        }
        if (!Files.exists(limits.get(both).in(group))) {
            limits.remove(both); // no accounting of swap on this host: guests have none either
            return;
        }
        try {
            long now = Long.parseLong(Files.readString(limits.get(both).in(group)).strip());
            long wanted = Long.parseLong(limits.get(both).text());
            if (wanted < 0 || wanted > now) {
                limits.add(memory, limits.remove(both));
            }
        } catch (IOException | NumberFormatException e) {
            throw new GroupException("linux.resources.memory.swap: " + e.getMessage(), e);
        }
    }

    private static int index(List<HostLimits> limits, String file) {
        for (int i = 0; i < limits.size(); i++) {
            if (limits.get(i).file().equals(file)) {
                return i;
            }
        }
        return -1;
    }

    private void set(HostLimits limit) throws IOException {
        Path group = with(limit.controller());
        if (group == null) {
            throw new NoSuchFileException(limit.file());
        }
        Path file = limit.in(group);
        if (!Files.exists(file) && limit.file().contains("weight")) {
            Path other = group.resolve(limit.file().replace("weight", "bfq.weight"));
            file = Files.exists(other) ? other : file;
        }
        files.write(file, limit.text());
    }

    /** {@return what the group uses, in the form of runc's events} */
    public JsonObject stats() {
        return new GroupStats(this).json();
    }

    /** {@return the processes in it, of one filesystem, by their numbers here} */
    public List<Long> processes() {
        List<Long> all = new ArrayList<>();
        try {
            for (String line : Files.readAllLines(groups.values().iterator().next().resolve(PROCESSES))) {
                all.add(Long.valueOf(line.strip()));
            }
        } catch (IOException | NumberFormatException e) {
            all.clear(); // it is gone
        }
        return all;
    }

    /** {@return the directories, for messages and tests} */
    public JsonArray paths() {
        JsonArray all = new JsonArray();
        groups.values().forEach(each -> all.add(each.toString()));
        return all;
    }

    /**
     * Removes the group with those below it; what was there before it stays. Processes have to be gone, or to go at once.
     *
     * @throws IOException when it cannot be removed
     * @throws InterruptedException when the calling thread is interrupted
     */
    public void remove() throws IOException, InterruptedException {
        for (Path group : groups.values()) {
            for (int step = 0;; step++) {
                try {
                    removeTree(group);
                    break;
                } catch (IOException e) {
                    if (step == REMOVAL_STEPS) {
                        throw new IOException("cannot remove the control group " + group + ": " + reason(e), e);
                    }
                    Thread.sleep(REMOVAL_STEP_MS); // the kernel has not buried all of the processes yet
                }
            }
        }
    }

    private static void removeTree(Path group) throws IOException {
        if (!Files.isDirectory(group)) {
            return;
        }
        List<Path> below = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(group, Files::isDirectory)) {
            entries.forEach(below::add);
        }
        for (Path each : below) {
            removeTree(each);
        }
        Files.deleteIfExists(group);
    }
}
