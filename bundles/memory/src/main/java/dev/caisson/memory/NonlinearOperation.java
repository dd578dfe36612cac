package dev.caisson.memory;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.MAP_NONBLOCK;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;

/**
 * remap_file_pages(2), with the order of checks of Linux's mm/mmap.c. As there, since Linux 4.0, other pages of the same file are mapped
 * over the range: a mapping of its own for every break in the order.
 */
final class NonlinearOperation {
    private final Mappings mappings;
    private final MapOperations maps;

    NonlinearOperation(Mappings mappings, MapOperations maps) {
        this.mappings = mappings;
        this.maps = maps;
    }

    void remapFilePages(long address, long sizeBytes, long protection, long pageOffset, long flags) throws ErrnoException {
        long start = address & -Pages.SIZE;
        long length = sizeBytes & -Pages.SIZE;
        long count = length >>> Pages.SHIFT;
        if (protection != 0 || Long.compareUnsigned(start + length, start) <= 0
                || Long.compareUnsigned(pageOffset + count, pageOffset) < 0) {
            throw EINVAL.error();
        }
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            Vma old = start < 0 ? null : mappings.vmas.find(start);
            if (old == null || !old.isShared() || !isOneFileLocked(old, start + length)) {
                throw EINVAL.error("not one shared mapping");
            }
            checkLocked(old, length, pageOffset, count);
            replaceLocked(old, start, length, pageOffset, (flags & MAP_NONBLOCK) == 0, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** Whether mappings of the same file with the same properties follow without a hole up to {@code end}. */
    private boolean isOneFileLocked(Vma first, long end) {
        VmaSet vmas = mappings.vmas;
        Vma last = first;
        for (int i = vmas.indexFor(first.start) + 1; Long.compareUnsigned(end, last.end) > 0; i++) {
            Vma next = i < vmas.size() ? vmas.at(i) : null;
            if (next == null || next.start != last.end || next.mappable != first.mappable || next.flags != first.flags
                    || next.protection != first.protection || next.allowed != first.allowed
                    || !(first.file == null ? next.file == null : first.file.equals(next.file))) {
                return false;
            }
            last = next;
        }
        return true;
    }

    private void checkLocked(Vma old, long length, long pageOffset, long count) throws ErrnoException {
        if (mappings.vmas.size() > Mappings.MAX_MAPPINGS) {
            throw ENOMEM.error("too many mappings");
        }
        if (old.is(Vma.LOCKED) && mappings.limits.lockedBytes() == 0 && !mappings.limits.mayLockAnything()) {
            throw EPERM.error("MAP_LOCKED");
        }
        if (old.is(Vma.LOCKED) || mappings.futureLockFlags != 0) {
            maps.checkLockLimitLocked(length);
        }
        if (Long.compareUnsigned(pageOffset, (Long.MAX_VALUE >>> Pages.SHIFT) - count) > 0) {
            throw EOVERFLOW.error();
        }
    }

    private void replaceLocked(Vma old, long start, long length, long pageOffset, boolean populates, List<Vma> detached)
            throws ErrnoException {
        int flags = Vma.SHARED | old.flags & Vma.LOCKED | mappings.futureLockFlags;
        Vma vma = new Vma(mappings, start, start + length, old.protection, old.allowed, flags, old.mappable, old.file, pageOffset,
                old.label);
        vma.attach();
        try {
            maps.unmapLocked(start, start + length, detached);
        } catch (ErrnoException e) {
            detached.add(vma);
            throw e;
        }
        mappings.insertLocked(vma, detached);
        if (populates || (flags & (Vma.LOCKED | Vma.LOCK_ON_FAULT)) == Vma.LOCKED) {
            maps.populateQuietlyLocked(start, start + length);
        }
    }
}
