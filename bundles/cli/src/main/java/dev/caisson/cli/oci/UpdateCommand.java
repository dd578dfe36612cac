package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.cgroup.GroupException;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciResources;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/** {@code caisson update}: other limits for a container, on the host and inside of it. */
final class UpdateCommand {
    private static final long ANSWER_MS = 60_000;

    private UpdateCommand() {}

    static int run(OciLine line) throws IOException, ContainerException, OciConfigException {
        String file = line.value("--resources", "");
        OciResources resources;
        if (file.isEmpty()) {
            resources = Resources.ofOptions(line);
        } else {
            byte[] json = file.equals("-") ? System.in.readAllBytes() : Files.readAllBytes(line.path("--resources"));
            resources = OciResources.parse(new String(json, StandardCharsets.UTF_8));
        }
        Resources.check(resources, "update");
        ContainerDirectory directory = OciCommands.directory(line);
        if (directory.state().status() == Status.STOPPED) {
            throw new ContainerException("container not running");
        }
        ControlGroup group = ControlGroup.of(directory.path());
        if (group == null && !Resources.isOfGuest(resources)) {
            throw new ContainerException("update: this container has no control group on the host; only --memory, --memory-swap and --pids-limit can change");
        }
        try {
            if (group != null) {
                group.limit(resources, "update");
            }
        } catch (GroupException e) {
            throw new ContainerException(e.getMessage(), e);
        }
        JsonObject request = OciCommands.request("update");
        put(request, "memory", resources.memory().limit());
        put(request, "swap", resources.memory().swap());
        put(request, "pids", resources.pidsLimit());
        put(request, "shares", resources.cpu().shares());
        put(request, "quota", resources.cpu().quota());
        put(request, "period", resources.cpu().period());
        put(request, "burst", resources.cpu().burst());
        OciCommands.running(line, request, ANSWER_MS);
        return 0;
    }

    /** What is 0 stays, as on the host. */
    private static void put(JsonObject request, String name, Long value) {
        if (value != null && value != 0) {
            request.put(name, value);
        }
    }
}
