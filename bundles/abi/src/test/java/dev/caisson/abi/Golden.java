package dev.caisson.abi;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The golden files: what src/test/c/generate.sh printed on Linux amd64. */
final class Golden {
    /**
     * Where a field lies.
     *
     * @param offset bytes from the start of the structure
     * @param size bytes it takes
     */
    record Field(int offset, int size) {}

    private static final Map<String, Field> FIELDS = new HashMap<>();
    private static final Map<String, Integer> SIZES = new HashMap<>();

    static {
        for (String line : lines("layouts.golden")) {
            String[] words = line.split(" ");
            if (words.length == 2) {
                SIZES.put(words[0], Integer.valueOf(words[1]));
            } else {
                FIELDS.put(words[0], new Field(Integer.parseInt(words[1]), Integer.parseInt(words[2])));
            }
        }
    }

    private Golden() {}

    static List<String> lines(String file) {
        try (InputStream in = Golden.class.getResourceAsStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A field by {@code structure.field}. */
    static Field field(String name) {
        Field field = FIELDS.get(name);
        if (field == null) {
            throw new AssertionError("no golden field " + name);
        }
        return field;
    }

    static int size(String structure) {
        Integer size = SIZES.get(structure);
        if (size == null) {
            throw new AssertionError("no golden structure " + structure);
        }
        return size;
    }
}
