package dev.caisson.memory;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.*;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import java.util.ArrayList;
import java.util.List;

/** mmap(2), munmap(2), mprotect(2), brk(2). The order of checks is that of Linux's mm/mmap.c and mm/mprotect.c. */
final class MapOperations {
    private static final int PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC;
    private static final int PROT_SEM = 8;
    private static final long STACK_GUARD_BYTES = 256L << Pages.SHIFT;
    private static final long LOW_START = 0x4000_0000L;
    private static final long LOW_END = 0x8000_0000L;
    /** Flags that MAP_SHARED_VALIDATE accepts. */
    private static final int KNOWN_FLAGS = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN
            | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK
            | MAP_HUGETLB | MAP_HUGE_MASK << MAP_HUGE_SHIFT | MAP_FIXED_NOREPLACE;

    private static final long SMALL_FILE_BYTES = 64L << Pages.SHIFT;
    /** The most that is read of a program or library when it is mapped. */
    private static final long PROGRAM_PAGES = 256;
    /** Anonymous mappings of that size are brought in when they are made: as much as their first touch would bring in. */
    private static final long SMALL_MAPPING_BYTES = 40L << Pages.SHIFT;

    private final Mappings mappings;
    private final FaultHandler faults;

    MapOperations(Mappings mappings, FaultHandler faults) {
        this.mappings = mappings;
        this.faults = faults;
    }

    long limit() {
        return mappings.layout.addressLimit;
    }

    // ---- mmap ----

    long map(long hint, long lengthBytes, int protection, int flags, MappedFile file, long offset) throws ErrnoException {
        if (lengthBytes == 0) {
            throw EINVAL.error("no length");
        }
        long length = Pages.up(lengthBytes);
        if (length <= 0) {
            throw ENOMEM.error();
        }
        if (offset >>> Pages.SHIFT > Long.MAX_VALUE - (length >>> Pages.SHIFT) || offset < 0 && file != null && offset + length > 0) {
            throw EOVERFLOW.error();
        }
        boolean isProgram = file != null && (flags & (MAP_TYPE | MAP_DENYWRITE)) == (MAP_PRIVATE | MAP_DENYWRITE);
        if (isProgram && (flags & MAP_FIXED) == 0 && file.mappable() != null) {
            file.mappable().readAhead(offset >>> Pages.SHIFT, Math.min(length >>> Pages.SHIFT, PROGRAM_PAGES));
        }
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            if (mappings.vmas.size() > Mappings.MAX_MAPPINGS) {
                throw ENOMEM.error("too many mappings");
            }
            long address = placeLocked(hint, length, flags);
            checkLockingLocked(length, flags);
            int allowed = checkFile(protection, flags, file);
            int kept = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0 ? overlapLocked(address, length) : 0;
            boolean shared = (flags & MAP_TYPE) != MAP_PRIVATE;
            if (!mappings.mayExpandLocked((length >>> Pages.SHIFT) - kept, !shared && (protection & PROT_WRITE) != 0)) {
                throw ENOMEM.error("RLIMIT_AS or RLIMIT_DATA");
            }
            if ((flags & MAP_NORESERVE) == 0 && (shared ? file == null : (protection & PROT_WRITE) != 0)) {
                mappings.checkCommit(length);
            }
            Vma vma = newVma(address, length, protection & PROT_ALL, allowed, flags, file, offset);
            vma.attach();
            try {
                unmapLocked(address, address + length, detached);
            } catch (ErrnoException e) {
                detached.add(vma);
                throw e;
            }
            Vma inserted = mappings.insertLocked(vma, detached);
            if (file != null && !shared && isSoonUsed(protection, flags, length)) {
                if (isProgram) {
                    mapHeadAheadLocked(address, inserted.mappable);
                }
                faults.mapAheadLocked(inserted, address >>> Pages.SHIFT, address + length >>> Pages.SHIFT);
            } else if (file == null && !shared && (protection & PROT_ALL) == (PROT_READ | PROT_WRITE) && length <= SMALL_MAPPING_BYTES
                    && (flags & (MAP_STACK | MAP_POPULATE)) == 0) {
                faults.touchAheadLocked(inserted, address >>> Pages.SHIFT, address + length >>> Pages.SHIFT);
            }
            if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || (vma.flags & (Vma.LOCKED | Vma.LOCK_ON_FAULT)) == Vma.LOCKED) {
                populateQuietlyLocked(address, address + length);
            }
            return address;
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** Segments of libraries, but not the reservation they go into; and small files that are mapped to be read. */
    private static boolean isSoonUsed(int protection, int flags, long length) {
        if ((flags & MAP_DENYWRITE) != 0) {
            return (flags & MAP_FIXED) != 0;
        }
        return (protection & PROT_WRITE) == 0 && length <= SMALL_FILE_BYTES;
    }

