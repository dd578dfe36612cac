package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.memory.PageTable.FRAME;
import static dev.caisson.memory.PageTable.MAPPED;
import static dev.caisson.memory.PageTable.MAPPED_WRITABLE;
import static dev.caisson.memory.PageTable.PRIVATE;
import static dev.caisson.memory.PageTable.WRITABLE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.platform.AccessType;
import java.lang.foreign.MemorySegment;

/**
 * Brings pages in: for page faults of the guest and for accesses of the kernel. A fault costs the guest tens of microseconds, so it
 * brings in a generous run of neighbours in one step.
 */
final class FaultHandler {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int READABLE = PROT_READ | PROT_WRITE | PROT_EXEC; // x86 cannot forbid reading alone

    /** Answer of {@link #presentLocked} for a page that reads as zeros. */
    static final long UNTOUCHED = -2;

    /** Gap that a growing stack leaves to the mapping below it: 256 pages. */
    private static final long STACK_GUARD_BYTES = 256L << Pages.SHIFT;
    /** Pages brought in by a first fault. */
    private static final int WINDOW = 16;
    /** Pages brought in by a fault in a mapping that had many. */
    private static final int WIDE_WINDOW = 32;
    private static final int FAULTS_BEFORE_WIDE_WINDOW = 4;
    /** Pages brought in by one fault at most, when accesses are sequential or the kernel needs them. */
    private static final int WIDEST_WINDOW = 512;
    /** Small anonymous mappings (a heap as malloc first makes it, .bss) are brought in wholly. */
    private static final int SMALL_MAPPING_PAGES = 40;
    /** Pages read for a fault in code, and for one in other private mappings of files. */
    private static final int CODE_READ_AHEAD = 256;
    private static final int DATA_READ_AHEAD = 64;
    /** Small writable file mappings (a library's data) are copied at once, since they will be written. */
    private static final int SMALL_DATA_PAGES = 128;
    /** Writable file mappings of that size (a program's data) are copied in windows that grow. */
    private static final int LARGE_DATA_PAGES = 512;
    /** Orders to the platform that a fault is worth, for neighbours below and above. */
    private static final int CALLS_BELOW = 4;
    private static final int CALLS_ABOVE = 5;
    /** A heap that grows by so much is about to be used. */
    private static final int HEAP_STEP_PAGES = 64;
    /** How much wider the next window is when anonymous memory is touched in order. */
    private static final int SEQUENTIAL_FACTOR = 4;

    private final Mappings mappings;
    private final PageTable pages;
    private final MemoryFile frames;
    private final long[] doubts = new long[16];
    private volatile long minorFaults;
    private volatile long majorFaults;

    FaultHandler(Mappings mappings) {
        this.mappings = mappings;
        this.pages = mappings.pages;
        this.frames = mappings.frames;
    }

    long minorFaults() {
        return minorFaults;
    }

    long majorFaults() {
        return majorFaults;
    }

    // ---- faults of the guest ----

    FaultOutcome handle(long address, AccessType access, boolean mapped) {
        if (address < 0 || address >= mappings.layout.addressLimit) {
            return FaultOutcome.SEGV_MAPERR;
        }
        FrameReader reader = frames.reader();
        reader.enter();
        mappings.lock.lock();
        try {
            minorFaults = minorFaults + 1;
            Vma vma = vmaForLocked(address);
            if (vma == null) {
                return FaultOutcome.SEGV_MAPERR;
            }
            return handleLocked(vma, address >>> Pages.SHIFT, access, mapped);
        } catch (ErrnoException e) {
            return e.errno() == ENOMEM ? FaultOutcome.OUT_OF_MEMORY : FaultOutcome.BUS_ADRERR;
        } finally {
            mappings.lock.unlock();
            reader.leave();
        }
    }

