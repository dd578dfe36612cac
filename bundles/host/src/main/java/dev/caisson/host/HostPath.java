package dev.caisson.host;

import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/**
 * Path names: what is done with a file below a directory descriptor. A path of 4096 bytes or more is ENAMETOOLONG.
 * An absolute path starts at the host's root; to stay below a directory use {@link #open(int, String, long, long, long)}.
 */
public final class HostPath {
    private static final long ENAMETOOLONG = -36;

    private HostPath() {}

    /**
     * openat(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param flags {@code O_*}
     * @param mode permission bits of a file that is made
     * @return a descriptor or a negated error number
     */
    public static long open(int directory, String path, int flags, int mode) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.OPENAT, directory, name, flags, mode);
    }

    /**
     * openat2(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param flags {@code O_*}, without {@code O_LARGEFILE} junk: unknown ones are EINVAL
     * @param mode permission bits, 0 unless a file may be made
     * @param resolve {@code RESOLVE_*}; EXDEV and ELOOP say that the path tried to leave
     * @return a descriptor or a negated error number; EAGAIN when a rename raced with {@code RESOLVE_BENEATH}
     */
    public static long open(int directory, String path, long flags, long mode, long resolve) {
        Scratch scratch = Scratch.mine();
        long name = scratch.path(path);
        if (name == 0) {
            return ENAMETOOLONG;
        }
        long how = scratch.structure(flags & 0xffff_ffffL, mode, resolve, 0); // struct open_how
        return HostCalls.call(SyscallNumber.OPENAT2, directory, name, how, 24);
    }

    /**
     * newfstatat(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param stat address of 144 bytes for struct stat
     * @param flags {@code AT_*}
     * @return 0 or a negated error number
     */
    public static long status(int directory, String path, long stat, int flags) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.NEWFSTATAT, directory, name, stat, flags);
    }

    /**
     * statx(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param flags {@code AT_*}
     * @param mask {@code STATX_*}
     * @param statx address of 256 bytes for struct statx
     * @return 0 or a negated error number
     */
    public static long statx(int directory, String path, int flags, int mask, long statx) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.STATX, directory, name, flags, mask, statx);
    }

    /**
     * statfs(2).
     *
     * @param path path name
     * @param statfs address of 120 bytes for struct statfs
     * @return 0 or a negated error number
     */
    public static long fileSystemStatus(String path, long statfs) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.STATFS, name, statfs);
    }

    /**
     * readlinkat(2). An empty path reads the link that the descriptor itself is.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param address native address
     * @param bytes size of the buffer
     * @return length of the text, which is not terminated, or a negated error number
     */
    public static long readLink(int directory, String path, long address, long bytes) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.READLINKAT, directory, name, address, bytes);
    }

    /**
     * readlinkat(2) as a string.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @return the text, or null if it cannot be read
     */
    public static String link(int directory, String path) {
        Scratch scratch = Scratch.mine();
        long name = scratch.path(path);
        if (name == 0) {
            return null;
        }
        long length = HostCalls.call(SyscallNumber.READLINKAT, directory, name, scratch.firstAddress(), Scratch.PATH_BYTES);
        return length < 0 ? null : scratch.text(length);
    }

    /**
     * mkdirat(2). The host's umask applies.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param mode permission bits
     * @return 0 or a negated error number
     */
    public static long makeDirectory(int directory, String path, int mode) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.MKDIRAT, directory, name, mode);
    }

    /**
     * mknodat(2). The host's umask applies.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param mode type and permission bits
     * @param device device number for device nodes
     * @return 0 or a negated error number
     */
    public static long makeNode(int directory, String path, int mode, long device) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.MKNODAT, directory, name, mode, device);
    }

    /**
     * unlinkat(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param flags 0 or {@code AT_REMOVEDIR}
     * @return 0 or a negated error number
     */
    public static long unlink(int directory, String path, int flags) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.UNLINKAT, directory, name, flags);
    }

    /**
     * fchmodat(2); follows symbolic links.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param mode permission bits
     * @return 0 or a negated error number
     */
    public static long changeMode(int directory, String path, int mode) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.FCHMODAT, directory, name, mode);
    }

    /**
     * fchownat(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param user user id, or -1
     * @param group group id, or -1
     * @param flags {@code AT_SYMLINK_NOFOLLOW}, {@code AT_EMPTY_PATH}
     * @return 0 or a negated error number
     */
    public static long changeOwner(int directory, String path, int user, int group, int flags) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.FCHOWNAT, directory, name, user, group, flags);
    }

    /**
     * faccessat2(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param mode {@code R_OK}, {@code W_OK}, {@code X_OK} or 0
     * @param flags {@code AT_*}
     * @return 0 or a negated error number
     */
    public static long access(int directory, String path, int mode, int flags) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.FACCESSAT2, directory, name, mode, flags);
    }

    /**
     * utimensat(2).
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param accessSeconds seconds of the access time
     * @param accessNanos nanoseconds, {@code UTIME_NOW} or {@code UTIME_OMIT}
     * @param modifySeconds seconds of the modification time
     * @param modifyNanos nanoseconds, {@code UTIME_NOW} or {@code UTIME_OMIT}
     * @param flags {@code AT_SYMLINK_NOFOLLOW}
     * @return 0 or a negated error number
     */
    public static long changeTimes(int directory, String path, long accessSeconds, long accessNanos,
                                   long modifySeconds, long modifyNanos, int flags) {
        Scratch scratch = Scratch.mine();
        long name = scratch.path(path);
        long times = times(scratch, accessSeconds, accessNanos, modifySeconds, modifyNanos);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.UTIMENSAT, directory, name, times, flags);
    }

    /**
     * renameat2(2).
     *
     * @param fromDirectory directory of the old name
     * @param from old name
     * @param toDirectory directory of the new name
     * @param to new name
     * @param flags {@code RENAME_*}
     * @return 0 or a negated error number
     */
    public static long rename(int fromDirectory, String from, int toDirectory, String to, int flags) {
        Scratch scratch = Scratch.mine();
        long first = scratch.path(from);
        long second = scratch.secondPath(to);
        return first == 0 || second == 0
            ? ENAMETOOLONG : HostCalls.call(SyscallNumber.RENAMEAT2, fromDirectory, first, toDirectory, second, flags);
    }

    /**
     * linkat(2). With {@code AT_EMPTY_PATH} and an empty old name, the directory descriptor is the file itself.
     *
     * @param fromDirectory directory of the old name
     * @param from old name
     * @param toDirectory directory of the new name
     * @param to new name
     * @param flags {@code AT_*}
     * @return 0 or a negated error number
     */
    public static long linkFile(int fromDirectory, String from, int toDirectory, String to, int flags) {
        Scratch scratch = Scratch.mine();
        long first = scratch.path(from);
        long second = scratch.secondPath(to);
        return first == 0 || second == 0
            ? ENAMETOOLONG : HostCalls.call(SyscallNumber.LINKAT, fromDirectory, first, toDirectory, second, flags);
    }

    /**
     * symlinkat(2).
     *
     * @param target text of the link
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path where to put it
     * @return 0 or a negated error number
     */
    public static long symlink(String target, int directory, String path) {
        Scratch scratch = Scratch.mine();
        long text = scratch.path(target);
        long name = scratch.secondPath(path);
        return text == 0 || name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.SYMLINKAT, text, directory, name);
    }

    /**
     * name_to_handle_at(2). {@code struct file_handle}: 0 handle_bytes[4], 4 handle_type[4], 8 f_handle; {@code handle_bytes} says on entry
     * how much room there is.
     *
     * @param directory descriptor of a directory, or {@code AT_FDCWD}
     * @param path path name, relative to it unless absolute
     * @param handle address of the structure
     * @param mountId address of 4 bytes for the mount's number
     * @param flags {@code AT_EMPTY_PATH, AT_SYMLINK_FOLLOW}
     * @return 0 or a negated error number: EOPNOTSUPP where the filesystem has no handles, EOVERFLOW for too little room
     */
    public static long fileHandle(int directory, String path, long handle, long mountId, int flags) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG : HostCalls.call(SyscallNumber.NAME_TO_HANDLE_AT, directory, name, handle, mountId, flags);
    }

    /**
     * lsetxattr(2). For a file open with {@code O_PATH}, give {@code /proc/self/fd/N} and follow.
     *
     * @param path path name
     * @param name attribute's full name
     * @param follow whether a symbolic link at the end is followed
     * @param address native address of the value
     * @param bytes size of the value
     * @param flags {@code XATTR_*}
     * @return 0 or a negated error number
     */
    public static long setAttribute(String path, String name, boolean follow, long address, long bytes, int flags) {
        Scratch scratch = Scratch.mine();
        long first = scratch.path(path);
        long second = scratch.secondPath(name);
        return first == 0 || second == 0 ? ENAMETOOLONG
            : HostCalls.call(follow ? SyscallNumber.SETXATTR : SyscallNumber.LSETXATTR, first, second, address, bytes, flags);
    }

    /**
     * lgetxattr(2). For a file open with {@code O_PATH}, give {@code /proc/self/fd/N} and follow.
     *
     * @param path path name
     * @param name attribute's full name
     * @param follow whether a symbolic link at the end is followed
     * @param address native address
     * @param bytes size of the buffer, 0 to ask for the size
     * @return size of the value or a negated error number
     */
    public static long attribute(String path, String name, boolean follow, long address, long bytes) {
        Scratch scratch = Scratch.mine();
        long first = scratch.path(path);
        long second = scratch.secondPath(name);
        return first == 0 || second == 0 ? ENAMETOOLONG
            : HostCalls.call(follow ? SyscallNumber.GETXATTR : SyscallNumber.LGETXATTR, first, second, address, bytes);
    }

    /**
     * llistxattr(2) or listxattr(2).
     *
     * @param path path name
     * @param follow whether a symbolic link at the end is followed
     * @param address native address
     * @param bytes size of the buffer, 0 to ask for the size
     * @return size of the list or a negated error number
     */
    public static long attributes(String path, boolean follow, long address, long bytes) {
        long name = Scratch.mine().path(path);
        return name == 0 ? ENAMETOOLONG
            : HostCalls.call(follow ? SyscallNumber.LISTXATTR : SyscallNumber.LLISTXATTR, name, address, bytes);
    }

    /**
     * lremovexattr(2) or removexattr(2).
     *
     * @param path path name
     * @param name attribute's full name
     * @param follow whether a symbolic link at the end is followed
     * @return 0 or a negated error number
     */
    public static long removeAttribute(String path, String name, boolean follow) {
        Scratch scratch = Scratch.mine();
        long first = scratch.path(path);
        long second = scratch.secondPath(name);
        return first == 0 || second == 0 ? ENAMETOOLONG
            : HostCalls.call(follow ? SyscallNumber.REMOVEXATTR : SyscallNumber.LREMOVEXATTR, first, second);
    }

    /** Writes two struct timespec behind the paths, and returns their address. */
    static long times(Scratch scratch, long accessSeconds, long accessNanos, long modifySeconds, long modifyNanos) {
        return scratch.structure(accessSeconds, accessNanos, modifySeconds, modifyNanos);
    }
}
