package dev.caisson.memory;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.MREMAP_DONTUNMAP;
import static dev.caisson.abi.Mman.MREMAP_FIXED;
import static dev.caisson.abi.Mman.MREMAP_MAYMOVE;
import static dev.caisson.memory.PageTable.MAPPED;
import static dev.caisson.memory.PageTable.MAPPED_WRITABLE;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;

/** mremap(2), with the order of checks of Linux's mm/mremap.c. */
final class RemapOperation {
    private final Mappings mappings;
    private final MapOperations maps;

    RemapOperation(Mappings mappings, MapOperations maps) {
        this.mappings = mappings;
        this.maps = maps;
    }

    long remap(long address, long oldBytes, long newBytes, int flags, long newAddress) throws ErrnoException {
        boolean fixed = (flags & MREMAP_FIXED) != 0;
        boolean keep = (flags & MREMAP_DONTUNMAP) != 0;
        boolean mayMove = (flags & MREMAP_MAYMOVE) != 0;
        long oldLength = Pages.up(oldBytes);
        long newLength = Pages.up(newBytes);
        if ((flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP)) != 0 || !Pages.isAligned(address) || newLength == 0
                || newLength < 0 || newLength > maps.limit()) {
            throw EINVAL.error();
        }
        if (fixed || keep) {
            checkTarget(address, oldLength, newLength, mayMove, keep, newAddress);
        }
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            if (address < 0 || mappings.vmas.find(address) == null) {
                throw EFAULT.error();
            }
            if (fixed || keep) {
                return moveToLocked(address, oldLength, newLength, fixed, keep, newAddress, detached);
            }
            return resizeLocked(address, oldLength, newLength, mayMove, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** Linux's check_mremap_params. */
    private void checkTarget(long address, long oldLength, long newLength, boolean mayMove, boolean keep, long newAddress)
            throws ErrnoException {
        if (newAddress < 0 || newAddress > maps.limit() - newLength || !Pages.isAligned(newAddress) || !mayMove
                || keep && oldLength != newLength) {
            throw EINVAL.error();
        }
        if (Long.compareUnsigned(address, newAddress + newLength) < 0
                && Long.compareUnsigned(newAddress, address + oldLength) < 0) {
            throw EINVAL.error("old and new range overlap");
        }
    }

    private long moveToLocked(long address, long oldLength, long newLength, boolean fixed, boolean keep, long newAddress,
            List<Vma> detached) throws ErrnoException {
        if (mappings.vmas.size() + 2 >= Mappings.MAX_MAPPINGS - 3) {
            throw ENOMEM.error("too many mappings");
        }
        boolean shrinks = Long.compareUnsigned(oldLength, newLength) > 0;
        if (shrinks && (oldLength < 0 || oldLength > maps.limit() - address)) {
            throw EINVAL.error();
        }
        Vma vma = checkLocked(address, shrinks ? newLength : oldLength, newLength, keep);
        if (keep && !mappings.mayExpandLocked(oldLength >>> Pages.SHIFT, vma.isData())) {
            throw ENOMEM.error();
        }
        if (fixed) {
            if (newAddress < Mappings.MIN_ADDRESS) {
                throw EPERM.error("below mmap_min_addr");
            }
            maps.unmapLocked(newAddress, newAddress + newLength, detached);
        }
        if (shrinks) {
            maps.unmapLocked(address + newLength, address + oldLength, detached);
            oldLength = newLength;
        }
        vma = mappings.vmas.find(address);
        long target = newAddress;
        if (!fixed) {
            boolean hinted = newAddress >= Mappings.MIN_ADDRESS && mappings.vmas.isFree(newAddress, newAddress + newLength);
            target = hinted ? newAddress : maps.findRoomLocked(newLength);
        }
        return moveLocked(vma, address, oldLength, newLength, target, keep, detached);
    }

    private long resizeLocked(long address, long oldLength, long newLength, boolean mayMove, List<Vma> detached)
            throws ErrnoException {
        if (Long.compareUnsigned(oldLength, newLength) >= 0) {
            if (oldLength != newLength) {
                if (oldLength < 0 || oldLength > maps.limit() - address) {
                    throw EINVAL.error();
                }
                maps.unmapLocked(address + newLength, address + oldLength, detached);
            }
            return address;
        }
        Vma vma = checkLocked(address, oldLength, newLength, false);
        if (oldLength == vma.end - address && newLength <= maps.limit() - address
                && mappings.vmas.isFree(vma.end, address + newLength)) {
            return growInPlaceLocked(vma, address, newLength, detached);
        }
        if (!mayMove) {
            throw ENOMEM.error("no room to grow in place");
        }
        return moveLocked(vma, address, oldLength, newLength, maps.findRoomLocked(newLength), false, detached);
    }

    /** Linux's check_prep_vma: nothing has been unmapped yet when it fails. */
    private Vma checkLocked(long address, long oldLength, long newLength, boolean keep) throws ErrnoException {
        Vma vma = mappings.vmas.find(address);
        if (vma == null) {
            throw EFAULT.error();
        }
        if (oldLength == 0 && !vma.isShared() || keep && vma.is(Vma.SPECIAL)) {
            throw EINVAL.error();
        }
        if (oldLength < 0 || oldLength > vma.end - address) {
            throw EFAULT.error("spans mappings");
        }
        maps.checkNotSealedLocked(address, address + Math.max(oldLength, 1));
        if (newLength <= oldLength) {
            return vma;
        }
        if (vma.is(Vma.SPECIAL)) {
            throw EFAULT.error("cannot grow");
        }
        if (vma.is(Vma.LOCKED)) {
            maps.checkLockLimitLocked(newLength - oldLength);
        }
        if (!mappings.mayExpandLocked(newLength - oldLength >>> Pages.SHIFT, vma.isData())) {
            throw ENOMEM.error();
        }
        if (vma.isData() && !vma.is(Vma.NO_RESERVE)) {
            mappings.checkCommit(newLength - oldLength);
        }
        return vma;
    }

    private long growInPlaceLocked(Vma vma, long address, long newLength, List<Vma> detached) {
        // Shared anonymous memory keeps its size: touching more of it is SIGBUS, as on Linux.
        mappings.accountLocked(vma, -1);
        vma.end = address + newLength;
        mappings.accountLocked(vma, 1);
        mappings.mergeRangeLocked(vma.start, vma.end, detached);
        return address;
    }

    private long moveLocked(Vma vma, long address, long oldLength, long newLength, long target, boolean keep, List<Vma> detached)
            throws ErrnoException {
        long from = address >>> Pages.SHIFT;
        long to = target >>> Pages.SHIFT;
        long count = oldLength >>> Pages.SHIFT;
        Vma moved = new Vma(mappings, target, target + newLength, vma.protection, vma.allowed, vma.flags,
                vma.mappable, vma.file, vma.mappable == null ? to : vma.filePage(from), vma.label);
        moved.attach();
        if (oldLength > 0) {
            if (!keep) {
                try {
                    mappings.splitLocked(address);
                    mappings.splitLocked(address + oldLength);
                } catch (ErrnoException e) {
                    detached.add(moved);
                    throw e;
                }
            }
            mappings.isolateLocked(from, from + count);
            for (long p = from; (p = mappings.pages.nextPresent(p, from + count)) < from + count; p++) {
                int entry = mappings.pages.get(p) & ~(MAPPED | MAPPED_WRITABLE);
                mappings.pages.set(p, 0);
                mappings.pages.set(to + p - from, entry);
            }
            if (!keep) {
                Vma old = mappings.vmas.find(address);
                mappings.removeLocked(old);
                if (old.mappable != null) {
                    detached.add(old);
                }
            }
        }
        mappings.insertLocked(moved, detached);
        return target;
    }
}
