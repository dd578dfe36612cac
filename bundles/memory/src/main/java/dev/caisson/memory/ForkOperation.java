package dev.caisson.memory;

import static dev.caisson.memory.PageTable.FRAME;
import static dev.caisson.memory.PageTable.MAPPED;
import static dev.caisson.memory.PageTable.MAPPED_WRITABLE;
import static dev.caisson.memory.PageTable.PRIVATE;
import static dev.caisson.memory.PageTable.WRITABLE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.Capability;
import dev.caisson.spi.platform.GuestContext;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * Copies an address space for a child process: frames are shared copy-on-write. The platform's mirror is inherited if it can be, or
 * made anew where that costs less.
 */
final class ForkOperation {
    /** Mappings that a mirror made anew gets at once: two orders to a stub process. */
    private static final int MOST_RUNS_ANEW = 90;

    private final Mappings parent;
    private final Mappings child;
    private final boolean anew;
    private final boolean inherits;

    private ForkOperation(Mappings parent, GuestContext current) {
        this.parent = parent;
        this.child = new Mappings(parent.frames, parent.platform);
        Set<Capability> capabilities = parent.platform.capabilities();
        boolean mirrored = current != null && parent.mirror.spaceOrNull() != null;
        this.anew = mirrored && capabilities.contains(Capability.REUSES_SPACES) && hasFewRunsLocked(parent);
        this.inherits = mirrored && !anew && capabilities.contains(Capability.INHERITS_MAPPINGS);
    }

    /**
     * Copies.
     *
     * @param parent what to copy
     * @param current context of the calling task, or null
     * @param alone whether nobody but the calling task uses it
     */
    static Mappings fork(Mappings parent, GuestContext current, boolean alone) throws ErrnoException {
        parent.lock.lock();
        try {
            return new ForkOperation(parent, current).runLocked(current, alone);
        } finally {
            parent.lock.unlock();
        }
    }

    private Mappings runLocked(GuestContext current, boolean alone) throws ErrnoException {
        child.layout.copyFrom(parent.layout);
        child.limits = parent.limits;
        child.copiesAhead = parent.copiesAhead;
        // Held so that a file that invalidates pages meanwhile does not pass by before they are copied. Parent before child.
        child.lock.lockNested();
        try {
            // Writers of the kernel look up again from here on, and find what is shared now.
            parent.translations.forget(0, Long.MAX_VALUE);
            for (int i = 0; i < parent.vmas.size(); i++) {
                copyVmaLocked(parent.vmas.at(i));
            }
            child.hotPages.inherit(parent.hotPages);
            if (alone && !inherits) {
                copyHotPagesLocked();
            }
            writeProtectParentLocked();
            copyPagesLocked();
            if (anew) {
                mapAnewLocked();
            } else if (current != null && parent.mirror.spaceOrNull() != null) {
                AddressSpace space = parent.mirror.spaceOrNull().fork(current);
                child.mirror.space(space);
                dropUninheritedLocked(space);
            }
            return child;
        } catch (ErrnoException e) {
            child.closeAll();
            throw e;
        } finally {
            child.lock.unlock();
        }
    }

    /** Whether few calls map all that is present. */
    private static boolean hasFewRunsLocked(Mappings mappings) {
        int runs = 0;
        for (int i = 0; i < mappings.vmas.size(); i++) {
            Vma vma = mappings.vmas.at(i);
            long end = vma.end >>> Pages.SHIFT;
            long page = vma.start >>> Pages.SHIFT;
            int expected = 0;
            while (runs <= MOST_RUNS_ANEW && (page = mappings.pages.nextPresent(page, end)) < end) {
                int kind = mappings.pages.get(page) & (FRAME | WRITABLE);
                runs += kind == expected ? 0 : 1;
                expected = kind + 1;
                page++;
            }
        }
        return runs <= MOST_RUNS_ANEW;
    }

    private void mapAnewLocked() throws ErrnoException {
        AddressSpace space = child.platform.newAddressSpace(child.frames.fd());
        space.inheritCode(parent.mirror.spaceOrNull());
        child.mirror.space(space);
        for (int i = 0; i < child.vmas.size(); i++) {
            Vma vma = child.vmas.at(i);
            child.mirror.map(vma.start >>> Pages.SHIFT, vma.end >>> Pages.SHIFT, vma.protection);
        }
    }

    private void copyVmaLocked(Vma vma) throws ErrnoException {
        if (vma.is(Vma.DONT_FORK)) {
            return;
        }
        Vma copy = vma.copyFor(child, vma.start, vma.end);
        copy.flags &= ~(Vma.LOCKED | Vma.LOCK_ON_FAULT);
        copy.attach();
        child.vmas.add(copy);
        child.accountLocked(copy, 1);
    }

