package dev.caisson.memory;

import java.lang.ref.WeakReference;

/**
 * Private pages that were written after a fork, by the parent or by the child: stack, thread-local data, heap. The next fork copies them
 * at once, which spares parent and child a fault for each. Any thread.
 */
final class HotPages {
    /** Neighbours are taken as one. */
    static final int GROUP = 4;
    private static final int MOST = 12;

    private final long[] groups = new long[MOST];
    private int count;
    private int oldest;
    /** Those of the process that this one is a copy of, which will make other children; it may be gone. */
    private WeakReference<HotPages> parent = new WeakReference<>(null);

    /** Notes a write to a page that a fork has made shared. */
    void note(long page) {
        HotPages origin = noteHere(page);
        if (origin != null) {
            origin.noteHere(page);
        }
    }

    private synchronized HotPages noteHere(long page) {
        long group = page / GROUP;
        for (int i = 0; i < count; i++) {
            if (groups[i] == group) {
                return parent.get();
            }
        }
        if (count < MOST) {
            groups[count++] = group;
        } else {
            groups[oldest] = group;
            oldest = (oldest + 1) % MOST;
        }
        return parent.get();
    }

    synchronized int count() {
        return count;
    }

    /** {@return the first page of a group of {@link #GROUP}} */
    synchronized long firstPage(int index) {
        return groups[index] * GROUP;
    }

    /** Begins as those of a process that is being copied, and tells it what the copy writes. */
    synchronized void inherit(HotPages other) {
        synchronized (other) {
            System.arraycopy(other.groups, 0, groups, 0, MOST);
            count = other.count;
            oldest = other.oldest;
        }
        parent = new WeakReference<>(other);
    }
}
