package dev.caisson.cli;

import dev.caisson.cli.setup.InstallCommand;
import dev.caisson.control.SandboxSpec;
import dev.caisson.gofer.GoferPlan;
import java.nio.file.Path;
import java.util.Map;

/** What a command line asks for. */
sealed interface Command {
    /**
     * Print help.
     *
     * @param command about which command, or null for all
     */
    record Help(String command) implements Command {}

    /** Print the version. */
    record Version() implements Command {}

    /**
     * The line is wrong.
     *
     * @param message one line that says what is wrong and what would be right
     * @param command whose help is of use, or null
     */
    record WrongUsage(String message, String command) implements Command {}

    /**
     * Run a program in a sandbox.
     *
     * @param spec the sandbox
     * @param logging where the log goes
     */
    record Do(SandboxSpec spec, Logging logging) implements Command {}

    /**
     * Enter Caisson into other programs' configuration, or take it out.
     *
     * @param order what
     */
    record Install(InstallCommand.Order order) implements Command {}

    /**
     * Look at the machine.
     *
     * @param root directory of the control sockets, or null for the user's own
     * @param isJson whether a program reads the answer
     */
    record Doctor(Path root, boolean isJson) implements Command {}

    /**
     * Write a completion script.
     *
     * @param shell for which shell
     */
    record Complete(String shell) implements Command {}

    /**
     * Keep started sandboxes.
     *
     * @param root directory of the control sockets, or null for the user's own
     * @param action what
     * @param count how many, for start
     */
    record Pool(Path root, PoolAction action, int count) implements Command {}

    /**
     * Serve directories by 9P.
     *
     * @param plan which, and to whom
     */
    record Gofer(GoferPlan plan) implements Command {}

    /**
     * Open the operator's shell, without a program.
     *
     * @param logging where the log goes
     */
    record Shell(Logging logging) implements Command {}

    /**
     * Give a running sandbox another provider.
     *
     * @param root directory of the control sockets, or null for the user's own
     * @param id name of the sandbox
     * @param kind which part: the word of a {@link dev.caisson.control.ProviderKind}, or {@code volume:PATH}
     * @param name the new provider
     * @param source what it is to mount, of a filesystem; null for what is mounted now
     * @param options how it is to mount that
     */
    record Swap(Path root, String id, String kind, String name, String source, Map<String, String> options) implements Command {
        /** How it is called. */
        static final String LINE = "caisson swap SANDBOX KIND NAME";
        /** The start of a kind that is a volume; its path in the sandbox follows. */
        static final String VOLUME = "volume:";

        /** Whether files move, and not another part of the kernel. */
        boolean isFileSystem() {
            return kind.equals("rootfs") || kind.startsWith(VOLUME);
        }
    }

    /**
     * Write what the programs of a sandbox have changed.
     *
     * @param root directory of the control sockets, or null for the user's own
     * @param id name of the sandbox
     * @param output the file, or null for standard output
     */
    record Diff(Path root, String id, Path output) implements Command {
        /** How it is called. */
        static final String LINE = "caisson diff SANDBOX [-o FILE]";
    }
}
