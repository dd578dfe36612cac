package dev.caisson.cli;

import dev.caisson.cli.completion.Completion;
import dev.caisson.cli.oci.OciLine;
import dev.caisson.cli.oci.OciSyntax;
import dev.caisson.cli.setup.InstallCommand;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.SandboxSpec;
import dev.caisson.control.Volume;
import dev.caisson.gofer.GoferPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns a command line into what it asks for; picocli reads it by the {@link Syntax}. */
final class CommandLineParser {
    private static final List<String> NOTHING = List.of();

    Command parse(List<String> args) {
        if (args.isEmpty()) {
            return new Command.WrongUsage("no command; there are: " + String.join(", ", Syntax.COMMANDS), null);
        }
        // Only the command that the line has need be built, and a directory of another one's name is none. For a message, all are.
        String named = OciLine.commandIn(args);
        CommandLine line = Syntax.commandLine(Syntax.COMMANDS.contains(named) ? List.of(named) : Syntax.COMMANDS);
        try {
            ParseResult top = line.parseArgs(args.toArray(String[]::new));
            if (top.isVersionHelpRequested()) {
                return new Command.Version();
            }
            if (top.isUsageHelpRequested()) {
                return new Command.Help(null);
            }
            ParseResult command = top.subcommand();
            if (command == null) {
                return new Command.WrongUsage("no command; there are: " + String.join(", ", Syntax.COMMANDS), null);
            }
            String name = command.commandSpec().name();
            if (command.isUsageHelpRequested()) {
                return new Command.Help(name);
            }
            try {
                return command(name, command, root(top));
            } catch (IllegalArgumentException e) {
                return new Command.WrongUsage(e.getMessage(), name);
            }
        } catch (ParameterException e) {
            String command = e.getCommandLine().getCommandName();
            return new Command.WrongUsage(message(e), Syntax.COMMANDS.contains(command) ? command : null);
        }
    }

    /**
     * The help text.
     *
     * @param command about which command, or null for all
     * @return the text, lines ended
     */
    static String usage(String command) {
        if (command != null && OciSyntax.COMMANDS.contains(command)) {
            return OciSyntax.usage(command);
        }
        CommandLine line = Syntax.commandLine(Syntax.COMMANDS);
        CommandLine about = command == null ? line : line.getSubcommands().get(command);
        return about.getUsageMessage(CommandLine.Help.Ansi.OFF);
    }

