package dev.caisson.memory;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.MCL_CURRENT;
import static dev.caisson.abi.Mman.MCL_FUTURE;
import static dev.caisson.abi.Mman.MCL_ONFAULT;
import static dev.caisson.abi.Mman.MS_ASYNC;
import static dev.caisson.abi.Mman.MS_INVALIDATE;
import static dev.caisson.abi.Mman.MS_SYNC;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** mlock(2) and its family, msync(2), mincore(2). Locking is accounting: guest memory is never swapped by us. */
final class LockOperations {
    private static final MemorySegment ZEROS = Arena.global().allocate(Pages.SIZE);

    private final Mappings mappings;
    private final FaultHandler faults;
    private final MemorySegment memory;

    /** Pages of a file to write back when no lock is held. */
    private record Range(Mappable mappable, long first, long count) {}

    LockOperations(Mappings mappings, FaultHandler faults, MemorySegment memory) {
        this.mappings = mappings;
        this.faults = faults;
        this.memory = memory;
    }

    private boolean mayLock() {
        return mappings.limits.lockedBytes() != 0 || mappings.limits.mayLockAnything();
    }

    void lock(long address, long lengthBytes, boolean onFault) throws ErrnoException {
        if (!mayLock()) {
            throw EPERM.error("RLIMIT_MEMLOCK is 0");
        }
        long start = Pages.down(address);
        long length = Pages.up(lengthBytes + (address & Pages.MASK));
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            long limit = mappings.limits.lockedBytes();
            long locked = lockedIn(start, start + length);
            if (limit != -1 && !mappings.limits.mayLockAnything()
                    && Long.compareUnsigned((mappings.lockedPages - locked << Pages.SHIFT) + length, limit) > 0) {
                throw ENOMEM.error("RLIMIT_MEMLOCK");
            }
            applyLocked(start, start + length, Vma.LOCKED | (onFault ? Vma.LOCK_ON_FAULT : 0), detached);
            if (!onFault && length > 0 && faultInLocked(start, start + length) != start + length) {
                throw ENOMEM.error("not accessible");
            }
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    private long faultInLocked(long start, long end) throws ErrnoException {
        try {
            return faults.populateLocked(start, end, false);
        } catch (ErrnoException e) {
            throw e.errno() == ENOMEM ? EAGAIN.error("memory limit") : ENOMEM.error();
        }
    }

    private long lockedIn(long start, long end) {
        long count = 0;
        for (int i = mappings.vmas.indexFor(start); i < mappings.vmas.size() && mappings.vmas.at(i).start < end; i++) {
            Vma vma = mappings.vmas.at(i);
            if (vma.is(Vma.LOCKED)) {
                count += Math.min(end, vma.end) - Math.max(start, vma.start) >>> Pages.SHIFT;
            }
        }
        return count;
    }

    void unlock(long address, long lengthBytes) throws ErrnoException {
        long start = Pages.down(address);
        long length = Pages.up(lengthBytes + (address & Pages.MASK));
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            applyLocked(start, start + length, 0, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** Linux's apply_vma_lock_flags. */
    private void applyLocked(long start, long end, int flags, List<Vma> detached) throws ErrnoException {
        if (Long.compareUnsigned(end, start) < 0) {
            throw EINVAL.error();
        }
        if (start == end) {
            return;
        }
        Vma vma = start < 0 ? null : mappings.vmas.find(start);
        if (vma == null) {
            throw ENOMEM.error();
        }
        mappings.splitLocked(start);
        long at = start;
        try {
            while (at < end) {
                vma = mappings.vmas.find(at);
                if (vma == null) {
                    throw ENOMEM.error("a gap");
                }
                if (vma.end > end) {
                    mappings.splitLocked(end);
                }
                setLocked(vma, flags);
                at = vma.end;
            }
        } finally {
            mappings.mergeRangeLocked(start, at, detached);
        }
    }

    private void setLocked(Vma vma, int flags) {
        if (vma.is(Vma.SPECIAL)) {
            return;
        }
        mappings.accountLocked(vma, -1);
        vma.flags = vma.flags & ~(Vma.LOCKED | Vma.LOCK_ON_FAULT) | flags;
        mappings.accountLocked(vma, 1);
    }

    void lockAll(int flags) throws ErrnoException {
        if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) != 0 || flags == MCL_ONFAULT) {
            throw EINVAL.error();
        }
        if (!mayLock()) {
            throw EPERM.error("RLIMIT_MEMLOCK is 0");
        }
        int lockFlags = Vma.LOCKED | ((flags & MCL_ONFAULT) != 0 ? Vma.LOCK_ON_FAULT : 0);
        mappings.lock.lock();
        try {
            long limit = mappings.limits.lockedBytes();
            if ((flags & MCL_CURRENT) != 0 && limit != -1 && !mappings.limits.mayLockAnything()
                    && Long.compareUnsigned(mappings.totalPages << Pages.SHIFT, limit) > 0) {
                throw ENOMEM.error("RLIMIT_MEMLOCK");
            }
            mappings.futureLockFlags = (flags & MCL_FUTURE) != 0 ? lockFlags : 0;
            if ((flags & MCL_CURRENT) == 0) {
                return;
            }
            for (int i = 0; i < mappings.vmas.size(); i++) {
                Vma vma = mappings.vmas.at(i);
                setLocked(vma, lockFlags);
                if ((flags & MCL_ONFAULT) == 0) {
                    try {
                        faults.populateLocked(vma.start, vma.end, false);
                    } catch (ErrnoException e) {
                        // mlockall(2) ignores what cannot be brought in.
                    }
                }
            }
        } finally {
            mappings.lock.unlock();
        }
    }

    void unlockAll() {
        mappings.lock.lock();
        try {
            mappings.futureLockFlags = 0;
            for (int i = 0; i < mappings.vmas.size(); i++) {
                setLocked(mappings.vmas.at(i), 0);
            }
        } finally {
            mappings.lock.unlock();
        }
    }

    void sync(long address, long lengthBytes, int flags) throws ErrnoException {
        if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 || !Pages.isAligned(address)
                || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
            throw EINVAL.error();
        }
        long end = address + Pages.up(lengthBytes);
        if (Long.compareUnsigned(end, address) < 0) {
            throw ENOMEM.error();
        }
        if (end == address) {
            return;
        }
        List<Range> ranges = new ArrayList<>();
        boolean gap = false;
        mappings.lock.lock();
        try {
            long at = address;
            while (at < end) {
                Vma vma = at < 0 ? null : mappings.vmas.findAtOrAbove(at);
                if (vma == null || vma.start >= end) {
                    gap = true;
                    break;
                }
                gap |= vma.start > at;
                at = Math.max(at, vma.start);
                if ((flags & MS_INVALIDATE) != 0 && vma.is(Vma.LOCKED)) {
                    throw EBUSY.error("locked");
                }
                long to = Math.min(end, vma.end);
                if ((flags & MS_SYNC) != 0 && vma.isShared()) {
                    ranges.add(new Range(vma.mappable, vma.filePage(at >>> Pages.SHIFT), to - at >>> Pages.SHIFT));
                }
                at = to;
            }
        } finally {
            mappings.lock.unlock();
        }
        for (Range range : ranges) {
            range.mappable.writeBack(range.first, range.count);
        }
        if (gap) {
            throw ENOMEM.error("a gap");
        }
    }

