package dev.caisson.cli.oci;

import com.grack.nanojson.JsonObject;
import dev.caisson.cli.sandbox.OomScore;
import dev.caisson.oci.runtime.ContainerDirectory;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.ContainerState;
import dev.caisson.oci.runtime.PodMembership;
import dev.caisson.oci.runtime.ProcessIdentity;
import dev.caisson.oci.runtime.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** {@code caisson delete}: after it nothing is left of a container. */
final class DeleteCommand {
    static final int SIGKILL = 9;
    /** How long the sandbox may take to end by itself, and its last processes after it. */
    private static final long PATIENCE_NS = 10_000_000_000L;
    static final long PATIENCE_MS = PATIENCE_NS / 1_000_000;
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
                HostCgroup.remove(directory.path());
                directory.delete(); // somebody was killed while he made it
            }
            return 0;
        }
        if (!isForced && state.status() != Status.STOPPED && state.status() != Status.CREATED) {
            throw new ContainerException("cannot delete container " + line.id() + " that is not stopped: " + state.status().word());
        }
        end(state);
        if (PodMembership.of(state.annotations()).isMember()) {
            release(state);
        } else if (!Pool.remove(state.socket())) {
            Files.deleteIfExists(state.socket());
        }
        Hooks.afterwards("poststop", line, directory, state.with(Status.STOPPED, state.waitStatus()));
        HostCgroup.remove(directory.path());
        directory.delete();
        unprotect(line, state);
        return 0;
    }

    /** The containers of a pod that are left may want less. */
    private static void unprotect(OciLine line, ContainerState removed) {
        PodMembership membership = PodMembership.of(removed.annotations());
        if (membership.isMember()) {
            try {
                OomScore.ofPod(OciCommands.store(line), OciCommands.store(line).find(membership.sandbox()).state(), true, line.log());
            } catch (IOException | ContainerException e) {
                return; // the sandbox has gone first
            }
        }
    }

    /** A sandbox that has other containers, too, forgets this one. */
    private static void release(ContainerState state) {
        try {
            OciCommands.ask(state, OciCommands.request("delete"), PATIENCE_MS);
        } catch (IOException e) {
            return; // it does not know the container, or is gone with it
        }
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
}
