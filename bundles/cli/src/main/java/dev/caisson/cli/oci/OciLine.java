package dev.caisson.cli.oci;

import dev.caisson.cli.oci.OciSyntax.Form;
import dev.caisson.cli.oci.OciSyntax.Option;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.runtime.RuntimeLog;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The line of a command of OCI runtimes. It is read without picocli, which would cost each of these short commands a tenth of its time, and
 * by the rules of runc's own parser.
 */
public final class OciLine {
    private static final String TRUE = "true", FALSE = "false";

    private final String command;
    private final Map<String, List<String>> values = new HashMap<>();
    private final List<String> words = new ArrayList<>();

    private OciLine(String command) {
        this.command = command;
    }

    /**
     * Reads a line.
     *
     * @param args its words, one byte per character
     * @return the line, or null when it is no command of OCI runtimes
     * @throws ContainerException when it is one, and wrong
     */
    public static OciLine parse(List<String> args) throws ContainerException {
        OciLine globals = new OciLine("");
        int at = 0;
        while (at < args.size() && args.get(at).startsWith("-")) {
            Option option = find(OciSyntax.GLOBAL, args.get(at));
            if (option == null) {
                return null;
            }
            at = globals.take(option, args, at);
        }
        Form form = at < args.size() ? OciSyntax.form(args.get(at)) : null;
        if (form == null) {
            return null;
        }
        OciLine line = new OciLine(args.get(at));
        line.values.putAll(globals.values);
        line.takeAll(form, args, at + 1);
        if (!line.isHelp() && (line.words.size() < form.least() || line.words.size() > form.most())) {
            throw new ContainerException(line.command + (line.words.size() < form.least() ? " needs more arguments" : " takes fewer arguments")
                    + ": caisson " + line.command + " [OPTION...] " + form.words());
        }
        line.checkGlobals();
        return line;
    }

    /**
     * Finds the command in a line, which no value of an option is taken for.
     *
     * @param args its words
     * @return the first word behind the options that stand before commands; null when there is none or an option is unknown
     */
    public static String commandIn(List<String> args) {
        for (int at = 0; at < args.size(); at++) {
            String word = args.get(at);
            if (!word.startsWith("-")) {
                return word;
            }
            Option option = find(OciSyntax.GLOBAL, word);
            if (option == null) {
                return null;
            }
            at += option.hasValue() && word.indexOf('=') < 0 ? 1 : 0;
        }
        return null;
    }

    private void takeAll(Form form, List<String> args, int from) throws ContainerException {
        int at = from;
        while (at < args.size()) {
            String word = args.get(at);
            if (word.equals("--")) {
                words.addAll(args.subList(at + 1, args.size()));
                return;
            }
            if (!word.startsWith("-") || word.equals("-") || form.endsAtWord() && !words.isEmpty()) {
                words.add(word);
                at++;
                if (form.endsAtWord()) {
                    // A second "--" is the program's own.
                    int next = at < args.size() && args.get(at).equals("--") ? at + 1 : at;
                    words.addAll(args.subList(next, args.size()));
                    return;
                }
                continue;
            }
            if (word.equals("--help") || word.equals("-h")) {
                values.put("--help", List.of(TRUE));
                at++;
                continue;
            }
            Option option = find(form.options(), word);
            if (option == null) {
                throw new ContainerException(command + " has no option " + nameOf(word) + "; see caisson help " + command);
            }
            at = take(option, args, at);
        }
    }

    private static String nameOf(String word) {
        int equals = word.indexOf('=');
        return equals < 0 ? word : word.substring(0, equals);
    }

    private static Option find(List<Option> options, String word) {
        String name = nameOf(word);
        for (Option option : options) {
            if (option.isNamed(name)) {
                return option;
            }
        }
        return null;
    }

    /** Takes an option and its value; gives the index of what follows. */
    private int take(Option option, List<String> args, int at) throws ContainerException {
        String word = args.get(at);
        int equals = word.indexOf('=');
        String value;
        int next = at + 1;
        if (!option.hasValue()) {
            value = equals < 0 ? TRUE : truth(option, word.substring(equals + 1));
        } else if (equals >= 0) {
            value = word.substring(equals + 1);
        } else if (next < args.size()) {
            value = args.get(next++);
        } else {
            throw new ContainerException(option.name() + " needs a value: " + option.name() + " " + option.label());
        }
        if (option.isList()) {
            values.computeIfAbsent(option.name(), name -> new ArrayList<>()).add(value);
        } else {
            values.put(option.name(), List.of(value));
        }
        return next;
    }

    /** As Go reads booleans. */
    private static String truth(Option option, String text) throws ContainerException {
        return switch (text) {
            case "1", "t", "T", "true", "TRUE", "True" -> TRUE;
            case "0", "f", "F", "false", "FALSE", "False" -> FALSE;
            default -> throw new ContainerException(option.name() + " is true or false, not " + text);
        };
    }

    private void checkGlobals() throws ContainerException {
        String format = value("--log-format", "text");
        if (!format.equals("text") && !format.equals("json")) {
            throw new ContainerException("invalid log-format \"" + format + "\"; there are: text, json");
        }
        String manager = value("--cgroup-manager", "cgroupfs");
        if (!List.of("cgroupfs", "systemd", "disabled").contains(manager)) {
            throw new ContainerException("--cgroup-manager is cgroupfs, systemd or disabled, not " + manager);
        }
        if (!command.equals("spec")) { // whose option of this name is a switch
            String rootless = value("--rootless", "auto");
            if (!List.of("auto", TRUE, FALSE).contains(rootless)) {
                throw new ContainerException("--rootless is true, false or auto, not " + rootless);
            }
        }
    }

    /** {@return the command's name} */
    public String command() {
        return command;
    }

    boolean isHelp() {
        return values.containsKey("--help");
    }

    boolean has(String switchName) {
        return TRUE.equals(value(switchName, FALSE));
    }

    String value(String name, String otherwise) {
        List<String> given = values.get(name);
        return given == null ? otherwise : given.getLast();
    }

    List<String> all(String name) {
        return values.getOrDefault(name, List.of());
    }

    Path path(String name) {
        String raw = value(name, "");
        return raw.isEmpty() ? null : Path.of(text(raw)).toAbsolutePath();
    }

    int number(String name) throws ContainerException {
        String text = value(name, "0");
        try {
            int number = Integer.parseInt(text);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // as a negative one
        }
        throw new ContainerException(name + " takes a number from 0 on, not " + text);
    }

    List<String> words() {
        return words;
    }

    /** {@return the container's name, or an empty one when the command has none} */
    String id() {
        return words.isEmpty() ? "" : words.getFirst();
    }

    /** {@return the log that the line names} */
    public RuntimeLog log() {
        return new RuntimeLog(path("--log"), "json".equals(value("--log-format", "text")));
    }

    /** Of one byte per character, text. */
    static String text(String raw) {
        return new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
}
