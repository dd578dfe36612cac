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

    /** Names that start so belong to another argument, though the prefix fits. */
    private List<String> without = List.of();
    private List<Name> extra = List.of();
    /** Names have to end so. */
    private String suffix = "";
    /** How no flag at all reads. */
    private String zero = "0";

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
     * @param longerPrefixes how those names start
     * @return this
     */
    public FlagNames without(String... longerPrefixes) {
        without = List.of(longerPrefixes);
        return this;
    }

    /**
     * Adds a name that the ABI class does not have, or has for the value that programs see and not for the kernel's.
     *
     * @param name the name
     * @param value its value
     * @return this
     */
    public FlagNames with(String name, long value) {
        extra = List.of(new Name(name, value));
        return this;
    }

    /**
     * Takes only names that end in a certain way.
     *
     * @param end how they end
     * @return this
     */
    public FlagNames endingIn(String end) {
        suffix = end;
        return this;
    }

    /**
     * Names the value without any flag.
     *
     * @param name PROT_NONE and the like
     * @return this
     */
    public FlagNames zero(String name) {
        zero = name;
        return this;
    }

    /**
     * The name of one value.
     *
     * @param value the value
     * @return its name, or null when it has none
     */
    public String name(long value) {
        return nameOf(value);
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
            separate(out, start).append(rest != 0 ? "0x" + Long.toHexString(rest) : zero);
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
            String name = field.getName();
            if (!name.startsWith(prefix) || !name.endsWith(suffix) || !Modifier.isStatic(field.getModifiers())
                    || without.stream().anyMatch(name::startsWith)) {
                continue;
            }
            try {
                long value = ((Number) field.get(null)).longValue();
                if (seen.add(value)) {
                    found.add(new Name(name, value));
                }
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("constant " + field.getName() + " is not public", e);
            }
        }
        found.addAll(extra);
        found.sort(Comparator.comparingInt((Name name) -> -Long.bitCount(name.value & 0xffffffffL))
                .thenComparingLong(name -> name.value & 0xffffffffL));
        return List.copyOf(found);
    }
}
