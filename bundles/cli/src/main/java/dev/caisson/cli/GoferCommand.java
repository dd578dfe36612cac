package dev.caisson.cli;

import dev.caisson.control.SandboxException;
import dev.caisson.gofer.GoferLauncher;
import java.io.IOException;

/** {@code caisson gofer}: this process becomes a small one that serves directories. */
final class GoferCommand {
    /** The whole command line that makes the AOT cache of gofers; no command of users. */
    static final String TRAIN = "--train-gofer";

    private GoferCommand() {}

    static int run(Command.Gofer gofer) throws SandboxException {
        try {
            GoferLauncher.become(gofer.plan(), Home.find().directory());
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
        throw new AssertionError("becoming a gofer came back");
    }

    static int train() throws SandboxException {
        try {
            GoferLauncher.train(Home.find().directory());
        } catch (IOException e) {
            throw new SandboxException(e.getMessage(), e);
        }
        throw new AssertionError("becoming a gofer came back");
    }
}
