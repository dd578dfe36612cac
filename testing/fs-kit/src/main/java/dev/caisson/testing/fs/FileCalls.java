package dev.caisson.testing.fs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystemStatus;
import java.util.List;

/**
 * The system calls about files, with Linux's arguments, made by one caller in a directory of its own: by the VFS over a filesystem
 * under test ({@link VfsFileCalls}) or by the host's kernel ({@link HostFileCalls}). Whatever is written over this interface runs on
 * both, so it can be proven against Linux first. Every method throws what the system call fails with.
 *
 * <p>{@code dirfd} is a descriptor of {@link #open} or {@code AT_FDCWD}. Strings hold one byte per char. Thread: one at a time, and
 * for the host always the one that made the object; {@link #another} serves other threads.
 */
public interface FileCalls extends AutoCloseable {
    /** {@code AT_FDCWD}. */
    int CWD = -100;

    /** For positions: the descriptor's offset. */
    long AT_OFFSET = -1;

    /**
     * Another caller in the same directory, for another thread.
     *
     * @return a caller with descriptors, working directory and umask of its own; call it on the thread that uses it
     * @throws ErrnoException when it cannot be made
     */
    FileCalls another() throws ErrnoException;

    /**
     * Makes the next calls as somebody else.
     *
     * @param who ids and capabilities
     */
    void become(Identity who);

    /**
     * umask(2).
     *
     * @param mask the new mask
     * @return the old one
     */
    int umask(int mask);

    /**
     * chdir(2), or fchdir(2) with an empty path.
     *
     * @param dirfd descriptor, or {@link #CWD}
     * @param path path, or empty
     * @throws ErrnoException the failure
     */
    void chdir(int dirfd, String path) throws ErrnoException;

    /**
     * openat(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @param flags {@code O_*}
     * @param mode permission bits
     * @return the descriptor
     * @throws ErrnoException the failure
     */
    int open(int dirfd, String path, int flags, int mode) throws ErrnoException;

    /**
     * close(2).
     *
     * @param fd descriptor
     * @throws ErrnoException the failure
     */
    void close(int fd) throws ErrnoException;

    /**
     * read(2), pread(2).
     *
     * @param fd descriptor
     * @param most bytes at most
     * @param position where, or {@link #AT_OFFSET}
     * @return what was read
     * @throws ErrnoException the failure
     */
    String read(int fd, int most, long position) throws ErrnoException;

    /**
     * write(2), pwrite(2).
     *
     * @param fd descriptor
     * @param content what
     * @param position where, or {@link #AT_OFFSET}
     * @return bytes written
     * @throws ErrnoException the failure
     */
    long write(int fd, String content, long position) throws ErrnoException;

    /**
     * lseek(2).
     *
     * @param fd descriptor
     * @param distance from the origin
     * @param whence {@code SEEK_*}
     * @return the new offset
     * @throws ErrnoException the failure
     */
    long seek(int fd, long distance, int whence) throws ErrnoException;

    /**
     * truncate(2).
     *
     * @param path the file
     * @param sizeBytes new size
     * @throws ErrnoException the failure
     */
    void truncate(String path, long sizeBytes) throws ErrnoException;

    /**
     * ftruncate(2).
     *
     * @param fd descriptor
     * @param sizeBytes new size
     * @throws ErrnoException the failure
     */
    void truncate(int fd, long sizeBytes) throws ErrnoException;

    /**
     * fallocate(2).
     *
     * @param fd descriptor
     * @param mode {@code FALLOC_FL_*}
     * @param position start
     * @param lengthBytes length
     * @throws ErrnoException the failure
     */
    void allocate(int fd, int mode, long position, long lengthBytes) throws ErrnoException;

    /**
     * fsync(2), fdatasync(2).
     *
     * @param fd descriptor
     * @param dataOnly fdatasync
     * @throws ErrnoException the failure
     */
    void sync(int fd, boolean dataOnly) throws ErrnoException;

    /**
     * fcntl(2) F_SETFL.
     *
     * @param fd descriptor
     * @param flags {@code O_*}
     * @throws ErrnoException the failure
     */
    void statusFlags(int fd, int flags) throws ErrnoException;

    /**
     * mkdirat(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @param mode permission bits
     * @throws ErrnoException the failure
     */
    void mkdir(int dirfd, String path, int mode) throws ErrnoException;

    /**
     * mknodat(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @param mode type and permission bits
     * @param device device number
     * @throws ErrnoException the failure
     */
    void mknod(int dirfd, String path, int mode, long device) throws ErrnoException;

    /**
     * symlinkat(2).
     *
     * @param target content of the link
     * @param dirfd where a relative path begins
     * @param path the path
     * @throws ErrnoException the failure
     */
    void symlink(String target, int dirfd, String path) throws ErrnoException;

    /**
     * readlinkat(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @return the content
     * @throws ErrnoException the failure
     */
    String readlink(int dirfd, String path) throws ErrnoException;

