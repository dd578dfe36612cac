package dev.caisson.cli;

import dev.caisson.cli.completion.Completion;
import dev.caisson.cli.oci.OciSyntax;
import dev.caisson.cli.setup.InstallCommand;
import dev.caisson.control.ProviderKind;
import dev.caisson.control.Sizes;
import dev.caisson.control.Volume;
import dev.caisson.gofer.GoferPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * The commands and their options, declared with picocli's programmatic model: annotations would be read by reflection at every start.
 */
final class Syntax {
    /** Every command, in the order of the help. */
    static final List<String> COMMANDS = Stream.of(List.of("do"), OciSyntax.COMMANDS,
            List.of("swap", "diff", "shell", "gofer", "pool", "install", "uninstall", "doctor", "completion", "help"))
            .flatMap(List::stream).toList();

    /** Stands for "standard error" as a trace's file. */
    static final String STANDARD_ERROR = "-";

    private static final CommandLine.IFactory FACTORY = new Factory();

    static {
        // picocli looks converters of java.time and java.sql up by reflection; no option here has such a type.
        System.setProperty("picocli.converters.excludes", ".*");
    }

    private Syntax() {}

    /** Makes picocli's collections. Its own factory searches the class path for Groovy first. */
    private static final class Factory implements CommandLine.IFactory {
        @Override
        public <K> K create(Class<K> type) throws Exception {
            return type == List.class ? type.cast(new ArrayList<>()) : type.getDeclaredConstructor().newInstance();
        }
    }

    /**
     * Builds the parser.
     *
     * @param names the commands that it has to know
     * @return the parser of the whole line
     */
    static CommandLine commandLine(List<String> names) {
        CommandSpec top = spec("caisson", "Runs programs in sandboxes whose Linux kernel is Caisson.");
        top.addOption(OptionSpec.builder("--root").paramLabel("DIR").type(String.class).description(
                "Directory of containers and control sockets (default: /run/caisson for root, else $XDG_RUNTIME_DIR/caisson).").build());
        top.addOption(OptionSpec.builder("-V", "--version").versionHelp(true).description("Show the version.").build());
        CommandLine line = new CommandLine(top, FACTORY);
        for (String name : names) {
            line.addSubcommand(name, new CommandLine(command(name), FACTORY));
        }
        line.setExpandAtFiles(false).setPosixClusteredShortOptionsAllowed(false).setOverwrittenOptionsAllowed(true)
                .setStopAtPositional(true).setUsageHelpWidth(110);
        for (String name : List.of("gofer", "swap", "diff", "pool", "install", "uninstall", "completion")) {
            if (names.contains(name)) {
                line.getSubcommands().get(name).setStopAtPositional(false); // no words of another program follow
            }
        }
        return line;
    }

    private static CommandSpec command(String name) {
        return switch (name) {
            case "do" -> run();
            case "swap" -> swap();
            case "diff" -> diff();
            case "shell" -> withLogging(spec("shell", "Opens the operator's shell of a container without a program."));
            case "gofer" -> gofer();
            case "pool" -> pool();
            case "install" -> install();
            case "uninstall" -> clients(spec(name, "Takes Caisson out of the configuration of programs that start containers."), "was entered");
            case "doctor" -> doctor();
            case "completion" -> words(spec(name, "Writes a script by which a shell completes command lines of caisson."), "0", "SHELL", Completion.SHELLS,
                    "One of " + String.join(", ", Completion.SHELLS) + "; the script says how to load it.");
            case "help" -> words(spec(name, "Explains a command."), "0", "COMMAND", COMMANDS, "The command to explain.");
            default -> spec(name, OciSyntax.description(name)); // read elsewhere: here for the list of commands
        };
    }

