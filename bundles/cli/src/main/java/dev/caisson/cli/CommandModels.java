package dev.caisson.cli;

import dev.caisson.cli.completion.CommandModel;
import dev.caisson.cli.completion.CommandModel.Values;
import dev.caisson.cli.completion.Completion;
import dev.caisson.cli.oci.OciSyntax;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Every command as completion sees it, from the two places where commands are declared. */
final class CommandModels {
    private CommandModels() {}

    static String script(String shell) {
        return Completion.script(shell, global(), all());
    }

    /** What stands before commands. */
    static CommandModel global() {
        CommandModel oci = OciSyntax.model("");
        List<CommandModel.Option> options = new ArrayList<>(oci.options());
        for (CommandModel.Option option : model(Syntax.commandLine(List.of()).getCommandSpec()).options()) {
            if (options.stream().noneMatch(other -> other.names().equals(option.names()))) {
                options.add(option);
            }
        }
        return new CommandModel("", "", options, List.of());
    }

    static List<CommandModel> all() {
        List<CommandModel> all = new ArrayList<>();
        Syntax.commandLine(Syntax.COMMANDS).getSubcommands().forEach((name, line) ->
                all.add(OciSyntax.COMMANDS.contains(name) ? OciSyntax.model(name) : model(line.getCommandSpec())));
        return all;
    }

    private static CommandModel model(CommandSpec spec) {
        List<CommandModel.Option> options = new ArrayList<>();
        for (OptionSpec option : spec.options()) {
            options.add(new CommandModel.Option(Arrays.asList(option.names()), option.arity().max() == 0 ? "" : option.paramLabel(),
                    String.join(" ", option.description()), values(option)));
        }
        List<Values> words = new ArrayList<>();
        for (PositionalParamSpec word : spec.positionalParameters()) {
            words.add(values(word));
        }
        String[] description = spec.usageMessage().description();
        return new CommandModel(spec.name(), description.length == 0 ? "" : description[0], options, words);
    }

    private static Values values(ArgSpec argument) {
        if (argument.completionCandidates() == null) {
            return Values.ofLabel(argument.paramLabel());
        }
        List<String> candidates = new ArrayList<>();
        argument.completionCandidates().forEach(candidates::add);
        return candidates.isEmpty() ? Values.ofLabel(argument.paramLabel()) : Values.of(candidates);
    }
}
