package dev.caisson.fs.tar;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Extended header records, pax(1): {@code LENGTH KEYWORD=VALUE\n}, LENGTH in decimal and counting itself. Values are bytes: extended
 * attributes are stored as they are.
 */
final class PaxRecords {
    private static final String SPARSE_OFFSET = "GNU.sparse.offset", SPARSE_LENGTH = "GNU.sparse.numbytes";
    private static final int MOST_DIGITS = 10;

    private final Map<String, byte[]> values = new HashMap<>();
    /** The map of version 0.0 of GNU's sparse format, whose keywords come again and again. */
    private long[] sparse = new long[0];
    private int sparseCount;

    /**
     * Reads a block of records; later ones replace earlier ones, an empty value removes.
     *
     * @param block the records
     * @throws IOException when they are not in order
     */
    void add(byte[] block) throws IOException {
        int at = 0;
        while (at < block.length) {
            int space = at;
            int length = 0;
            while (space < block.length && block[space] >= '0' && block[space] <= '9' && space - at < MOST_DIGITS) {
                length = length * 10 + block[space++] - '0';
            }
            int end = at + length;
            if (length <= 0 || end > block.length || space >= end || block[space] != ' ' || block[end - 1] != '\n') {
                throw new IOException("has an extended header that is not in order");
            }
            int equals = space + 1;
            while (equals < end && block[equals] != '=') {
                equals++;
            }
            if (equals >= end) {
                throw new IOException("has an extended header that is not in order");
            }
            put(new String(block, space + 1, equals - space - 1, StandardCharsets.ISO_8859_1), Arrays.copyOfRange(block, equals + 1, end - 1));
            at = end;
        }
    }

    private void put(String keyword, byte[] value) throws IOException {
        if (keyword.equals(SPARSE_OFFSET) || keyword.equals(SPARSE_LENGTH)) {
            if (sparseCount % 2 != (keyword.equals(SPARSE_OFFSET) ? 0 : 1)) {
                throw new IOException("has a map of holes that cannot be");
            }
            if (sparseCount == sparse.length) {
                sparse = Arrays.copyOf(sparse, 2 * sparseCount + 8);
            }
            sparse[sparseCount++] = number(new String(value, StandardCharsets.ISO_8859_1));
        } else if (value.length == 0) {
            values.remove(keyword);
        } else {
            values.put(keyword, value);
        }
    }

    /** Takes those of another block over that this one does not have. */
    void addDefaults(PaxRecords defaults) {
        defaults.values.forEach(values::putIfAbsent);
    }

    Map<String, byte[]> values() {
        return values;
    }

    /** A value as text, or null. */
    String text(String keyword) {
        byte[] value = values.get(keyword);
        return value == null ? null : new String(value, StandardCharsets.ISO_8859_1);
    }

    /** A value as a number from 0 on, or something else when there is none. */
    long number(String keyword, long otherwise) throws IOException {
        String text = text(keyword);
        return text == null ? otherwise : number(text);
    }

    static long number(String text) throws IOException {
        try {
            long number = Long.parseLong(text);
            if (number >= 0 && text.charAt(0) != '+') {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new IOException("has an extended header with a number that is none");
    }

    /** A time in nanoseconds: decimal seconds, possibly negative or with a fraction. */
    long timeNs(String keyword, long otherwise) throws IOException {
        String text = text(keyword);
        if (text == null) {
            return otherwise;
        }
        int dot = text.indexOf('.');
        String whole = dot < 0 ? text : text.substring(0, dot);
        boolean isNegative = whole.startsWith("-");
        String fraction = dot < 0 ? "" : text.substring(dot + 1);
        String nanos = (fraction + "000000000").substring(0, 9);
        long seconds = number(isNegative ? whole.substring(1) : whole);
        return nanoseconds(isNegative ? -seconds : seconds, isNegative ? -number(nanos) : number(nanos));
    }

    /** Joins seconds and nanoseconds; what does not fit is the nearest that does. */
    static long nanoseconds(long seconds, long nanos) {
        long most = Long.MAX_VALUE / 1_000_000_000L - 1;
        return Math.max(-most, Math.min(most, seconds)) * 1_000_000_000L + nanos;
    }

    /** The sparse map of version 0.0 or 0.1 of GNU's format, offsets and lengths in turn; null when there is none. */
    long[] sparseMap() throws IOException {
        String text = text("GNU.sparse.map");
        if (text == null) {
            return sparseCount == 0 ? null : Arrays.copyOf(sparse, sparseCount);
        }
        String[] words = text.split(",", -1);
        long[] map = new long[words.length];
        for (int i = 0; i < words.length; i++) {
            map[i] = number(words[i]);
        }
        return map;
    }

    /** Appends a record. */
    static void append(ByteArrayOutputStream target, String keyword, byte[] value) {
        int rest = keyword.length() + value.length + 3; // space, equals sign, newline
        int length = rest + Integer.toString(rest).length();
        if (Integer.toString(length).length() > Integer.toString(rest).length()) {
            length++;
        }
        target.writeBytes((length + " " + keyword + "=").getBytes(StandardCharsets.ISO_8859_1));
        target.writeBytes(value);
        target.write('\n');
    }
}
