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
    /** Numbers of the accounts that frames are counted for, 0 for none; guarded by the lock of the frames. */
    private byte[][] owners = new byte[0][];

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

    /** Says who counts frames. */
    void own(int first, int count, int owner) {
        for (int frame = first; frame < first + count; frame++) {
            int index = frame >>> CHUNK_SHIFT;
            if (index >= owners.length) {
                owners = Arrays.copyOf(owners, Math.max(index + 1, chunks.length));
            }
            if (owners[index] == null) {
                owners[index] = new byte[1 << CHUNK_SHIFT];
            }
            owners[index][frame & CHUNK_MASK] = (byte) owner;
        }
    }

    /** {@return who has counted a frame, and does no more; 0 for nobody} */
    int disown(int frame) {
        int index = frame >>> CHUNK_SHIFT;
        if (index >= owners.length || owners[index] == null) {
            return 0;
        }
        int owner = owners[index][frame & CHUNK_MASK] & 0xff;
        owners[index][frame & CHUNK_MASK] = 0;
        return owner;
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