    private FaultOutcome handleLocked(Vma vma, long page, AccessType access, boolean mapped) throws ErrnoException {
        int protection = vma.protection;
        boolean mayWrite = (protection & PROT_WRITE) != 0;
        boolean write = access == AccessType.WRITE;
        switch (access) {
            case READ -> {
                if ((protection & READABLE) == 0) {
                    return FaultOutcome.SEGV_ACCERR;
                }
            }
            case WRITE -> {
                if (!mayWrite) {
                    return FaultOutcome.SEGV_ACCERR;
                }
            }
            case EXECUTE -> {
                if ((protection & PROT_EXEC) == 0) {
                    return FaultOutcome.SEGV_ACCERR;
                }
            }
            case UNKNOWN -> {
                if ((protection & READABLE) == 0) {
                    return FaultOutcome.SEGV_ACCERR;
                }
                if (mapped && !mayWrite) {
                    // A store, or a fetch from data: forbidden, unless the rights have just been extended.
                    return isConfirmedLocked(page) ? FaultOutcome.SEGV_ACCERR : remapLocked(vma, page);
                }
                int entry = pages.get(page);
                if (mapped && (entry & MAPPED_WRITABLE) != 0) {
                    // Everything but execution is allowed now.
                    if ((protection & PROT_EXEC) == 0 && isConfirmedLocked(page)) {
                        return FaultOutcome.SEGV_ACCERR;
                    }
                    return remapLocked(vma, page);
                }
                write = mayWrite && (mapped || entry == 0 && isBestWrittenAtOnce(vma));
            }
        }
        int before = pages.get(page);
        int entry = ensureLocked(vma, page, write, 1);
        if (entry == 0) {
            return FaultOutcome.BUS_ADRERR;
        }
        if (before == entry && (entry & MAPPED) != 0 && (!write || (entry & MAPPED_WRITABLE) != 0)) {
            return remapLocked(vma, page); // Resolved by another thread; mapped again to be sure.
        }
        mirrorLocked(vma, page, write);
        return FaultOutcome.RESOLVED;
    }

    private boolean isBestWrittenAtOnce(Vma vma) {
        return vma.mappable == null || !vma.isShared() && vma.pages() <= SMALL_DATA_PAGES && mappings.copiesAhead
                || vma.isShared() && !vma.mappable.tracksWrites();
    }

    /**
     * Whether the same page gave the same doubt with no change to any translation since: then the fault is no leftover of a change that
     * another thread made.
     */
    private boolean isConfirmedLocked(long page) {
        long mark = page << 24 | mappings.translations.generation() & 0xffffff;
        int slot = (int) page & doubts.length - 1;
        if (doubts[slot] == mark) {
            doubts[slot] = 0;
            return true;
        }
        doubts[slot] = mark;
        return false;
    }

    private FaultOutcome remapLocked(Vma vma, long page) throws ErrnoException {
        if (ensureLocked(vma, page, false, 1) == 0) {
            return FaultOutcome.BUS_ADRERR;
        }
        mappings.mirror.map(page, page + 1, vma.protection);
        return FaultOutcome.RESOLVED;
    }

    /** Maps the page that faulted and neighbours that are present and are not mapped as they could be. */
    private void mirrorLocked(Vma vma, long page, boolean write) throws ErrnoException {
        long first = page;
        long end = page + 1;
        if ((pages.get(page) & MAPPED_WRITABLE) != 0) {
            return; // Done when the page was copied.
        }
        if (write && (pages.get(page) & MAPPED) != 0) {
            // Only the right to write is missing: give it to the whole run of pages that may have it.
            long from = Math.max(vma.start >>> Pages.SHIFT, page - 2 * WIDEST_WINDOW);
            long to = Math.min(vma.end >>> Pages.SHIFT, page + 2 * WIDEST_WINDOW);
            while (first > from && mayBecomeWritable(vma, first - 1)) {
                first--;
            }
            while (end < to && mayBecomeWritable(vma, end)) {
                end++;
            }
            setWritableLocked(first, end);
            mappings.mirror.makeWritable(first, end, vma.protection);
            return;
        }
        long from = Math.max(vma.start >>> Pages.SHIFT, page - WIDEST_WINDOW);
        long to = Math.min(vma.end >>> Pages.SHIFT, page + WIDEST_WINDOW);
        first = pages.unmappedStart(page, from, CALLS_BELOW);
        end = pages.unmappedEnd(page, to, CALLS_ABOVE);
        mappings.mirror.map(first, end, vma.protection);
    }

    private boolean mayBecomeWritable(Vma vma, long page) {
        int entry = pages.get(page);
        if ((entry & MAPPED) == 0) {
            return false;
        }
        if ((entry & WRITABLE) != 0) {
            return true;
        }
        return !vma.isShared() && (entry & PRIVATE) != 0 && frames.countOf(entry & FRAME) == 1;
    }

    private void setWritableLocked(long first, long end) {
        for (long page = first; page < end; page++) {
            pages.set(page, pages.get(page) | WRITABLE);
        }
    }

    // ---- finding mappings ----

