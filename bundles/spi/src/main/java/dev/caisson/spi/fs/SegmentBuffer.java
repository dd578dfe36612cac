package dev.caisson.spi.fs;

import java.lang.foreign.MemorySegment;

/** A buffer of one run of kernel memory. */
final class SegmentBuffer implements IoBuffer {
    private MemorySegment rest;

    SegmentBuffer(MemorySegment segment) {
        if (!segment.isNative()) {
            throw new IllegalArgumentException("an I/O buffer is native memory");
        }
        this.rest = segment;
    }

    @Override
    public long remaining() {
        return rest.byteSize();
    }

    @Override
    public MemorySegment run() {
        return rest;
    }

    @Override
    public void advance(long lengthBytes) {
        rest = rest.asSlice(lengthBytes);
    }
}
