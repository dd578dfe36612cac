package dev.caisson.memory;

/**
 * What the kernel knows of each page of an address space: a radix tree of four levels, as the processor's. Guarded by the
 * mappings lock.
 *
 * <pre>
 * entry  bits 0-27  number of the frame; 0 when the page is absent
 *        bit  28    PRIVATE: the frame is this address space's, with a reference
 *        bit  29    WRITABLE: may be written without asking anybody (not shared copy-on-write, file told)
 *        bit  30    MAPPED: the platform mirrors it
 *        bit  31    MAPPED_WRITABLE: with the right to write
 * </pre>
 */
final class PageTable {
    static final int FRAME = (1 << 28) - 1;
    static final int PRIVATE = 1 << 28;
    static final int WRITABLE = 1 << 29;
    static final int MAPPED = 1 << 30;
    static final int MAPPED_WRITABLE = 1 << 31;

    private static final int LEAF = 512;

    private final int[][][][] root = new int[256][][][];
    private long present;
    private long privatePages;

    /** {@return pages present} */
    long present() {
        return present;
    }

    /** {@return pages that are this address space's own} */
    long privatePages() {
        return privatePages;
    }

    int get(long page) {
        int[] leaf = leaf(page);
        return leaf == null ? 0 : leaf[(int) page & 511];
    }

    private int[] leaf(long page) {
        int[][][] upper = root[(int) (page >>> 27)];
        if (upper == null) {
            return null;
        }
        int[][] middle = upper[(int) (page >>> 18) & 511];
        return middle == null ? null : middle[(int) (page >>> 9) & 511];
    }

    void set(long page, int entry) {
        int top = (int) (page >>> 27);
        int[][][] upper = root[top];
        if (upper == null) {
            upper = root[top] = new int[512][][];
        }
        int second = (int) (page >>> 18) & 511;
        int[][] middle = upper[second];
        if (middle == null) {
            middle = upper[second] = new int[512][];
        }
        int third = (int) (page >>> 9) & 511;
        int[] leaf = middle[third];
        if (leaf == null) {
            leaf = middle[third] = new int[LEAF];
        }
        int slot = (int) page & 511;
        count(leaf[slot], -1);
        count(entry, 1);
        leaf[slot] = entry;
    }

    private void count(int entry, int sign) {
        if (entry != 0) {
            present += sign;
            if ((entry & PRIVATE) != 0) {
                privatePages += sign;
            }
        }
    }

    /** The first present page from {@code page} on, or {@code end}. */
    long nextPresent(long page, long end) {
        while (page < end) {
            int[][][] upper = root[(int) (page >>> 27)];
            if (upper == null) {
                page = (page >>> 27) + 1 << 27;
                continue;
            }
            int[][] middle = upper[(int) (page >>> 18) & 511];
            if (middle == null) {
                page = (page >>> 18) + 1 << 18;
                continue;
            }
            int[] leaf = middle[(int) (page >>> 9) & 511];
            if (leaf == null) {
                page = (page >>> 9) + 1 << 9;
                continue;
            }
            int slot = (int) page & 511;
            int stop = (int) Math.min(LEAF, slot + (end - page));
            for (int i = slot; i < stop; i++) {
                if (leaf[i] != 0) {
                    return page + (i - slot);
                }
            }
            page += stop - slot;
        }
        return end;
    }

    /** Forgets the leaves that lie wholly in a range whose entries are all clear. */
    void dropLeaves(long page, long end) {
        page = page + LEAF - 1 & -LEAF;
        while (page + LEAF <= end) {
            int[][][] upper = root[(int) (page >>> 27)];
            if (upper == null) {
                page = (page >>> 27) + 1 << 27;
                continue;
            }
            int[][] middle = upper[(int) (page >>> 18) & 511];
            if (middle == null) {
                page = (page >>> 18) + 1 << 18;
                continue;
            }
            middle[(int) (page >>> 9) & 511] = null;
            page += LEAF;
        }
    }
}
