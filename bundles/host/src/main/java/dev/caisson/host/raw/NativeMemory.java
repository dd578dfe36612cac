package dev.caisson.host.raw;

import java.lang.foreign.MemorySegment;

/** The one place that turns an address into a segment. */
public final class NativeMemory {
    private NativeMemory() {}

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
