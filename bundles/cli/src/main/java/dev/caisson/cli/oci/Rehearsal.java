package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import dev.caisson.control.container.ContainerLaunch;
import dev.caisson.control.lifecycle.ContainerLife;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.control.lifecycle.PassedStdio;
import dev.caisson.control.remote.ContainerClient;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ContainerStore;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import dev.caisson.oci.spec.OciDefaults;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * What commands of OCI runtimes do, done once in the run that makes the AOT cache: each of them is a process of its own, and would otherwise
 * load and verify its classes every time. Nothing of it is seen outside.
 */
public final class Rehearsal {
    private static final List<Class<?>> USED = List.of(OciCommands.class, SandboxCommand.class, ExecCommand.class, DeleteCommand.class,
            EventsCommand.class, Companion.class, Hooks.class, Descriptors.class, Resources.class, ContainerLaunch.class, ContainerLife.class,
            ContainerServer.class, PassedStdio.class, ContainerClient.class);

    private Rehearsal() {}

    /** Does it; what fails is only slower later. */
    public static void run() {
        try {
            for (Class<?> each : USED) {
                Class.forName(each.getName());
                for (Class<?> nested : each.getDeclaredClasses()) {
                    Class.forName(nested.getName());
                }
            }
            for (String line : List.of("--root /x --log y --log-format json state c", "kill --all c KILL", "delete --force c", "start c",
                    "create --bundle b --pid-file p c", "exec --process p --detach --pid-file f c")) {
                OciLine.parse(List.of(line.split(" "))).log();
            }
            Path directory = Files.createTempDirectory("caisson-rehearsal");
            try {
                OciConfig config = OciConfig.parse(OciDefaults.config(false, 0, 0).getBytes(StandardCharsets.UTF_8), directory);
                Resources.memoryLimit(config.linux().resources(), "");
                ContainerDirectory container = new ContainerStore(directory.resolve("r")).make("c");
                Path socket = ContainerStore.socket(container, directory);
                container.write(new ContainerState(config.version(), "c", Status.RUNNING, ProcessIdentity.own(), directory, directory,
                        Instant.now(), "root", Map.of("a", "b"), socket, ContainerState.NONE));
                JsonWriter.indent("  ").string().value(container.state().toJson()).done();
                try (ContainerServer _ = ContainerServer.start(socket, (request, passed) -> ContainerServer.Reply.of(new JsonObject()))) {
                    OciCommands.ask(container.state(), OciCommands.request("kill"), 10_000);
                }
            } finally {
                new ContainerDirectory(directory).delete();
            }
        } catch (ReflectiveOperationException | LinkageError | IOException | ContainerException | OciConfigException e) {
            System.err.println("caisson: the rehearsal of containers' commands failed: " + e);
        }
    }
}
