package dev.caisson.cli;

import dev.caisson.cli.OptionTable.Option;
import dev.caisson.cli.OptionTable.Parsed;
import dev.caisson.cli.OptionTable.Value;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.Volume;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The command line. */
final class CommandLineParser {
    private static final Option LOG =
            new Option("--log", Value.ONE, "FILE", "Write the log to FILE (default: errors only, to standard error).");
    private static final Option DEBUG = new Option("--debug", Value.NONE, null, "Log debug messages.");
    private static final Option HELP = new Option("--help", Value.NONE, null, "Show this help.");

    static final OptionTable DO = new OptionTable(List.of(
            new Option("--platform", Value.ONE, "NAME", "How guest code runs."),
            new Option("--rootfs", Value.ONE, "NAME", "What serves the root filesystem."),
            new Option("--network", Value.ONE, "NAME", "What serves sockets."),
            new Option("--syscalls", Value.ONE, "NAME", "Which system-call table answers."),
            new Option("--cwd", Value.ONE, "DIR", "Working directory in the sandbox (default: the caller's)."),
            new Option("--env", Value.MANY, "K=V", "Set an environment variable; may be repeated."),
            new Option("--user", Value.ONE, "UID[:GID]", "User and group of the program (default: the caller's)."),
            new Option("--hostname", Value.ONE, "NAME", "Node name of the sandbox (default: caisson)."),
            new Option("--memory", Value.ONE, "BYTES", "The most memory guests may use; K, M, G and T multiply."),
            new Option("--volume", Value.MANY, "HOST:GUEST[:ro]", "Mount a directory or file of the host; may be repeated."),
            new Option("--strace", Value.OPTIONAL, "FILE", "Write every system call to standard error, or to FILE."),
            LOG, DEBUG, HELP));

    static final OptionTable SHELL = new OptionTable(List.of(LOG, DEBUG, HELP));

    Command parse(List<String> args) {
        if (args.isEmpty()) {
            return new Command.WrongUsage("no command", null);
        }
        String name = args.getFirst();
        List<String> rest = args.subList(1, args.size());
        try {
            return switch (name) {
                case "do" -> doCommand(DO.parse(rest));
                case "shell" -> shellCommand(SHELL.parse(rest));
                case "help" -> help(rest);
                case "--help", "-h" -> new Command.Help(null);
                case "--version", "-V" -> new Command.Version();
                default -> new Command.WrongUsage(
                        (name.startsWith("-") ? "unknown option " : "unknown command ") + name
                        + "; there are: do, shell, help, --help, --version", null);
            };
        } catch (IllegalArgumentException e) {
            return new Command.WrongUsage(e.getMessage(), name);
        }
    }

    private static Command help(List<String> rest) {
        String topic = rest.isEmpty() ? null : rest.getFirst();
        if (topic != null && !topic.equals("do") && !topic.equals("shell") && !topic.equals("help")) {
            return new Command.WrongUsage("unknown command " + topic + "; there are: do, shell, help", null);
        }
        return new Command.Help(topic);
    }

    private static Logging logging(Parsed parsed) {
        return new Logging(parsed.value("--log", null), parsed.has("--debug"));
    }

    private static Command shellCommand(Parsed parsed) {
        if (!parsed.rest().isEmpty()) {
            throw new IllegalArgumentException("unexpected " + parsed.rest().getFirst());
        }
        return parsed.has("--help") ? new Command.Help("shell") : new Command.Shell(logging(parsed));
    }

    private static Command doCommand(Parsed parsed) {
        if (parsed.has("--help")) {
            return new Command.Help("do");
        }
        if (parsed.rest().isEmpty()) {
            throw new IllegalArgumentException("no program to run: caisson do [OPTION...] -- CMD [ARG...]");
        }
        SandboxSpec.Builder spec = SandboxSpec.of(parsed.rest());
        Map<ProviderKind, String> providers = new EnumMap<>(ProviderKind.class);
        for (ProviderKind kind : ProviderKind.values()) {
            String name = parsed.value("--" + kind.word(), null);
            if (name != null) {
                providers.put(kind, name);
            }
        }
        spec.providers(providers);
        spec.environment(environment(parsed.all("--env")));
        String cwd = parsed.value("--cwd", null);
        if (cwd != null && !cwd.startsWith("/")) {
            throw new IllegalArgumentException("--cwd is an absolute path in the sandbox, not " + cwd);
        }
        spec.workingDirectory(cwd == null ? CallerProcess.workingDirectory() : cwd);
        user(spec, parsed.value("--user", null));
        String hostname = parsed.value("--hostname", "caisson");
        if (hostname.isEmpty() || hostname.length() > 64) {
            throw new IllegalArgumentException("--hostname has 1 to 64 bytes");
        }
        spec.hostname(hostname);
        String memory = parsed.value("--memory", null);
        if (memory != null) {
            spec.memoryLimitBytes(Sizes.parse(memory));
        }
        for (String volume : parsed.all("--volume")) {
            spec.volume(Volume.parse(volume));
        }
        String strace = parsed.value("--strace", null);
        spec.strace(strace != null && strace.isEmpty() ? "-" : strace);
        return new Command.Do(spec.build(), logging(parsed));
    }

    private static List<String> environment(List<String> settings) {
        List<String> environment = new ArrayList<>(CallerProcess.environment());
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            if (equals <= 0) {
                throw new IllegalArgumentException("--env takes NAME=value, not " + setting);
            }
            String name = setting.substring(0, equals + 1);
            environment.removeIf(entry -> entry.startsWith(name));
            environment.add(setting);
        }
        return environment;
    }

    private static void user(SandboxSpec.Builder spec, String text) {
        if (text == null) {
            spec.user(CallerProcess.statusNumbers("Uid").get(1), CallerProcess.statusNumbers("Gid").get(1),
                    CallerProcess.statusNumbers("Groups"));
            return;
        }
        int colon = text.indexOf(':');
        try {
            int uid = Integer.parseUnsignedInt(colon < 0 ? text : text.substring(0, colon));
            int gid = colon < 0 ? uid : Integer.parseUnsignedInt(text.substring(colon + 1));
            spec.user(uid, gid, List.of());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("--user takes numbers, UID[:GID], not " + text, e);
        }
    }
}
