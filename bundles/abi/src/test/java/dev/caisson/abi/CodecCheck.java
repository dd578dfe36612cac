package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;

/** Holds a codec against the golden layout: size, every field's place when read, every field's place when written. */
final class CodecCheck {
    /** Structures are tried at an odd offset in a larger buffer, since guests may place them anywhere. */
    private static final int AT = 3;

    private CodecCheck() {}

    /**
     * Checks a codec whose record has one component per field; components that are records themselves count as their components.
     *
     * @param structure name in the golden file
     * @param codec the codec
     * @param fields the fields, in the order of the record's components
     */
    static void check(String structure, StructCodec<? extends Record> codec, String... fields) {
        assertEquals(Golden.size(structure), codec.sizeBytes(), () -> "sizeof " + structure);
        for (int i = 0; i < fields.length; i++) {
            checkOne(structure, codec, fields, i);
        }
    }

    private static <T extends Record> void checkOne(String structure, StructCodec<T> codec, String[] fields, int index) {
        String name = structure + "." + fields[index];
        Golden.Field field = Golden.field(name);
        byte[] bytes = new byte[AT + codec.sizeBytes() + AT];
        MemorySegment memory = MemorySegment.ofArray(bytes);
        long pattern = field.size() == 2 ? 0x7a5c : field.size() == 4 ? 0x71625344 : 0x0123_4567_0012_3456L;
        put(memory, AT + field.offset(), field.size(), pattern);

        T value = codec.read(memory, AT);

        List<Long> components = flatten(value);
        assertEquals(fields.length, components.size(), () -> "fields of " + structure);
        for (int i = 0; i < fields.length; i++) {
            assertEquals(i == index ? pattern : 0, components.get(i), "bytes of " + name + " read as " + fields[i]);
        }
        MemorySegment written = MemorySegment.ofArray(new byte[bytes.length]);
        codec.write(written, AT, value);
        assertEquals(-1, memory.mismatch(written), () -> name + " is written where it is read");
    }

    private static void put(MemorySegment memory, int at, int size, long value) {
        switch (size) {
            case 2 -> memory.set(U16, at, (short) value);
            case 4 -> memory.set(U32, at, (int) value);
            case 8 -> memory.set(U64, at, value);
            default -> throw new AssertionError("a field of " + size + " bytes");
        }
    }

    private static List<Long> flatten(Record value) {
        List<Long> all = new ArrayList<>();
        try {
            for (RecordComponent component : value.getClass().getRecordComponents()) {
                Object part = component.getAccessor().invoke(value);
                if (part instanceof Record inner) {
                    all.addAll(flatten(inner));
                } else {
                    all.add(((Number) part).longValue());
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
        return all;
    }
}
