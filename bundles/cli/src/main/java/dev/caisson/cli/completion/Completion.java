package dev.caisson.cli.completion;

import dev.caisson.cli.completion.CommandModel.Option;
import dev.caisson.cli.completion.CommandModel.Values;
import java.util.ArrayList;
import java.util.List;

/** Makes completion scripts. */
public final class Completion {
    /** The shells there are scripts for. */
    public static final List<String> SHELLS = List.of("bash", "zsh", "fish");

    private Completion() {}

    /**
     * Makes a script.
     *
     * @param shell one of {@link #SHELLS}
     * @param global what stands before commands
     * @param commands all of them
     * @return its text
     */
    public static String script(String shell, CommandModel global, List<CommandModel> commands) {
        return switch (shell) {
            case "bash" -> bash(global, commands);
            case "zsh" -> zsh(global, commands);
            case "fish" -> fish(global, commands);
            default -> throw new IllegalArgumentException("no completion for " + shell + "; there are: " + String.join(", ", SHELLS));
        };
    }

    private static String bash(CommandModel global, List<CommandModel> commands) {
        StringBuilder text = new StringBuilder("""
                # Completion of caisson for bash, made by: caisson completion bash
                # To load it: . <(caisson completion bash), or keep it as /etc/bash_completion.d/caisson
                _caisson() {
                    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= place=0 at=1 options= words=
                    COMPREPLY=()
                    [ "$word" = = ] && word=
                    [ "$previous" = = ] && previous=${COMP_WORDS[COMP_CWORD-2]}
                    while [ "$at" -lt "$COMP_CWORD" ]; do
                        case $command:${COMP_WORDS[at]} in
                """);
        List<CommandModel> all = new ArrayList<>(List.of(global));
        all.addAll(commands);
        for (CommandModel command : all) {
            List<String> taking = command.options().stream().filter(Option::hasValue).flatMap(option -> option.names().stream())
                    .map(name -> command.name() + ":" + name).toList();
            if (!taking.isEmpty()) {
                text.append("            ").append(String.join("|", taking)).append(") [ \"${COMP_WORDS[at+1]}\" = = ] && at=$((at+1)); at=$((at+1)) ;;\n");
            }
        }
        text.append("""
                            *:-*|*:=) ;;
                            :*) command=${COMP_WORDS[at]} ;;
                            *) place=$((place+1)) ;;
                        esac
                        at=$((at+1))
                    done
                    case $command:$previous in
                """);
        for (CommandModel command : all) {
            for (Option option : command.options()) {
                if (option.hasValue()) {
                    text.append("        ").append(String.join("|", option.names().stream().map(name -> command.name() + ":" + name).toList()))
                            .append(") ").append(bash(option.values())).append("; return ;;\n");
                }
            }
        }
        text.append("    esac\n    case $command in\n");
        for (CommandModel command : all) {
            String names = String.join(" ", command.options().stream().flatMap(option -> option.names().stream()).toList());
            text.append("        ").append(command.name().isEmpty() ? "''" : command.name()).append(") options='").append(names).append("'");
            if (command == global) {
                text.append(" words='").append(String.join(" ", commands.stream().map(CommandModel::name).toList())).append("'");
            }
            text.append(" ;;\n");
        }
        text.append("""
                    esac
                    case $word in
                        -*) COMPREPLY=($(compgen -W "$options" -- "$word")); return ;;
                    esac
                    case $command:$place in
                        :*) COMPREPLY=($(compgen -W "$words" -- "$word")); return ;;
                """);
        for (CommandModel command : commands) {
            for (int place = 0; place < command.words().size(); place++) {
                text.append("        ").append(command.name()).append(':').append(place).append(") ").append(bash(command.words().get(place)))
                        .append("; return ;;\n");
            }
        }
        return text.append("""
                    esac
                    COMPREPLY=($(compgen -f -- "$word"))
                }
                complete -o filenames -F _caisson caisson
                """).toString();
    }

    private static String bash(Values values) {
        String words = String.join(" ", values.listed());
        String listed = words.isEmpty() ? "" : " -W '" + words + "'";
        return switch (values.source()) {
            case ANY -> words.isEmpty() ? ":" : "COMPREPLY=($(compgen" + listed + " -- \"$word\"))";
            case LISTED -> "COMPREPLY=($(compgen" + listed + " -- \"$word\"))";
            case FILES -> "COMPREPLY=($(compgen -f" + listed + " -- \"$word\"))";
            case DIRECTORIES -> "COMPREPLY=($(compgen -d" + listed + " -- \"$word\"))";
            case CONTAINERS -> "COMPREPLY=($(compgen -W \"$(caisson list -q 2>/dev/null)\" -- \"$word\"))";
        };
    }