    /** The mapping of an address, after growing a stack to it; null when there is none. */
    Vma vmaForLocked(long address) {
        int index = mappings.vmas.indexFor(address);
        if (index >= mappings.vmas.size()) {
            return null;
        }
        Vma vma = mappings.vmas.at(index);
        if (vma.start <= address) {
            return vma;
        }
        return vma.is(Vma.GROWS_DOWN) && growLocked(vma, index, address) ? vma : null;
    }

    /** Grows a stack down to an address, a little further when there is room (Linux: expand_downwards). */
    private boolean growLocked(Vma vma, int index, long address) {
        long wanted = Pages.down(address);
        long limit = mappings.limits.stackBytes();
        long floor = index == 0 ? Mappings.MIN_ADDRESS : mappings.vmas.at(index - 1).end;
        if (index > 0 && (mappings.vmas.at(index - 1).protection & READABLE) != 0) {
            floor += STACK_GUARD_BYTES;
        }
        if (wanted < floor || limit != -1 && Long.compareUnsigned(vma.end - wanted, limit) > 0) {
            return false;
        }
        long generous = Math.max(wanted & -(long) (WINDOW << Pages.SHIFT), floor);
        if (limit != -1 && Long.compareUnsigned(vma.end - generous, limit) > 0) {
            generous = wanted;
        }
        long more = vma.start - generous >>> Pages.SHIFT;
        if (!mappings.mayExpandLocked(more, false)) {
            generous = wanted;
            more = vma.start - wanted >>> Pages.SHIFT;
            if (!mappings.mayExpandLocked(more, false)) {
                return false;
            }
        }
        mappings.accountLocked(vma, -1);
        vma.firstPage -= more;
        vma.start = generous;
        mappings.accountLocked(vma, 1);
        return true;
    }

    // ---- bringing pages in ----

    /**
     * Makes a page present, and writable for the kernel or guest if wanted. Protections were checked. Pages of the guest that are replaced
     * are mapped again.
     *
     * @param wantedPages how many from here on the kernel is going to use
     * @return the entry, or 0 beyond the end of a file
     */
    int ensureLocked(Vma vma, long page, boolean write, int wantedPages) throws ErrnoException {
        int entry = pages.get(page);
        if (entry == 0) {
            return bringInLocked(vma, page, write, wantedPages);
        }
        if (!write || (entry & WRITABLE) != 0) {
            return entry;
        }
        if (vma.isShared()) {
            long offset = vma.mappable.frame(vma.filePage(page), true);
            if (offset == Mappable.BEYOND_END) {
                return 0;
            }
            if ((entry & FRAME) != (int) (offset >>> Pages.SHIFT)) {
                throw new IllegalStateException("a mapped page moved without being invalidated");
            }
            pages.set(page, entry | WRITABLE);
        } else {
            if ((entry & PRIVATE) != 0) {
                mappings.hotPages.note(page);
            }
            if ((entry & PRIVATE) != 0 && frames.countOf(entry & FRAME) == 1) {
                pages.set(page, entry | WRITABLE);
            } else {
                copyLocked(vma, page);
            }
        }
        return pages.get(page);
    }

    private int bringInLocked(Vma vma, long page, boolean write, int wantedPages) throws ErrnoException {
        if (vma.isPrivateAnonymous()) {
            bringInAnonymousLocked(vma, page, wantedPages);
            return pages.get(page);
        }
        boolean intoFile = vma.isShared() && (write || !vma.mappable.tracksWrites() && (vma.protection & PROT_WRITE) != 0);
        long offset = vma.mappable.frameIfCached(vma.filePage(page));
        if (offset == Mappable.BEYOND_END || intoFile) {
            if (offset == Mappable.BEYOND_END && vma.file != null && vma.mappable.tracksWrites()) {
                majorFaults = majorFaults + 1;
                if (!vma.isShared()) {
                    int ahead = (vma.protection & PROT_EXEC) != 0 ? CODE_READ_AHEAD : DATA_READ_AHEAD;
                    long from = Math.max(page & -ahead, vma.start >>> Pages.SHIFT);
                    long to = Math.min((page & -ahead) + ahead, vma.end >>> Pages.SHIFT);
                    vma.mappable.readAhead(vma.filePage(from), to - from);
                }
            }
            offset = vma.mappable.frame(vma.filePage(page), intoFile);
            if (offset == Mappable.BEYOND_END) {
                return 0;
            }
        }
        pages.set(page, (int) (offset >>> Pages.SHIFT) | (intoFile ? WRITABLE : 0));
        bringInNeighboursLocked(vma, page, intoFile);
        if (write && !vma.isShared()) {
            copyLocked(vma, page);
        }
        return pages.get(page);
    }

