package dev.caisson.kernel.syscall;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Names for the values of an argument, taken from the constants of the ABI classes when a trace first needs them.
 */
public final class FlagNames {
    private record Name(String text, long value) {}

    private final Class<?> constants;
    private final String prefix;
    private final boolean mask;
    private final long enumerated;
    private volatile List<Name> names;

    /** Names that start so belong to another argument, though the prefix fits; null for none. */
    private String without;

    private FlagNames(Class<?> constants, String prefix, boolean mask, long enumerated) {
        this.constants = constants;
        this.prefix = prefix;
        this.mask = mask;
        this.enumerated = enumerated;
    }

    /**
     * A mask of flags that are or-ed together.
     *
     * @param constants class of the ABI that holds them
     * @param prefix how their names start
     * @return the names
     */
    public static FlagNames mask(Class<?> constants, String prefix) {
        return new FlagNames(constants, prefix, true, 0);
    }

    /**
     * A mask whose low bits are a number: the access mode of open(2), the clone signal.
     *
     * @param constants class of the ABI that holds them
     * @param prefix how their names start
     * @param enumerated the bits of the number
     * @return the names
     */
    public static FlagNames maskWithNumber(Class<?> constants, String prefix, long enumerated) {
        return new FlagNames(constants, prefix, true, enumerated);
    }

    /**
     * One value out of several.
     *
     * @param constants class of the ABI that holds them
     * @param prefix how their names start
     * @return the names
     */
    public static FlagNames oneOf(Class<?> constants, String prefix) {
        return new FlagNames(constants, prefix, false, 0);
    }

    /**
     * Leaves out names that share the prefix but belong to another argument.
     *
     * @param longerPrefix how those names start
     * @return this
     */
    public FlagNames without(String longerPrefix) {
        without = longerPrefix;
        return this;
    }

    /**
     * Writes a value with names, and what has none in hexadecimal.
     *
     * @param out where to
     * @param value the value; an int argument is sign-extended by the caller
     */
    public void format(StringBuilder out, long value) {
        if (!mask) {
            String name = nameOf(value);
            out.append(name != null ? name : Long.toString(value));
            return;
        }
        int start = out.length();
        long rest = value & ~enumerated & 0xffffffffL;
        long number = value & enumerated;
        if (enumerated != 0) {
            String name = nameOf(number);
            if (name != null) {
                out.append(name);
            } else if (number != 0) {
                out.append(number);
            }
        }
        for (Name name : names()) {
            long bits = name.value & 0xffffffffL;
            if (bits != 0 && (bits & enumerated) == 0 && (rest & bits) == bits) {
                separate(out, start).append(name.text);
                rest &= ~bits;
            }
        }
        if (rest != 0 || out.length() == start) {
            separate(out, start).append(rest == 0 ? "0" : "0x" + Long.toHexString(rest));
        }
    }

    private static StringBuilder separate(StringBuilder out, int start) {
        return out.length() > start ? out.append('|') : out;
    }

    private String nameOf(long value) {
        for (Name name : names()) {
            if (name.value == value) {
                return name.text;
            }
        }
        return null;
    }

    private List<Name> names() {
        List<Name> found = names;
        if (found == null) {
            found = collect();
            names = found;
        }
        return found;
    }

    /** Widest masks first, so that O_SYNC wins over O_DSYNC; one name per value. */
    private List<Name> collect() {
        List<Name> found = new ArrayList<>();
        Set<Long> seen = new HashSet<>();
        for (Field field : constants.getFields()) {
            if (!field.getName().startsWith(prefix) || without != null && field.getName().startsWith(without) || !Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            try {
                long value = ((Number) field.get(null)).longValue();
                if (seen.add(value)) {
                    found.add(new Name(field.getName(), value));
                }
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("constant " + field.getName() + " is not public", e);
            }
        }
        found.sort(Comparator.comparingInt((Name name) -> Long.bitCount(name.value & 0xffffffffL)).reversed());
        return List.copyOf(found);
    }
}
