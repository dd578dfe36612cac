package dev.caisson.testing.client;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A message of protocol buffers, by the numbers of its fields: varints and what has a length, which is all that CRI uses. */
final class Wire {
    private static final int VARINT = 0, BYTES = 2;

    private final Map<Integer, List<Object>> fields = new TreeMap<>();

    Wire add(int field, long value) {
        fields.computeIfAbsent(field, each -> new ArrayList<>()).add(value);
        return this;
    }

    Wire add(int field, String value) {
        fields.computeIfAbsent(field, each -> new ArrayList<>()).add(value.getBytes(StandardCharsets.UTF_8));
        return this;
    }

    Wire add(int field, Wire value) {
        fields.computeIfAbsent(field, each -> new ArrayList<>()).add(value.toBytes());
        return this;
    }

    /** Adds each of some strings. */
    Wire all(int field, List<String> values) {
        values.forEach(each -> add(field, each));
        return this;
    }

    /** Adds an entry of a map of strings. */
    Wire entry(int field, String key, String value) {
        return add(field, new Wire().add(1, key).add(2, value));
    }

    private Object last(int field) {
        List<Object> values = fields.get(field);
        return values == null ? null : values.getLast();
    }

    long number(int field) {
        return last(field) instanceof Long number ? number : 0;
    }

    String text(int field) {
        return last(field) instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : "";
    }

    Wire message(int field) {
        return last(field) instanceof byte[] bytes ? of(bytes, 0, bytes.length) : new Wire();
    }

    byte[] toBytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        fields.forEach((field, values) -> {
            for (Object value : values) {
                if (value instanceof byte[] bytes) {
                    varint(out, field << 3 | BYTES);
                    varint(out, bytes.length);
                    out.writeBytes(bytes);
                } else {
                    varint(out, field << 3 | VARINT);
                    varint(out, (Long) value);
                }
            }
        });
        return out.toByteArray();
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            out.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }

    static Wire of(byte[] bytes, int from, int to) {
        Wire wire = new Wire();
        int[] at = {from};
        while (at[0] < to) {
            long tag = varint(bytes, at);
            int field = (int) (tag >>> 3);
            if ((tag & 7) == VARINT) {
                wire.add(field, varint(bytes, at));
            } else if ((tag & 7) == BYTES) {
                int length = (int) varint(bytes, at);
                wire.fields.computeIfAbsent(field, each -> new ArrayList<>()).add(Arrays.copyOfRange(bytes, at[0], at[0] + length));
                at[0] += length;
            } else {
                throw new IllegalArgumentException("a field of type " + (tag & 7));
            }
        }
        return wire;
    }

    private static long varint(byte[] bytes, int[] at) {
        long value = 0;
        for (int shift = 0;; shift += 7) {
            byte next = bytes[at[0]++];
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }
}
