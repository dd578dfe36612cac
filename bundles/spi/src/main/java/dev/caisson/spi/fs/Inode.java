package dev.caisson.spi.fs;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A file of any type. There is at most one live object per file: identity of inodes is identity of objects, so that locks, pipes
 * and sockets can hang on them.
 *
 * <p>Names are one path component: 1 to 255 bytes, no slash, no NUL, not "." or ".."; strings hold one byte per char (ISO 8859-1).
 * The VFS has checked permissions, types, mount flags and existence before it calls, and holds the directory's lock (both
 * directories' for link and rename) during operations that change it; a filesystem whose content others can change checks again.
 */
@ConsumerType
public abstract class Inode {
    private volatile ConcurrentHashMap<Class<?>, Object> attachments;

    /** For subclasses. */
    protected Inode() {}

    /** {@return the filesystem this file belongs to} */
    public abstract FileSystem fileSystem();

    /**
     * All attributes.
     *
     * @return a consistent snapshot
     * @throws ErrnoException EIO, ESTALE
     */
    public abstract Attributes attributes() throws ErrnoException;

    /** {@return type and permission bits; cheap, for the path walk} */
    public abstract int mode();

    /** {@return owner; cheap} */
    public abstract int uid();

    /** {@return group; cheap} */
    public abstract int gid();

    /** {@return {@code st_ino}; cheap} */
    public abstract long number();

    /**
     * Checks access by mode bits and capabilities, as path_resolution(7) says. Filesystems with ACLs or rules of their own override it.
     *
     * @param mask R_OK, W_OK, X_OK
     * @param credentials whose fsuid, fsgid, groups and capabilities count
     * @throws ErrnoException EACCES
     */
    public void checkAccess(int mask, Credentials credentials) throws ErrnoException {
        ModeBits.check(mode(), uid(), gid(), mask, credentials);
    }

    /**
     * Changes attributes.
     *
     * @param change what to change
     * @throws ErrnoException EPERM, EFBIG, ENOSPC, EROFS, EINVAL
     */
    public void change(AttributeChange change) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * The content was read, or the link followed: updates {@code atime} where the filesystem keeps it itself. Called often, so it is cheap.
     *
     * @param relative only when the access time is not behind the modification and change times, or a day old (relatime)
     */
    public void accessed(boolean relative) {}

    /**
     * Finds a name in this directory.
     *
     * @param name one component
     * @return the file, or null when there is none
     * @throws ErrnoException ENOTDIR when this is no directory, EIO
     */
    public Inode lookup(String name) throws ErrnoException {
        throw ENOTDIR.error();
    }

    /**
     * Creates a regular file, directory, FIFO, socket or device node.
     *
     * @param name does not exist
     * @param node what to create
     * @return the new file
     * @throws ErrnoException EEXIST, ENOSPC, EDQUOT, EROFS, EPERM when the filesystem has no such type
     */
    public Inode create(String name, NewNode node) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * Creates a symbolic link.
     *
     * @param name does not exist
     * @param target 1 to 4095 bytes
     * @param node owner and group
     * @return the link
     * @throws ErrnoException as {@link #create}
     */
    public Inode symlink(String name, String target, NewNode node) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * Creates a hard link.
     *
     * @param name does not exist
     * @param target a file of the same filesystem, not a directory
     * @throws ErrnoException EMLINK, ENOSPC, EPERM
     */
    public void link(String name, Inode target) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * Removes a name that is no directory; the file lives on while it is open.
     *
     * @param name exists
     * @param target what the name stands for
     * @throws ErrnoException EBUSY, EROFS, EIO
     */
    public void unlink(String name, Inode target) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * Removes an empty directory.
     *
     * @param name exists
     * @param target the directory
     * @throws ErrnoException ENOTEMPTY, EBUSY
     */
    public void rmdir(String name, Inode target) throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * Renames within the filesystem.
     *
     * @param oldName exists here
     * @param source what it stands for
     * @param newParent directory of the same filesystem, possibly this one, never below {@code source}
     * @param newName the new name
     * @param replaced what the new name stood for, or null; the VFS checked that types fit
     * @param flags RENAME_NOREPLACE (already checked), RENAME_EXCHANGE, RENAME_WHITEOUT
     * @throws ErrnoException ENOTEMPTY when {@code replaced} is a directory with entries, EINVAL for flags it does not support
     */
    public void rename(String oldName, Inode source, Inode newParent, String newName, Inode replaced, int flags)
            throws ErrnoException {
        throw EPERM.error();
    }

    /**
     * The target of a symbolic link.
     *
     * @return 1 to 4095 bytes
     * @throws ErrnoException EINVAL when this is none
     */
    public String readLink() throws ErrnoException {
        throw EINVAL.error();
    }

    /**
     * Magic links (/proc/PID/fd/N, exe, cwd, root) lead to an object rather than a path.
     *
     * @return whether {@link MagicLink} is implemented and takes part in path walks
     */
    public boolean isMagicLink() {
        return false;
    }

    /**
     * Opens a regular file or directory, or a device, FIFO or socket that the filesystem implements itself.
     *
     * @param flags O_* as given to open(2); access is checked, O_CREAT, O_EXCL and O_TRUNC are done by the VFS
     * @return a new open file
     * @throws ErrnoException ENXIO when the type is not openable here (the VFS then tries devices, FIFOs), EIO, ETXTBSY
     */
    public abstract OpenFile open(int flags) throws ErrnoException;

    /**
     * Creates a file without a name, for O_TMPFILE, in this directory.
     *
     * @param node a regular file
     * @return the file; {@link #link} may name it
     * @throws ErrnoException EOPNOTSUPP
     */
    public Inode createUnnamed(NewNode node) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * Reads an extended attribute, xattr(7).
     *
     * @param name full name with namespace
     * @return the value
     * @throws ErrnoException ENODATA, EOPNOTSUPP
     */
    public byte[] getXattr(String name) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * Writes an extended attribute.
     *
     * @param name full name
     * @param value at most 64 KiB
     * @param flags XATTR_CREATE, XATTR_REPLACE
     * @throws ErrnoException EEXIST, ENODATA, ENOSPC, EOPNOTSUPP
     */
    public void setXattr(String name, byte[] value, int flags) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * Lists the names of extended attributes.
     *
     * @return full names
     * @throws ErrnoException EOPNOTSUPP
     */
    public List<String> listXattrs() throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * Removes an extended attribute.
     *
     * @param name full name
     * @throws ErrnoException ENODATA, EOPNOTSUPP
     */
    public void removeXattr(String name) throws ErrnoException {
        throw EOPNOTSUPP.error();
    }

    /**
     * An object of another part of the kernel that lives as long as this inode: the pipe of a FIFO, the socket bound here, record locks, watches.
     *
     * @param <T> its type
     * @param type the key
     * @param make makes it when there is none; null only looks
     * @return the object, or null
     */
    @SuppressWarnings("unchecked")
    public final <T> T attachment(Class<T> type, Supplier<T> make) {
        ConcurrentHashMap<Class<?>, Object> map = attachments;
        if (map == null) {
            if (make == null) {
                return null;
            }
            synchronized (this) {
                map = attachments;
                if (map == null) {
                    map = new ConcurrentHashMap<>(4);
                    attachments = map;
                }
            }
        }
        return make == null ? (T) map.get(type) : (T) map.computeIfAbsent(type, key -> make.get());
    }

    /**
     * Removes an attachment.
     *
     * @param type its key
     */
    public final void detach(Class<?> type) {
        ConcurrentHashMap<Class<?>, Object> map = attachments;
        if (map != null) {
            map.remove(type);
        }
    }
}
