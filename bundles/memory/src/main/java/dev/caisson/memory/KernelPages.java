package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import java.lang.foreign.MemorySegment;

/** Pages that the kernel itself fills and guests map read-only: the vDSO and its parameters. They stay for the sandbox's life. */
public final class KernelPages implements Mappable {
    private final MemoryFile frames;
    private final long offset;
    private final int count;

    /**
     * Takes frames for the pages.
     *
     * @param frames the memory file
     * @param count how many pages, 1 to 512
     * @throws ErrnoException ENOMEM
     */
    public KernelPages(MemoryFile frames, int count) throws ErrnoException {
        this.frames = frames;
        this.count = count;
        this.offset = frames.allocate(count);
    }

    /** {@return the pages, writable by the kernel} */
    public MemorySegment segment() {
        return frames.segment().asSlice(offset, sizeBytes());
    }

    /** {@return size in bytes, a multiple of the page size} */
    public long sizeBytes() {
        return (long) count << Pages.SHIFT;
    }

    @Override
    public long frame(long page, boolean write) {
        return page < 0 || page >= count ? BEYOND_END : offset + (page << Pages.SHIFT);
    }

    @Override
    public long frameIfCached(long page) {
        return frame(page, false);
    }

    @Override
    public void addMapping(Mapping mapping, boolean writableShared) {}

    @Override
    public void removeMapping(Mapping mapping, boolean writableShared) {}
}
