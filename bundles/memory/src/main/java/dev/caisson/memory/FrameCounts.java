package dev.caisson.memory;

import java.util.Arrays;

/**
 * References to frames. Changed under the lock of the frames; {@link #get} may be called without it by a holder of a reference,
 * who learns for sure whether it is the only one.
 */
final class FrameCounts {
    private static final int CHUNK_SHIFT = 15;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;

    private volatile int[][] chunks = new int[0][];

    int get(int frame) {
        return chunks[frame >>> CHUNK_SHIFT][frame & CHUNK_MASK];
    }

    void set(int first, int count, int value) {
        for (int frame = first; frame < first + count; frame++) {
            chunk(frame)[frame & CHUNK_MASK] = value;
        }
    }

    void increment(int frame) {
        chunk(frame)[frame & CHUNK_MASK]++;
    }

    /** One reference less. Returns what is left. */
    int decrement(int frame) {
        int left = --chunks[frame >>> CHUNK_SHIFT][frame & CHUNK_MASK];
        if (left < 0) {
            throw new IllegalStateException("frame " + frame + " was released too often");
        }
        return left;
    }

    private int[] chunk(int frame) {
        int index = frame >>> CHUNK_SHIFT;
        int[][] now = chunks;
        if (index >= now.length || now[index] == null) {
            now = Arrays.copyOf(now, Math.max(now.length, index + 1));
            now[index] = new int[1 << CHUNK_SHIFT];
            chunks = now;
        }
        return now[index];
    }
}
