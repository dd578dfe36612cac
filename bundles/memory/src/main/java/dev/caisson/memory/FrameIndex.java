package dev.caisson.memory;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The frames of one file by page index: small for small files, sparse for sparse ones. Guarded by the file's lock.
 *
 * <pre>
 * entry  bits 0-27  number of the frame, 0 for none
 *        bit  28    FILLED: has content and is charged; else it is only reserved
 *        bit  29    DIRTY: differs from what the source has
 * </pre>
 */
final class FrameIndex {
    static final int FRAME = PageTable.FRAME;
    static final int FILLED = 1 << 28;
    static final int DIRTY = 1 << 29;

    private static final int CHUNK = 512;
    private static final int DENSE_CHUNKS = 1024;

    private int[][] dense = new int[1][];
    private Map<Long, int[]> sparse;
    private long filled;

    /** {@return pages with content} */
    long filled() {
        return filled;
    }

    private int[] chunk(long index) {
        if (index < DENSE_CHUNKS) {
            return index < dense.length ? dense[(int) index] : null;
        }
        return sparse == null ? null : sparse.get(index);
    }

    int get(long page) {
        int[] chunk = chunk(page >>> 9);
        int slot = (int) page & CHUNK - 1;
        return chunk == null || slot >= chunk.length ? 0 : chunk[slot];
    }

    void set(long page, int entry) {
        int slot = (int) page & CHUNK - 1;
        int[] chunk = chunk(page >>> 9);
        if (chunk == null || slot >= chunk.length) {
            if (entry == 0) {
                return;
            }
            chunk = grow(page >>> 9, chunk, slot);
        }
        filled += (entry >>> 28 & 1) - (chunk[slot] >>> 28 & 1);
        chunk[slot] = entry;
    }

    private int[] grow(long index, int[] chunk, int slot) {
        int length = chunk == null && slot == 0 && index == 0 ? 1 : Math.min(CHUNK, Integer.highestOneBit(Math.max(slot, 3)) * 2);
        if (index > 0) {
            length = CHUNK;
        }
        int[] bigger = chunk == null ? new int[length] : Arrays.copyOf(chunk, length);
        if (index < DENSE_CHUNKS) {
            if (index >= dense.length) {
                dense = Arrays.copyOf(dense, (int) Math.min(DENSE_CHUNKS, Math.max(index + 1, dense.length * 2L)));
            }
            dense[(int) index] = bigger;
        } else {
            if (sparse == null) {
                sparse = new HashMap<>();
            }
            sparse.put(index, bigger);
        }
        return bigger;
    }

    /** The first page from {@code page} on that has an entry, or {@code end}. */
    long next(long page, long end) {
        while (page < end) {
            long index = page >>> 9;
            int[] chunk = chunk(index);
            if (chunk != null) {
                int stop = (int) Math.min(chunk.length, (page & CHUNK - 1) + (end - page));
                for (int slot = (int) page & CHUNK - 1; slot < stop; slot++) {
                    if (chunk[slot] != 0) {
                        return (index << 9) + slot;
                    }
                }
            }
            page = nextChunk(index + 1) << 9;
        }
        return end;
    }

    /** The first chunk from {@code index} on that exists, or a very large number. */
    private long nextChunk(long index) {
        for (; index < dense.length; index++) {
            if (dense[(int) index] != null) {
                return index;
            }
        }
        long best = Long.MAX_VALUE >>> 10;
        if (sparse != null) {
            for (long key : sparse.keySet()) {
                if (key >= index && key < best) {
                    best = key;
                }
            }
        }
        return best;
    }

    /** Removes the entries of a range. Returns them, to be released with {@link #release} when nobody uses them any more. */
    int[] remove(long first, long end) {
        int[] removed = new int[8];
        int count = 0;
        for (long page = first; (page = next(page, end)) < end; page++) {
            if (count == removed.length) {
                removed = Arrays.copyOf(removed, count * 2);
            }
            removed[count++] = get(page);
            set(page, 0);
        }
        return Arrays.copyOf(removed, count);
    }

    /** Gives frames back. Returns how many of them had content. */
    static int release(MemoryFile frames, int[] entries) {
        int total = 0;
        int i = 0;
        while (i < entries.length) {
            int first = entries[i] & FRAME;
            int charged = 0;
            int start = i;
            while (i < entries.length && (entries[i] & FRAME) == first + (i - start)) {
                charged += entries[i] >>> 28 & 1;
                i++;
            }
            frames.release((long) first << Pages.SHIFT, i - start, charged);
            total += charged;
        }
        return total;
    }
}
