package dev.caisson.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A small cache of translations for the kernel's own accesses, read without a lock. Filled and cleared under the mappings lock.
 *
 * <p>{@link #generation} changes, after the entries are cleared, whenever a translation was taken back. A writer that finds the
 * generation unchanged after its stores (and a full fence) knows that whoever took the page away saw the stores.
 *
 * <pre>entry: bits 30-56 upper bits of the page number, bits 2-29 frame, bit 1 may be written, bit 0 may be read</pre>
 */
final class Translations {
    static final int READ = 1;
    static final int WRITE = 2;

    private static final int SIZE = 256;
    private static final VarHandle ENTRIES = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] entries = new long[SIZE];
    private volatile long generation;

    long generation() {
        return generation;
    }

    /** The offset of the page's frame in the memory file, or -1 when it is not known to have the rights. */
    long lookup(long page, int rights) {
        // A plain read: one aligned word, whose frame the caller's section protects; a fence follows in the generation where it matters. A
        // variable handle would cost more than all the rest here, which C1 does not inline.
        long entry = entries[(int) page & SIZE - 1];
        if (entry >>> 30 != page >>> 8 || (entry & rights) != rights) {
            return -1;
        }
        return (entry >>> 2 & PageTable.FRAME) << Pages.SHIFT;
    }

    void put(long page, int frame, int rights) {
        ENTRIES.setRelease(entries, (int) page & SIZE - 1, page >>> 8 << 30 | (long) frame << 2 | rights);
    }

    void forget(long page, long count) {
        if (count >= SIZE) {
            for (int i = 0; i < SIZE; i++) {
                ENTRIES.setOpaque(entries, i, 0L);
            }
        } else {
            for (long p = page; p < page + count; p++) {
                int slot = (int) p & SIZE - 1;
                if (entries[slot] >>> 30 == p >>> 8) {
                    ENTRIES.setOpaque(entries, slot, 0L);
                }
            }
        }
        generation = generation + 1;
        VarHandle.fullFence();
    }
}
