package dev.caisson.oci.runtime;

import com.grack.nanojson.JsonObject;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is known of a container.
 *
 * @param version of the runtime specification that its bundle follows
 * @param id its name
 * @param status as its sandbox wrote it; see {@link ContainerDirectory#state} for what holds now
 * @param process the host's process that lives as long as the program
 * @param sandbox the host's process that has the kernel in which the program runs; it may be the same, and may have other containers
 * @param bundle directory of config.json
 * @param rootfs directory of the root filesystem
 * @param created when
 * @param owner name of the user who did it
 * @param annotations of the configuration
 * @param socket where the sandbox listens
 * @param waitStatus how the program ended, as wait(2) tells it, or -1
 */
public record ContainerState(String version, String id, Status status, ProcessIdentity process, ProcessIdentity sandbox, Path bundle, Path rootfs,
        Instant created, String owner, Map<String, String> annotations, Path socket, int waitStatus) {
    /** No wait status yet. */
    public static final int NONE = -1;

    /** Copies the annotations, in their order. */
    public ContainerState {
        annotations = new LinkedHashMap<>(annotations);
    }

    /**
     * The state of a container whose process is its sandbox.
     *
     * @param version of the runtime specification
     * @param id its name
     * @param status what it is
     * @param process both processes
     * @param bundle directory of config.json
     * @param rootfs directory of the root filesystem
     * @param created when
     * @param owner name of the user who did it
     * @param annotations of the configuration
     * @param socket where the sandbox listens
     * @param waitStatus how the program ended, or {@link #NONE}
     */
    public ContainerState(String version, String id, Status status, ProcessIdentity process, Path bundle, Path rootfs, Instant created,
            String owner, Map<String, String> annotations, Path socket, int waitStatus) {
        this(version, id, status, process, process, bundle, rootfs, created, owner, annotations, socket, waitStatus);
    }

    /**
     * The same, further on.
     *
     * @param next the new status
     * @param newWaitStatus how the program ended, or {@link #NONE}
     * @return the state
     */
    public ContainerState with(Status next, int newWaitStatus) {
        return new ContainerState(version, id, next, process, sandbox, bundle, rootfs, created, owner, annotations, socket, newWaitStatus);
    }

    /** {@return whether the processes that have it live} */
    public boolean isAlive() {
        return process.isAlive() && (sandbox.equals(process) || sandbox.isAlive());
    }

    /**
     * The same as it is to be seen by others than the host.
     *
     * @param pid number of the process to whoever looks
     * @return the state
     */
    public ContainerState as(long pid) {
        return new ContainerState(version, id, status, new ProcessIdentity(pid, 0), sandbox, bundle, rootfs, created, owner, annotations, socket,
                waitStatus);
    }

    /**
     * The specification's state, with the members that runc adds. A stopped container has process 0.
     *
     * @return a JSON object
     */
    public JsonObject toJson() {
        JsonObject json = new JsonObject();
        json.put("ociVersion", version);
        json.put("id", id);
        json.put("pid", status == Status.STOPPED ? 0 : process.pid());
        json.put("status", status.word());
        json.put("bundle", bundle.toString());
        json.put("rootfs", rootfs.toString());
        json.put("created", created.toString());
        JsonObject all = new JsonObject();
        all.putAll(annotations);
        if (!all.isEmpty()) {
            json.put("annotations", all);
        }
        json.put("owner", owner);
        return json;
    }

    /**
     * What is kept in state.json.
     *
     * @return a JSON object
     */
    public JsonObject toFile() {
        JsonObject json = toJson();
        json.put("pid", process.pid());
        json.put("pidStart", process.startTicks());
        json.put("sandbox", sandbox.pid());
        json.put("sandboxStart", sandbox.startTicks());
        json.put("socket", socket.toString());
        json.put("waitStatus", waitStatus);
        return json;
    }

    /**
     * Reads what {@link #toFile} gives.
     *
     * @param json the object
     * @return the state
     */
    public static ContainerState ofFile(JsonObject json) {
        Map<String, String> annotations = new LinkedHashMap<>();
        json.getObject("annotations", new JsonObject()).forEach((key, value) -> annotations.put(key, String.valueOf(value)));
        return new ContainerState(json.getString("ociVersion"), json.getString("id"), Status.of(json.getString("status")),
                new ProcessIdentity(json.getLong("pid"), json.getLong("pidStart")),
                new ProcessIdentity(json.getLong("sandbox"), json.getLong("sandboxStart")), Path.of(json.getString("bundle")), Path.of(json.getString("rootfs")),
                Instant.parse(json.getString("created")), json.getString("owner"), annotations, Path.of(json.getString("socket")),
                json.getInt("waitStatus", NONE));
    }
}
