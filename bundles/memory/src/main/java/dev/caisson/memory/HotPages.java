package dev.caisson.memory;

/**
 * Private pages that were written soon after a fork: stack, thread-local data, heap. The next fork copies them at once, which spares
 * parent and child a fault for each. Guarded by the mappings lock.
 */
final class HotPages {
    /** Neighbours are taken as one. */
    static final int GROUP = 4;
    private static final int MOST = 12;

    private final long[] groups = new long[MOST];
    private int count;
    private int oldest;

    /** Notes a write to a page that a fork has made shared. */
    void note(long page) {
        long group = page / GROUP;
        for (int i = 0; i < count; i++) {
            if (groups[i] == group) {
                return;
            }
        }
        if (count < MOST) {
            groups[count++] = group;
        } else {
            groups[oldest] = group;
            oldest = (oldest + 1) % MOST;
        }
    }

    int count() {
        return count;
    }

    /** {@return the first page of a group of {@link #GROUP}} */
    long firstPage(int index) {
        return groups[index] * GROUP;
    }

    void copyFrom(HotPages other) {
        System.arraycopy(other.groups, 0, groups, 0, MOST);
        count = other.count;
        oldest = other.oldest;
    }
}
