package dev.caisson.memory;

import java.util.BitSet;

/**
 * Free frames in blocks of 1 to 512, found and merged as a buddy allocator does. Not thread-safe. Frames are numbered from the
 * start of the memory file.
 */
final class BuddyFrames {
    /** Binary logarithm of the largest block. */
    static final int MAX_ORDER = 9;

    private final BitSet[] free = new BitSet[MAX_ORDER + 1];
    private final int[] counts = new int[MAX_ORDER + 1];
    private final int[] hints = new int[MAX_ORDER + 1];
    private int pages;

    BuddyFrames() {
        for (int order = 0; order <= MAX_ORDER; order++) {
            free[order] = new BitSet();
        }
    }

    /** {@return free frames} */
    int pages() {
        return pages;
    }

    static int orderOf(int count) {
        return count <= 1 ? 0 : 32 - Integer.numberOfLeadingZeros(count - 1);
    }

    /** Takes a run of frames, or gives -1. The run is aligned to the next power of two. */
    int take(int count) {
        int wanted = orderOf(count);
        int order = wanted;
        while (order <= MAX_ORDER && counts[order] == 0) {
            order++;
        }
        if (order > MAX_ORDER) {
            return -1;
        }
        int block = free[order].nextSetBit(hints[order]);
        if (block < 0) {
            block = free[order].nextSetBit(0);
        }
        free[order].clear(block);
        counts[order]--;
        hints[order] = block;
        int first = block << order;
        pages -= 1 << order;
        if (1 << order > count) {
            give(first + count, (1 << order) - count);
        }
        return first;
    }

    /** Takes some run, at most so long. The run is the block's start; {@link #takenCount} says how long it is. */
    int takeAny(int most) {
        for (int order = MAX_ORDER; order >= 0; order--) {
            if (counts[order] != 0 && 1 << order <= most) {
                int first = take(1 << order);
                takenCount = 1 << order;
                return first;
            }
        }
        return -1;
    }

    private int takenCount;

    int takenCount() {
        return takenCount;
    }

    /** Gives a run back. */
    void give(int first, int count) {
        while (count > 0) {
            int order = Math.min(MAX_ORDER, Math.min(first == 0 ? MAX_ORDER : Integer.numberOfTrailingZeros(first),
                    31 - Integer.numberOfLeadingZeros(count)));
            giveBlock(first >>> order, order);
            first += 1 << order;
            count -= 1 << order;
        }
    }

    private void giveBlock(int block, int order) {
        pages += 1 << order;
        while (order < MAX_ORDER && free[order].get(block ^ 1)) {
            free[order].clear(block ^ 1);
            counts[order]--;
            block >>>= 1;
            order++;
        }
        free[order].set(block);
        counts[order]++;
        hints[order] = Math.min(hints[order], block);
    }
}
