package dev.caisson.cli.setup;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * As much of TOML as it takes to add tables to a file that somebody else writes: they stand at its end, between two lines of comment by which
 * they are found again.
 */
final class Toml {
    private static final Pattern BARE = Pattern.compile("[A-Za-z0-9_-]+");

    private Toml() {}

    private static String first(String name) {
        return "# caisson install: " + name + ", up to the line that ends it\n";
    }

    private static String last(String name) {
        return "# end of caisson install: " + name + "\n";
    }

    static String key(String name) {
        return BARE.matcher(name).matches() ? name : JsonText.quote(name);
    }

    static String withBlock(String text, String name, String tables) {
        String end = text.isEmpty() || text.endsWith("\n") ? "" : "\n";
        return text + end + first(name) + tables + last(name);
    }

    static String withoutBlock(String text, String name) {
        int from = text.indexOf(first(name));
        if (from < 0) {
            return text;
        }
        int to = text.indexOf(last(name), from);
        if (to < 0) {
            throw new IllegalArgumentException("the line \"" + last(name).strip() + "\" is missing; put it back, or take the tables out by hand");
        }
        return text.substring(0, from) + text.substring(to + last(name).length());
    }

    /**
     * Refuses a file in which somebody has a table already that would be defined a second time.
     *
     * @param text the file, without our own lines
     * @param path of the table
     * @param key what was to be entered there; null: the table itself
     */
    static void refuse(String text, List<String> path, String key) {
        int number = 0;
        for (String line : text.split("\n", -1)) {
            number++;
            String stripped = line.strip();
            if (stripped.startsWith("[") && !stripped.startsWith("[[") && header(stripped).equals(path)) {
                throw new IllegalArgumentException("line " + number + ": " + stripped + " is in the file already; "
                        + (key == null ? "take it out first" : "enter " + key + " there by hand, or name another file with --config"));
            }
        }
    }

    /** The names in {@code [a."b.c".d]}. */
    private static List<String> header(String line) {
        List<String> names = new ArrayList<>();
        StringBuilder name = new StringBuilder();
        char quote = 0;
        for (int i = 1; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    name.append(c);
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (c == '.' || c == ']') {
                names.add(name.toString().strip());
                name.setLength(0);
                if (c == ']') {
                    break;
                }
            } else {
                name.append(c);
            }
        }
        return names;
    }
}
