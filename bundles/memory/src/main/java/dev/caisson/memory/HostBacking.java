package dev.caisson.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The host file behind a {@link MemoryFile}, as far as it is needed; tests back it with plain memory. */
public interface HostBacking extends AutoCloseable {
    /** {@return the whole file, mapped readable and writable; its size is fixed and a multiple of the page size} */
    MemorySegment segment();

    /** {@return the descriptor that platforms map; -1 when there is none} */
    int fd();

    /**
     * Gives pages back to the host; they read as zeros afterwards.
     *
     * @param offset start, page aligned
     * @param lengthBytes length, page aligned
     */
    void punch(long offset, long lengthBytes);

    /**
     * Stores where nothing was stored before: the host may do so without a page fault for each page.
     *
     * @param source native memory, at least as long
     * @param offset where to
     * @param lengthBytes length
     */
    default void storeNew(MemorySegment source, long offset, long lengthBytes) {
        MemorySegment.copy(source, 0, segment(), offset, lengthBytes);
    }

    @Override
    void close();

    /**
     * Backs a memory file with plain native memory, for tests.
     *
     * @param sizeBytes size
     * @return the backing
     */
    static HostBacking ofPlainMemory(long sizeBytes) {
        MemorySegment memory = Arena.ofAuto().allocate(sizeBytes, Pages.SIZE);
        return new HostBacking() {
            @Override
            public MemorySegment segment() {
                return memory;
            }

            @Override
            public int fd() {
                return -1;
            }

            @Override
            public void punch(long offset, long lengthBytes) {
                memory.asSlice(offset, lengthBytes).fill((byte) 0);
            }

            @Override
            public void close() {}
        };
    }
}
