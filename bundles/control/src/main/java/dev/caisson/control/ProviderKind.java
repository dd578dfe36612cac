package dev.caisson.control;

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

    /** {@return the persistent identity of its configuration, whose key {@code name} chooses the provider} */
    public String pid() {
        return "caisson." + word;
    }

    /** {@return the name taken when neither specification nor configuration has one} */
    public String defaultName() {
        return defaultName;
    }
}
