package dev.caisson.control;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The parts of a sandbox that are chosen by configuration. */
public enum ProviderKind {
    /** How guest code runs. */
    PLATFORM("platform", "ptrace"),
    /** What serves the root filesystem. */
    ROOTFS("rootfs", "overlay"),
    /** What serves sockets. */
    NETWORK("network", "none"),
    /** Which table answers system calls. */
    SYSCALLS("syscalls", "linux");

    private final String word;
    private final String defaultName;

    ProviderKind(String word, String defaultName) {
        this.word = word;
        this.defaultName = defaultName;
    }

    /** {@return its word in options and configuration} */
    public String word() {
        return word;
    }

    /**
     * Finds a kind by its word.
     *
     * @param word as in options
     * @return the kind
     * @throws IllegalArgumentException when there is none; the message lists what there is
     */
    public static ProviderKind byWord(String word) {
        for (ProviderKind kind : values()) {
            if (kind.word.equals(word)) {
                return kind;
            }
        }
        throw new IllegalArgumentException("no kind " + word + "; there are: "
                + Arrays.stream(values()).map(ProviderKind::word).collect(Collectors.joining(", ")));
    }

    /** {@return the persistent identity of its configuration, whose key {@code name} chooses the provider} */
    public String pid() {
        return "caisson." + word;
    }

    /** {@return the name taken when neither specification nor configuration has one} */
    public String defaultName() {
        return defaultName;
    }
}
