package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/**
 * Open files: what is done with a descriptor. Calls may block as the file does; {@code EINTR} is not retried.
 * Path names are {@link HostPath}'s.
 */
public final class HostFile {
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int TCGETS = 0x5401;
    private static final int STAT_INODE = 8;
    private static final int STAT_SIZE = 48;
    private static final long ERANGE = -34;

    private HostFile() {}

    /**
     * close(2). The descriptor is gone whatever the result.
     *
     * @param fd descriptor
     * @return 0 or a negated error number
     */
    public static long close(int fd) {
        return HostCalls.call(SyscallNumber.CLOSE, fd);
    }

    /**
     * read(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes how many
     * @return the number of bytes or a negated error number
     */
    public static long read(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.READ, fd, address, bytes);
    }

    /**
     * write(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes how many
     * @return the number of bytes or a negated error number
     */
    public static long write(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.WRITE, fd, address, bytes);
    }

    /**
     * pread(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes how many
     * @param offset position in the file
     * @return the number of bytes or a negated error number
     */
    public static long pread(int fd, long address, long bytes, long offset) {
        return HostCalls.call(SyscallNumber.PREAD64, fd, address, bytes, offset);
    }

    /**
     * pwrite(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes how many
     * @param offset position in the file
     * @return the number of bytes or a negated error number
     */
    public static long pwrite(int fd, long address, long bytes, long offset) {
        return HostCalls.call(SyscallNumber.PWRITE64, fd, address, bytes, offset);
    }

    /**
     * readv(2).
     *
     * @param fd descriptor
     * @param vector address of an array of struct iovec
     * @param count its length
     * @return the number of bytes or a negated error number
     */
    public static long readv(int fd, long vector, int count) {
        return HostCalls.call(SyscallNumber.READV, fd, vector, count);
    }

    /**
     * writev(2).
     *
     * @param fd descriptor
     * @param vector address of an array of struct iovec
     * @param count its length
     * @return the number of bytes or a negated error number
     */
    public static long writev(int fd, long vector, int count) {
        return HostCalls.call(SyscallNumber.WRITEV, fd, vector, count);
    }

    /**
     * preadv2(2).
     *
     * @param fd descriptor
     * @param vector address of an array of struct iovec
     * @param count its length
     * @param offset position in the file, or -1 for the descriptor's own
     * @param flags {@code RWF_*}
     * @return the number of bytes or a negated error number
     */
    public static long preadv(int fd, long vector, int count, long offset, int flags) {
        return HostCalls.call(SyscallNumber.PREADV2, fd, vector, count, offset, offset >> 63, flags);
    }

    /**
     * pwritev2(2).
     *
     * @param fd descriptor
     * @param vector address of an array of struct iovec
     * @param count its length
     * @param offset position in the file, or -1 for the descriptor's own
     * @param flags {@code RWF_*}
     * @return the number of bytes or a negated error number
     */
    public static long pwritev(int fd, long vector, int count, long offset, int flags) {
        return HostCalls.call(SyscallNumber.PWRITEV2, fd, vector, count, offset, offset >> 63, flags);
    }

    /**
     * lseek(2).
     *
     * @param fd descriptor
     * @param offset the offset
     * @param whence {@code SEEK_*}
     * @return the new offset or a negated error number
     */
    public static long seek(int fd, long offset, int whence) {
        return HostCalls.call(SyscallNumber.LSEEK, fd, offset, whence);
    }

    /**
     * fstat(2).
     *
     * @param fd descriptor
     * @param stat address of 144 bytes for struct stat
     * @return 0 or a negated error number
     */
    public static long status(int fd, long stat) {
        return HostCalls.call(SyscallNumber.FSTAT, fd, stat);
    }

    /**
     * The size of a file: {@code st_size} of fstat(2).
     *
     * @param fd descriptor
     * @return size in bytes or a negated error number
     */
    public static long size(int fd) {
        return statusWord(fd, STAT_SIZE);
    }

    /**
     * What tells a file from others of its filesystem: {@code st_ino} of fstat(2).
     *
     * @param fd descriptor
     * @return the number or a negated error number
     */
    public static long inode(int fd) {
        return statusWord(fd, STAT_INODE);
    }

    private static long statusWord(int fd, int offset) {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.FSTAT, fd, scratch.structureAddress());
        return result < 0 ? result : scratch.structure().get(Layouts.U64, offset);
    }

    /**
     * fstatfs(2).
     *
     * @param fd descriptor
     * @param statfs address of 120 bytes for struct statfs
     * @return 0 or a negated error number
     */
    public static long fileSystemStatus(int fd, long statfs) {
        return HostCalls.call(SyscallNumber.FSTATFS, fd, statfs);
    }

    /**
     * getdents64(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes size of the buffer
     * @return the number of bytes, 0 at the end, or a negated error number
     */
    public static long directoryEntries(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.GETDENTS64, fd, address, bytes);
    }

    /**
     * fsync(2).
     *
     * @param fd descriptor
     * @return 0 or a negated error number
     */
    public static long sync(int fd) {
        return HostCalls.call(SyscallNumber.FSYNC, fd);
    }

    /**
     * fdatasync(2).
     *
     * @param fd descriptor
     * @return 0 or a negated error number
     */
    public static long syncData(int fd) {
        return HostCalls.call(SyscallNumber.FDATASYNC, fd);
    }

    /**
     * syncfs(2).
     *
     * @param fd descriptor
     * @return 0 or a negated error number
     */
    public static long syncFileSystem(int fd) {
        return HostCalls.call(SyscallNumber.SYNCFS, fd);
    }

    /**
     * ftruncate(2).
     *
     * @param fd descriptor
     * @param bytes new size
     * @return 0 or a negated error number
     */
    public static long truncate(int fd, long bytes) {
        return HostCalls.call(SyscallNumber.FTRUNCATE, fd, bytes);
    }

    /**
     * fallocate(2).
     *
     * @param fd descriptor
     * @param mode {@code FALLOC_FL_*}
     * @param offset start
     * @param bytes length
     * @return 0 or a negated error number
     */
    public static long allocate(int fd, int mode, long offset, long bytes) {
        return HostCalls.call(SyscallNumber.FALLOCATE, fd, mode, offset, bytes);
    }

    /**
     * posix_fadvise(2).
     *
     * @param fd descriptor
     * @param offset start
     * @param bytes length, 0 for all
     * @param advice {@code POSIX_FADV_*}
     * @return 0 or a negated error number
     */
    public static long advise(int fd, long offset, long bytes, int advice) {
        return HostCalls.call(SyscallNumber.FADVISE64, fd, offset, bytes, advice);
    }

    /**
     * copy_file_range(2) with explicit offsets.
     *
     * @param from source descriptor
     * @param fromOffset source offset
     * @param to destination descriptor
     * @param toOffset destination offset
     * @param bytes how many
     * @return the number of bytes or a negated error number
     */
    public static long copyRange(int from, long fromOffset, int to, long toOffset, long bytes) {
        Scratch scratch = Scratch.mine();
        MemorySegment offsets = scratch.structure();
        offsets.set(Layouts.U64, 0, fromOffset);
        offsets.set(Layouts.U64, 8, toOffset);
        long at = scratch.structureAddress();
        return HostCalls.call(SyscallNumber.COPY_FILE_RANGE, from, at, to, at + 8, bytes, 0);
    }

    /**
     * flock(2). Blocks unless the operation has {@code LOCK_NB}.
     *
     * @param fd descriptor
     * @param operation {@code LOCK_*}
     * @return 0 or a negated error number
     */
    public static long lock(int fd, int operation) {
        return HostCalls.call(SyscallNumber.FLOCK, fd, operation);
    }

    /**
     * fchmod(2).
     *
     * @param fd descriptor
     * @param mode permission bits
     * @return 0 or a negated error number
     */
    public static long changeMode(int fd, int mode) {
        return HostCalls.call(SyscallNumber.FCHMOD, fd, mode);
    }

    /**
     * fchown(2).
     *
     * @param fd descriptor
     * @param user user id, or -1
     * @param group group id, or -1
     * @return 0 or a negated error number
     */
    public static long changeOwner(int fd, int user, int group) {
        return HostCalls.call(SyscallNumber.FCHOWN, fd, user, group);
    }

    /**
     * futimens(3).
     *
     * @param fd descriptor
     * @param accessSeconds seconds of the access time
     * @param accessNanos nanoseconds, {@code UTIME_NOW} or {@code UTIME_OMIT}
     * @param modifySeconds seconds of the modification time
     * @param modifyNanos nanoseconds, {@code UTIME_NOW} or {@code UTIME_OMIT}
     * @return 0 or a negated error number
     */
    public static long changeTimes(int fd, long accessSeconds, long accessNanos, long modifySeconds, long modifyNanos) {
        long times = HostPath.times(Scratch.mine(), accessSeconds, accessNanos, modifySeconds, modifyNanos);
        return HostCalls.call(SyscallNumber.UTIMENSAT, fd, 0, times, 0);
    }

    /**
     * fcntl(2).
     *
     * @param fd descriptor
     * @param command {@code F_*}
     * @param argument a number or an address, as the command says
     * @return as the command says, or a negated error number
     */
    public static long control(int fd, int command, long argument) {
        return HostCalls.call(SyscallNumber.FCNTL, fd, command, argument);
    }

    /**
     * The open flags and access mode: {@code F_GETFL}.
     *
     * @param fd descriptor
     * @return {@code O_*} or a negated error number
     */
    public static long flags(int fd) {
        return HostCalls.call(SyscallNumber.FCNTL, fd, F_GETFL, 0);
    }

    /**
     * Sets the flags that can be changed: {@code F_SETFL}.
     *
     * @param fd descriptor
     * @param flags {@code O_APPEND}, {@code O_NONBLOCK}, {@code O_DIRECT}, {@code O_NOATIME}
     * @return 0 or a negated error number
     */
    public static long setFlags(int fd, int flags) {
        return HostCalls.call(SyscallNumber.FCNTL, fd, F_SETFL, flags);
    }

    /**
     * ioctl(2).
     *
     * @param fd descriptor
     * @param request the request
     * @param argument a number or an address, as the request says
     * @return as the request says, or a negated error number
     */
    public static long ioctl(int fd, int request, long argument) {
        return HostCalls.call(SyscallNumber.IOCTL, fd, request & 0xffff_ffffL, argument);
    }

    /**
     * Whether a descriptor is a terminal: {@code TCGETS} works.
     *
     * @param fd descriptor
     * @return whether it is
     */
    public static boolean isTerminal(int fd) {
        return HostCalls.call(SyscallNumber.IOCTL, fd, TCGETS, Scratch.mine().structureAddress()) == 0;
    }

    /**
     * A duplicate that is closed on exec: {@code F_DUPFD_CLOEXEC}.
     *
     * @param fd descriptor
     * @param least the lowest number to take
     * @return a descriptor or a negated error number
     */
    public static long duplicate(int fd, int least) {
        return HostCalls.call(SyscallNumber.FCNTL, fd, F_DUPFD_CLOEXEC, least);
    }

    /**
     * dup3(2).
     *
     * @param from descriptor
     * @param to the number to take
     * @param flags 0 or {@code O_CLOEXEC}
     * @return {@code to} or a negated error number
     */
    public static long duplicateTo(int from, int to, int flags) {
        return HostCalls.call(SyscallNumber.DUP3, from, to, flags);
    }

    /**
     * pipe2(2).
     *
     * @param flags {@code O_*}
     * @return the reading end in the low half and the writing end in the high half, or a negated error number
     */
    public static long pipe(int flags) {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.PIPE2, scratch.structureAddress(), flags);
        return result < 0 ? result : scratch.structure().get(Layouts.U64, 0);
    }

    /**
     * fsetxattr(2).
     *
     * @param fd descriptor
     * @param name attribute's full name
     * @param address native address
     * @param bytes size of the value
     * @param flags {@code XATTR_*}
     * @return 0 or a negated error number
     */
    public static long setAttribute(int fd, String name, long address, long bytes, int flags) {
        long text = Scratch.mine().path(name);
        return text == 0 ? ERANGE : HostCalls.call(SyscallNumber.FSETXATTR, fd, text, address, bytes, flags);
    }

    /**
     * fgetxattr(2).
     *
     * @param fd descriptor
     * @param name attribute's full name
     * @param address native address
     * @param bytes size of the buffer, 0 to ask for the size
     * @return size of the value or a negated error number
     */
    public static long attribute(int fd, String name, long address, long bytes) {
        long text = Scratch.mine().path(name);
        return text == 0 ? ERANGE : HostCalls.call(SyscallNumber.FGETXATTR, fd, text, address, bytes);
    }

    /**
     * flistxattr(2).
     *
     * @param fd descriptor
     * @param address native address
     * @param bytes size of the buffer, 0 to ask for the size
     * @return size of the list or a negated error number
     */
    public static long attributes(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.FLISTXATTR, fd, address, bytes);
    }

    /**
     * fremovexattr(2).
     *
     * @param fd descriptor
     * @param name attribute's full name
     * @return 0 or a negated error number
     */
    public static long removeAttribute(int fd, String name) {
        long text = Scratch.mine().path(name);
        return text == 0 ? ERANGE : HostCalls.call(SyscallNumber.FREMOVEXATTR, fd, text);
    }
}