    private static CommandSpec run() {
        CommandSpec spec = spec("do", "Runs a program in a new sandbox.",
                "Its root is the host's root filesystem, read-only, under a layer in memory: nothing the program",
                "does changes the host. Environment, working directory and user are the caller's. The exit status",
                "is the program's, or 128 plus the number of the signal that killed it; 127: there is no such",
                "program; 126: it cannot be executed; 125: Caisson failed; 2: the command line is wrong.");
        option(spec, "--id", "NAME", "Name of the sandbox for other commands (default: do- and the process id).");
        option(spec, "--platform", "NAME", "How guest code runs; auto takes the fastest that works here.");
        option(spec, "--rootfs", "NAME", "What serves the root filesystem.");
        withRoot(spec);
        option(spec, "--network", "NAME", "What serves sockets.");
        option(spec, "--syscalls", "NAME", "Which system-call table answers.");
        option(spec, "--cwd", "DIR", "Working directory in the sandbox (default: the caller's).");
        options(spec, "--env", "K=V", "Set an environment variable; may be repeated.", String.class, Syntax::setting);
        spec.addOption(OptionSpec.builder("--user").paramLabel("UID[:GID]").type(UserIds.class).converters(converter(UserIds::parse))
                .description("User and group of the program (default: the caller's).").build());
        option(spec, "--hostname", "NAME", "Node name of the sandbox (default: caisson).");
        spec.addOption(OptionSpec.builder("--memory").paramLabel("BYTES").type(Long.class).converters(converter(Sizes::parse))
                .description("The most memory guests may use; K, M, G and T multiply.").build());
        options(spec, "--volume", "HOST:GUEST[:ro][:9p][:cache=shared|exclusive]", "Mount a directory or file of the host, through a gofer "
                + "with 9p; may be repeated.", Volume.class, Volume::parse);
        spec.addOption(OptionSpec.builder("--strace").paramLabel("FILE").arity("0..1").type(String.class)
                .preprocessor((words, command, argument, details) -> {
                    // Without an equals sign the next word is not the option's: it may be the program.
                    if (!"=".equals(details.get("separator"))) {
                        words.push(STANDARD_ERROR);
                    }
                    return false;
                }).description("Write every system call to standard error, or to FILE.").build());
        withLogging(spec);
        positional(spec, "0..*", "CMD [ARG...]", "The program and its arguments, best after --.");
        spec.parser().stopAtPositional(true);
        return spec;
    }

    private static CommandSpec swap() {
        String kinds = String.join(", ", Arrays.stream(ProviderKind.values()).map(ProviderKind::word).toList());
        CommandSpec spec = withSandbox(spec("swap", "Gives a running sandbox another platform, root filesystem, network or system-call table.",
                "The programs in it go on. When the new one fails, the sandbox keeps the old one. Files that cannot be had from",
                "a new root filesystem (those without a name, those that changed meanwhile) stay with the old one until they are",
                "closed, and are listed."));
        spec.addPositional(PositionalParamSpec.builder().index("1").arity("0..1").paramLabel("KIND").type(String.class)
                .completionCandidates(Arrays.stream(ProviderKind.values()).map(ProviderKind::word).toList()).converters(converter(Syntax::kind)).description("One of " + kinds + ", or " + Command.Swap.VOLUME
                        + "PATH for what is mounted on PATH in the sandbox.").build());
        spec.addPositional(PositionalParamSpec.builder().index("2").arity("0..1").paramLabel("NAME").type(String.class)
                .description("Name of the provider.").build());
        withRoot(spec);
        return spec;
    }

    private static CommandSpec diff() {
        CommandSpec spec = withSandbox(spec("diff", "Writes what the programs of a sandbox have changed in its root filesystem.",
                "The form is that of a layer of an OCI image (tar): caisson do --lower FILE takes it. Programs go on meanwhile;",
                "each file is written as it is when its turn comes."));
        spec.addOption(OptionSpec.builder("-o", "--output").paramLabel("FILE").type(String.class)
                .description("Write to FILE (default: standard output).").build());
        return spec;
    }

    /** What a root filesystem is made of. */
    private static CommandSpec withRoot(CommandSpec spec) {
        spec.addOption(OptionSpec.builder("--rootfs-source", "--root").paramLabel("SOURCE").type(String.class)
                .description("What is the root: a directory of the host, or what the provider takes (default: /).").build());
        option(spec, "--9p-server", "ADDRESS", "What --rootfs 9p (or overlay+9p) mounts: unix:PATH, tcp:HOST:PORT, or a directory of the "
                + "host for a gofer; options, such as aname=TREE, follow behind commas.");
        options(spec, "--lower", "DIR|FILE.tar[.gz]", "Lower layer of an overlay, in place of the source: a directory, an image layer, or "
                + "PROVIDER:SOURCE; may be repeated, topmost first.", String.class, text -> text);
        option(spec, "--rootfs-upper", "memory|DIR", "Where an overlay keeps changes: with the sandbox (default), or in a directory of the host.");
        spec.addOption(OptionSpec.builder("--rootfs-size").paramLabel("BYTES").type(Long.class).converters(converter(Sizes::parse))
                .description("The most an overlay's changes may take; K, M, G and T multiply.").build());
        return spec;
    }

    private static CommandSpec gofer() {
        CommandSpec spec = spec("gofer", "Serves directories of the host by 9P2000.L, from a process that shuts itself in.",
                "Names are resolved below each directory, links are never followed, and of what is there only files and",
                "directories are opened. Its system calls are listed in docs/gofer-calls.md.");
        options(spec, "--listen", "SOCKET", "unix:PATH, tcp:HOST:PORT, or fd:N for a connected one; may be repeated.", GoferPlan.Door.class,
                GoferPlan.Door::parse);
        option(spec, "--as", "UID[:GID]", "As whom every client works (default: as whom it attaches, if it may; TCP needs this).");
        positional(spec, "0..*", "[NAME=]DIR[:ro]...", "The directories, and what clients attach to (default: the path).");
        return spec;
    }

