package dev.caisson.cli.setup;

import java.nio.file.Path;
import java.util.List;

/**
 * A program that starts containers through an OCI runtime, and its configuration. Texts in, texts out: files are the caller's.
 */
sealed interface Client permits DockerClient, ContainerdClient, PodmanClient {
    /**
     * What is to be entered.
     *
     * @param name by which users choose the runtime
     * @param program absolute path of bin/caisson
     * @param arguments before each command of clients that can pass some
     */
    record Runtime(String name, Path program, List<String> arguments) {}

    /** {@return the word of the option that chooses it} */
    String word();

    /** {@return the name for people} */
    String title();

    /**
     * Where its configuration is.
     *
     * @param home directory of a user who is not root, whose own configuration counts; null for the machine's
     * @return the file
     */
    Path file(Path home);

    /**
     * Enters the runtime.
     *
     * @param text the file, or null when there is none
     * @param runtime what
     * @return the new text; equal to the old one when nothing has to change
     * @throws IllegalArgumentException when the text cannot be understood or has something against it; the message is for people
     */
    String with(String text, Runtime runtime);

    /**
     * Takes the runtime out.
     *
     * @param text the file
     * @param name the runtime's
     * @return the new text; equal to the old one when it was not there, null when nothing is left in the file
     * @throws IllegalArgumentException as {@link #with}
     */
    String without(String text, String name);

    /**
     * Says what to do next.
     *
     * @param name the runtime's
     * @param isInstalled whether it was entered, not taken out
     * @return lines
     */
    List<String> next(String name, boolean isInstalled);

    /**
     * Says what in the file keeps the runtime from being of use.
     *
     * @param text the new file
     * @return lines
     */
    default List<String> warnings(String text) {
        return List.of();
    }
}