    /** Cached pages of the file in neighbouring frames; nothing is read for them. */
    private void bringInNeighboursLocked(Vma vma, long page, boolean intoFile) throws ErrnoException {
        if (intoFile) {
            if (!vma.mappable.tracksWrites()) {
                bringInSharedWindowLocked(vma, page);
            }
            return;
        }
        long from = Math.max(vma.start >>> Pages.SHIFT, page - WIDEST_WINDOW);
        long to = Math.min(vma.end >>> Pages.SHIFT, page + WIDEST_WINDOW);
        int frame = pages.get(page) & FRAME;
        long end = Math.min(to, page + 1 + vma.mappable.cachedRun(vma.filePage(page), (int) (to - page - 1), true));
        pages.enterRun(page + 1, end, frame + 1);
        long first = page - vma.mappable.cachedRun(vma.filePage(page), (int) (page - from), false);
        long below = page;
        while (below > first && pages.get(below - 1) == 0) {
            below--;
        }
        pages.enterRun(below, page, frame - (int) (page - below));
    }

    /** Memory without a file: an aligned window of it is taken now, as for private memory. */
    private void bringInSharedWindowLocked(Vma vma, long page) {
        long from = Math.max(vma.start >>> Pages.SHIFT, page & -WINDOW);
        long to = Math.min(vma.end >>> Pages.SHIFT, (page & -WINDOW) + WINDOW);
        for (long p = from; p < to; p++) {
            if (pages.get(p) != 0) {
                continue;
            }
            try {
                long offset = vma.mappable.frameAhead(vma.filePage(p));
                if (offset == Mappable.BEYOND_END) {
                    return;
                }
                pages.set(p, (int) (offset >>> Pages.SHIFT) | WRITABLE);
            } catch (ErrnoException full) {
                return;
            }
        }
    }

    private void bringInAnonymousLocked(Vma vma, long page, int wantedPages) throws ErrnoException {
        int base = windowFor(vma);
        int window = base;
        if (vma.pages() <= SMALL_MAPPING_PAGES) {
            wantedPages = SMALL_MAPPING_PAGES;
        }
        if (page == vma.nextExpected && vma.windowPages != 0) {
            window = Math.min(WIDEST_WINDOW, vma.windowPages * SEQUENTIAL_FACTOR);
        }
        long first = Math.max(vma.start >>> Pages.SHIFT,
                vma.pages() <= SMALL_MAPPING_PAGES && !vma.is(Vma.GROWS_DOWN) ? 0 : page & -base);
        long end = (page & -base) + window;
        end = Math.max(end, page + Math.min(wantedPages, WIDEST_WINDOW));
        end = Math.min(Math.min(end, first + WIDEST_WINDOW), vma.end >>> Pages.SHIFT);
        long p = page;
        while (p > first && pages.get(p - 1) == 0) {
            p--;
        }
        first = p;
        end = pages.nextPresent(page, end);
        int count = (int) (end - first);
        long offset;
        try {
            offset = frames.allocate(count);
        } catch (ErrnoException full) {
            first = page;
            count = 1;
            offset = frames.allocate(1);
        }
        vma.windowPages = window;
        vma.nextExpected = first + count;
        pages.enterRun(first, first + count, (int) (offset >>> Pages.SHIFT) | PRIVATE | WRITABLE);
    }

    private static int windowFor(Vma vma) {
        return ++vma.faults > FAULTS_BEFORE_WIDE_WINDOW ? WIDE_WINDOW : WINDOW;
    }

