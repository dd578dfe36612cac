package dev.caisson.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The options of one command, declared once: for the parser here, and for the help that picocli formats.
 *
 * <p>picocli does not parse, since its classes are too old for an AOT cache and cost every start 120 ms.
 *
 * @param options the options, in the order of the help
 */
record OptionTable(List<Option> options) {
    /** What follows an option's name. */
    enum Value {
        /** Nothing. */
        NONE,
        /** A value, as the next word or behind an equals sign. */
        ONE,
        /** As {@link #ONE}, and the option may be repeated. */
        MANY,
        /** A value behind an equals sign, or nothing. */
        OPTIONAL
    }

    /**
     * One option.
     *
     * @param name with its dashes
     * @param value what follows
     * @param label stands for the value in the help
     * @param description a sentence
     */
    record Option(String name, Value value, String label, String description) {}

    /**
     * A parsed line.
     *
     * @param values what was given, by option; a switch has an empty text
     * @param rest the words behind the options
     */
    record Parsed(Map<String, List<String>> values, List<String> rest) {
        boolean has(String name) {
            return values.containsKey(name);
        }

        /** {@return the last value given, or the other one} */
        String value(String name, String otherwise) {
            List<String> given = values.get(name);
            return given == null ? otherwise : given.getLast();
        }

        List<String> all(String name) {
            return values.getOrDefault(name, List.of());
        }
    }

    /**
     * Parses options up to "--" or the first other word.
     *
     * @param words the line behind the command's name
     * @return what was found
     * @throws IllegalArgumentException for an unknown option or a missing value; the message says so
     */
    Parsed parse(List<String> words) {
        Map<String, List<String>> values = new HashMap<>();
        int at = 0;
        while (at < words.size()) {
            String word = words.get(at);
            if (word.equals("--")) {
                at++;
                break;
            }
            if (!word.startsWith("-") || word.equals("-")) {
                break;
            }
            at++;
            int equals = word.startsWith("--") ? word.indexOf('=') : -1;
            String name = equals < 0 ? word : word.substring(0, equals);
            Option option = find(name);
            String value;
            if (equals >= 0) {
                if (option.value == Value.NONE) {
                    throw new IllegalArgumentException(name + " takes no value");
                }
                value = word.substring(equals + 1);
            } else if (option.value == Value.ONE || option.value == Value.MANY) {
                if (at == words.size()) {
                    throw new IllegalArgumentException(name + " needs a value: " + name + " " + option.label);
                }
                value = words.get(at++);
            } else {
                value = "";
            }
            values.computeIfAbsent(option.name, key -> new ArrayList<>()).add(value);
        }
        return new Parsed(values, words.subList(at, words.size()));
    }

    private Option find(String name) {
        for (Option option : options) {
            if (option.name.equals(name) || name.equals("-h") && option.name.equals("--help")) {
                return option;
            }
        }
        List<String> names = new ArrayList<>();
        options.forEach(option -> names.add(option.name));
        throw new IllegalArgumentException("unknown option " + name + "; there are: " + String.join(", ", names));
    }
}