    private static CommandSpec pool() {
        CommandSpec spec = spec("pool", "Keeps started sandboxes, which create and run take in place of starting their own.",
                "start N keeps N of them ready, each made anew for one container; stop ends those that nobody has taken,",
                "and whoever keeps them; status shows what there is. A pool is its user's: whatever --root containers have, they take",
                "a sandbox of it, if it is as one would be started now. N may be changed by another start.");
        words(spec, "0", "ACTION", PoolAction.WORDS, "One of " + String.join(", ", PoolAction.WORDS) + ".");
        spec.addPositional(PositionalParamSpec.builder().index("1").arity("0..1").paramLabel("N").type(String.class)
                .description("How many, for start.").build());
        return spec;
    }

    private static CommandSpec install() {
        CommandSpec spec = clients(spec("install", "Enters Caisson as a runtime into the configuration of programs that start containers.",
                "All else in the file stays, the file as it was is kept beside it, and a second time changes nothing."), "is entered");
        option(spec, "--path", "FILE", "The program to enter (default: bin/caisson of this installation).");
        options(spec, "--runtime-arg", "ARG", "What Docker puts before each command, such as --debug; may be repeated.", String.class, text -> text);
        return spec;
    }

    /** Which program's configuration, and what name. */
    private static CommandSpec clients(CommandSpec spec, String verb) {
        List<String> titles = InstallCommand.titles();
        for (int i = 0; i < titles.size(); i++) {
            String word = InstallCommand.clients().get(i);
            spec.addOption(OptionSpec.builder("--" + word).description("That of " + titles.get(i) + ": " + InstallCommand.file(word, null) + ".").build());
        }
        option(spec, "--config", "FILE", "That of another file.");
        option(spec, "--name", "NAME", "By which the runtime " + verb + " and chosen (default: caisson).");
        return spec;
    }

    private static CommandSpec doctor() {
        CommandSpec spec = spec("doctor", "Looks at this machine and says what Caisson finds, what that means, and what to do.",
                "The exit status is 1 when something keeps sandboxes from working, otherwise 0.");
        spec.addOption(OptionSpec.builder("--json").description("For programs.").build());
        return spec;
    }

    private static CommandSpec words(CommandSpec spec, String index, String label, List<String> candidates, String description) {
        return spec.addPositional(PositionalParamSpec.builder().index(index).arity("0..1").paramLabel(label).type(String.class)
                .completionCandidates(candidates).description(description).build());
    }

    private static CommandSpec spec(String name, String... description) {
        CommandSpec spec = CommandSpec.wrapWithoutInspection(null, FACTORY).name(name);
        spec.usageMessage().description(description).sortOptions(false);
        spec.addOption(OptionSpec.builder("-h", "--help").usageHelp(true).order(1000).description("Show this help.").build());
        return spec;
    }

    private static CommandSpec withLogging(CommandSpec spec) {
        option(spec, "--log", "FILE", "Write the log to FILE (default: errors only, to standard error).");
        spec.addOption(OptionSpec.builder("--debug").description("Log debug messages.").build());
        return spec;
    }

    private static CommandSpec withSandbox(CommandSpec spec) {
        return spec.addPositional(PositionalParamSpec.builder().index("0").arity("0..1").paramLabel("SANDBOX").type(String.class)
                .description("Its name, as caisson list shows it.").build());
    }

    private static CommandSpec positional(CommandSpec spec, String arity, String label, String description) {
        return spec.addPositional(PositionalParamSpec.builder().index("0..*").arity(arity).paramLabel(label).hideParamSyntax(true)
                .type(List.class).auxiliaryTypes(String.class).description(description).build());
    }

    private static void option(CommandSpec spec, String name, String label, String description) {
        spec.addOption(OptionSpec.builder(name).paramLabel(label).type(String.class).description(description).build());
    }

    private static <T> void options(CommandSpec spec, String name, String label, String description, Class<T> type, Reader<T> reader) {
        spec.addOption(OptionSpec.builder(name).paramLabel(label).arity("1").type(List.class).auxiliaryTypes(type)
                .converters(converter(reader)).description(description).build());
    }

    /** Reads a value; an IllegalArgumentException says in its message what would be right. */
    private interface Reader<T> {
        T read(String text);
    }

    private static <T> ITypeConverter<T> converter(Reader<T> reader) {
        return text -> {
            try {
                return reader.read(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        };
    }

    private static String setting(String text) {
        if (text.indexOf('=') <= 0) {
            throw new IllegalArgumentException("--env takes NAME=value, not " + text);
        }
        return text;
    }

    private static String kind(String word) {
        return word.startsWith(Command.Swap.VOLUME + "/") ? word : ProviderKind.byWord(word).word();
    }
}
