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

/** Copies an address space for a child process: frames are shared copy-on-write, the platform's mirror is inherited if it can be. */
final class ForkOperation {
    private final Mappings parent;
    private final Mappings child;
    private final boolean inherits;

    private ForkOperation(Mappings parent, boolean inherits) {
        this.parent = parent;
        this.child = new Mappings(parent.frames, parent.platform);
        this.inherits = inherits;
    }

    static Mappings fork(Mappings parent, GuestContext current) throws ErrnoException {
        parent.lock.lock();
        try {
            boolean inherits = current != null && parent.mirror.spaceOrNull() != null
                    && parent.platform.capabilities().contains(Capability.INHERITS_MAPPINGS);
            return new ForkOperation(parent, inherits).runLocked(current);
        } finally {
            parent.lock.unlock();
        }
    }

    private Mappings runLocked(GuestContext current) throws ErrnoException {
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
            writeProtectParentLocked();
            copyPagesLocked();
            if (current != null && parent.mirror.spaceOrNull() != null) {
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

    /** Takes the right to write private pages away from the parent's guest, one step per run of mapped pages with the same rights. */
    private void writeProtectParentLocked() {
        if (parent.mirror.spaceOrNull() == null) {
            return;
        }
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
                if ((parent.pages.get(page) & MAPPED_WRITABLE) == 0) {
                    continue;
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
