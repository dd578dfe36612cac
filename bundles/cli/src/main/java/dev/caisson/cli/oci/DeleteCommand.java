package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.Status;
import dev.caisson.oci.spec.OciConfig;
import dev.caisson.oci.spec.OciConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** {@code caisson delete}: after it nothing is left of a container. */
final class DeleteCommand {
    private static final int SIGKILL = 9;
    /** How long the sandbox may take to end by itself, and its last processes after it. */
    private static final long PATIENCE_NS = 10_000_000_000L;
    private static final long STEP_MS = 5;

    private DeleteCommand() {}

    static int run(OciLine line) throws IOException, ContainerException, InterruptedException {
        ContainerDirectory directory = OciCommands.directory(line);
        boolean isForced = line.has("--force");
        ContainerState state;
        try {
            state = directory.state();
        } catch (ContainerException e) {
            if (!isForced) {
                throw e;
            }
            if (Files.exists(directory.path())) {
                directory.delete(); // somebody was killed while he made it
            }
            return 0;
        }
        if (!isForced && state.status() != Status.STOPPED && state.status() != Status.CREATED) {
            throw new ContainerException("cannot delete container " + line.id() + " that is not stopped: " + state.status().word());
        }
        end(state);
        Files.deleteIfExists(state.socket());
        hooks(line, directory, state);
        directory.delete();
        return 0;
    }

    /** Ends the sandbox, and waits until neither it nor a process that it started is there. */
    private static void end(ContainerState state) throws ContainerException, InterruptedException {
        ProcessHandle sandbox = ProcessHandle.of(state.process().pid()).orElse(null);
        if (sandbox == null || !state.process().isAlive()) {
            return;
        }
        List<ProcessIdentity> all = new ArrayList<>(List.of(state.process()));
        sandbox.descendants().forEach(each -> all.add(ProcessIdentity.of(each.pid())));
        JsonObject kill = OciCommands.request("kill");
        kill.put("signal", SIGKILL);
        kill.put("all", true);
        long deadline = System.nanoTime() + PATIENCE_NS;
        try {
            if (state.status() != Status.STOPPED) {
                OciCommands.ask(state, kill, PATIENCE_NS / 1_000_000);
            }
        } catch (IOException e) {
            deadline = System.nanoTime(); // it does not listen
        }
        boolean isKilled = false;
        while (all.stream().anyMatch(ProcessIdentity::isAlive)) {
            if (System.nanoTime() > deadline) {
                if (isKilled) {
                    throw new ContainerException("processes of the sandbox " + state.process().pid() + " do not end");
                }
                isKilled = true;
                deadline = System.nanoTime() + PATIENCE_NS;
                sandbox.destroyForcibly(); // its children follow
            }
            Thread.sleep(STEP_MS);
        }
    }

    /** A hook that fails after the end changes nothing: it is told in the log. */
    private static void hooks(OciLine line, ContainerDirectory directory, ContainerState state) {
        try {
            if (Files.exists(directory.path().resolve(SandboxCommand.CONFIG))) {
                OciConfig config = OciConfig.parse(Files.readAllBytes(directory.path().resolve(SandboxCommand.CONFIG)), state.bundle());
                for (String failure : Hooks.runAll(config.hooks().poststop(), state.with(Status.STOPPED, state.waitStatus()))) {
                    line.log().write("warning", "poststop: " + failure);
                }
            }
        } catch (IOException | OciConfigException e) {
            line.log().write("warning", "poststop: " + e.getMessage());
        }
    }
}
