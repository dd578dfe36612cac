package dev.caisson.cli;

import dev.caisson.cli.boot.BootParts;
import dev.caisson.cli.boot.BootPlan;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.ProviderSelection;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** {@code caisson do}: this process becomes the sandbox. */
final class DoCommand {
    private DoCommand() {}

    static int run(Command.Do command) throws SandboxException, InterruptedException {
        command.logging().apply();
        Home home = Home.find();
        Preloader.start(home);
        try {
            BootParts parts = boot(home, command.spec());
            return parts != null ? await(parts.sandbox(), LateContainer.adopting(home, parts)) : runInContainer(home, command.spec());
        } catch (IOException e) {
            throw new SandboxException("cannot read the configuration: " + e.getMessage(), e);
        }
    }

    /** Starts the program before the container, when it is known what the container would do. */
    private static BootParts boot(Home home, SandboxSpec spec) throws SandboxException, IOException {
        if (spec.id() != null) {
            return null; // somebody wants to find it by its name at once
        }
        Set<String> known = Arrays.stream(ProviderKind.values()).map(ProviderKind::pid).collect(Collectors.toSet());
        known.add(ProviderSelection.VOLUMES_PID);
        BootPlan plan = BootPlan.read(home.directory(), known);
        if (plan == null) {
            return null;
        }
        Map<String, Map<String, Object>> files = new HashMap<>();
        for (Path file : home.configurations()) {
            String name = file.getFileName().toString();
            Map<String, Object> values = new HashMap<>();
            Home.properties(file).forEach((key, value) -> values.put(key.toString(), value));
            files.put(name.substring(0, name.length() - ".cfg".length()), values);
        }
        return BootParts.start(plan, pid -> files.getOrDefault(pid, Map.of()), spec);
    }

    private static int runInContainer(Home home, SandboxSpec spec) throws SandboxException, InterruptedException {
        Path storage = StorageDirectory.make();
        Sandbox sandbox;
        LateContainer management;
        try {
            Container container = Container.start(home, storage, false, null);
            sandbox = container.service(SandboxService.class).start(spec);
            management = LateContainer.of(container, storage);
        } catch (SandboxException | RuntimeException e) {
            StorageDirectory.delete(storage);
            throw e;
        }
        return await(sandbox, management);
    }

    private static int await(Sandbox sandbox, LateContainer container) throws InterruptedException {
        try (container; sandbox) {
            sandbox.takeSignals();
            return sandbox.awaitExit();
        }
    }
}
