package dev.caisson.kernel.ipc;

import static dev.caisson.abi.Errno.EIDRM;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Ipc;
import dev.caisson.abi.IpcPermissions;
import dev.caisson.abi.Mman;
import dev.caisson.memory.MappedFile;
import dev.caisson.memory.MemoryFile;
import dev.caisson.memory.MemoryManager;
import dev.caisson.memory.VmaInfo;
import dev.caisson.spi.cred.Credentials;

/** System V shared memory of one namespace: shmget(2), shmat(2), shmctl(2). */
public final class SharedMemory {
    /** No segment can be larger, whatever /proc/sys/kernel/shmmax says. */
    private static final long MAX_BYTES = Long.MAX_VALUE - (1L << 24);

    private final MemoryFile frames;
    private final IpcLimits limits;
    private final IpcTable<SharedSegment> table;

    SharedMemory(MemoryFile frames, IpcLimits limits) {
        this.frames = frames;
        this.limits = limits;
        this.table = new IpcTable<>(() -> limits.intValue(IpcLimits.Limit.SHMMNI));
    }

    /** {@return all segments} */
    public IpcTable<SharedSegment> table() {
        return table;
    }

    /**
     * shmget(2).
     *
     * @param key key
     * @param sizeBytes size
     * @param flags IPC_*, SHM_*, permission bits
     * @param credentials who asks
     * @param pid its process id
     * @return the identifier
     * @throws ErrnoException EACCES, EEXIST, EINVAL, ENOENT, ENOSPC, EPERM
     */
    public int get(int key, long sizeBytes, int flags, Credentials credentials, int pid) throws ErrnoException {
        return table.get(key, flags, credentials, found -> {
            if (found.sizeBytes() < sizeBytes) {
                throw EINVAL.error();
            }
        }, slot -> {
            if (sizeBytes < 1 || sizeBytes > MAX_BYTES || Long.compareUnsigned(sizeBytes, limits.get(IpcLimits.Limit.SHMMAX)) > 0) {
                throw EINVAL.error();
            }
            long pages = sizeBytes + 4095 >>> 12;
            if (Long.compareUnsigned(totalPages() + pages, limits.get(IpcLimits.Limit.SHMALL)) > 0) {
                throw ENOSPC.error();
            }
            if ((flags & Ipc.SHM_HUGETLB) != 0) {
                throw credentials.has(Capability.CAP_IPC_LOCK) ? EINVAL.error("no huge pages") : EPERM.error();
            }
            if (sizeBytes > frames.limitBytes() && (flags & Ipc.SHM_NORESERVE) == 0) {
                throw dev.caisson.abi.Errno.ENOMEM.error();
            }
            return new SharedSegment(this, slot, frames, sizeBytes, flags, credentials, pid);
        }).id();
    }

    /**
     * shmat(2).
     *
     * @param id identifier
     * @param address where, or 0
     * @param flags SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC
     * @param memory the caller's address space
     * @param credentials who asks
     * @param pid its process id
     * @return the address
     * @throws ErrnoException EACCES, EIDRM, EINVAL, ENOMEM
     */
    public long attach(int id, long address, int flags, MemoryManager memory, Credentials credentials, int pid) throws ErrnoException {
        if (id < 0) {
            throw EINVAL.error();
        }
        long at = address;
        if (at != 0 && (at & Ipc.SHMLBA - 1) != 0) {
            if ((flags & Ipc.SHM_RND) == 0) {
                throw EINVAL.error();
            }
            at &= -Ipc.SHMLBA;
        }
        boolean remap = (flags & Ipc.SHM_REMAP) != 0;
        if (at == 0 && (remap || address != 0)) {
            throw EINVAL.error();
        }
        boolean readOnly = (flags & Ipc.SHM_RDONLY) != 0;
        boolean executable = (flags & Ipc.SHM_EXEC) != 0;
        SharedSegment segment = table.find(id);
        segment.checkAccess((readOnly ? 0444 : 0666) | (executable ? 0111 : 0), credentials);
        segment.hold(); // keeps it from going away meanwhile
        try {
            if (segment.isClosed()) {
                throw EIDRM.error();
            }
            long length = segment.sizeBytes() + 4095 & -4096;
            int mapFlags = Mman.MAP_SHARED;
            if (at != 0) {
                if (!remap && memory.mappings().stream().anyMatch(new Overlap(at, at + length))) {
                    throw EINVAL.error();
                }
                mapFlags |= Mman.MAP_FIXED;
            }
            int protection = Mman.PROT_READ | (readOnly ? 0 : Mman.PROT_WRITE) | (executable ? Mman.PROT_EXEC : 0);
            long mapped = memory.map(at, length, protection, mapFlags, segment.attachment(readOnly), 0);
            segment.touched(pid);
            return mapped;
        } finally {
            segment.letGo();
        }
    }

