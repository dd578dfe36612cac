package dev.caisson.abi;

import java.lang.foreign.MemorySegment;

/**
 * Reads and writes one Linux structure as a value. All structures of amd64 are little-endian; offsets may be unaligned.
 *
 * @param <T> the record that holds the value
 */
public final class StructCodec<T> {
    /** Reads a structure out of kernel-owned bytes. */
    @FunctionalInterface
    public interface Reader<T> {
        /**
         * Reads one value.
         *
         * @param segment bytes that no guest can change any more
         * @param at offset of the structure
         * @return the value
         */
        T read(MemorySegment segment, long at);
    }

    /** Writes a structure into kernel-owned bytes. */
    @FunctionalInterface
    public interface Writer<T> {
        /**
         * Writes one value; padding is left as it is (zero in fresh memory).
         *
         * @param segment bytes to write to
         * @param at offset of the structure
         * @param value the value
         */
        void write(MemorySegment segment, long at, T value);
    }

    private final int sizeBytes;
    private final Reader<T> reader;
    private final Writer<T> writer;

    private StructCodec(int sizeBytes, Reader<T> reader, Writer<T> writer) {
        this.sizeBytes = sizeBytes;
        this.reader = reader;
        this.writer = writer;
    }

    /**
     * Makes a codec.
     *
     * @param <T> the value's type
     * @param sizeBytes sizeof the structure
     * @param reader reads it
     * @param writer writes it
     * @return the codec
     */
    public static <T> StructCodec<T> of(int sizeBytes, Reader<T> reader, Writer<T> writer) {
        return new StructCodec<>(sizeBytes, reader, writer);
    }

    /** {@return sizeof the structure in bytes} */
    public int sizeBytes() {
        return sizeBytes;
    }

    /**
     * Reads a value.
     *
     * @param segment kernel-owned bytes
     * @param at offset of the structure
     * @return the value
     */
    public T read(MemorySegment segment, long at) {
        return reader.read(segment, at);
    }

    /**
     * Writes a value.
     *
     * @param segment kernel-owned bytes
     * @param at offset of the structure
     * @param value the value
     */
    public void write(MemorySegment segment, long at, T value) {
        writer.write(segment, at, value);
    }
}
