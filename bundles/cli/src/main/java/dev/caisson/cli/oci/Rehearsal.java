package dev.caisson.cli.oci;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
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
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * What commands of OCI runtimes do, done once in the runs that make their AOT caches: each of them is a process of its own, and would otherwise
 * load and verify its classes every time. Nothing of it is seen outside.
 */
public final class Rehearsal {
    private static final List<Class<?>> OF_CLIENTS = List.of(OciCommands.class, ExecCommand.class, DeleteCommand.class, EventsCommand.class,
            Companion.class, Hooks.class, Descriptors.class, Resources.class, ContainerClient.class);
    private static final List<Class<?>> OF_SANDBOXES = List.of(SandboxCommand.class, Hooks.class, Descriptors.class, Resources.class,
            ContainerLaunch.class, ContainerLife.class, ContainerServer.class, PassedStdio.class);
    private Rehearsal() {}

    /**
     * Does what commands do that ask a running sandbox; what fails is only slower later.
     *
     * @param lister for list and state
     */
    public static void ofClients(OciCommands.Lister lister) {
        PrintStream out = System.out;
        try {
            load(OF_CLIENTS);
            Companion.code(true);
            Path directory = Files.createTempDirectory("caisson-rehearsal");
            System.setOut(new PrintStream(OutputStream.nullOutputStream()));
            try {
                OciConfig config = OciConfig.parse(OciDefaults.config(false, 0, 0).getBytes(StandardCharsets.UTF_8), directory);
                Resources.check(config.linux().resources(), "");
                Path root = directory.resolve("r");
                ContainerDirectory container = new ContainerStore(root).make("c");
                Files.writeString(container.path().resolve(SandboxCommand.CONFIG), config.text(), StandardCharsets.UTF_8);
                Path socket = ContainerStore.socket(container, directory);
                ContainerState running = new ContainerState(config.version(), "c", Status.RUNNING, ProcessIdentity.own(), ProcessIdentity.own(),
                        directory, directory, Instant.now(), "root", Map.of("a", "b"), socket, ContainerState.NONE);
                container.write(running);
                String globals = "--root " + root + " --log " + directory.resolve("log") + " --log-format json ";
                OciLine exec = OciLine.parse(List.of((globals + "exec --detach --pid-file f --env A=b c true").split(" ")));
                exec.log().write("warning", "rehearsal");
                try (ContainerServer _ = ContainerServer.start(socket, (request, passed) -> ContainerServer.Reply.of(answer()))) {
                    for (String line : List.of("state c", "list", "list --format json", "kill --all c KILL", "ps c", "ps --format json c", "events --stats c")) {
                        OciCommands.run(OciLine.parse(List.of((globals + line).split(" "))), lister);
                    }
                }
                try (ContainerServer _ = ContainerServer.start(socket, (request, passed) -> ContainerServer.Reply.of(answer()))) {
                    int connection = ExecCommand.connect(running);
                    ExecCommand.ask(connection, ExecCommand.request(exec, null), Descriptors.take(0).all());
                    Companion companion = Companion.spawn(connection, "c", -1);
                    Descriptors.writePid(directory.resolve("pid"), companion.pid());
                    companion.dismiss();
                }
                container.write(new ContainerState(config.version(), "c", Status.STOPPED, ProcessIdentity.NONE, ProcessIdentity.NONE, directory, directory,
                        Instant.now(), "root", Map.of(), socket, 0));
                OciCommands.run(OciLine.parse(List.of((globals + "delete --force c").split(" "))), lister);
            } finally {
                new ContainerDirectory(directory).delete();
            }
        } catch (ReflectiveOperationException | LinkageError | IOException | ContainerException | OciConfigException | InterruptedException
                | RuntimeException e) {
            System.err.println("caisson: the rehearsal of containers' commands failed: " + e);
        } finally {
            System.setOut(out);
        }
    }

    private static JsonObject answer() {
        return JsonObject.builder().array("processes").end().array("companions").end().done();
    }

    /** Loads what a sandbox needs apart from that which the run itself does. */
    static void ofSandboxes() {
        try {
            load(OF_SANDBOXES);
            OciLine.parse(List.of("--root /x --log y --log-format json --systemd-cgroup create --bundle b --pid-file p --console-socket s c".split(" ")));
        } catch (ReflectiveOperationException | LinkageError | ContainerException e) {
            System.err.println("caisson: the rehearsal of sandboxes failed: " + e);
        }
    }

    private static void load(List<Class<?>> classes) throws ReflectiveOperationException {
        for (Class<?> each : classes) {
            Class.forName(each.getName());
            for (Class<?> nested : each.getDeclaredClasses()) {
                Class.forName(nested.getName());
            }
        }
    }
}
