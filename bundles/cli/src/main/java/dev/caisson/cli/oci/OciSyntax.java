package dev.caisson.cli.oci;

import dev.caisson.cli.completion.CommandModel;
import dev.caisson.cli.completion.CommandModel.Values;
import dev.caisson.oci.runtime.SignalNames;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The commands of OCI runtimes and their options, named as runc names them. What runc takes and Caisson does not is in no list, and so is
 * refused by its name.
 */
public final class OciSyntax {
    /**
     * An option.
     *
     * @param name with two dashes; one will do, as in Go's programs
     * @param alias one letter with its dash, or empty
     * @param label of its value; empty for a switch
     * @param isList whether it may be repeated
     * @param description for the help
     */
    record Option(String name, String alias, String label, boolean isList, String description) {
        boolean hasValue() {
            return !label.isEmpty();
        }

        boolean isNamed(String word) {
            return word.equals(name) || word.equals(name.substring(1)) || !alias.isEmpty() && word.equals(alias);
        }
    }

    /**
     * A command.
     *
     * @param words what follows the options, for the help
     * @param least how many words there have to be
     * @param most how many there may be
     * @param endsAtWord whether what follows the first word is another program's
     * @param description for the help
     * @param options its own
     */
    record Form(String words, int least, int most, boolean endsAtWord, String description, List<Option> options) {}

    private static final int ANY = Integer.MAX_VALUE;

    /** Options before the command. */
    static final List<Option> GLOBAL = List.of(
            value("--root", "DIR", "Directory of the containers (default: /run/caisson for root, else $XDG_RUNTIME_DIR/caisson)."),
            value("--log", "FILE", "Append errors and warnings to FILE (default: standard error only)."),
            value("--log-format", "text|json", "Form of the log's lines (default: text)."),
            flag("--debug", "", "Write debug messages to the log of the container's sandbox, sandbox.log in its directory."),
            flag("--systemd-cgroup", "", "Take linux.cgroupsPath as SLICE:PREFIX:NAME; it is checked for that form."),
            value("--cgroup-manager", "cgroupfs|systemd|disabled", "As crun's, for podman: systemd is --systemd-cgroup, disabled makes no group."),
            value("--rootless", "true|false|auto", "Default: auto; false fails for others than root, nothing else depends on it."),
            value("--platform", "NAME", "Platform of a sandbox that is made by this command (default: etc/caisson.platform.cfg; annotations may say another)."),
            value("--network", "NAME", "Network of a sandbox that is made by this command (default: etc/caisson.network.cfg; annotations may say another)."));

    private static final Option BUNDLE = new Option("--bundle", "-b", "DIR", false, "Directory of config.json (default: the working directory).");
    private static final Option CONSOLE = value("--console-socket", "PATH", "UNIX socket that gets the master side of the terminal.");
    private static final Option PID_FILE = value("--pid-file", "FILE", "File that gets the process id: a process that ends as the program does.");
    private static final Option PRESERVE = value("--preserve-fds", "N", "Descriptors to pass on, from 3 on (default: 0).");
    private static final Option DETACH = flag("--detach", "-d", "Return when the program has started.");
    private static final List<Option> CREATE = List.of(BUNDLE, CONSOLE, PID_FILE, PRESERVE,
            flag("--no-pivot", "", "For runc's clients: without effect, the root is one of Caisson's kernel, which pivots nothing."),
            flag("--no-new-keyring", "", "For runc's clients: without effect, no keyring of the host is ever made."));

    private static final Map<String, Form> FORMS = forms();
    /** Every command, in the order of the help. */
    public static final List<String> COMMANDS = List.copyOf(FORMS.keySet());
    /** Those that turn into a sandbox, or into the companion of a process in one. */
    static final Set<String> RUNNING = Set.of("create", "run", "exec");

    private OciSyntax() {}

    private static Option value(String name, String label, String description) {
        return new Option(name, "", label, false, description);
    }

    private static Option list(String name, String alias, String label, String description) {
        return new Option(name, alias, label, true, description);
    }

    private static Option flag(String name, String alias, String description) {
        return new Option(name, alias, "", false, description);
    }

    private static Form container(String description, Option... options) {
        return new Form("CONTAINER", 1, 1, false, description, List.of(options));
    }

