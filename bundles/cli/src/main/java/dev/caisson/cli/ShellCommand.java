package dev.caisson.cli;

import dev.caisson.control.SandboxException;
import java.nio.file.Path;

/** {@code caisson shell}: the whole container with the operator's shell on this terminal, and no program. */
final class ShellCommand {
    private ShellCommand() {}

    static int run(Command.Shell command) throws SandboxException, InterruptedException {
        command.logging().apply();
        Path storage = StorageDirectory.make();
        try {
            Container container = Container.start(Home.find(), storage, true, null);
            container.startManagement();
            container.awaitStop();
            return 0;
        } finally {
            StorageDirectory.delete(storage);
        }
    }
}