    /** Gives a private mapping its own copies of a page and of neighbours that are in the same case. */
    private void copyLocked(Vma vma, long page) throws ErrnoException {
        int window = windowFor(vma);
        if (vma.mappable != null && vma.pages() <= LARGE_DATA_PAGES) {
            window = Math.min(SMALL_DATA_PAGES, WINDOW << Math.min(vma.faults / 2, 3));
        }
        long windowStart = page & -window;
        long windowEnd = windowStart + window;
        long first = page;
        long end = page + 1;
        if (vma.mappable != null && vma.pages() <= SMALL_DATA_PAGES) {
            windowStart = vma.start >>> Pages.SHIFT;
            windowEnd = vma.end >>> Pages.SHIFT;
        }
        if (vma.mappable != null && !mappings.copiesAhead) {
            windowStart = page;
            windowEnd = page + 1;
        }
        while (first > windowStart && first > vma.start >>> Pages.SHIFT && mustCopy(first - 1)) {
            first--;
        }
        while (end < windowEnd && end < vma.end >>> Pages.SHIFT && mustCopy(end)) {
            end++;
        }
        long offset;
        try {
            offset = frames.allocateUnzeroed((int) (end - first));
        } catch (ErrnoException full) {
            first = page;
            end = page + 1;
            offset = frames.allocateUnzeroed(1);
        }
        // From here on the kernel's writers look up again, and notice if they were writing to the old frames.
        mappings.translations.forget(first, end - first);
        for (long p = first; p < end; p++) {
            int old = pages.get(p);
            long to = offset + (p - first << Pages.SHIFT);
            MemorySegment.copy(frames.segment(), (long) (old & FRAME) << Pages.SHIFT, frames.segment(), to,
                    Pages.SIZE);
        }
        replaceLocked(vma, first, end, offset);
    }

    private void replaceLocked(Vma vma, long first, long end, long offset) throws ErrnoException {
        boolean wasMapped = false;
        int entry = (int) (offset >>> Pages.SHIFT) | PRIVATE | WRITABLE;
        int[] released = new int[(int) (end - first)];
        int count = 0;
        for (long p = first; p < end; p++) {
            int old = pages.get(p);
            wasMapped |= (old & MAPPED) != 0;
            pages.set(p, entry + (int) (p - first));
            if ((old & PRIVATE) != 0) {
                released[count++] = old & FRAME;
            }
        }
        try {
            if (wasMapped) {
                remapReplacedLocked(vma, first, end);
            }
        } finally {
            frames.lock().lock();
            try {
                for (int i = 0; i < count; i++) {
                    frames.releaseLocked(released[i]);
                }
            } finally {
                frames.lock().unlock();
            }
        }
    }

    /** The guest must not go on with the old frames: the new ones take their places, or nothing does. */
    private void remapReplacedLocked(Vma vma, long first, long end) throws ErrnoException {
        if (vma.protection == 0) {
            mappings.mirror.spaceOrNull().unmap(first << Pages.SHIFT, end - first << Pages.SHIFT);
            return;
        }
        mappings.mirror.replace(first, end, vma.protection);
    }

    private boolean mustCopy(long page) {
        int entry = pages.get(page);
        return entry != 0 && (entry & WRITABLE) == 0 && ((entry & PRIVATE) == 0 || frames.countOf(entry & FRAME) > 1);
    }

    // ---- mapping ahead ----

    /**
     * Maps what a program is sure to use soon and what is there already: segments of programs and libraries. Nothing is read from files.
     * Failures do not matter.
     */
    void mapAheadLocked(Vma vma, long first, long end) {
        if (mappings.mirror.spaceOrNull() == null || (vma.protection & READABLE) == 0 || vma.isShared()) {
            return;
        }
        try {
            if (pages.get(first) == 0 && vma.mappable != null
                    && vma.mappable.frameIfCached(vma.filePage(first)) != Mappable.BEYOND_END) {
                boolean data = (vma.protection & PROT_WRITE) != 0 && end - first <= SMALL_DATA_PAGES && mappings.copiesAhead;
                ensureLocked(vma, first, data, 1);
            }
            long page = pages.nextPresent(first, end);
            if (page < end && (pages.get(page) & MAPPED) == 0) {
                mirrorLocked(vma, page, false);
            }
        } catch (ErrnoException e) {
            // Faults will show whether it matters.
        }
    }

    /**
     * Brings in and maps anonymous memory that was just asked for, if it is so little that the first touch would do the same: malloc(3)
     * asks for what it is about to use. Spares the guest that fault.
     *
     * @param first first page
     * @param end page behind the last one
     */
    void touchAheadLocked(Vma vma, long first, long end) {
        if (mappings.mirror.spaceOrNull() == null || !mappings.copiesAhead
                || (vma.flags & (Vma.LOCK_ON_FAULT | Vma.GROWS_DOWN | Vma.NO_RESERVE)) != 0) {
            return;
        }
        try {
            if (pages.nextPresent(first, end) == end) {
                mapZerosLocked(vma, first, end);
            }
        } catch (ErrnoException e) {
            // Faults will show whether it matters.
        }
    }

    /** Whether a heap's last page is in use, so that what it grows by will be at once. */
    boolean isHeapInUseLocked(long oldEndPage, long newEndPage) {
        return newEndPage - oldEndPage <= HEAP_STEP_PAGES && pages.get(oldEndPage - 1) != 0;
    }

