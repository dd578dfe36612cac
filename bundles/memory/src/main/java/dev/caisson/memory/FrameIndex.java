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
    private volatile long dirty;

    /** {@return pages with content} */
    long filled() {
        return filled;
    }

    /** {@return pages that differ from what the source has; any thread may ask} */
    long dirty() {
        return dirty;
    }

    private void countDirty(int before, int after) {
        if (((before ^ after) & DIRTY) != 0) {
            dirty += (after & DIRTY) != 0 ? 1 : -1; // under the owner's lock; volatile for those who ask without it
        }
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
        countDirty(chunk[slot], entry);
        chunk[slot] = entry;
    }

    // ---- runs: loops over the arrays themselves, since they run before the compiler has seen them

    /** Counts the pages, from one on that has content, whose frames follow each other: at most {@code most} behind it. */
    int filledRun(long page, int most) {
        return run(page, most, FRAME | FILLED, get(page) & FRAME | FILLED);
    }

    /** Counts the pages, from one on that is reserved, whose frames follow each other without content: at most {@code most} behind it. */
    int reservedRun(long page, int most) {
        return run(page, most, -1, get(page));
    }

    private int run(long page, int most, int mask, int first) {
        int next = first;
        int count = 0;
        while (count < most) {
            int[] chunk = chunk(page + count + 1 >>> 9);
            int slot = (int) (page + count + 1) & CHUNK - 1;
            if (chunk == null || slot >= chunk.length) {
                return count;
            }
            int stop = Math.min(chunk.length, slot + most - count);
            while (slot < stop && (chunk[slot] & mask) == ++next) {
                slot++;
                count++;
            }
            if (slot < stop) {
                return count;
            }
        }
        return count;
    }

    /** Enters neighbouring frames: the entry of the first page, one more for the next one, and so on. */
    void setRun(long page, long end, int entry) {
        int isFilled = entry >>> 28 & 1;
        for (long at = page; at < end;) {
            int[] chunk = chunk(at >>> 9);
            int slot = (int) at & CHUNK - 1;
            int next = entry + (int) (at - page);
            int stop = chunk == null ? 0 : (int) Math.min(chunk.length, slot + (end - at));
            if (slot >= stop) {
                set(at++, next); // makes room
                continue;
            }
            at += stop - slot;
            for (; slot < stop; slot++) {
                filled += isFilled - (chunk[slot] >>> 28 & 1);
                countDirty(chunk[slot], next);
                chunk[slot] = next++;
            }
        }
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

    /** As {@link #remove} for all entries before a page that do not have a flag. */
    int[] removeWithout(int flag, long end) {
        int[] removed = new int[8];
        int count = 0;
        for (long page = 0; (page = next(page, end)) < end; page++) {
            int entry = get(page);
            if ((entry & flag) == 0) {
                if (count == removed.length) {
                    removed = Arrays.copyOf(removed, count * 2);
                }
                removed[count++] = entry;
                set(page, 0);
            }
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
