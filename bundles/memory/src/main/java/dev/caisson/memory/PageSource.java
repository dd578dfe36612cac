package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import java.lang.foreign.MemorySegment;

/** Where the pages of a {@link PageCache} come from and go to: a file of the host, a 9P file. Called under the cache's lock. */
public interface PageSource {
    /**
     * Reads.
     *
     * @param offset position in the file
     * @param target native memory to fill
     * @return bytes read; short only at the end of the file
     * @throws ErrnoException EIO and what else the source reports
     */
    long read(long offset, MemorySegment target) throws ErrnoException;

    /**
     * Writes all of it.
     *
     * @param offset position in the file
     * @param source native memory
     * @throws ErrnoException ENOSPC, EFBIG, EIO
     */
    void write(long offset, MemorySegment source) throws ErrnoException;

    /**
     * The size of the file.
     *
     * @return bytes
     * @throws ErrnoException EIO
     */
    long sizeBytes() throws ErrnoException;

    /** A guest is about to change a page through a mapping, which was as the source has it. Must not wait. */
    default void dirtied() {}
}
