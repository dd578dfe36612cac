package dev.caisson.host;

import dev.caisson.host.raw.NativeMemory;

/**
 * Copies between native memory and arrays, each by one native method. A sandbox is young most of the time: before a method is compiled, what
 * {@link java.lang.foreign.MemorySegment} does for one copy or one string takes 1 to 4 µs, and afterwards it is some KiB of machine code in every method that
 * has it inlined, whose making takes a processor from the guest. This takes 0.1 µs before, and as long as a segment's copy afterwards.
 *
 * <p>As with all of the package, addresses are the caller's promise: the range is native memory that stays mapped meanwhile, and that cannot fault: never a
 * mapping of a host's file, which somebody may truncate (the JVM would die of the SIGBUS), never at an address or of a length that a guest chose. Bounds
 * of arrays are checked (IndexOutOfBoundsException). Content that somebody else changes at the same time is copied somehow.
 */
public final class HostBytes {
    private HostBytes() {}

    /**
     * Copies native memory.
     *
     * @param to native address
     * @param from native address; the ranges do not overlap
     * @param bytes how many
     */
    public static void copy(long to, long from, long bytes) {
        NativeMemory.copy(to, from, bytes);
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
        NativeMemory.read(from, to, at, count);
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
        NativeMemory.write(to, from, at, count);
    }

    /**
     * Copies words in the processor's order to an array.
     *
     * @param from native address
     * @param to where to, from its start
     * @param count how many words
     */
    public static void readWords(long from, long[] to, int count) {
        NativeMemory.read(from, to, count);
    }

    /**
     * Copies words in the processor's order from an array.
     *
     * @param to native address
     * @param from where from, from its start
     * @param count how many words
     */
    public static void writeWords(long to, long[] from, int count) {
        NativeMemory.write(to, from, count);
    }
}
