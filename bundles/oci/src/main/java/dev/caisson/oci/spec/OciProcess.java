package dev.caisson.oci.spec;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A program to run in a container: {@code process} of config.json, and what {@code exec --process} reads.
 *
 * @param terminal whether its standard descriptors are a terminal
 * @param consoleSize the terminal's size, or null
 * @param cwd absolute working directory in the container
 * @param env {@code NAME=value}
 * @param args the program and its arguments; at least one
 * @param user who runs it
 * @param capabilities its capability sets; {@link OciCapabilities#NONE} when nothing is said
 * @param rlimits resource limits, of different types
 * @param noNewPrivileges whether programs gain no privileges by execve(2)
 * @param oomScoreAdj -1000 to 1000, or null
 * @param apparmorProfile profile of the host's AppArmor; empty for none
 * @param selinuxLabel label of the host's SELinux; empty for none
 * @param ioPriority I/O scheduling, or null
 * @param scheduler processor scheduling, or null
 */
public record OciProcess(boolean terminal, ConsoleSize consoleSize, String cwd, List<String> env, List<String> args, OciUser user,
        OciCapabilities capabilities, List<OciRlimit> rlimits, boolean noNewPrivileges, Integer oomScoreAdj, String apparmorProfile,
        String selinuxLabel, OciIoPriority ioPriority, OciScheduler scheduler) {
    private static final int MOST_SIZE = 65535;

    /**
     * The size of a terminal.
     *
     * @param height rows
     * @param width columns
     */
    public record ConsoleSize(int height, int width) {}

    /** Copies what could change. */
    public OciProcess {
        env = List.copyOf(env);
        args = List.copyOf(args);
        rlimits = List.copyOf(rlimits);
    }

    /**
     * Reads a file with a process, as {@code exec --process} takes it.
     *
     * @param file JSON
     * @return the process
     * @throws OciConfigException when it cannot be used
     */
    public static OciProcess read(Path file) throws OciConfigException {
        return of(SpecNode.document(OciConfig.bytes(file, "")));
    }

    /**
     * Checks a process on its own.
     *
     * @param json the process object
     * @return the process
     * @throws OciConfigException when it cannot be used; paths begin at the process
     */
    public static OciProcess parse(String json) throws OciConfigException {
        return of(SpecNode.document(json.getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * The same with what {@code exec} takes on its command line.
     *
     * @param newArgs program and arguments
     * @param newEnv whole environment
     * @param newCwd absolute working directory
     * @return the process
     */
    public OciProcess with(List<String> newArgs, List<String> newEnv, String newCwd) {
        return new OciProcess(terminal, consoleSize, newCwd, newEnv, newArgs, user, capabilities, rlimits, noNewPrivileges, oomScoreAdj,
                apparmorProfile, selinuxLabel, ioPriority, scheduler);
    }

    /**
     * The same for another user.
     *
     * @param newUser who
     * @return the process
     */
    public OciProcess with(OciUser newUser) {
        return new OciProcess(terminal, consoleSize, cwd, env, args, newUser, capabilities, rlimits, noNewPrivileges, oomScoreAdj,
                apparmorProfile, selinuxLabel, ioPriority, scheduler);
    }

    /**
     * The same with other rights.
     *
     * @param newCapabilities capability sets
     * @param newNoNewPrivileges whether programs gain no privileges
     * @return the process
     */
    public OciProcess with(OciCapabilities newCapabilities, boolean newNoNewPrivileges) {
        return new OciProcess(terminal, consoleSize, cwd, env, args, user, newCapabilities, rlimits, newNoNewPrivileges, oomScoreAdj,
                apparmorProfile, selinuxLabel, ioPriority, scheduler);
    }

    /**
     * The same with or without a terminal.
     *
     * @param newTerminal whether it has one
     * @param size of the terminal, or null
     * @return the process
     */
    public OciProcess with(boolean newTerminal, ConsoleSize size) {
        return new OciProcess(newTerminal, size, cwd, env, args, user, capabilities, rlimits, noNewPrivileges, oomScoreAdj, apparmorProfile,
                selinuxLabel, ioPriority, scheduler);
    }

    static OciProcess of(SpecNode node) throws OciConfigException {
        boolean terminal = node.flag("terminal");
        ConsoleSize size = consoleSize(node.object("consoleSize"));
        String cwd = node.absolutePath("cwd");
        List<String> args = node.textList("args");
        if (args.isEmpty()) {
            throw node.error("args", "needs at least one entry");
        }
        if (args.getFirst().isEmpty()) {
            throw node.error("args", "[0] is empty");
        }
        List<String> env = node.textList("env");
        for (int i = 0; i < env.size(); i++) {
            if (env.get(i).indexOf('=') <= 0) {
                throw node.error("env", "[" + i + "] has not the form NAME=value: " + env.get(i));
            }
        }
        SpecNode user = node.object("user");
        List<OciRlimit> rlimits = new ArrayList<>();
        Set<String> types = new HashSet<>();
        for (SpecNode each : node.list("rlimits")) {
            OciRlimit limit = OciRlimit.of(each);
            if (!types.add(limit.type())) {
                throw each.error("type", limit.type() + " is there twice");
            }
            rlimits.add(limit);
        }
        String apparmor = label(node, "apparmorProfile", "AppArmor");
        String selinux = label(node, "selinuxLabel", "SELinux");
        if (node.get("execCPUAffinity") != null) {
            throw node.error("execCPUAffinity", "is not supported");
        }
        OciCapabilities capabilities = OciCapabilities.of(node.object("capabilities"));
        return new OciProcess(terminal, size, cwd, env, args, OciUser.of(user), capabilities, rlimits, node.flag("noNewPrivileges"),
                node.integer("oomScoreAdj", -1000, 1000), apparmor, selinux, OciIoPriority.of(node.object("ioPriority")),
                OciScheduler.of(node.object("scheduler")));
    }

    /** The kernel of the sandbox has no security module: where the host's engine names a profile for every container, one line says so. */
    private static String label(SpecNode node, String member, String module) throws OciConfigException {
        String label = node.text(member, "");
        if (!label.isEmpty() && !label.equals("unconfined")) {
            node.get(member).warn("the sandbox' kernel has no " + module + "; " + label + " confines nothing in it");
        }
        return label;
    }

    private static ConsoleSize consoleSize(SpecNode node) throws OciConfigException {
        if (node == null) {
            return null;
        }
        return new ConsoleSize((int) node.require("height").number(0, MOST_SIZE), (int) node.require("width").number(0, MOST_SIZE));
    }
}
