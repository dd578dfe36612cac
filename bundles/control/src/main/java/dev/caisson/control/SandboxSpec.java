package dev.caisson.control;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What to run, and in what. All strings hold one byte per character (ISO-8859-1), as guests see them.
 *
 * @param id name of the sandbox for other commands; null for one made of the process id
 * @param isControllable whether other commands reach the sandbox through a socket
 * @param controlDirectory where the socket is; null for the user's own place
 * @param command the program and its arguments; the program is searched in the sandbox's PATH unless it contains a slash
 * @param environment {@code NAME=value}, in order
 * @param workingDirectory absolute path in the sandbox
 * @param uid user of the program
 * @param gid group of the program
 * @param groups supplementary groups
 * @param hostname node name of the sandbox
 * @param memoryLimitBytes the most memory guests may use, page cache included; 0 for no limit but the host's
 * @param volumes directories and files of the host to mount
 * @param strace where to write system calls to: null for nowhere, "-" for standard error, else a path on the host
 * @param providers wanted providers by kind; a kind without an entry takes what the configuration says
 * @param rootSource what is mounted as the root (a directory of the host, the address of a server); null for what the configuration says
 * @param rootOptions options of that mount, such as {@link RootLayers} makes; they replace those of the configuration one by one
 */
public record SandboxSpec(String id, boolean isControllable, Path controlDirectory, List<String> command, List<String> environment, String workingDirectory, int uid, int gid,
        List<Integer> groups, String hostname, long memoryLimitBytes, List<Volume> volumes, String strace,
        Map<ProviderKind, String> providers, String rootSource, Map<String, String> rootOptions) {
    /** Copies what could change. */
    public SandboxSpec {
        command = List.copyOf(command);
        environment = List.copyOf(environment);
        groups = List.copyOf(groups);
        volumes = List.copyOf(volumes);
        providers = Map.copyOf(providers);
        rootOptions = Map.copyOf(rootOptions);
        if (command.isEmpty()) {
            throw new IllegalArgumentException("no command");
        }
    }

    /**
     * The same with other volumes.
     *
     * @param other directories and files of the host to mount
     * @return the specification
     */
    public SandboxSpec withVolumes(List<Volume> other) {
        return new SandboxSpec(id, isControllable, controlDirectory, command, environment, workingDirectory, uid, gid, groups, hostname,
                memoryLimitBytes, other, strace, providers, rootSource, rootOptions);
    }

    /**
     * Starts a specification: root in {@code /}, a short PATH, no volumes.
     *
     * @param command program and arguments
     * @return a builder
     */
    public static Builder of(List<String> command) {
        return new Builder(command);
    }

    /** Collects a specification. */
    public static final class Builder {
        private String id;
        private boolean isControllable;
        private Path controlDirectory;
        private final List<String> command;
        private List<String> environment = List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        private String workingDirectory = "/";
        private int uid;
        private int gid;
        private List<Integer> groups = List.of();
        private String hostname = "caisson";
        private long memoryLimitBytes;
        private final List<Volume> volumes = new ArrayList<>();
        private String strace;
        private Map<ProviderKind, String> providers = Map.of();
        private String rootSource;
        private Map<String, String> rootOptions = Map.of();

        private Builder(List<String> command) {
            this.command = command;
        }

        /**
         * Names the sandbox.
         *
         * @param value name for other commands, or null for one made of the process id
         * @return this
         */
        public Builder id(String value) {
            id = value;
            return this;
        }

        /**
         * Lets other commands reach the sandbox.
         *
         * @param value directory for its socket, or null for the user's own place
         * @return this
         */
        public Builder controlDirectory(Path value) {
            isControllable = true;
            controlDirectory = value;
            return this;
        }

        /**
         * Sets the environment.
         *
         * @param value {@code NAME=value}, in order
         * @return this
         */
        public Builder environment(List<String> value) {
            environment = value;
            return this;
        }

        /**
         * Sets the working directory.
         *
         * @param value absolute path in the sandbox
         * @return this
         */
        public Builder workingDirectory(String value) {
            workingDirectory = value;
            return this;
        }

        /**
         * Sets who runs the program.
         *
         * @param newUid user
         * @param newGid group
         * @param newGroups supplementary groups
         * @return this
         */
        public Builder user(int newUid, int newGid, List<Integer> newGroups) {
            uid = newUid;
            gid = newGid;
            groups = newGroups;
            return this;
        }

        /**
         * Sets the node name.
         *
         * @param value at most 64 bytes
         * @return this
         */
        public Builder hostname(String value) {
            hostname = value;
            return this;
        }

        /**
         * Bounds the guests' memory.
         *
         * @param value bytes, 0 for no limit
         * @return this
         */
        public Builder memoryLimitBytes(long value) {
            memoryLimitBytes = value;
            return this;
        }

        /**
         * Adds a mount of a host path.
         *
         * @param volume the mount
         * @return this
         */
        public Builder volume(Volume volume) {
            volumes.add(volume);
            return this;
        }

        /**
         * Traces system calls.
         *
         * @param target null, "-" for standard error, or a path on the host
         * @return this
         */
        public Builder strace(String target) {
            strace = target;
            return this;
        }

        /**
         * Chooses providers.
         *
         * @param value names by kind
         * @return this
         */
        public Builder providers(Map<ProviderKind, String> value) {
            providers = value;
            return this;
        }

        /**
         * Sets what is mounted as the root.
         *
         * @param value a directory of the host or the address of a server, as the provider wants it; null for what the configuration says
         * @return this
         */
        public Builder rootSource(String value) {
            rootSource = value;
            return this;
        }

        /**
         * Sets options of the root's mount.
         *
         * @param value options by name
         * @return this
         */
        public Builder rootOptions(Map<String, String> value) {
            rootOptions = value;
            return this;
        }

        /** {@return the specification} */
        public SandboxSpec build() {
            return new SandboxSpec(id, isControllable, controlDirectory, command, environment, workingDirectory, uid, gid, groups, hostname, memoryLimitBytes, volumes,
                    strace, providers, rootSource, rootOptions);
        }
    }
}