    private static String zsh(CommandModel global, List<CommandModel> commands) {
        StringBuilder text = new StringBuilder("""
                #compdef caisson
                # Completion of caisson for zsh, made by: caisson completion zsh
                # To load it: keep it as _caisson in a directory of $fpath
                _caisson_containers() {
                    local -a names
                    names=(${(f)"$(caisson list -q 2>/dev/null)"})
                    compadd -a names
                }
                _caisson() {
                    local state line
                    local -a commands
                    commands=(
                """);
        for (CommandModel command : commands) {
            text.append("        ").append(quoted(command.name() + ":" + command.description())).append('\n');
        }
        text.append("    )\n    _arguments -C");
        zshOptions(text, global);
        text.append(" \\\n        '1:command:->command' '*::argument:->argument'\n    case $state in\n        command) _describe command commands ;;\n"
                + "        argument)\n            case $words[1] in\n");
        for (CommandModel command : commands) {
            text.append("            ").append(command.name()).append(") _arguments");
            zshOptions(text, command);
            int place = 0;
            for (Values values : command.words()) {
                text.append(" \\\n        ").append(quoted(++place + "::" + command.name() + ":" + zsh(values)));
            }
            text.append(" \\\n        '*::file:_files' ;;\n");
        }
        return text.append("            esac ;;\n    esac\n}\nif [ \"$funcstack[1]\" = _caisson ]; then _caisson \"$@\"; else compdef _caisson caisson; fi\n").toString();
    }

    private static void zshOptions(StringBuilder text, CommandModel command) {
        for (Option option : command.options()) {
            String description = option.description().replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:");
            for (String name : option.names()) {
                String value = option.hasValue() ? ":" + option.label().replace(":", "\\:") + ":" + zsh(option.values()) : "";
                text.append(" \\\n        ").append(quoted("*" + name + "[" + description + "]" + value));
            }
        }
    }

    private static String zsh(Values values) {
        return switch (values.source()) {
            case ANY -> values.listed().isEmpty() ? " " : "(" + String.join(" ", values.listed()) + ")";
            case LISTED -> "(" + String.join(" ", values.listed()) + ")";
            case FILES -> "_files";
            case DIRECTORIES -> "_files -/";
            case CONTAINERS -> "_caisson_containers";
        };
    }

    private static String fish(CommandModel global, List<CommandModel> commands) {
        StringBuilder text = new StringBuilder("""
                # Completion of caisson for fish, made by: caisson completion fish
                # To load it: caisson completion fish >~/.config/fish/completions/caisson.fish
                function __caisson_containers
                    caisson list -q 2>/dev/null
                end
                """);
        String names = String.join(" ", commands.stream().map(CommandModel::name).toList());
        text.append("set -l commands ").append(names).append("\ncomplete -c caisson -f\n");
        for (CommandModel command : commands) {
            text.append("complete -c caisson -n \"not __fish_seen_subcommand_from $commands\" -a ").append(command.name()).append(" -d ")
                    .append(quoted(command.description())).append('\n');
        }
        List<CommandModel> all = new ArrayList<>(List.of(global));
        all.addAll(commands);
        for (CommandModel command : all) {
            String condition = command == global ? "\"not __fish_seen_subcommand_from $commands\"" : "'__fish_seen_subcommand_from " + command.name() + "'";
            for (Option option : command.options()) {
                text.append("complete -c caisson -n ").append(condition);
                for (String name : option.names()) {
                    text.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
                }
                text.append(option.hasValue() ? " -r" + fish(option.values()) : "").append(" -d ").append(quoted(option.description())).append('\n');
            }
            for (Values values : command.words()) {
                String source = fish(values);
                if (!source.isEmpty()) {
                    text.append("complete -c caisson -n ").append(condition).append(source).append('\n');
                }
            }
        }
        return text.toString();
    }

    private static String fish(Values values) {
        String listed = values.listed().isEmpty() ? "" : " -a " + quoted(String.join(" ", values.listed()));
        return listed + switch (values.source()) {
            case FILES -> " -F";
            case DIRECTORIES -> " -a '(__fish_complete_directories)'";
            case CONTAINERS -> " -a '(__caisson_containers)'";
            case ANY, LISTED -> "";
        };
    }

    /** For every shell: in single quotes, one of which is written as four characters. */
    private static String quoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}