    private record Overlap(long start, long end) implements java.util.function.Predicate<VmaInfo> {
        @Override
        public boolean test(VmaInfo vma) {
            return vma.start() < end && start < vma.end();
        }
    }

    /**
     * shmdt(2).
     *
     * @param address where a segment was attached
     * @param memory the caller's address space
     * @param pid its process id
     * @throws ErrnoException EINVAL when there is none
     */
    public void detach(long address, MemoryManager memory, int pid) throws ErrnoException {
        if ((address & 4095) != 0) {
            throw EINVAL.error();
        }
        SharedSegment segment = null;
        for (VmaInfo vma : memory.mappings()) {
            MappedFile file = vma.file();
            SharedSegment here = file == null ? null : SharedSegment.of(file);
            // The first mapping of the segment at or above the address that would start there; it may have lost its head.
            if (here == null || vma.start() - address != vma.fileOffset() || segment != null && here != segment) {
                continue;
            }
            if (vma.start() < address || vma.end() - address > (here.sizeBytes() + 4095 & -4096)) {
                continue;
            }
            segment = here;
            memory.unmap(vma.start(), vma.end() - vma.start());
        }
        if (segment == null) {
            throw EINVAL.error();
        }
        segment.touched(pid);
    }

    /**
     * Finds a segment for a command of shmctl(2).
     *
     * @param id identifier, or slot number
     * @param bySlot SHM_STAT
     * @param access permission bits that are needed; 0 for none
     * @param credentials who asks
     * @return the segment
     * @throws ErrnoException EINVAL, EIDRM, EACCES
     */
    public SharedSegment find(int id, boolean bySlot, int access, Credentials credentials) throws ErrnoException {
        SharedSegment segment = bySlot ? table.findSlot(id) : table.find(id);
        if (access != 0) {
            segment.checkAccess(access, credentials);
        }
        return segment;
    }

    /**
     * IPC_SET.
     *
     * @param id identifier
     * @param wanted owner and mode
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void change(int id, IpcPermissions wanted, Credentials credentials) throws ErrnoException {
        SharedSegment segment = table.find(id);
        segment.checkOwner(credentials);
        segment.changeOwner(wanted);
    }

    /**
     * IPC_RMID.
     *
     * @param id identifier
     * @param credentials who asks
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void remove(int id, Credentials credentials) throws ErrnoException {
        SharedSegment segment = table.find(id);
        segment.checkOwner(credentials);
        table.forgetKey(segment);
        segment.destroy();
    }

    /**
     * SHM_LOCK and SHM_UNLOCK. Guest memory is never swapped, so only the flag changes.
     *
     * @param id identifier
     * @param wanted which of the two
     * @param credentials who asks
     * @param limitBytes their RLIMIT_MEMLOCK; at 0 nothing may be locked
     * @throws ErrnoException EPERM, EINVAL, EIDRM
     */
    public void lock(int id, boolean wanted, Credentials credentials, long limitBytes) throws ErrnoException {
        SharedSegment segment = table.find(id);
        if (!credentials.has(Capability.CAP_IPC_LOCK)) {
            segment.checkOwner(credentials);
            if (wanted && limitBytes == 0) {
                throw EPERM.error("RLIMIT_MEMLOCK is 0");
            }
        }
        segment.lockPages(wanted);
    }

    /** Whether segments go when nobody has them attached any more. */
    boolean removesUnused() {
        return limits.get(IpcLimits.Limit.SHM_RMID_FORCED) != 0;
    }

    void gone(SharedSegment segment) {
        table.remove(segment);
    }

    /** {@return pages of all segments} */
    public long totalPages() {
        long pages = 0;
        for (SharedSegment segment : table.all()) {
            pages += segment.sizeBytes() + 4095 >> 12;
        }
        return pages;
    }

    /** {@return pages of all segments that take room} */
    public long residentPages() {
        long pages = 0;
        for (SharedSegment segment : table.all()) {
            pages += segment.residentPages();
        }
        return pages;
    }

    /** {@return how many segments there are} */
    public int used() {
        return table.used();
    }

    /** {@return the highest slot number in use} */
    public int highestSlot() {
        return table.highestSlot();
    }
}
