package dev.caisson.cli;

import dev.caisson.control.SandboxException;

/** {@code caisson shell}: the whole container with the operator's shell on this terminal, and no program. */
final class ShellCommand {
    private ShellCommand() {}

    static int run(Command.Shell command) throws SandboxException, InterruptedException {
        command.logging().apply();
        try (Container container = Container.start(Home.find(), true)) {
            container.startManagement();
            container.awaitStop();
            return 0;
        }
    }
}
