package dev.caisson.testing.kit;

import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** Native memory as programs give it to read and write. */
public final class Bytes {
    private final MemorySegment segment;

    private Bytes(MemorySegment segment) {
        this.segment = segment;
    }

    /**
     * Room for a read.
     *
     * @param bytes how much
     * @return the room
     */
    public static Bytes room(int bytes) {
        return new Bytes(Arena.ofAuto().allocate(Math.max(1, bytes)).asSlice(0, bytes));
    }

    /**
     * A text to write.
     *
     * @param text in ISO 8859-1
     * @return a buffer of it
     */
    public static IoBuffer of(String text) {
        return of(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /**
     * Bytes to write.
     *
     * @param bytes copied
     * @return a buffer of them
     */
    public static IoBuffer of(byte[] bytes) {
        Bytes made = room(bytes.length);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, made.segment, 0, bytes.length);
        return made.buffer();
    }

    /**
     * Zeros to write.
     *
     * @param bytes how many
     * @return a buffer of them
     */
    public static IoBuffer zeros(int bytes) {
        return room(bytes).buffer();
    }

    /** {@return a buffer over the room, from its beginning} */
    public IoBuffer buffer() {
        return IoBuffer.of(segment);
    }

    /**
     * The first bytes of the room.
     *
     * @param bytes how many
     * @return a copy
     */
    public byte[] first(long bytes) {
        return segment.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
    }

    /**
     * The first bytes of the room as text.
     *
     * @param bytes how many
     * @return the text
     */
    public String text(long bytes) {
        return new String(first(bytes), StandardCharsets.ISO_8859_1);
    }
}
