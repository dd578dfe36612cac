package dev.caisson.cli;

import dev.caisson.control.Sandbox;
import dev.caisson.control.SandboxException;
import dev.caisson.control.SandboxService;

/** {@code caisson do}: this process becomes the sandbox. */
final class DoCommand {
    private DoCommand() {}

    static int run(Command.Do command) throws SandboxException, InterruptedException {
        command.logging().apply();
        Home home = Home.find();
        Preloader.start(home);
        try (Container container = Container.start(home, false)) {
            SandboxService service = container.service(SandboxService.class);
            try (Sandbox sandbox = service.start(command.spec())) {
                sandbox.takeSignals();
                container.startManagementLater();
                return sandbox.awaitExit();
            }
        }
    }
}