    /**
     * linkat(2).
     *
     * @param oldDirfd where a relative old path begins
     * @param oldPath the file
     * @param dirfd where a relative path begins
     * @param path the new name
     * @param flags {@code AT_*}
     * @throws ErrnoException the failure
     */
    void link(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException;

    /**
     * unlinkat(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @param directory AT_REMOVEDIR
     * @throws ErrnoException the failure
     */
    void unlink(int dirfd, String path, boolean directory) throws ErrnoException;

    /**
     * renameat2(2).
     *
     * @param oldDirfd where a relative old path begins
     * @param oldPath the old path
     * @param dirfd where a relative path begins
     * @param path the new path
     * @param flags {@code RENAME_*}
     * @throws ErrnoException the failure
     */
    void rename(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException;

    /**
     * fchmodat(2), or fchmod(2) with an empty path.
     *
     * @param dirfd where a relative path begins, or the descriptor
     * @param path the path, or empty
     * @param mode permission bits
     * @throws ErrnoException the failure
     */
    void chmod(int dirfd, String path, int mode) throws ErrnoException;

    /**
     * fchownat(2), or fchown(2) with an empty path.
     *
     * @param dirfd where a relative path begins, or the descriptor
     * @param path the path, or empty
     * @param uid owner or -1
     * @param gid group or -1
     * @param flags AT_SYMLINK_NOFOLLOW or 0
     * @throws ErrnoException the failure
     */
    void chown(int dirfd, String path, int uid, int gid, int flags) throws ErrnoException;

    /**
     * utimensat(2), or futimens(3) with an empty path.
     *
     * @param dirfd where a relative path begins, or the descriptor
     * @param path the path, or empty
     * @param accessNs nanoseconds, {@link dev.caisson.vfs.Vfs#NOW} or {@link dev.caisson.vfs.Vfs#OMIT}
     * @param modifyNs as {@code accessNs}
     * @param flags AT_SYMLINK_NOFOLLOW or 0
     * @throws ErrnoException the failure
     */
    void setTimes(int dirfd, String path, long accessNs, long modifyNs, int flags) throws ErrnoException;

    /**
     * faccessat2(2).
     *
     * @param dirfd where a relative path begins
     * @param path the path
     * @param mask R_OK, W_OK, X_OK
     * @param flags {@code AT_*}
     * @throws ErrnoException the failure
     */
    void access(int dirfd, String path, int mask, int flags) throws ErrnoException;

    /**
     * statx(2).
     *
     * @param dirfd where a relative path begins, or the descriptor
     * @param path the path, or empty for the descriptor
     * @param flags AT_SYMLINK_NOFOLLOW or 0
     * @return the attributes
     * @throws ErrnoException the failure
     */
    Attributes stat(int dirfd, String path, int flags) throws ErrnoException;

    /**
     * statfs(2).
     *
     * @param path the path
     * @return the status
     * @throws ErrnoException the failure
     */
    FileSystemStatus status(String path) throws ErrnoException;

    /**
     * One entry of getdents64(2).
     *
     * @param name the name
     * @param inode {@code d_ino}
     * @param type {@code d_type}
     * @param next {@code d_off}
     */
    record Entry(String name, long inode, int type, long next) {}

    /**
     * getdents64(2).
     *
     * @param fd descriptor
     * @param bytes size of the buffer
     * @return entries; none at the end
     * @throws ErrnoException the failure
     */
    List<Entry> entries(int fd, int bytes) throws ErrnoException;

    /**
     * getxattr(2), lgetxattr(2), fgetxattr(2).
     *
     * @param fd descriptor; counts when the path is null
     * @param path the path, or null
     * @param follow whether links are followed
     * @param name full name
     * @return the value
     * @throws ErrnoException the failure
     */
    String getXattr(int fd, String path, boolean follow, String name) throws ErrnoException;

    /**
     * setxattr(2) and its kin.
     *
     * @param fd descriptor; counts when the path is null
     * @param path the path, or null
     * @param follow whether links are followed
     * @param name full name
     * @param value the value
     * @param flags {@code XATTR_*}
     * @throws ErrnoException the failure
     */
    void setXattr(int fd, String path, boolean follow, String name, String value, int flags) throws ErrnoException;

    /**
     * removexattr(2) and its kin.
     *
     * @param fd descriptor; counts when the path is null
     * @param path the path, or null
     * @param follow whether links are followed
     * @param name full name
     * @throws ErrnoException the failure
     */
    void removeXattr(int fd, String path, boolean follow, String name) throws ErrnoException;

    /**
     * listxattr(2) and its kin.
     *
     * @param fd descriptor; counts when the path is null
     * @param path the path, or null
     * @param follow whether links are followed
     * @return full names, in any order
     * @throws ErrnoException the failure
     */
    List<String> listXattrs(int fd, String path, boolean follow) throws ErrnoException;

    /**
     * flock(2) with LOCK_NB.
     *
     * @param fd descriptor
     * @param operation LOCK_SH, LOCK_EX, LOCK_UN
     * @throws ErrnoException the failure
     */
    void flock(int fd, int operation) throws ErrnoException;

    /**
     * F_SETLK, F_OFD_SETLK.
     *
     * @param fd descriptor
     * @param ofDescription whether the open file description owns the lock, not the process
     * @param type F_RDLCK, F_WRLCK, F_UNLCK
     * @param start first byte
     * @param lengthBytes length; 0 to the end
     * @throws ErrnoException the failure
     */
    void lock(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException;

    /**
     * F_GETLK, F_OFD_GETLK.
     *
     * @param fd descriptor
     * @param ofDescription whether the open file description asks, not the process
     * @param type F_RDLCK, F_WRLCK
     * @param start first byte
     * @param lengthBytes length; 0 to the end
     * @return {@code type,start,length} of the lock in the way, or "none"
     * @throws ErrnoException the failure
     */
    String lockInTheWay(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException;

    /** Closes all descriptors. */
    @Override
    void close();
}
