package dev.caisson.cli;

import dev.caisson.cli.boot.BootParts;
import dev.caisson.cli.boot.BootPlan;
import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;
import dev.caisson.control.SandboxSpec;
import java.io.IOException;
import java.nio.file.Path;

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
        BootPlan plan = Boot.plan(home);
        if (plan == null) {
            return null;
        }
        return BootParts.start(plan, Boot.configuration(home), spec);
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