    private void mapZerosLocked(Vma vma, long first, long end) throws ErrnoException {
        pages.enterRun(first, end, (int) (frames.allocate((int) (end - first)) >>> Pages.SHIFT) | PRIVATE | WRITABLE);
        mappings.mirror.map(first, end, vma.protection);
    }

    // ---- accesses of the kernel ----

    /**
     * Finds the frame of a page for the kernel, bringing it in.
     *
     * @param page number of the page
     * @param write whether it will be written
     * @param wantedPages how many from here on are wanted
     * @param force for debuggers: protections do not count, but a shared mapping's for writing
     * @return offset of the frame
     * @throws ErrnoException EFAULT, ENOMEM
     */
    long resolve(long page, boolean write, int wantedPages, boolean force) throws ErrnoException {
        for (int attempt = 0;; attempt++) {
            mappings.lock.lock();
            try {
                return resolveLocked(page, write, wantedPages, force);
            } catch (ErrnoException e) {
                if (e.errno() != ENOMEM) {
                    throw e;
                }
            } finally {
                mappings.lock.unlock();
            }
            if (!frames.reader().relieve(attempt)) {
                throw ENOMEM.error();
            }
        }
    }

    long resolveLocked(long page, boolean write, int wantedPages, boolean force) throws ErrnoException {
        Vma vma = vmaForLocked(page << Pages.SHIFT);
        if (vma == null) {
            throw EFAULT.error();
        }
        boolean allowed = write ? (vma.protection & PROT_WRITE) != 0 : (vma.protection & READABLE) != 0;
        if (!allowed && (!force || write && vma.isShared())) {
            throw EFAULT.error();
        }
        boolean absent = pages.get(page) == 0;
        int entry;
        try {
            entry = ensureLocked(vma, page, write, wantedPages);
        } catch (ErrnoException e) {
            throw e.errno() == ENOMEM ? e : EFAULT.error();
        }
        if (entry == 0) {
            throw EFAULT.error();
        }
        if (absent && write && mappings.mirror.spaceOrNull() != null && (vma.protection & PROT_WRITE) != 0) {
            mirrorLocked(vma, page, false); // The guest is about to look at what the kernel writes.
        }
        if (allowed) {
            boolean writable = (entry & WRITABLE) != 0 && (vma.protection & PROT_WRITE) != 0;
            mappings.translations.put(page, entry & FRAME, Translations.READ | (writable ? Translations.WRITE : 0));
        }
        return (long) (entry & FRAME) << Pages.SHIFT;
    }

    /**
     * Where a readable address is in memory now, with nothing brought in for it.
     *
     * @return offset of the frame, {@link #UNTOUCHED} for anonymous memory that reads as zeros, or {@link Mappable#BEYOND_END}
     */
    long presentLocked(long address) {
        Vma vma = mappings.vmas.find(address);
        if (vma == null || (vma.protection & READABLE) == 0) {
            return Mappable.BEYOND_END;
        }
        long page = address >>> Pages.SHIFT;
        int entry = pages.get(page);
        if (entry != 0) {
            return (long) (entry & FRAME) << Pages.SHIFT;
        }
        return vma.isPrivateAnonymous() ? UNTOUCHED : vma.mappable.frameIfCached(vma.filePage(page));
    }

    /** Brings all pages of a range in, as far as possible (MAP_POPULATE, mlock). Returns the first address that failed, or end. */
    long populateLocked(long start, long end, boolean alsoMirror) throws ErrnoException {
        long page = start >>> Pages.SHIFT;
        long endPage = end >>> Pages.SHIFT;
        while (page < endPage) {
            Vma vma = mappings.vmas.find(page << Pages.SHIFT);
            if (vma == null || (vma.protection & READABLE) == 0) {
                return page << Pages.SHIFT;
            }
            boolean write = (vma.protection & PROT_WRITE) != 0 && (!vma.isShared() || !vma.mappable.tracksWrites());
            long wanted = Math.min(endPage, vma.end >>> Pages.SHIFT) - page;
            if (ensureLocked(vma, page, write, (int) Math.min(wanted, WIDEST_WINDOW)) == 0) {
                return page << Pages.SHIFT;
            }
            if (alsoMirror && (pages.get(page) & MAPPED) == 0) {
                mirrorLocked(vma, page, false);
            }
            page++;
        }
        return end;
    }
}