    /** A library's first segment is what is left of the reservation that its other segments go into: it shows when the second one comes. */
    private void mapHeadAheadLocked(long address, Mappable file) {
        Vma head = mappings.vmas.find(address - 1);
        if (head != null && head.mappable == file && head.firstPage == 0) {
            faults.mapAheadLocked(head, head.start >>> Pages.SHIFT, address >>> Pages.SHIFT);
        }
    }

    void populateQuietlyLocked(long start, long end) {
        try {
            faults.populateLocked(start, end, true);
        } catch (ErrnoException e) {
            // mmap(2): a failure to populate does not fail the call.
        }
    }

    private int overlapLocked(long address, long length) {
        long count = 0;
        for (int i = mappings.vmas.indexFor(address); i < mappings.vmas.size(); i++) {
            Vma vma = mappings.vmas.at(i);
            if (vma.start >= address + length) {
                break;
            }
            count += Math.min(vma.end, address + length) - Math.max(vma.start, address) >>> Pages.SHIFT;
        }
        return (int) count;
    }

    private long placeLocked(long hint, long length, int flags) throws ErrnoException {
        if (length > limit()) {
            throw ENOMEM.error();
        }
        if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) {
            if (hint < 0 || hint > limit() - length) {
                throw ENOMEM.error("beyond the address space");
            }
            if (!Pages.isAligned(hint)) {
                throw EINVAL.error("unaligned");
            }
            if (hint < Mappings.MIN_ADDRESS) {
                throw EPERM.error("below mmap_min_addr");
            }
            if ((flags & MAP_FIXED_NOREPLACE) != 0 && !mappings.vmas.isFree(hint, hint + length)) {
                throw EEXIST.error();
            }
            return hint;
        }
        long wanted = Pages.up(hint);
        if (hint != 0 && wanted > 0) {
            wanted = Math.max(wanted, Mappings.MIN_ADDRESS);
            boolean low = (flags & MAP_32BIT) == 0 || wanted + length <= LOW_END;
            if (low && wanted <= limit() - length && isRoomyLocked(wanted, wanted + length)) {
                return wanted;
            }
        }
        return (flags & MAP_32BIT) != 0 ? findUpwardsLocked(LOW_START, LOW_END, length) : findRoomLocked(length);
    }

    /** Whether a range is free and keeps the distance that a stack above it needs to grow. */
    private boolean isRoomyLocked(long start, long end) {
        int index = mappings.vmas.indexFor(start);
        return index >= mappings.vmas.size() || guardedStart(mappings.vmas.at(index)) >= end;
    }

    private static long guardedStart(Vma vma) {
        return vma.is(Vma.GROWS_DOWN) ? Math.max(0, vma.start - STACK_GUARD_BYTES) : vma.start;
    }

    long findRoom(long lengthBytes) throws ErrnoException {
        mappings.lock.lock();
        try {
            return findRoomLocked(Pages.up(lengthBytes));
        } finally {
            mappings.lock.unlock();
        }
    }

    /** The highest free range below the mmap base; above it when there is none. */
    long findRoomLocked(long length) throws ErrnoException {
        VmaSet vmas = mappings.vmas;
        long top = mappings.layout.mmapBase;
        int index = vmas.indexFor(top - 1);
        if (index < vmas.size()) {
            top = Math.min(top, guardedStart(vmas.at(index)));
        }
        for (index--;; index--) {
            long floor = index >= 0 ? vmas.at(index).end : Mappings.MIN_ADDRESS;
            if (top - floor >= length) {
                return top - length;
            }
            if (index < 0) {
                return findUpwardsLocked(mappings.layout.mmapBase, limit(), length);
            }
            top = Math.min(top, guardedStart(vmas.at(index)));
        }
    }

    private long findUpwardsLocked(long from, long to, long length) throws ErrnoException {
        long at = from;
        for (int i = mappings.vmas.indexFor(from); i < mappings.vmas.size(); i++) {
            Vma vma = mappings.vmas.at(i);
            if (guardedStart(vma) - at >= length) {
                break;
            }
            at = Math.max(at, vma.end);
        }
        if (at + length > to) {
            throw ENOMEM.error("no room");
        }
        return at;
    }

    private void checkLockingLocked(long length, int flags) throws ErrnoException {
        boolean locked = (flags & MAP_LOCKED) != 0;
        if (locked && mappings.limits.lockedBytes() == 0 && !mappings.limits.mayLockAnything()) {
            throw EPERM.error("MAP_LOCKED");
        }
        if (locked || mappings.futureLockFlags != 0) {
            checkLockLimitLocked(length);
        }
    }

    void checkLockLimitLocked(long length) throws ErrnoException {
        long limit = mappings.limits.lockedBytes();
        if (limit != -1 && !mappings.limits.mayLockAnything()
                && Long.compareUnsigned((mappings.lockedPages << Pages.SHIFT) + length, limit) > 0) {
            throw EAGAIN.error("RLIMIT_MEMLOCK");
        }
    }

    /** Checks flags against the file. Returns the most mprotect may grant later. */
    private static int checkFile(int protection, int flags, MappedFile file) throws ErrnoException {
        int type = flags & MAP_TYPE;
        if (file == null) {
            if (type != MAP_SHARED && type != MAP_PRIVATE || type == MAP_SHARED && (flags & MAP_GROWSDOWN) != 0) {
                throw EINVAL.error("map type");
            }
            if ((flags & MAP_HUGETLB) != 0) {
                throw ENOMEM.error("there are no huge pages");
            }
            return PROT_ALL;
        }
        if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) {
            throw EINVAL.error("map type");
        }
        if ((flags & MAP_HUGETLB) != 0) {
            throw EINVAL.error("not a file of huge pages");
        }
        int allowed = file.allowedProtection();
        if (type != MAP_PRIVATE) {
            if (type == MAP_SHARED_VALIDATE && (flags & ~KNOWN_FLAGS) != 0) {
                throw EOPNOTSUPP.error("MAP_SHARED_VALIDATE");
            }
            if ((protection & PROT_WRITE) != 0 && (allowed & PROT_WRITE) == 0) {
                throw EACCES.error("file is not open for writing");
            }
        } else {
            allowed |= PROT_WRITE;
        }
        if ((allowed & PROT_READ) == 0) {
            throw EACCES.error("file is not open for reading");
        }
        if ((protection & PROT_EXEC) != 0 && (allowed & PROT_EXEC) == 0) {
            throw EPERM.error("noexec mount");
        }
        if (file.mappable() == null) {
            throw ENODEV.error();
        }
        if ((flags & MAP_GROWSDOWN) != 0) {
            throw EINVAL.error("a file cannot grow down");
        }
        return allowed;
    }

    private Vma newVma(long address, long length, int protection, int allowed, int flags, MappedFile file, long offset)
            throws ErrnoException {
        boolean shared = (flags & MAP_TYPE) != MAP_PRIVATE;
        Mappable mappable = file != null ? file.mappable() : null;
        long firstPage = file != null ? offset >>> Pages.SHIFT : address >>> Pages.SHIFT;
        if (file == null && shared) {
            mappable = AnonymousMemory.ofMappings(mappings.frames, length);
            firstPage = 0;
        }
        int vmaFlags = (shared ? Vma.SHARED : 0) | ((flags & MAP_GROWSDOWN) != 0 ? Vma.GROWS_DOWN : 0)
                | ((flags & MAP_NORESERVE) != 0 ? Vma.NO_RESERVE : 0) | ((flags & MAP_LOCKED) != 0 ? Vma.LOCKED : 0)
                | mappings.futureLockFlags;
        return new Vma(mappings, address, address + length, protection, allowed, vmaFlags, mappable, file, firstPage, "");
    }

    void mapSpecial(long address, Mappable pages, long lengthBytes, int protection, String label) throws ErrnoException {
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            unmapLocked(address, address + lengthBytes, detached);
            Vma vma = new Vma(mappings, address, address + lengthBytes, protection, PROT_READ | PROT_EXEC, Vma.SPECIAL, pages, null,
                    0, label);
            vma.attach();
            mappings.insertLocked(vma, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    // ---- munmap ----

    void unmap(long address, long lengthBytes) throws ErrnoException {
        long length = checkedLength(address, lengthBytes);
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            unmapLocked(address, address + length, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** A range may be as large as Linux's: a program that removes all there is does not know that the platform allows less. */
    private static long checkedLength(long address, long lengthBytes) throws ErrnoException {
        long limit = Mappings.TASK_SIZE;
        if (!Pages.isAligned(address) || address < 0 || address > limit || lengthBytes < 0 || lengthBytes > limit - address) {
            throw EINVAL.error();
        }
        long length = Pages.up(lengthBytes);
        if (length == 0) {
            throw EINVAL.error();
        }
        return length;
    }

    void unmapLocked(long start, long end, List<Vma> detached) throws ErrnoException {
        VmaSet vmas = mappings.vmas;
        Vma first = vmas.findAtOrAbove(start);
        if (first == null || first.start >= end) {
            return;
        }
        checkNotSealedLocked(start, end);
        if (first.start < start && first.end > end && vmas.size() >= Mappings.MAX_MAPPINGS) {
            throw ENOMEM.error("too many mappings");
        }
        mappings.splitLocked(start);
        mappings.splitLocked(end);
        mappings.dropPagesLocked(start >>> Pages.SHIFT, end >>> Pages.SHIFT);
        int index = vmas.indexFor(start);
        while (index < vmas.size() && vmas.at(index).start < end) {
            Vma vma = vmas.at(index);
            mappings.removeLocked(vma);
            if (vma.mappable != null) {
                detached.add(vma);
            }
        }
    }

    void checkNotSealedLocked(long start, long end) throws ErrnoException {
        for (int i = mappings.vmas.indexFor(start); i < mappings.vmas.size() && mappings.vmas.at(i).start < end; i++) {
            if (mappings.vmas.at(i).is(Vma.SEALED)) {
                throw EPERM.error("sealed");
            }
        }
    }

    // ---- mprotect ----

    void protect(long address, long lengthBytes, int protection) throws ErrnoException {
        int grows = protection & (PROT_GROWSDOWN | PROT_GROWSUP);
        if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || !Pages.isAligned(address)) {
            throw EINVAL.error();
        }
        if (lengthBytes == 0) {
            return;
        }
        long end = address + Pages.up(lengthBytes);
        if (Long.compareUnsigned(end, address) <= 0) {
            throw ENOMEM.error();
        }
        int wanted = protection & ~grows;
        if ((wanted & ~(PROT_ALL | PROT_SEM)) != 0) {
            throw EINVAL.error("unknown protection");
        }
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            protectLocked(address, end, wanted & PROT_ALL, grows, detached);
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    private void protectLocked(long address, long end, int protection, int grows, List<Vma> detached) throws ErrnoException {
        VmaSet vmas = mappings.vmas;
        Vma vma = address < 0 ? null : vmas.findAtOrAbove(address);
        if (vma == null) {
            throw ENOMEM.error();
        }
        long start = address;
        if (grows == PROT_GROWSDOWN) {
            if (vma.start >= end) {
                throw ENOMEM.error();
            }
            start = vma.start;
            if (!vma.is(Vma.GROWS_DOWN)) {
                throw EINVAL.error("not a stack");
            }
        } else if (vma.start > start) {
            throw ENOMEM.error();
        } else if (grows == PROT_GROWSUP) {
            throw EINVAL.error("no stack of amd64 grows up");
        }
        checkNotSealedLocked(start, end);
        mappings.splitLocked(start);
        long at = start;
        try {
            while (at < end) {
                vma = vmas.find(at);
                if (vma == null) {
                    throw ENOMEM.error("a gap");
                }
                if (vma.end > end) {
                    mappings.splitLocked(end);
                }
                changeLocked(vma, protection);
                at = vma.end;
            }
        } finally {
            mappings.mergeRangeLocked(start, at, detached);
        }
    }

    private void changeLocked(Vma vma, int protection) throws ErrnoException {
        if (vma.protection == protection) {
            return;
        }
        if ((protection & ~vma.allowed) != 0) {
            throw EACCES.error("beyond what the file was opened for");
        }
        if ((protection & PROT_WRITE) != 0 && !vma.isData() && !vma.isShared() && !vma.is(Vma.GROWS_DOWN)) {
            if (!mappings.mayExpandLocked(0, true)) {
                throw ENOMEM.error("RLIMIT_DATA");
            }
            if (!vma.is(Vma.NO_RESERVE)) {
                mappings.checkCommit(vma.end - vma.start);
            }
        }
        mappings.accountLocked(vma, -1);
        vma.protection = protection;
        mappings.accountLocked(vma, 1);
        long first = vma.start >>> Pages.SHIFT;
        long end = vma.end >>> Pages.SHIFT;
        if (mappings.pages.nextPresent(first, end) == end) {
            return;
        }
        mappings.translations.forget(first, end - first);
        mappings.mirror.protect(first, end, protection);
    }

    // ---- brk ----

    long brk(long wanted) {
        AddressLayout layout = mappings.layout;
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            long current = layout.brkEnd;
            if (wanted < layout.brkStart || wanted > limit()) {
                return current;
            }
            long limit = mappings.limits.dataBytes();
            if (limit != -1
                    && Long.compareUnsigned(wanted - layout.brkStart + layout.dataEnd - layout.dataStart, limit) > 0) {
                return current;
            }
            long oldEnd = Pages.up(current);
            long newEnd = Pages.up(wanted);
            if (newEnd < oldEnd) {
                unmapLocked(newEnd, oldEnd, detached);
            } else if (newEnd > oldEnd && !growHeapLocked(oldEnd, newEnd, detached)) {
                return current;
            }
            layout.brkEnd = wanted;
            return wanted;
        } catch (ErrnoException e) {
            return layout.brkEnd;
        } finally {
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    private boolean growHeapLocked(long oldEnd, long newEnd, List<Vma> detached) throws ErrnoException {
        if (!isRoomyLocked(oldEnd, newEnd + Pages.SIZE) || mappings.vmas.size() >= Mappings.MAX_MAPPINGS
                || !mappings.mayExpandLocked(newEnd - oldEnd >>> Pages.SHIFT, true)) {
            return false;
        }
        mappings.checkCommit(newEnd - oldEnd);
        if (mappings.futureLockFlags != 0) {
            checkLockLimitLocked(newEnd - oldEnd);
        }
        Vma vma = new Vma(mappings, oldEnd, newEnd, PROT_READ | PROT_WRITE, PROT_ALL, mappings.futureLockFlags, null, null,
                oldEnd >>> Pages.SHIFT, "");
        Vma heap = mappings.insertLocked(vma, detached);
        if ((vma.flags & (Vma.LOCKED | Vma.LOCK_ON_FAULT)) == Vma.LOCKED) {
            populateQuietlyLocked(oldEnd, newEnd);
        } else if (faults.isHeapInUseLocked(oldEnd >>> Pages.SHIFT, newEnd >>> Pages.SHIFT)) {
            faults.touchAheadLocked(heap, oldEnd >>> Pages.SHIFT, newEnd >>> Pages.SHIFT);
        }
        return true;
    }
}
