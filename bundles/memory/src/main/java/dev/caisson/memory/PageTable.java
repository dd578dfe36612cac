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
    /** What the entries of pages that one call can map have in common, but for the frame's number. */
    private static final int KIND = FRAME | WRITABLE;

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

    // ---- runs: loops over the arrays themselves, since they run before the compiler has seen them

    /**
     * Enters neighbouring frames for absent pages, up to the first one that is present.
     *
     * @param page first page, absent
     * @param end page behind the last one
     * @param entry its entry; the next page's is one more
     * @return the page behind the last one entered
     */
    long enterRun(long page, long end, int entry) {
        long at = page;
        while (at < end) {
            int[] leaf = leaf(at);
            if (leaf == null) {
                set(at, entry + (int) (at - page)); // makes it
                at++;
                continue;
            }
            int slot = (int) at & LEAF - 1;
            int from = slot;
            int stop = (int) Math.min(LEAF, slot + (end - at));
            int next = entry + (int) (at - page);
            while (slot < stop && leaf[slot] == 0) {
                leaf[slot++] = next++;
            }
            present += slot - from;
            if ((entry & PRIVATE) != 0) {
                privatePages += slot - from;
            }
            at += slot - from;
            if (slot < stop) {
                break;
            }
        }
        return at;
    }

    /** The page behind those, from a present one on, that lie in neighbouring frames with equal rights. */
    long runEnd(long page, long end) {
        int next = get(page) & KIND;
        long at = page;
        while (at < end) {
            int[] leaf = leaf(at);
            if (leaf == null) {
                return at;
            }
            int slot = (int) at & LEAF - 1;
            int from = slot;
            int stop = (int) Math.min(LEAF, slot + (end - at));
            while (slot < stop && (leaf[slot] & KIND) == next && leaf[slot] != 0) {
                slot++;
                next++;
            }
            at += slot - from;
            if (slot < stop) {
                return at;
            }
        }
        return end;
    }

    /** Takes bits from the present pages of a range and gives them others; {@link #PRIVATE} is none of them. */
    void changeBits(long page, long end, int clear, int set) {
        for (long at = page; at < end;) {
            int[] leaf = leaf(at);
            int slot = (int) at & LEAF - 1;
            int stop = (int) Math.min(LEAF, slot + (end - at));
            at += stop - slot;
            for (; leaf != null && slot < stop; slot++) {
                if (leaf[slot] != 0) {
                    leaf[slot] = leaf[slot] & ~clear | set;
                }
            }
        }
    }

    /** The page behind those above a page that are present and not mapped, as far as {@code calls} calls can map them. */
    long unmappedEnd(long page, long end, int calls) {
        int last = get(page) & KIND;
        int left = calls;
        for (long at = page + 1; at < end; at++) {
            int entry = get(at);
            if (entry == 0 || (entry & MAPPED) != 0 || (entry & KIND) != last + 1 && --left == 0) {
                return at;
            }
            last = entry & KIND;
        }
        return end;
    }

    /** The first of those below a page that are present and not mapped, as far as {@code calls} calls can map them. */
    long unmappedStart(long page, long lowest, int calls) {
        int last = get(page) & KIND;
        int left = calls;
        for (long at = page - 1; at >= lowest; at--) {
            int entry = get(at);
            if (entry == 0 || (entry & MAPPED) != 0 || (entry & KIND) != last - 1 && --left == 0) {
                return at + 1;
            }
            last = entry & KIND;
        }
        return lowest;
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
