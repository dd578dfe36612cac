package dev.caisson.host;

import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.NativeMemory;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/** Memory files and mappings of this process. */
public final class HostMemory {
    private static final long EINVAL = -22;
    private static final int MFD_EXEC = 0x10;
    private static final int MAP_SHARED = 1;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;

    private HostMemory() {}

    /**
     * memfd_create(2). The file may be executed where the host lets that be said ({@code MFD_EXEC}).
     *
     * @param name shown in /proc
     * @param flags {@code MFD_*}; {@code MFD_CLOEXEC} is 1
     * @return a descriptor or a negated error number
     */
    public static long createFile(String name, int flags) {
        long text = Scratch.mine().path(name);
        if (text == 0) {
            return EINVAL;
        }
        long fd = HostCalls.call(SyscallNumber.MEMFD_CREATE, text, flags | MFD_EXEC);
        return fd == EINVAL ? HostCalls.call(SyscallNumber.MEMFD_CREATE, text, flags) : fd; // Linux before 6.3
    }

    /**
     * mmap(2).
     *
     * @param address wanted address, or 0
     * @param bytes length
     * @param protection {@code PROT_*}
     * @param flags {@code MAP_*}
     * @param fd descriptor, or -1
     * @param offset in the file
     * @return the address or a negated error number
     */
    public static long map(long address, long bytes, int protection, int flags, int fd, long offset) {
        return HostCalls.call(SyscallNumber.MMAP, address, bytes, protection, flags, fd, offset);
    }

    /**
     * Maps a range of a file, shared, as a segment. The caller answers for the file not ending before the segment does, and
     * for {@link #unmap} when nobody can use the segment any more.
     *
     * @param fd descriptor
     * @param offset in the file
     * @param bytes length
     * @param writable whether it may be written
     * @return the segment, with global scope, or null when the host refuses
     */
    public static MemorySegment mapFile(int fd, long offset, long bytes, boolean writable) {
        long address = HostCalls.call(SyscallNumber.MMAP, 0, bytes, writable ? 3 : 1, MAP_SHARED | MAP_NORESERVE, fd, offset);
        return address < 0 && address >= -4095 ? null : NativeMemory.segment(address, bytes);
    }

    /**
     * munmap(2).
     *
     * @param address start
     * @param bytes length
     * @return 0 or a negated error number
     */
    public static long unmap(long address, long bytes) {
        return HostCalls.call(SyscallNumber.MUNMAP, address, bytes);
    }

    /**
     * mprotect(2).
     *
     * @param address start
     * @param bytes length
     * @param protection {@code PROT_*}
     * @return 0 or a negated error number
     */
    public static long protect(long address, long bytes, int protection) {
        return HostCalls.call(SyscallNumber.MPROTECT, address, bytes, protection);
    }

    /**
     * madvise(2).
     *
     * @param address start
     * @param bytes length
     * @param advice {@code MADV_*}
     * @return 0 or a negated error number
     */
    public static long advise(long address, long bytes, int advice) {
        return HostCalls.call(SyscallNumber.MADVISE, address, bytes, advice);
    }

    /**
     * Gives a range of a file back to the host; it reads as zeros afterwards (fallocate(2), {@code FALLOC_FL_PUNCH_HOLE}).
     *
     * @param fd descriptor
     * @param offset start
     * @param bytes length
     * @return 0 or a negated error number
     */
    public static long punchHole(int fd, long offset, long bytes) {
        return HostCalls.call(SyscallNumber.FALLOCATE, fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, bytes);
    }

    /**
     * ftruncate(2).
     *
     * @param fd descriptor
     * @param bytes new size
     * @return 0 or a negated error number
     */
    public static long resize(int fd, long bytes) {
        return HostCalls.call(SyscallNumber.FTRUNCATE, fd, bytes);
    }
}
