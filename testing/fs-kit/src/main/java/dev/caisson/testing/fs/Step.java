package dev.caisson.testing.fs;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One line of a {@linkplain CaseFile case}: {@code [@WHO] [HANDLE=]OPERATION ARGUMENT... [-> EXPECTED]}. See {@link Interpreter} for
 * the operations. Arguments with blanks are quoted; {@code \0} is a zero byte, {@code <x255>} 255 times the letter, {@code <d4000>} a
 * path of 4000 characters that leads nowhere else.
 *
 * @param who who makes the call, or null for the superuser
 * @param handle name for the new descriptor, or null
 * @param operation what to do
 * @param arguments its arguments
 * @param expected what must come out; null for any success
 * @param text the line
 */
record Step(Identity who, String handle, String operation, List<String> arguments, List<String> expected, String text) {
    private static final Pattern TOKEN = Pattern.compile("\"([^\"]*)\"|(\\S+)");
    private static final Pattern BYTE = Pattern.compile("\\\\x([0-9a-f]{2})");
    private static final Pattern REPEAT = Pattern.compile("<([a-zA-Z])(\\d+)>");
    private static final Map<String, Integer> CONSTANTS = new ConcurrentHashMap<>();

    static Step of(String line) {
        List<String> tokens = new ArrayList<>();
        Matcher matcher = TOKEN.matcher(line);
        while (matcher.find()) {
            tokens.add(expand(matcher.group(1) != null ? matcher.group(1) : matcher.group(2)));
        }
        Identity who = tokens.get(0).startsWith("@") ? Identity.of(tokens.remove(0).substring(1)) : null;
        String operation = tokens.remove(0);
        int equals = operation.indexOf('=');
        String handle = equals < 0 ? null : operation.substring(0, equals);
        int arrow = tokens.indexOf("->");
        List<String> expected = null;
        if (arrow >= 0) {
            String text = tokens.get(arrow + 1);
            expected = text.matches("E[A-Z0-9]+(\\|E[A-Z0-9]+)*") ? List.of(text.split("\\|")) : List.of(text);
            tokens = tokens.subList(0, arrow);
        }
        return new Step(who, handle, operation.substring(equals + 1), List.copyOf(tokens), expected, line.strip());
    }

    private static String expand(String token) {
        String text = BYTE.matcher(token.replace("\\0", "\0"))
                .replaceAll(match -> String.valueOf((char) Integer.parseInt(match.group(1), 16)));
        if (text.indexOf('<') < 0) {
            return text;
        }
        return REPEAT.matcher(text).replaceAll(match -> {
            int count = Integer.parseInt(match.group(2));
            return match.group(1).equals("d") ? "./".repeat(count / 2) : match.group(1).repeat(count);
        });
    }

    /** A number (octal with a leading zero), or constants of fcntl.h and stat.h joined by bars. */
    static int flags(String text) {
        if (Character.isDigit(text.charAt(0)) || text.charAt(0) == '-') {
            return Integer.decode(text);
        }
        int value = 0;
        for (String name : text.split("\\|")) {
            value |= Character.isDigit(name.charAt(0)) ? Integer.decode(name) : CONSTANTS.computeIfAbsent(name, Step::constant);
        }
        return value;
    }

    private static Integer constant(String name) {
        for (Class<?> type : List.of(Fcntl.class, Stat.class, dev.caisson.abi.Mount.class)) {
            try {
                return type.getField(name).getInt(null);
            } catch (NoSuchFieldException e) {
                // the next one
            } catch (IllegalAccessException e) {
                throw new IllegalArgumentException(name, e);
            }
        }
        throw new IllegalArgumentException("unknown constant " + name);
    }

    /** What a filesystem needs for this step to mean anything. */
    Set<Feature> needs() {
        Set<Feature> needed = EnumSet.noneOf(Feature.class);
        if (who != null && who.uid() != 0 || operation.endsWith("chown")) {
            needed.add(Feature.CHOWN);
        }
        String all = String.join(" ", arguments);
        switch (operation) {
            case "make", "mknod" -> {
                if (all.matches(".*(^| )(chr|blk) .*|.*S_IF(CHR|BLK).*")) {
                    needed.add(Feature.DEVICE_NODES);
                } else if (all.matches(".*(^| )(fifo|sock) .*|.*S_IF(IFO|SOCK).*")) {
                    needed.add(Feature.FIFOS);
                }
            }
            case "link" -> needed.add(Feature.HARD_LINKS);
            case "allocate" -> needed.add(Feature.ALLOCATE);
            default -> {}
        }
        for (Map.Entry<String, Feature> entry : BY_WORD.entrySet()) {
            if (all.contains(entry.getKey())) {
                needed.add(entry.getValue());
            }
        }
        return needed;
    }

    private static final Map<String, Feature> BY_WORD = Map.ofEntries(Map.entry("user.", Feature.USER_XATTRS),
            Map.entry("trusted.", Feature.TRUSTED_XATTRS), Map.entry("security.", Feature.SECURITY_XATTRS),
            Map.entry("system.posix_acl", Feature.POSIX_ACLS), Map.entry("O_TMPFILE", Feature.UNNAMED_FILES),
            Map.entry("RENAME_EXCHANGE", Feature.EXCHANGE), Map.entry("RENAME_WHITEOUT", Feature.WHITEOUT),
            Map.entry("SEEK_HOLE", Feature.HOLES), Map.entry("SEEK_DATA", Feature.HOLES),
            Map.entry("FALLOC_FL_PUNCH_HOLE", Feature.PUNCH_HOLE), Map.entry("FALLOC_FL_ZERO_RANGE", Feature.ZERO_RANGE),
            Map.entry("FALLOC_FL_COLLAPSE_RANGE", Feature.MOVE_RANGES), Map.entry("FALLOC_FL_INSERT_RANGE", Feature.MOVE_RANGES));

    /** The text with what cannot be printed escaped. */
    static String printable(String text) {
        String shown = text.length() > 300 ? text.substring(0, 300) + "..." : text;
        return shown.chars().mapToObj(c -> c == 0 ? "\\0" : c < ' ' || c > '~' ? String.format("\\x%02x", c) : String.valueOf((char) c))
                .collect(Collectors.joining());
    }
}
