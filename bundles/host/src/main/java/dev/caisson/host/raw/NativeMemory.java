package dev.caisson.host.raw;

import com.kenai.jffi.MemoryIO;
import java.lang.foreign.MemorySegment;

/**
 * The one place that turns an address into a segment, and copies from and to addresses. The copies are native methods of jffi (memcpy, and JNI's
 * array regions, which check the array's bounds); nobody checks the native side.
 */
public final class NativeMemory {
    private static final MemoryIO IO = MemoryIO.getInstance();

    private NativeMemory() {}

    /**
     * memcpy(3).
     *
     * @param to native address
     * @param from native address of memory that does not overlap
     * @param bytes how many, all of them mapped on both sides
     */
    public static void copy(long to, long from, long bytes) {
        IO.memcpy(to, from, bytes);
    }

    /**
     * Copies to an array.
     *
     * @param from native address
     * @param to where to
     * @param at first index there
     * @param count how many bytes
     */
    public static void read(long from, byte[] to, int at, int count) {
        IO.getByteArray(from, to, at, count);
    }

    /**
     * Copies from an array.
     *
     * @param to native address
     * @param from where from
     * @param at first index there
     * @param count how many bytes
     */
    public static void write(long to, byte[] from, int at, int count) {
        IO.putByteArray(to, from, at, count);
    }

    /**
     * Copies to an array.
     *
     * @param from native address
     * @param to where to
     * @param count how many words
     */
    public static void read(long from, long[] to, int count) {
        IO.getLongArray(from, to, 0, count);
    }

    /**
     * Copies from an array.
     *
     * @param to native address
     * @param from where from
     * @param count how many words
     */
    public static void write(long to, long[] from, int count) {
        IO.putLongArray(to, from, 0, count);
    }

    /**
     * A view of memory that the caller knows to be mapped for as long as anybody uses the segment.
     *
     * @param address native address
     * @param bytes its size
     * @return a segment of global scope
     */
    @SuppressWarnings("restricted") // what this class is for
    public static MemorySegment segment(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }
}
