package dev.caisson.cli.completion;

import java.util.List;

/**
 * A command as completion sees it.
 *
 * @param name of the command; empty for what stands before commands
 * @param description one sentence
 * @param options its own
 * @param words what may stand at each place behind the options; what follows is a file's name
 */
public record CommandModel(String name, String description, List<Option> options, List<Values> words) {
    /**
     * An option.
     *
     * @param names one or two, with their dashes
     * @param label of the value; empty for a switch
     * @param description one sentence
     * @param values what it may be
     */
    public record Option(List<String> names, String label, String description, Values values) {
        boolean hasValue() {
            return !label.isEmpty();
        }
    }

    /** Where values come from. */
    public enum Source {
        /** Nobody knows. */
        ANY,
        /** Files of the host. */
        FILES,
        /** Directories of the host. */
        DIRECTORIES,
        /** Containers and sandboxes that are there. */
        CONTAINERS,
        /** The words listed, and nothing else. */
        LISTED
    }

    /**
     * What may stand somewhere.
     *
     * @param source where values come from
     * @param listed words that are always possible
     */
    public record Values(Source source, List<String> listed) {
        /** Nothing is known. */
        public static final Values ANY = new Values(Source.ANY, List.of());

        /**
         * Words and nothing else.
         *
         * @param words the words
         * @return the values
         */
        public static Values of(List<String> words) {
            return new Values(Source.LISTED, List.copyOf(words));
        }

        /**
         * Takes a label for what it says: {@code DIR} is a directory, {@code text|json} one of two words.
         *
         * @param label of an option's value or a word
         * @return the values
         */
        public static Values ofLabel(String label) {
            List<String> parts = List.of(label.split("\\|"));
            List<String> listed = parts.stream().filter(part -> part.matches("[a-z0-9]+")).toList();
            Source source = parts.contains("DIR") ? parts.stream().anyMatch(part -> part.startsWith("FILE")) ? Source.FILES : Source.DIRECTORIES
                    : parts.stream().anyMatch(part -> part.startsWith("FILE") || part.equals("PATH")) ? Source.FILES
                    : label.equals("CONTAINER") || label.equals("SANDBOX") ? Source.CONTAINERS
                    : listed.size() == parts.size() ? Source.LISTED : Source.ANY;
            return new Values(source, listed);
        }
    }
}