    private static Map<String, Form> forms() {
        Map<String, Form> forms = new LinkedHashMap<>();
        forms.put("create", new Form("CONTAINER", 1, 1, false, "Makes a container of a bundle; its program waits for start.", CREATE));
        forms.put("start", container("Starts the program of a container that was created."));
        List<Option> run = new ArrayList<>(CREATE);
        run.add(DETACH);
        run.add(flag("--keep", "", "Keep the container when its program is over; delete removes it."));
        run.add(flag("--no-subreaper", "", "For runc's clients: without effect, this process is never a subreaper."));
        forms.put("run", new Form("CONTAINER", 1, 1, false, "Makes a container, starts it, and removes it when its program is over.",
                List.copyOf(run)));
        forms.put("exec", new Form("CONTAINER [COMMAND [ARG...]]", 1, ANY, true, "Runs another program in a container.", List.of(
                new Option("--process", "-p", "FILE", false, "JSON of the process to run, in place of command and options."),
                flag("--tty", "-t", "Give the program a terminal."), CONSOLE, DETACH, PID_FILE, PRESERVE,
                value("--cwd", "DIR", "Working directory (default: that of the container's process)."),
                list("--env", "-e", "K=V", "Set an environment variable."),
                new Option("--user", "-u", "UID[:GID]", false, "User and group (default: those of the container's process)."),
                list("--additional-gids", "-g", "GID", "A supplementary group."),
                list("--cap", "-c", "CAP", "Add a capability."),
                flag("--no-new-privs", "", "Programs gain no privileges by execve(2)."),
                flag("--ignore-paused", "", "Start the program in a paused container, too; it runs when that goes on."))));
        forms.put("state", container("Shows a container as JSON."));
        forms.put("kill", new Form("CONTAINER [SIGNAL]", 1, 2, false, "Sends a signal (default: TERM) to the program of a container.",
                List.of(flag("--all", "-a", "Send it to every process of the container."))));
        forms.put("delete", container("Removes a container that has stopped, or that was not started.",
                flag("--force", "-f", "End its processes first; a container that is not there is fine.")));
        forms.put("list", new Form("", 0, 0, false, "Lists containers and sandboxes.", List.of(
                new Option("--format", "-f", "table|json", false, "Form of the answer (default: table)."), flag("--quiet", "-q", "Names only."))));
        forms.put("ps", new Form("CONTAINER [-ef]", 1, 2, true, "Shows the processes of a container.", List.of(new Option("--format", "-f", "table|json",
                false, "table (default), of the container's processes; or json: those of the host that stand for them."))));
        forms.put("pause", container("Lets all processes of a container stand still."));
        forms.put("resume", container("Lets the processes of a paused container go on."));
        forms.put("events", container("Shows what a container uses, as a line of JSON in each interval.",
                value("--interval", "TIME", "Time between two lines, as 5s or 500ms (default: 5s)."), flag("--stats", "", "Show one line only.")));
        forms.put("update", container("Changes limits of a container.",
                new Option("--resources", "-r", "FILE", false, "JSON of the resources; - is standard input."),
                value("--memory", "BYTES", "The most memory its programs may use; -1 for all."),
                value("--memory-reservation", "BYTES", "Soft limit of memory."), value("--memory-swap", "BYTES", "Memory and swap together; -1 for all."),
                value("--kernel-memory", "BYTES", "Without effect, as in runc."), value("--kernel-memory-tcp", "BYTES", "Memory of TCP buffers."),
                value("--cpu-period", "US", "Length of a period."), value("--cpu-quota", "US", "Time of processors in each period; -1 for all."),
                value("--cpu-burst", "US", "Time that may be saved up."), value("--cpu-share", "N", "Relative share of processors."),
                value("--cpu-rt-period", "US", "Length of a period for real-time tasks."),
                value("--cpu-rt-runtime", "US", "Time for real-time tasks in each period."), value("--cpu-idle", "N", "1 for SCHED_IDLE."),
                value("--cpuset-cpus", "LIST", "Processors, such as 0-2,7."), value("--cpuset-mems", "LIST", "Memory nodes, such as 0."),
                value("--pids-limit", "N", "Most tasks of its programs; -1 for no limit."),
                value("--blkio-weight", "N", "Weight of its input and output, 10 to 1000.")));
        forms.put("wait", container("Waits until the program of a container is over, and shows its exit status as JSON."));
        forms.put("spec", new Form("", 0, 0, false, "Writes a config.json to begin with.",
                List.of(BUNDLE, flag("--rootless", "", "For a container of an ordinary user."))));
        forms.put("features", new Form("", 0, 0, false, "Shows as JSON what this runtime can do.", List.of()));
        return forms;
    }

    /**
     * Finds a command.
     *
     * @param name its name
     * @return the command, or null
     */
    static Form form(String name) {
        return FORMS.get(name);
    }

    /**
     * A command for completion.
     *
     * @param name its name; empty for the options before commands
     * @return the model
     */
    public static CommandModel model(String name) {
        if (name.isEmpty()) {
            return new CommandModel("", "", models(GLOBAL), List.of());
        }
        Form form = FORMS.get(name);
        List<Values> words = new ArrayList<>();
        for (String label : form.words().isEmpty() ? new String[0] : form.words().split(" ")) {
            String bare = label.replaceAll("[\\[\\]]|\\.\\.\\.", "");
            words.add(bare.equals("SIGNAL") ? Values.of(SignalNames.all()) : Values.ofLabel(bare));
            if (form.endsAtWord()) {
                break; // what follows is another program's
            }
        }
        return new CommandModel(name, form.description(), models(form.options()), words);
    }

    private static List<CommandModel.Option> models(List<Option> options) {
        return options.stream().map(option -> new CommandModel.Option(option.alias().isEmpty() ? List.of(option.name())
                : List.of(option.alias(), option.name()), option.label(), option.description(), Values.ofLabel(option.label()))).toList();
    }

    /**
     * The help of a command.
     *
     * @param name its name
     * @return lines, each ended
     */
    public static String usage(String name) {
        Form form = FORMS.get(name);
        StringBuilder text = new StringBuilder("Usage: caisson " + name + " [OPTION...]" + (form.words().isEmpty() ? "" : " ")
                + form.words() + "\n" + form.description() + "\n");
        append(text, form.options());
        text.append("Options before the command:\n");
        append(text, GLOBAL);
        return text.toString();
    }

    private static void append(StringBuilder text, List<Option> options) {
        int width = 28;
        for (Option option : options) {
            String names = (option.alias().isEmpty() ? "      " : "  " + option.alias() + ", ") + option.name()
                    + (option.hasValue() ? " " + option.label() : "");
            text.append(names).append(" ".repeat(Math.max(1, width - names.length()))).append(option.description()).append('\n');
        }
    }

    /**
     * What a command does, for the list of all.
     *
     * @param name its name
     * @return one line
     */
    public static String description(String name) {
        return FORMS.get(name).description();
    }
}
