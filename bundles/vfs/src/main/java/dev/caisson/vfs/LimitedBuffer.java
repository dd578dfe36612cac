package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.IoBuffer;
import java.lang.foreign.MemorySegment;

/** The first bytes of another buffer. Consuming it consumes the other one. */
public final class LimitedBuffer implements IoBuffer {
    private final IoBuffer whole;
    private long left;

    /**
     * Makes a view.
     *
     * @param whole the other buffer
     * @param lengthBytes how many bytes at most
     */
    public LimitedBuffer(IoBuffer whole, long lengthBytes) {
        this.whole = whole;
        this.left = Math.min(lengthBytes, whole.remaining());
    }

    @Override
    public long remaining() {
        return left;
    }

    @Override
    public MemorySegment run() throws ErrnoException {
        MemorySegment run = whole.run();
        return run.byteSize() <= left ? run : run.asSlice(0, left);
    }

    @Override
    public void advance(long lengthBytes) {
        whole.advance(lengthBytes);
        left -= lengthBytes;
    }
}
