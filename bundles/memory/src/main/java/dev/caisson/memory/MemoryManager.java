package dev.caisson.memory;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Mappable;
import dev.caisson.spi.platform.AccessType;
import dev.caisson.spi.platform.AddressSpace;
import dev.caisson.spi.platform.GuestContext;
import dev.caisson.spi.platform.Platform;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One guest address space (Linux: mm_struct): what is mapped where, which frames hold it, and the platform's mirror of it.
 *
 * <p>Thread-safe. A task's system calls reach what it holds by what it inherits from {@link GuestMemory}. Reference-counted by its users
 * (CLONE_VM): {@link #retain} and {@link #close}.
 */
public final class MemoryManager extends GuestMemory implements AutoCloseable {
    private final Mappings mappings;
    private final FaultHandler faults;
    private final MapOperations maps;
    private final RemapOperation remaps;
    private final NonlinearOperation nonlinear;
    private final AdviseOperation advice;
    private final LockOperations locks;
    private final AtomicInteger users = new AtomicInteger(1);
    private final CodePatch patcher;

    /**
     * Makes an empty address space with one user.
     *
     * @param frames where its memory comes from
     * @param platform what will run it
     */
    public MemoryManager(MemoryFile frames, Platform platform) {
        this(new Mappings(frames, platform));
    }

    MemoryManager(Mappings mappings) {
        FaultHandler handler = new FaultHandler(mappings);
        super(new GuestAccess(mappings, handler));
        this.mappings = mappings;
        this.faults = handler;
        this.patcher = new CodePatch(mappings, faults, access.memory, () -> users.get() == 1);
        this.maps = new MapOperations(mappings, faults);
        this.remaps = new RemapOperation(mappings, maps);
        this.nonlinear = new NonlinearOperation(mappings, maps);
        this.advice = new AdviseOperation(mappings, faults);
        this.locks = new LockOperations(mappings, faults, access.memory);
        mappings.identity = this;
    }

    /** {@return the memory file} */
    public MemoryFile memoryFile() {
        return mappings.frames;
    }

    /** {@return fixed places: brk, stack, arguments, vDSO; set by the loader} */
    public AddressLayout layout() {
        return mappings.layout;
    }

    /**
     * Sets which resource limits count.
     *
     * @param limits read at each check
     */
    public void limits(MemoryLimits limits) {
        mappings.limits = limits;
    }

    /** For tests: each page of a private file mapping is copied only when it is written itself. */
    void copyOnlyWhatIsWritten() {
        mappings.copiesAhead = false;
    }

    Mappings contents() {
        return mappings;
    }

    // ---- users ----

    /** Adds a user (CLONE_VM). */
    public void retain() {
        users.incrementAndGet();
    }

    /** Drops a user; the last one releases all memory and the platform's space. No context runs in it any more then. */
    @Override
    public void close() {
        if (users.decrementAndGet() == 0) {
            mappings.closeAll();
        }
    }

    /** {@return how many users there are} */
    public int users() {
        return users.get();
    }

    /**
     * Copies the address space for a child process, copy-on-write.
     *
     * @param current the calling task's context, which last ran here and is stopped; null when it never ran
     * @return the copy, with one user
     * @throws ErrnoException ENOMEM, EAGAIN
     */
    public MemoryManager fork(GuestContext current) throws ErrnoException {
        MemoryManager child = new MemoryManager(ForkOperation.fork(mappings, current, users.get() == 1));
        AddressSpace space = child.mappings.mirror.spaceOrNull();
        if (space != null) {
            space.codePatcher(child.patcher);
        }
        return child;
    }

    // ---- platform ----

    /**
     * The platform's mirror, made at first use: where the task runs.
     *
     * @return the space
     * @throws ErrnoException ENOMEM, EAGAIN
     */
    public AddressSpace space() throws ErrnoException {
        AddressSpace space = mappings.mirror.spaceOrNull();
        if (space == null) {
            space = mappings.makeSpace(faults);
            space.codePatcher(patcher);
        }
        return space;
    }

    /**
     * Whether every mapping lies below an address.
     *
     * @param limit one past the highest address that is allowed
     * @return whether they do
     */
    public boolean fitsBelow(long limit) {
        return mappings.fitsBelow(limit);
    }

    /**
     * Moves to another platform: the mirror is dropped and rebuilt by faults. Nobody runs in it.
     *
     * @param platform the new platform
     */
    public void switchPlatform(Platform platform) {
        AddressSpace old = mappings.mirror.spaceOrNull();
        if (old != null) {
            patcher.whileNobodyRuns(old::restoreCode);
        }
        mappings.switchPlatform(platform);
    }

    /**
     * A debugger is going to look at the program's code, and to change it: what the platform has changed there is undone, and the platform
     * changes no more. Tasks may run here meanwhile; a change that they keep from being undone stays.
     *
     * @param kept false when the debugger is gone, and the platform is free again
     */
    public void keepCode(boolean kept) {
        patcher.freeze(kept);
        AddressSpace space = mappings.mirror.spaceOrNull();
        if (space != null) {
            space.restoreCode();
        }
    }

    /**
     * Resolves a page fault of the guest.
     *
     * @param address the address
     * @param access what the guest wanted
     * @param mapped whether the platform had a mapping whose rights did not suffice
     * @return what to do
     */
    public FaultOutcome handleFault(long address, AccessType access, boolean mapped) {
        return faults.handle(address, access, mapped);
    }

    // ---- system calls ----

    /**
     * mmap(2).
     *
     * @param address hint, or the place with MAP_FIXED
     * @param lengthBytes length
     * @param protection {@code PROT_*}
     * @param flags {@code MAP_*}
     * @param file what to map, or null for anonymous memory; retained while mapped
     * @param offset offset in the file
     * @return the address
     * @throws ErrnoException as the man page has it
     */
    public long map(long address, long lengthBytes, int protection, int flags, MappedFile file, long offset) throws ErrnoException {
        return maps.map(address, lengthBytes, protection, flags, file, offset);
    }

    /**
     * Maps pages of the kernel itself at a fixed place: vDSO, vvar. The guest can unmap them; protection changes stay within
     * {@code allowed}.
     *
     * @param address page aligned; what was there is replaced
     * @param pages what to map, from its first page
     * @param lengthBytes page aligned
     * @param protection {@code PROT_*}
     * @param label as /proc/PID/maps shows it: {@code [vdso]}
     * @throws ErrnoException ENOMEM
     */
    public void mapSpecial(long address, Mappable pages, long lengthBytes, int protection, String label)
            throws ErrnoException {
        maps.mapSpecial(address, pages, lengthBytes, protection, label);
    }

    /**
     * Finds room below the mmap base for a mapping, without taking it.
     *
     * @param lengthBytes length
     * @return a free address
     * @throws ErrnoException ENOMEM
     */
    public long findRoom(long lengthBytes) throws ErrnoException {
        return maps.findRoom(lengthBytes);
    }

    /**
     * munmap(2).
     *
     * @param address start
     * @param lengthBytes length
     * @throws ErrnoException EINVAL, ENOMEM
     */
    public void unmap(long address, long lengthBytes) throws ErrnoException {
        maps.unmap(address, lengthBytes);
    }

    /**
     * mprotect(2).
     *
     * @param address start
     * @param lengthBytes length
     * @param protection {@code PROT_*}
     * @throws ErrnoException EINVAL, ENOMEM, EACCES
     */
    public void protect(long address, long lengthBytes, int protection) throws ErrnoException {
        maps.protect(address, lengthBytes, protection);
    }

    /**
     * mremap(2).
     *
     * @param oldAddress start
     * @param oldLength old length; 0 duplicates a shared mapping
     * @param newLength new length
     * @param flags {@code MREMAP_*}
     * @param newAddress with MREMAP_FIXED
     * @return where it is now
     * @throws ErrnoException EINVAL, EFAULT, ENOMEM, EAGAIN
     */
    public long remap(long oldAddress, long oldLength, long newLength, int flags, long newAddress) throws ErrnoException {
        return remaps.remap(oldAddress, oldLength, newLength, flags, newAddress);
    }

    /**
     * remap_file_pages(2): maps other pages of a shared mapping's file over a part of it.
     *
     * @param address start, in a shared mapping; rounded down
     * @param sizeBytes length, rounded down
     * @param protection must be 0: the protection stays
     * @param pageOffset the first page of the file, in pages
     * @param flags MAP_NONBLOCK, not to populate; others mean nothing
     * @throws ErrnoException EINVAL, ENOMEM, EOVERFLOW, EPERM, EAGAIN
     */
    public void remapFilePages(long address, long sizeBytes, long protection, long pageOffset, long flags) throws ErrnoException {
        nonlinear.remapFilePages(address, sizeBytes, protection, pageOffset, flags);
    }

    /**
     * brk(2).
     *
     * @param end wanted end of the data segment
     * @return the end now, which is the old one when it could not be moved
     */
    public long brk(long end) {
        return maps.brk(end);
    }

    /**
     * madvise(2).
     *
     * @param address start
     * @param lengthBytes length
     * @param advice {@code MADV_*}
     * @throws ErrnoException EINVAL, ENOMEM, EBADF, EAGAIN, EIO
     */
    public void advise(long address, long lengthBytes, int advice) throws ErrnoException {
        this.advice.advise(address, lengthBytes, advice);
    }

    /**
     * msync(2).
     *
     * @param address start
     * @param lengthBytes length
     * @param flags {@code MS_*}
     * @throws ErrnoException EINVAL, ENOMEM, EBUSY, EIO
     */
    public void sync(long address, long lengthBytes, int flags) throws ErrnoException {
        locks.sync(address, lengthBytes, flags);
    }

    /**
     * mincore(2): which pages are present.
     *
     * @param address start, page aligned
     * @param pages how many
     * @param vector one byte per page, set to 0 or 1
     * @throws ErrnoException ENOMEM
     */
    public void residency(long address, int pages, byte[] vector) throws ErrnoException {
        locks.residency(address, pages, vector);
    }

    /**
     * mlock(2), mlock2(2).
     *
     * @param address start
     * @param lengthBytes length
     * @param onFault whether pages are not brought in now
     * @throws ErrnoException EPERM, ENOMEM, EINVAL, EAGAIN
     */
    public void lock(long address, long lengthBytes, boolean onFault) throws ErrnoException {
        locks.lock(address, lengthBytes, onFault);
    }

    /**
     * munlock(2).
     *
     * @param address start
     * @param lengthBytes length
     * @throws ErrnoException ENOMEM, EINVAL
     */
    public void unlock(long address, long lengthBytes) throws ErrnoException {
        locks.unlock(address, lengthBytes);
    }

    /**
     * mlockall(2).
     *
     * @param flags {@code MCL_*}
     * @throws ErrnoException EINVAL, EPERM, ENOMEM
     */
    public void lockAll(int flags) throws ErrnoException {
        locks.lockAll(flags);
    }

    /** munlockall(2). */
    public void unlockAll() {
        locks.unlockAll();
    }

    /**
     * mbind(2): remembers a memory policy.
     *
     * @param address page aligned
     * @param end page aligned, not below {@code address}
     * @param policy what {@link #policyAt} tells afterwards, 0 to 255; new mappings have 0
     * @throws ErrnoException EFAULT when there is a gap
     */
    public void policy(long address, long end, int policy) throws ErrnoException {
        advice.policy(address, end, policy);
    }

    /**
     * Tells the memory policy of an address.
     *
     * @param address guest address, any value
     * @return what {@link #policy} was given
     * @throws ErrnoException EFAULT when nothing is mapped there
     */
    public int policyAt(long address) throws ErrnoException {
        return advice.policyAt(address);
    }

    /**
     * mseal(2): mappings that can no longer be unmapped, moved or given other protections.
     *
     * @param address page aligned
     * @param lengthBytes length
     * @throws ErrnoException EINVAL, ENOMEM
     */
    public void seal(long address, long lengthBytes) throws ErrnoException {
        advice.seal(address, lengthBytes);
    }

    // ---- futex words ----

    /**
     * Identity of a futex word.
     *
     * @param address aligned to 4
     * @param shared whether other address spaces may use it (no FUTEX_PRIVATE_FLAG)
     * @return the key
     * @throws ErrnoException EFAULT when a shared word is not mapped
     */
    public FutexKey futexKey(long address, boolean shared) throws ErrnoException {
        return access.futexKey(this, address, shared);
    }

    // ---- for /proc ----

    /** {@return all mappings in address order} */
    public List<VmaInfo> mappings() {
        return mappings.describe();
    }

    /** {@return sizes} */
    public MemoryUsage usage() {
        return mappings.usage();
    }

    /** {@return the number of page faults that needed no file to be read} */
    public long minorFaults() {
        return faults.minorFaults();
    }

    /** {@return the number of page faults that made a file be read} */
    public long majorFaults() {
        return faults.majorFaults();
    }

    /**
     * The file mapped at an address.
     *
     * @param address any address
     * @return the file, or null
     */
    public MappedFile fileAt(long address) {
        return mappings.fileAt(address);
    }

    /**
     * Whether the whole range is mapped.
     *
     * @param address start
     * @param lengthBytes length
     * @return whether it is
     */
    public boolean isMapped(long address, long lengthBytes) {
        return mappings.isMapped(address, lengthBytes);
    }
}
