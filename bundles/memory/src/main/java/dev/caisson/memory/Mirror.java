package dev.caisson.memory;

import static dev.caisson.memory.PageTable.FRAME;
import static dev.caisson.memory.PageTable.MAPPED;
import static dev.caisson.memory.PageTable.MAPPED_WRITABLE;
import static dev.caisson.memory.PageTable.WRITABLE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;

/**
 * The platform's mirror of an address space, kept in step with the page table's MAPPED bits. Guarded by the mappings lock but for
 * {@link #spaceOrNull}.
 */
final class Mirror {
    private static final int PROT_WRITE = 2;

    /** Runs that differ in rights, beyond which the rest of a range is unmapped instead. */
    private static final int RUNS_WORTH_SEPARATE_CALLS = 8;

    private final PageTable pages;
    private volatile AddressSpace space;

    Mirror(PageTable pages) {
        this.pages = pages;
    }

    AddressSpace spaceOrNull() {
        return space;
    }

    void space(AddressSpace newSpace) {
        space = newSpace;
    }

    /**
     * Maps all present pages of a range, in as few calls as their frames allow. All belong to one mapping, and where something is mapped
     * already, it is the same frame.
     */
    void map(long first, long end, int protection) throws ErrnoException {
        map(first, end, protection, false);
    }

    /** As {@link #map(long, long, int)}, where the guest must not go on with what was mapped until now. */
    void replace(long first, long end, int protection) throws ErrnoException {
        map(first, end, protection, true);
    }

    private void map(long first, long end, int protection, boolean atOnce) throws ErrnoException {
        AddressSpace current = space;
        if (current == null || protection == 0) {
            return;
        }
        long page = first;
        while ((page = pages.nextPresent(page, end)) < end) {
            int entry = pages.get(page);
            long next = pages.runEnd(page, end);
            mapRun(current, page, next, entry, protection, atOnce);
            page = next;
        }
    }

    private void mapRun(AddressSpace current, long first, long end, int entry, int protection, boolean atOnce) throws ErrnoException {
        boolean writable = (entry & WRITABLE) != 0 && (protection & PROT_WRITE) != 0;
        int rights = writable ? protection : protection & ~PROT_WRITE;
        if (rights == 0) {
            // A write-only mapping whose pages may not be written yet: reading is what x86 would allow too.
            rights = 1;
        }
        int bits = MAPPED | (writable ? MAPPED_WRITABLE : 0);
        long offset = (long) (entry & FRAME) << Pages.SHIFT;
        try {
            if (atOnce) {
                current.map(first << Pages.SHIFT, end - first << Pages.SHIFT, offset, rights, false);
            } else {
                current.mapLater(first << Pages.SHIFT, end - first << Pages.SHIFT, offset, rights);
            }
        } catch (ErrnoException e) {
            pages.changeBits(first, end, MAPPED | MAPPED_WRITABLE, 0);
            throw e;
        }
        pages.changeBits(first, end, MAPPED | MAPPED_WRITABLE, bits);
    }

    /** Takes away what is mapped in a range. The bits of the entries are cleared. */
    void unmap(long first, long end) {
        long lowest = -1;
        long highest = -1;
        for (long page = first; (page = pages.nextPresent(page, end)) < end; page++) {
            int entry = pages.get(page);
            if ((entry & MAPPED) != 0) {
                pages.set(page, entry & ~(MAPPED | MAPPED_WRITABLE));
                if (lowest < 0) {
                    lowest = page;
                }
                highest = page;
            }
        }
        if (lowest >= 0 && space != null) {
            space.unmap(lowest << Pages.SHIFT, highest + 1 - lowest << Pages.SHIFT);
        }
    }

    /** Gives the mapped pages of a range the rights that the protection and their WRITABLE bits allow. */
    void protect(long first, long end, int protection) {
        if (space == null) {
            return;
        }
        if (protection == 0) {
            unmap(first, end);
            return;
        }
        int runs = 0;
        long page = first;
        while ((page = nextMapped(page, end)) < end) {
            if (++runs > RUNS_WORTH_SEPARATE_CALLS) {
                unmap(page, end); // Faults will map what is used, in larger runs.
                return;
            }
            boolean writable = isWritable(page, protection);
            long next = page + 1;
            while (next < end && (pages.get(next) & MAPPED) != 0 && isWritable(next, protection) == writable) {
                next++;
            }
            apply(page, next, writable ? protection : protection & ~PROT_WRITE, writable);
            page = next;
        }
    }

    /** Takes the right to write away from the pages of a range, all of which are mapped. */
    void writeProtect(long first, long end, int protection) {
        if (space != null) {
            apply(first, end, protection & ~PROT_WRITE, false);
        }
    }

    /** Gives the right to write to the pages of a range, all of which are mapped and WRITABLE. */
    void makeWritable(long first, long end, int protection) {
        apply(first, end, protection, true);
    }

    /** Platforms change a range in one step only if it has no gaps. */
    private void apply(long first, long end, int rights, boolean writable) {
        if (rights == 0) {
            rights = 1;
        }
        boolean mapped = true;
        try {
            space.protect(first << Pages.SHIFT, end - first << Pages.SHIFT, rights);
        } catch (ErrnoException e) {
            mapped = false; // The range is unmapped now; faults will bring it back.
        }
        int bits = !mapped ? 0 : MAPPED | (writable ? MAPPED_WRITABLE : 0);
        for (long page = first; (page = pages.nextPresent(page, end)) < end; page++) {
            int entry = pages.get(page);
            if ((entry & MAPPED) != 0) {
                pages.set(page, entry & ~(MAPPED | MAPPED_WRITABLE) | bits);
            }
        }
    }

    private long nextMapped(long page, long end) {
        while ((page = pages.nextPresent(page, end)) < end && (pages.get(page) & MAPPED) == 0) {
            page++;
        }
        return page;
    }

    private boolean isWritable(long page, int protection) {
        return (protection & PROT_WRITE) != 0 && (pages.get(page) & WRITABLE) != 0;
    }

    /** Forgets the space without a word to it, since it is gone. */
    void reset(long endPage) {
        space = null;
        for (long page = 0; (page = pages.nextPresent(page, endPage)) < endPage; page++) {
            pages.set(page, pages.get(page) & ~(MAPPED | MAPPED_WRITABLE));
        }
    }
}
