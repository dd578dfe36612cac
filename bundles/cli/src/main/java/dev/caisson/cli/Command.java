package dev.caisson.cli;

import dev.caisson.control.SandboxSpec;

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
     * Open the operator's shell, without a program.
     *
     * @param logging where the log goes
     */
    record Shell(Logging logging) implements Command {}
}
