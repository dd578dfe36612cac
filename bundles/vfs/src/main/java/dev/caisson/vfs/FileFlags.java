package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;

/**
 * Flags of a file that chattr(1) sets: FS_IOC_SETFLAGS. They hang on the inode, whatever its filesystem is.
 *
 * <p>Deviation: they last as long as the kernel knows the inode, and are not stored with the file.
 */
public final class FileFlags {
    /** FS_IMMUTABLE_FL. */
    public static final int IMMUTABLE = 0x10;
    /** FS_APPEND_FL. */
    public static final int APPEND = 0x20;
    /** What can be set: also FS_NODUMP_FL and FS_NOATIME_FL, which are only told again. */
    public static final int SETTABLE = IMMUTABLE | APPEND | 0x40 | 0x80;

    /** As long as nobody has set any, a check costs one field read. */
    private static volatile boolean used;

    private volatile int flags;

    private FileFlags() {}

    /**
     * The flags of a file.
     *
     * @param inode the file
     * @return {@code FS_*_FL}
     */
    public static int of(Inode inode) {
        FileFlags own = used ? inode.attachment(FileFlags.class, null) : null;
        return own == null ? 0 : own.flags;
    }

    /**
     * Changes the flags of a file; the caller has checked that it may.
     *
     * @param inode the file
     * @param flags {@code FS_*_FL}
     */
    public static void set(Inode inode, int flags) {
        used = true;
        inode.attachment(FileFlags.class, FileFlags::new).flags = flags;
    }

    /** Nobody changes the content of an immutable file, or the names in an immutable directory. */
    static void checkWrite(Inode inode) throws ErrnoException {
        if (used && (of(inode) & IMMUTABLE) != 0) {
            throw EPERM.error("immutable");
        }
    }

    /** Attributes and names of files that are immutable or only grow stay. */
    static void checkChange(Inode inode) throws ErrnoException {
        if (used && (of(inode) & (IMMUTABLE | APPEND)) != 0) {
            throw EPERM.error("immutable, or append only");
        }
    }

    /** A name goes: neither the directory nor the file may be of those that keep what they have. */
    static void checkRemoval(Inode directory, Inode file) throws ErrnoException {
        checkChange(directory);
        checkChange(file);
    }

    /** Files that only grow are written at their end. */
    static void checkOpen(Inode inode, boolean writes, boolean appends, boolean truncates) throws ErrnoException {
        if (used && writes) {
            checkWrite(inode);
            if ((of(inode) & APPEND) != 0 && (!appends || truncates)) {
                throw EPERM.error("append only");
            }
        }
    }
}
