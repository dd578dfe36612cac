package dev.caisson.cli;

import dev.caisson.cli.oci.PoolControl;
import dev.caisson.control.SandboxException;

/** {@code caisson pool}. */
final class PoolCommand {
    private PoolCommand() {}

    static int run(Command.Pool command) throws SandboxException {
        System.out.println(switch (command.action()) {
            case START -> PoolControl.start(Home.find().directory(), command.count());
            case STOP -> PoolControl.stop();
            case STATUS -> PoolControl.status();
        });
        return 0;
    }
}
