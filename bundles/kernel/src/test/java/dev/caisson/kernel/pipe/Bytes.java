package dev.caisson.kernel.pipe;

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

    /** Room for a read. */
    public static Bytes room(int bytes) {
        return new Bytes(Arena.ofAuto().allocate(Math.max(1, bytes)).asSlice(0, bytes));
    }

    /** A text to write. */
    public static IoBuffer of(String text) {
        return of(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Bytes to write. */
    public static IoBuffer of(byte[] bytes) {
        Bytes made = room(bytes.length);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, made.segment, 0, bytes.length);
        return made.buffer();
    }

    /** Zeros to write. */
    public static IoBuffer zeros(int bytes) {
        return room(bytes).buffer();
    }

    /** A buffer over the room, from its beginning. */
    public IoBuffer buffer() {
        return IoBuffer.of(segment);
    }

    /** The first bytes of the room. */
    public byte[] first(long bytes) {
        return segment.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
    }

    /** The first bytes of the room as text. */
    public String text(long bytes) {
        return new String(first(bytes), StandardCharsets.ISO_8859_1);
    }
}