    /**
     * Gives the child its own copies of pages that will soon be written; the parent keeps what rights it has. Only while nobody
     * else writes to the parent's memory: the child must not see of two stores the second alone.
     */
    private void copyHotPagesLocked() {
        HotPages hot = parent.hotPages;
        for (int i = 0; i < hot.count(); i++) {
            long end = hot.firstPage(i) + HotPages.GROUP;
            long page = hot.firstPage(i);
            while (page < end) {
                Vma vma = parent.vmas.find(page << Pages.SHIFT);
                long next = vma == null ? page + 1 : Math.min(end, vma.end >>> Pages.SHIFT);
                if (vma != null && !vma.isShared() && !vma.is(Vma.DONT_FORK) && !vma.is(Vma.WIPE_ON_FORK) && !copyPrivateLocked(page, next)) {
                    return;
                }
                page = next;
            }
        }
    }

    /** {@return whether there was room} */
    private boolean copyPrivateLocked(long first, long end) {
        while (first < end) {
            long runEnd = first;
            while (runEnd < end && (parent.pages.get(runEnd) & PRIVATE) != 0) {
                runEnd++;
            }
            if (runEnd > first && !copyRunLocked(first, runEnd)) {
                return false;
            }
            first = runEnd + 1;
        }
        return true;
    }

    /** {@return whether there was room} */
    private boolean copyRunLocked(long first, long end) {
        MemoryFile frames = parent.frames;
        long offset;
        try {
            offset = frames.allocateUnzeroed((int) (end - first));
        } catch (ErrnoException full) {
            return false; // they can still be shared
        }
        for (long page = first; page < end; page++) {
            long to = offset + (page - first << Pages.SHIFT);
            MemorySegment.copy(frames.segment(), (long) (parent.pages.get(page) & FRAME) << Pages.SHIFT, frames.segment(), to, Pages.SIZE);
            child.pages.set(page, (int) (to >>> Pages.SHIFT) | PRIVATE | WRITABLE);
        }
        return true;
    }

    /** Takes the right to write private pages away from the parent's guest, before they are shared. */
    private void writeProtectParentLocked() {
        AddressSpace space = parent.mirror.spaceOrNull();
        if (space == null) {
            return;
        }
        space.beginChanges();
        try {
            writeProtectRunsLocked();
        } finally {
            space.endChanges();
        }
    }

    /** One step per run of mapped pages with the same rights. */
    private void writeProtectRunsLocked() {
        long runStart = -1;
        long runEnd = -1;
        int runProtection = 0;
        for (int i = 0; i < parent.vmas.size(); i++) {
            Vma vma = parent.vmas.at(i);
            if (vma.isShared() || (vma.protection & 2) == 0) {
                continue;
            }
            long end = vma.end >>> Pages.SHIFT;
            for (long page = vma.start >>> Pages.SHIFT; (page = parent.pages.nextPresent(page, end)) < end; page++) {
                if ((parent.pages.get(page) & MAPPED_WRITABLE) == 0 || child.pages.get(page) != 0) {
                    continue; // no right to take away, or copied already
                }
                if (page != runEnd || vma.protection != runProtection) {
                    endRunLocked(runStart, runEnd, runProtection);
                    runStart = page;
                    runProtection = vma.protection;
                }
                runEnd = page + 1;
            }
        }
        endRunLocked(runStart, runEnd, runProtection);
    }

    private void endRunLocked(long start, long end, int protection) {
        if (start >= 0) {
            parent.mirror.writeProtect(start, end, protection);
        }
    }

    private void copyPagesLocked() {
        MemoryFile frames = parent.frames;
        frames.lock().lock();
        try {
            for (int i = 0; i < parent.vmas.size(); i++) {
                Vma vma = parent.vmas.at(i);
                if (!vma.is(Vma.DONT_FORK) && !vma.is(Vma.WIPE_ON_FORK)) {
                    copyPagesLocked(vma, frames);
                }
            }
        } finally {
            frames.lock().unlock();
        }
    }

    private void copyPagesLocked(Vma vma, MemoryFile frames) {
        int kept = inherits ? -1 : ~(MAPPED | MAPPED_WRITABLE);
        long end = vma.end >>> Pages.SHIFT;
        for (long page = vma.start >>> Pages.SHIFT; (page = parent.pages.nextPresent(page, end)) < end; page++) {
            if (child.pages.get(page) != 0) {
                continue;
            }
            int entry = parent.pages.get(page);
            if (!vma.isShared() && (entry & WRITABLE) != 0) {
                entry &= ~WRITABLE;
                parent.pages.set(page, entry);
            }
            if ((entry & PRIVATE) != 0) {
                frames.retainLocked(entry & FRAME);
            }
            child.pages.set(page, entry & kept);
        }
    }

    /** What the child has inherited from the platform but must not have. */
    private void dropUninheritedLocked(AddressSpace space) {
        if (!inherits) {
            return;
        }
        for (int i = 0; i < parent.vmas.size(); i++) {
            Vma vma = parent.vmas.at(i);
            if (vma.is(Vma.DONT_FORK) || vma.is(Vma.WIPE_ON_FORK)) {
                space.unmap(vma.start, vma.end - vma.start);
            }
        }
    }
}
