package dev.caisson.memory;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOMEM;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Mman.*;

import dev.caisson.abi.ErrnoException;
import java.util.ArrayList;
import java.util.List;

/** madvise(2), as Linux's mm/madvise.c. */
final class AdviseOperation {
    private static final int MADV_SOFT_OFFLINE = 101;

    private final Mappings mappings;
    private final FaultHandler faults;

    /** A range of shared memory to be freed when no lock is held. */
    private record Hole(AnonymousMemory memory, long position, long lengthBytes) {}

    AdviseOperation(Mappings mappings, FaultHandler faults) {
        this.mappings = mappings;
        this.faults = faults;
    }

    void advise(long address, long lengthBytes, int advice) throws ErrnoException {
        switch (advice) {
            case MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK,
                    MADV_DOFORK, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP,
                    MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
                    MADV_DONTNEED_LOCKED -> {}
            case MADV_HWPOISON, MADV_SOFT_OFFLINE -> throw EPERM.error("there is no real memory to poison");
            default -> throw EINVAL.error("unknown advice");
        }
        if (!Pages.isAligned(address)) {
            throw EINVAL.error();
        }
        long length = Pages.up(lengthBytes);
        long end = address + length;
        if (lengthBytes != 0 && length == 0 || Long.compareUnsigned(end, address) < 0) {
            throw EINVAL.error();
        }
        if (length == 0) {
            return;
        }
        if (address < 0 || address >= Mappings.TASK_SIZE) {
            throw ENOMEM.error("a gap");
        }
        // Nothing is mapped beyond: a longer range ends in a gap, after what lies before it was advised.
        end = end < 0 ? Mappings.TASK_SIZE : Math.min(end, Mappings.TASK_SIZE);
        List<Vma> detached = new ArrayList<>();
        List<Hole> holes = new ArrayList<>();
        mappings.lock.lock();
        try {
            if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) {
                populateLocked(address, end, advice == MADV_POPULATE_WRITE);
            } else {
                walkLocked(address, end, advice, holes);
            }
        } finally {
            mappings.mergeRangeLocked(address, end, detached);
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
            for (Hole hole : holes) {
                hole.memory.punchHole(hole.position, hole.lengthBytes);
            }
        }
    }

    /**
     * mseal(2): what is mapped here stays as it is.
     *
     * @param address page aligned
     * @param lengthBytes length
     * @throws ErrnoException EINVAL, ENOMEM when there is a gap; nothing is sealed then
     */
    void seal(long address, long lengthBytes) throws ErrnoException {
        long length = Pages.up(lengthBytes);
        long end = address + length;
        if (!Pages.isAligned(address) || lengthBytes != 0 && length == 0 || Long.compareUnsigned(end, address) < 0) {
            throw EINVAL.error();
        }
        if (end == address) {
            return;
        }
        if (address < 0 || end < 0 || end > Mappings.TASK_SIZE) {
            throw ENOMEM.error("a gap");
        }
        mappings.lock.lock();
        try {
            for (long at = address; at < end;) {
                Vma vma = mappings.vmas.find(at);
                if (vma == null) {
                    throw ENOMEM.error("a gap");
                }
                at = vma.end;
            }
            for (long at = address; at < end;) {
                Vma vma = mappings.vmas.find(at);
                long to = Math.min(end, vma.end);
                changeLocked(vma, at, to, Vma.SEALED, true);
                at = to;
            }
        } finally {
            mappings.lock.unlock();
        }
    }

    /**
     * mbind(2): remembers a policy of a range.
     *
     * @param address page aligned
     * @param end page aligned
     * @param policy 0 to 255, 0 for none
     * @throws ErrnoException EFAULT when there is a gap, which only the default may have; what lies before it has the policy then
     */
    void policy(long address, long end, int policy) throws ErrnoException {
        List<Vma> detached = new ArrayList<>();
        mappings.lock.lock();
        try {
            Vma first = mappings.vmas.findAtOrAbove(address);
            if (first == null || first.start >= end) {
                throw EFAULT.error("nothing is mapped");
            }
            for (long at = address; at < end;) {
                Vma vma = mappings.vmas.findAtOrAbove(at);
                if (policy != 0 && (vma == null || vma.start > at)) {
                    throw EFAULT.error("a gap");
                }
                if (vma == null || vma.start >= end) {
                    break;
                }
                at = Math.max(at, vma.start);
                long to = Math.min(end, vma.end);
                int wanted = vma.flags & ~Vma.POLICY | policy << Vma.POLICY_SHIFT;
                if (vma.flags != wanted) {
                    mappings.splitLocked(at);
                    mappings.splitLocked(to);
                    mappings.vmas.find(at).flags = wanted;
                }
                at = to;
            }
        } finally {
            mappings.mergeRangeLocked(address, end, detached);
            mappings.lock.unlock();
            detached.forEach(Vma::detach);
        }
    }

    /** The policy of an address. */
    int policyAt(long address) throws ErrnoException {
        mappings.lock.lock();
        try {
            Vma vma = mappings.vmas.find(address);
            if (vma == null) {
                throw EFAULT.error("a gap");
            }
            return (vma.flags & Vma.POLICY) >>> Vma.POLICY_SHIFT;
        } finally {
            mappings.lock.unlock();
        }
    }

    /** Advice that throws content away is no way around a seal on memory that cannot be written (Linux: can_modify_vma_madv). */
    private static void checkSeal(Vma vma, int advice) throws ErrnoException {
        boolean discards = switch (advice) {
            case MADV_FREE, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_REMOVE, MADV_DONTFORK, MADV_WIPEONFORK -> true;
            default -> false;
        };
        if (discards && vma.is(Vma.SEALED) && vma.isPrivateAnonymous() && (vma.protection & PROT_WRITE) == 0) {
            throw EPERM.error("sealed");
        }
    }

    private void walkLocked(long start, long end, int advice, List<Hole> holes) throws ErrnoException {
        boolean gap = false;
        long at = start;
        while (at < end) {
            Vma vma = mappings.vmas.findAtOrAbove(at);
            if (vma == null) {
                throw ENOMEM.error("a gap");
            }
            if (vma.start > at) {
                gap = true;
                at = vma.start;
                if (at >= end) {
                    break;
                }
            }
            long to = Math.min(end, vma.end);
            adviseLocked(vma, at, to, advice, holes);
            at = to;
        }
        if (gap) {
            throw ENOMEM.error("a gap");
        }
    }

    private void adviseLocked(Vma vma, long from, long to, int advice, List<Hole> holes) throws ErrnoException {
        checkSeal(vma, advice);
        switch (advice) {
            case MADV_DONTNEED, MADV_DONTNEED_LOCKED -> {
                if (vma.is(Vma.SPECIAL) || vma.is(Vma.LOCKED) && advice == MADV_DONTNEED) {
                    throw EINVAL.error("locked or special");
                }
                dropLocked(from, to);
            }
            case MADV_FREE -> {
                if (vma.mappable != null || vma.is(Vma.LOCKED)) {
                    throw EINVAL.error("not private anonymous memory, or locked");
                }
                dropLocked(from, to); // Allowed: the pages may be freed at once.
            }
            case MADV_REMOVE -> {
                if (vma.is(Vma.LOCKED) || vma.mappable == null) {
                    throw EINVAL.error();
                }
                if (!vma.isShared() || (vma.allowed & PROT_WRITE) == 0) {
                    throw EACCES.error();
                }
                if (!(vma.mappable instanceof AnonymousMemory memory)) {
                    throw EOPNOTSUPP.error();
                }
                holes.add(new Hole(memory, vma.filePage(from >>> Pages.SHIFT) << Pages.SHIFT, to - from));
            }
            case MADV_WILLNEED -> {
                if (vma.mappable != null) {
                    vma.mappable.readAhead(vma.filePage(from >>> Pages.SHIFT), to - from >>> Pages.SHIFT);
                }
            }
            case MADV_COLD, MADV_PAGEOUT -> {
                if (vma.is(Vma.SPECIAL) || vma.is(Vma.LOCKED)) {
                    throw EINVAL.error();
                }
            }
            case MADV_DONTFORK -> changeLocked(vma, from, to, Vma.DONT_FORK, true);
            case MADV_DOFORK -> changeLocked(vma, from, to, Vma.DONT_FORK, false);
            case MADV_WIPEONFORK -> {
                if (vma.mappable != null) {
                    throw EINVAL.error("not private anonymous memory");
                }
                changeLocked(vma, from, to, Vma.WIPE_ON_FORK, true);
            }
            case MADV_KEEPONFORK -> changeLocked(vma, from, to, Vma.WIPE_ON_FORK, false);
            case MADV_DONTDUMP -> changeLocked(vma, from, to, Vma.DONT_DUMP, true);
            case MADV_DODUMP -> changeLocked(vma, from, to, Vma.DONT_DUMP, false);
            default -> {} // Hints about things we do not do: read order, huge pages, merging.
        }
    }

    private void dropLocked(long from, long to) {
        mappings.dropPagesLocked(from >>> Pages.SHIFT, to >>> Pages.SHIFT);
    }

    private void changeLocked(Vma vma, long from, long to, int flag, boolean on) throws ErrnoException {
        if (vma.is(flag) == on) {
            return;
        }
        mappings.splitLocked(from);
        mappings.splitLocked(to);
        Vma part = mappings.vmas.find(from);
        part.flags = on ? part.flags | flag : part.flags & ~flag;
    }

    private void populateLocked(long start, long end, boolean write) throws ErrnoException {
        long at = start;
        while (at < end) {
            Vma vma = mappings.vmas.find(at);
            if (vma == null) {
                throw ENOMEM.error("a gap");
            }
            int needed = write ? PROT_WRITE : PROT_READ;
            if ((vma.protection & needed) == 0 || vma.is(Vma.SPECIAL)) {
                throw EINVAL.error();
            }
            long to = Math.min(end, vma.end);
            for (long page = at >>> Pages.SHIFT; page < to >>> Pages.SHIFT; page++) {
                int entry;
                try {
                    entry = faults.ensureLocked(vma, page, write, (int) Math.min(512, (to >>> Pages.SHIFT) - page));
                } catch (ErrnoException e) {
                    throw e.errno() == ENOMEM ? e : EFAULT.error();
                }
                if (entry == 0) {
                    throw EFAULT.error("beyond the end of the file");
                }
            }
            at = to;
        }
    }
}