    void residency(long address, int count, byte[] vector) throws ErrnoException {
        mappings.lock.lock();
        try {
            if (!mappings.isCoveredLocked(address, address + ((long) count << Pages.SHIFT))) {
                throw ENOMEM.error("a gap");
            }
            for (int i = 0; i < count; i++) {
                long page = (address >>> Pages.SHIFT) + i;
                vector[i] = (byte) (isResidentLocked(mappings.vmas.find(page << Pages.SHIFT), page) ? 1 : 0);
            }
        } finally {
            mappings.lock.unlock();
        }
    }

    private boolean isResidentLocked(Vma vma, long page) {
        int entry = mappings.pages.get(page);
        if (entry == 0) {
            return vma.mappable != null && vma.mappable.frameIfCached(vma.filePage(page)) != Mappable.BEYOND_END;
        }
        // Anonymous memory is brought in ahead of its use: Linux would not have what nobody has written to.
        return !vma.isPrivateAnonymous() || vma.is(Vma.LOCKED) || !isZero((long) (entry & PageTable.FRAME) << Pages.SHIFT);
    }

    private boolean isZero(long offset) {
        return MemorySegment.mismatch(memory, offset, offset + Pages.SIZE, ZEROS, 0, Pages.SIZE) < 0;
    }
}
