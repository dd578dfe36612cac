package dev.caisson.memory;

import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.memory.PageTable.FRAME;
import static dev.caisson.memory.PageTable.MAPPED;
import static dev.caisson.memory.PageTable.PRIVATE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The state of one address space and what all operations on it share. Everything is guarded by {@link #lock} unless said otherwise;
 * methods that need it held end in {@code Locked}.
 */
final class Mappings {
    /** Linux's default of vm.max_map_count. */
    static final int MAX_MAPPINGS = 65530;

    /** Mappings that a new mirror gets without being asked: more than a program has that was just loaded. */
    private static final int MAPPED_AHEAD = 16;

    /** No mapping below this, vm.mmap_min_addr. */
    static final long MIN_ADDRESS = 0x10000;

    /** What Linux gives to user space on amd64; a platform may allow less. */
    static final long TASK_SIZE = 0x7fff_ffff_f000L;

    final RankedLock lock = RankedLock.of(LockRank.MAPPINGS);
    final MemoryFile frames;
    final VmaSet vmas = new VmaSet();
    final PageTable pages = new PageTable();
    final Mirror mirror = new Mirror(pages);
    final HotPages hotPages = new HotPages();
    final Translations translations = new Translations();
    final AddressLayout layout = new AddressLayout();
    volatile MemoryLimits limits = MemoryLimits.DEFAULT;
    Platform platform;
    /** What private futex words belong to; set once. */
    Object identity;

    long totalPages;
    long peakPages;
    long peakResident;
    long dataPages;
    long stackPages;
    long textPages;
    long lockedPages;
    /** Flags that mlockall(MCL_FUTURE) gives to new mappings. */
    int futureLockFlags;

    /**
     * Whether pages of a private file mapping are copied together with a neighbour that is written.
     *
     * <p>Deviation: a change of the file made after that is not seen in those neighbours. POSIX leaves open whether it is; Linux shows it
     * until a page is written itself. Off in tests that compare with Linux's way.
     */
    boolean copiesAhead = true;

    private boolean closed;

    Mappings(MemoryFile frames, Platform platform) {
        this.frames = frames;
        this.platform = platform;
        layout.addressLimit = Math.min(TASK_SIZE, platform.addressLimit());
        layout.mmapBase = layout.addressLimit - (128L << 20);
    }

    // ---- the platform ----

    AddressSpace makeSpace(FaultHandler faults) throws ErrnoException {
        lock.lock();
        try {
            AddressSpace space = mirror.spaceOrNull();
            if (space == null) {
                space = platform.newAddressSpace(frames.fd());
                mirror.space(space);
                for (int i = 0; i < vmas.size() && i < MAPPED_AHEAD; i++) {
                    Vma vma = vmas.at(i);
                    faults.mapAheadLocked(vma, vma.start >>> Pages.SHIFT, vma.end >>> Pages.SHIFT);
                }
            }
            return space;
        } finally {
            lock.unlock();
        }
    }

    boolean fitsBelow(long limit) {
        lock.lock();
        try {
            return vmas.size() == 0 || vmas.at(vmas.size() - 1).end <= limit;
        } finally {
            lock.unlock();
        }
    }

    void switchPlatform(Platform newPlatform) {
        lock.lock();
        try {
            // A higher limit of the new platform is for programs that start there: the present one may have looked for its own.
            layout.addressLimit = Math.min(layout.addressLimit, newPlatform.addressLimit());
            layout.mmapBase = Math.min(layout.mmapBase, layout.addressLimit);
            AddressSpace old = mirror.spaceOrNull();
            mirror.reset(endPage());
            platform = newPlatform;
            if (old != null) {
                old.close();
            }
        } finally {
            lock.unlock();
        }
    }

    void closeAll() {
        List<Vma> detached = new ArrayList<>();
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            AddressSpace old = mirror.spaceOrNull();
            mirror.reset(0);
            if (old != null) {
                old.close();
            }
            translations.forget(0, Long.MAX_VALUE);
            releasePagesLocked(0, endPage());
            for (int i = 0; i < vmas.size(); i++) {
                detached.add(vmas.at(i));
            }
            while (vmas.size() > 0) {
                vmas.remove(vmas.at(vmas.size() - 1));
            }
            totalPages = 0;
        } finally {
            lock.unlock();
        }
        detached.forEach(Vma::detach);
        frames.settle();
    }

    long endPage() {
        return TASK_SIZE >>> Pages.SHIFT;
    }

    // ---- pages ----

    /**
     * Nobody can reach the pages of a range any more when this returns: neither guest nor kernel. The entries stay, no longer mapped.
     */
    void isolateLocked(long first, long end) {
        translations.forget(first, end - first);
        mirror.unmap(first, end);
    }

    /** Drops all pages of a range. */
    void dropPagesLocked(long first, long end) {
        if (pages.nextPresent(first, end) == end) {
            return;
        }
        isolateLocked(first, end);
        releasePagesLocked(first, end);
        pages.dropLeaves(first, end);
    }

    private void releasePagesLocked(long first, long end) {
        notePeakLocked();
        frames.lock().lock();
        try {
            for (long page = first; (page = pages.nextPresent(page, end)) < end; page++) {
                int entry = pages.get(page);
                pages.set(page, 0);
                if ((entry & PRIVATE) != 0) {
                    frames.releaseLocked(entry & FRAME);
                }
            }
        } finally {
            frames.lock().unlock();
        }
        frames.settle();
    }

    void notePeakLocked() {
        peakResident = Math.max(peakResident, pages.present());
    }

    /**
     * Called by a file: pages of it go. All mappings of the file are looked at, not only the one that was told, since that may have been
     * joined or moved since.
     */
    void invalidate(Vma told, long firstPage, long pageCount, boolean andPrivateCopies) {
        lock.lock();
        try {
            for (int i = 0; !closed && i < vmas.size(); i++) {
                Vma vma = vmas.at(i);
                if (vma.mappable == told.mappable) {
                    invalidateLocked(vma, firstPage, pageCount, andPrivateCopies);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void invalidateLocked(Vma vma, long firstPage, long pageCount, boolean andPrivateCopies) {
        long from = Math.max(firstPage, vma.firstPage);
        long fileEnd = vma.firstPage + vma.pages();
        long to = pageCount > Long.MAX_VALUE - firstPage ? fileEnd : Math.min(fileEnd, firstPage + pageCount);
        if (from >= to) {
            return;
        }
        long first = (vma.start >>> Pages.SHIFT) + from - vma.firstPage;
        long end = first + to - from;
        if (andPrivateCopies) {
            dropPagesLocked(first, end);
            return;
        }
        isolateLocked(first, end);
        for (long page = first; (page = pages.nextPresent(page, end)) < end; page++) {
            if ((pages.get(page) & PRIVATE) == 0) {
                pages.set(page, 0);
            }
        }
    }

    /** The file of a mapping has other pages from now on: those that are shown go, private copies stay. */
    void follow(Vma vma, Mappable next) {
        lock.lock();
        try {
            invalidateLocked(vma, 0, Long.MAX_VALUE, false);
            vma.mappable = next;
        } finally {
            lock.unlock();
        }
    }

    // ---- mappings ----

    /** Adds a mapping that is attached already, joining it with its neighbours where they fit. */
    Vma insertLocked(Vma vma, List<Vma> detached) {
        vmas.add(vma);
        accountLocked(vma, 1);
        return mergeAroundLocked(vma, detached);
    }

    /** Removes a mapping; its pages are the caller's business, and so is {@link Vma#detach}. */
    void removeLocked(Vma vma) {
        vmas.remove(vma);
        accountLocked(vma, -1);
    }

    void accountLocked(Vma vma, int sign) {
        accountLocked(vma, vma.pages() * sign);
    }

    private void accountLocked(Vma vma, long count) {
        totalPages += count;
        peakPages = Math.max(peakPages, totalPages);
        if (vma.isData()) {
            dataPages += count;
        }
        if (vma.is(Vma.GROWS_DOWN)) {
            stackPages += count;
        }
        if ((vma.protection & 4) != 0 && (vma.protection & 2) == 0) {
            textPages += count;
        }
        if (vma.is(Vma.LOCKED)) {
            lockedPages += count;
        }
    }

    private Vma mergeAroundLocked(Vma vma, List<Vma> detached) {
        int index = vmas.indexFor(vma.start);
        if (index > 0 && vmas.at(index - 1).continuesWith(vma)) {
            vma = mergeLocked(vmas.at(index - 1), vma, detached);
            index--;
        }
        if (index + 1 < vmas.size() && vma.continuesWith(vmas.at(index + 1))) {
            vma = mergeLocked(vma, vmas.at(index + 1), detached);
        }
        return vma;
    }

    private Vma mergeLocked(Vma left, Vma right, List<Vma> detached) {
        vmas.remove(right);
        left.end = right.end;
        left.windowPages = right.windowPages;
        left.nextExpected = right.nextExpected;
        if (right.mappable != null) {
            detached.add(right);
        }
        return left;
    }

    /** Joins what can be joined in and next to a range. */
    void mergeRangeLocked(long start, long end, List<Vma> detached) {
        int index = Math.max(0, vmas.indexFor(start) - 1);
        while (index + 1 < vmas.size() && vmas.at(index).start <= end) {
            if (vmas.at(index).continuesWith(vmas.at(index + 1))) {
                mergeLocked(vmas.at(index), vmas.at(index + 1), detached);
            } else {
                index++;
            }
        }
    }

    /** Cuts the mapping that spans an address, so that one starts there. */
    void splitLocked(long address) throws ErrnoException {
        Vma vma = vmas.find(address);
        if (vma == null || vma.start == address) {
            return;
        }
        if (vmas.size() >= MAX_MAPPINGS) {
            throw ENOMEM.error("too many mappings");
        }
        Vma upper = vma.copyFor(this, address, vma.end);
        upper.attach();
        vma.end = address;
        vmas.add(upper);
    }

    /** Whether a range is wholly mapped. */
    boolean isCoveredLocked(long start, long end) {
        int index = vmas.indexFor(start);
        long at = start;
        while (at < end) {
            if (index >= vmas.size() || vmas.at(index).start > at) {
                return false;
            }
            at = vmas.at(index++).end;
        }
        return true;
    }

    boolean isMapped(long address, long lengthBytes) {
        lock.lock();
        try {
            return isCoveredLocked(address, address + lengthBytes);
        } finally {
            lock.unlock();
        }
    }

    /** Checks room for more pages: RLIMIT_AS, and RLIMIT_DATA for data. */
    boolean mayExpandLocked(long morePages, boolean data) {
        long limit = limits.addressSpaceBytes();
        if (limit != -1 && Long.compareUnsigned(totalPages + morePages, limit >>> Pages.SHIFT) > 0) {
            return false;
        }
        long dataLimit = data ? limits.dataBytes() : -1;
        return dataLimit == -1 || Long.compareUnsigned(dataPages + morePages, dataLimit >>> Pages.SHIFT) <= 0;
    }

    /**
     * Refuses what can never be had, as overcommit_memory 0 does: one request for more pages than the machine has. Not for pages that
     * were asked for with MAP_NORESERVE, or that cannot be written.
     */
    void checkCommit(long lengthBytes) throws ErrnoException {
        long total = frames.limitBytes() > 0 ? frames.limitBytes() : frames.sizeBytes();
        if (lengthBytes > total) {
            throw ENOMEM.error("more than all memory");
        }
    }

    // ---- descriptions ----

    /** Adds the files that are mapped. */
    void collectFiles(Set<MappedFile> files) {
        lock.lock();
        try {
            for (int i = 0; i < vmas.size(); i++) {
                if (vmas.at(i).file != null) {
                    files.add(vmas.at(i).file);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    MappedFile fileAt(long address) {
        lock.lock();
        try {
            Vma vma = vmas.find(address);
            return vma == null ? null : vma.file;
        } finally {
            lock.unlock();
        }
    }

    List<VmaInfo> describe() {
        lock.lock();
        try {
            List<VmaInfo> list = new ArrayList<>(vmas.size());
            for (int i = 0; i < vmas.size(); i++) {
                list.add(describeLocked(vmas.at(i)));
            }
            return list;
        } finally {
            lock.unlock();
        }
    }

    private VmaInfo describeLocked(Vma vma) {
        long end = vma.end >>> Pages.SHIFT;
        long resident = 0;
        long own = 0;
        for (long page = vma.start >>> Pages.SHIFT; (page = pages.nextPresent(page, end)) < end; page++) {
            resident++;
            if ((pages.get(page) & PRIVATE) != 0) {
                own++;
            }
        }
        return new VmaInfo(vma.start, vma.end, vma.protection, vma.isShared(),
                vma.mappable == null ? 0 : vma.firstPage << Pages.SHIFT, vma.file, labelLocked(vma), resident, own,
                vma.is(Vma.LOCKED) ? resident : 0, vma.is(Vma.GROWS_DOWN), vma.is(Vma.DONT_FORK), vma.is(Vma.WIPE_ON_FORK),
                vma.is(Vma.DONT_DUMP));
    }

    private String labelLocked(Vma vma) {
        if (!vma.label.isEmpty() || vma.mappable != null) {
            return vma.label;
        }
        if (vma.start < layout.brkEnd && vma.end > layout.brkStart) {
            return "[heap]";
        }
        return vma.contains(layout.stackStart) ? "[stack]" : "";
    }

    MemoryUsage usage() {
        lock.lock();
        try {
            notePeakLocked();
            return new MemoryUsage(totalPages, peakPages, pages.present(), peakResident, pages.present() - pages.privatePages(),
                    textPages, dataPages, stackPages, lockedPages);
        } finally {
            lock.unlock();
        }
    }

    /** Whether the platform mirrors any page of a range; for tests. */
    boolean isMirrored(long page) {
        return (pages.get(page) & MAPPED) != 0;
    }
}