    /** One line that says what is wrong and what would be right. */
    private static String message(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched) {
            return unmatched(unmatched);
        }
        if (e instanceof MissingParameterException missing && missing.getMissing().getFirst() instanceof OptionSpec option) {
            return option.longestName() + " needs a value: " + option.longestName() + " " + option.paramLabel();
        }
        if (e.getArgSpec() instanceof OptionSpec option && option.arity().max() == 0) {
            return option.longestName() + " takes no value";
        }
        String message = e.getCause() instanceof TypeConversionException ? e.getCause().getMessage() : e.getMessage();
        return message.lines().findFirst().orElse("wrong");
    }

    private static String unmatched(UnmatchedArgumentException e) {
        String word = e.getUnmatched().getFirst();
        boolean isOption = word.startsWith("-");
        boolean isTop = e.getCommandLine().getParent() == null;
        if (!isOption && !isTop) {
            return "unexpected " + word;
        }
        int equals = word.indexOf('=');
        String name = isOption && equals > 0 ? word.substring(0, equals) : word;
        List<String> known = new ArrayList<>();
        if (isTop) {
            known.addAll(Syntax.COMMANDS);
        }
        e.getCommandLine().getCommandSpec().options().forEach(option -> known.add(option.longestName()));
        List<String> near = e.getSuggestions();
        return (isOption ? "unknown option " : "unknown command ") + name + (near.isEmpty() ? "" : ", did you mean " + near.getFirst() + "?")
                + "; there are: " + String.join(", ", known);
    }

    private static Path root(ParseResult top) {
        String root = top.matchedOptionValue("--root", (String) null);
        return root == null ? null : Path.of(CallerProcess.decoded(root));
    }

    private static Command command(String name, ParseResult parsed, Path root) {
        return switch (name) {
            case "do" -> doCommand(parsed, root);
            case "swap" -> swapCommand(parsed, root);
            case "diff" -> new Command.Diff(root, required(parsed, 0, "no sandbox: " + Command.Diff.LINE), path(parsed.matchedOptionValue("--output", (String) null)));
            case "shell" -> new Command.Shell(logging(parsed));
            case "gofer" -> new Command.Gofer(new GoferPlan(
                    parsed.matchedPositionalValue(0, NOTHING).stream().map(GoferPlan.Tree::parse).toList(),
                    parsed.matchedOptionValue("--listen", List.<GoferPlan.Door>of()), parsed.matchedOptionValue("--as", (String) null)));
            case "pool" -> pool(parsed, root);
            case "install", "uninstall" -> install(parsed, name.equals("install"));
            case "doctor" -> new Command.Doctor(root, parsed.matchedOptionValue("--json", false));
            case "completion" -> new Command.Complete(oneOf(Completion.SHELLS, required(parsed, 0, "caisson completion SHELL; there are: "
                    + String.join(", ", Completion.SHELLS)), "shell"));
            default -> help(parsed.matchedPositionalValue(0, (String) null));
        };
    }

    private static String oneOf(List<String> words, String word, String what) {
        if (!words.contains(word)) {
            throw new IllegalArgumentException("unknown " + what + " " + word + "; there are: " + String.join(", ", words));
        }
        return word;
    }

    private static Command install(ParseResult parsed, boolean isInstall) {
        List<String> clients = InstallCommand.clients().stream().filter(word -> parsed.matchedOptionValue("--" + word, false)).toList();
        List<String> arguments = isInstall ? parsed.matchedOptionValue("--runtime-arg", NOTHING) : NOTHING;
        InstallCommand.Order order = new InstallCommand.Order(isInstall, clients, path(parsed.matchedOptionValue("--config", (String) null)),
                parsed.matchedOptionValue("--name", "caisson"), isInstall ? path(parsed.matchedOptionValue("--path", (String) null)) : null,
                arguments.stream().map(CallerProcess::decoded).toList());
        InstallCommand.check(order);
        return new Command.Install(order);
    }

    private static Command pool(ParseResult parsed, Path root) {
        String line = "caisson pool start N, or stop, or status";
        PoolAction action = PoolAction.of(oneOf(PoolAction.WORDS, required(parsed, 0, line), "action"));
        String count = parsed.matchedPositionalValue(1, (String) null);
        if ((action == PoolAction.START) != (count != null)) {
            throw new IllegalArgumentException(line);
        }
        if (count == null) {
            return new Command.Pool(root, action, 0);
        }
        if (!count.matches("[0-9]{1,3}") || Integer.parseInt(count) < 1 || Integer.parseInt(count) > PoolAction.MOST) {
            throw new IllegalArgumentException("a pool has 1 to " + PoolAction.MOST + " sandboxes, not " + count);
        }
        return new Command.Pool(root, action, Integer.parseInt(count));
    }

    private static Path path(String raw) {
        return raw == null ? null : Path.of(CallerProcess.decoded(raw));
    }

    private static Command swapCommand(ParseResult parsed, Path root) {
        String kind = required(parsed, 1, Command.Swap.LINE);
        String name = required(parsed, 2, Command.Swap.LINE);
        RootChoice.Root chosen = RootChoice.of(parsed, name);
        Command.Swap swap = new Command.Swap(root, required(parsed, 0, Command.Swap.LINE), kind, name, chosen.source(), chosen.options());
        if (!swap.isFileSystem() && !chosen.isDefault()) {
            throw new IllegalArgumentException("options of a root filesystem are for caisson swap SANDBOX rootfs NAME");
        }
        return swap;
    }

    private static <T> T required(ParseResult parsed, int index, String otherwise) {
        T value = parsed.hasMatchedPositional(index) ? parsed.matchedPositionalValue(index, null) : null;
        if (value == null) {
            throw new IllegalArgumentException(otherwise);
        }
        return value;
    }

    private static Command help(String topic) {
        if (topic != null && !Syntax.COMMANDS.contains(topic)) {
            return new Command.WrongUsage("unknown command " + topic + "; there are: " + String.join(", ", Syntax.COMMANDS), null);
        }
        return new Command.Help(topic);
    }

    private static Logging logging(ParseResult parsed) {
        return new Logging(parsed.matchedOptionValue("--log", (String) null), parsed.matchedOptionValue("--debug", false));
    }

    private static Command doCommand(ParseResult parsed, Path root) {
        List<String> program = parsed.matchedPositionalValue(0, NOTHING);
        if (program.isEmpty()) {
            throw new IllegalArgumentException("no program to run: caisson do [OPTION...] -- CMD [ARG...]");
        }
        SandboxSpec.Builder spec = SandboxSpec.of(program);
        spec.id(parsed.matchedOptionValue("--id", (String) null));
        spec.controlDirectory(root);
        Map<ProviderKind, String> providers = new EnumMap<>(ProviderKind.class);
        for (ProviderKind kind : ProviderKind.values()) {
            String name = parsed.matchedOptionValue("--" + kind.word(), (String) null);
            if (name != null) {
                providers.put(kind, name);
            }
        }
        RootChoice.Root chosen = RootChoice.of(parsed, providers.get(ProviderKind.ROOTFS));
        if (chosen.provider() != null) {
            providers.put(ProviderKind.ROOTFS, chosen.provider());
        }
        spec.rootSource(chosen.source()).rootOptions(chosen.options());
        spec.providers(providers);
        spec.environment(environment(parsed.matchedOptionValue("--env", NOTHING)));
        String cwd = parsed.matchedOptionValue("--cwd", (String) null);
        if (cwd != null && !cwd.startsWith("/")) {
            throw new IllegalArgumentException("--cwd is an absolute path in the sandbox, not " + cwd);
        }
        spec.workingDirectory(cwd == null ? CallerProcess.workingDirectory() : cwd);
        UserIds user = parsed.matchedOptionValue("--user", (UserIds) null);
        if (user == null) {
            spec.user(CallerProcess.statusNumbers("Uid").get(1), CallerProcess.statusNumbers("Gid").get(1),
                    CallerProcess.statusNumbers("Groups"));
        } else {
            spec.user(user.uid(), user.gid(), List.of());
        }
        String hostname = parsed.matchedOptionValue("--hostname", "caisson");
        if (hostname.isEmpty() || hostname.length() > 64) {
            throw new IllegalArgumentException("--hostname has 1 to 64 bytes");
        }
        spec.hostname(hostname);
        spec.memoryLimitBytes(parsed.matchedOptionValue("--memory", 0L));
        parsed.matchedOptionValue("--volume", List.<Volume>of()).forEach(spec::volume);
        String strace = parsed.matchedOptionValue("--strace", (String) null);
        spec.strace(strace != null && strace.isEmpty() ? Syntax.STANDARD_ERROR : strace);
        return new Command.Do(spec.build(), logging(parsed));
    }

    private static List<String> environment(List<String> settings) {
        List<String> environment = new ArrayList<>(CallerProcess.environment());
        for (String setting : settings) {
            String name = setting.substring(0, setting.indexOf('=') + 1);
            environment.removeIf(entry -> entry.startsWith(name));
            environment.add(setting);
        }
        return environment;
    }
}
