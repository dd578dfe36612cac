package dev.caisson.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The help texts, formatted by picocli from the {@link OptionTable option tables}. */
final class Usage {
    private Usage() {}

    /**
     * Formats.
     *
     * @param command which command, or null for all
     * @return the text
     */
    static String text(String command) {
        CommandSpec top = CommandSpec.create().name("caisson");
        top.usageMessage().description("Runs programs in sandboxes whose Linux kernel is Caisson.");
        top.addOption(OptionSpec.builder("-h", "--help").description("Show this help.").build());
        top.addOption(OptionSpec.builder("-V", "--version").description("Show the version.").build());
        CommandSpec run = spec("do", CommandLineParser.DO, "Runs a program in a new sandbox.",
                "Its root is the host's root filesystem, read-only, under a layer in memory: nothing the program",
                "does changes the host. Environment, working directory and user are the caller's. The exit status",
                "is the program's, or 128 plus the number of the signal that killed it; 127: there is no such",
                "program; 126: it cannot be executed; 125: Caisson failed; 2: the command line is wrong.");
        run.addPositional(PositionalParamSpec.builder().paramLabel("CMD [ARG...]").arity("1").type(List.class)
                .auxiliaryTypes(String.class).description("The program and its arguments, best after --.").build());
        top.addSubcommand("do", run);
        top.addSubcommand("shell", spec("shell", CommandLineParser.SHELL,
                "Opens the operator's shell of a container without a program."));
        CommandSpec help = CommandSpec.create().name("help").addPositional(PositionalParamSpec.builder().arity("0..1")
                .paramLabel("COMMAND").type(String.class).description("The command to explain.").build());
        help.usageMessage().description("Explains a command.");
        top.addSubcommand("help", help);
        CommandLine line = new CommandLine(top);
        line.setUsageHelpWidth(110);
        CommandLine about = command == null ? line : line.getSubcommands().getOrDefault(command, line);
        return about.getUsageMessage(CommandLine.Help.Ansi.OFF);
    }

    private static CommandSpec spec(String name, OptionTable table, String... description) {
        CommandSpec spec = CommandSpec.create().name(name);
        spec.usageMessage().description(description).sortOptions(false);
        for (OptionTable.Option option : table.options()) {
            OptionSpec.Builder builder = option.name().equals("--help") ? OptionSpec.builder("-h", "--help")
                    : OptionSpec.builder(option.name());
            builder.description(option.description());
            if (option.label() != null) {
                builder.paramLabel(option.label()).arity(option.value() == OptionTable.Value.OPTIONAL ? "0..1" : "1");
                if (option.value() == OptionTable.Value.MANY) {
                    builder.type(List.class).auxiliaryTypes(String.class);
                } else {
                    builder.type(String.class);
                }
            }
            spec.addOption(builder.build());
        }
        return spec;
    }
}
