package dev.caisson.spi.fs;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.cred.Credentials;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
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
    private static final VarHandle ATTACHMENTS;

    static {
        try {
            ATTACHMENTS = MethodHandles.lookup().findVarHandle(Inode.class, "attachments", Attachment.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** One of what hangs on an inode: nearly always there are none to three, so that a list takes the least room and time. Never changed. */
    private static final class Attachment {
        private final Class<?> type;
        private final Object value;
        private final Attachment next;

        private Attachment(Class<?> type, Object value, Attachment next) {
            this.type = type;
            this.value = value;
            this.next = next;
        }

        private static Attachment find(Attachment first, Class<?> type) {
            Attachment at = first;
            while (at != null && at.type != type) {
                at = at.next;
            }
            return at;
        }

        private static Attachment without(Attachment first, Class<?> type) {
            return first == null ? null : first.type == type ? first.next : new Attachment(first.type, first.value, without(first.next, type));
        }
    }

    private volatile Attachment attachments;

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

    /**
     * What stat(2) tells, right after a lookup has led here, in the same call of the same caller: a filesystem that has just asked its
     * server need not ask again.
     *
     * @return a consistent snapshot
     * @throws ErrnoException EIO, ESTALE
     */
    public Attributes attributesOfLookup() throws ErrnoException {
        return attributes();
    }

    /**
     * A walk is about to look these names up, one below the other, beginning in this directory.
     *
     * @param names two or more, none of them "." or ".."
     * @return answers; null when each is to be looked up by itself
     * @throws ErrnoException EIO
     */
    public LookAhead lookAhead(List<String> names) throws ErrnoException {
        return null;
    }

    /** {@return type and permission bits; cheap, for the path walk} */
    public abstract int mode();

    /** {@return owner; cheap} */
    public abstract int uid();

    /** {@return group; cheap} */
    public abstract int gid();

    /** {@return {@code st_ino}; cheap} */
    public abstract long number();

    /**
     * Facts about the file behind, by which it is known again in another filesystem that serves the same tree. Asked freshly: what is
     * cached of the file's attributes agrees with the answer afterwards.
     *
     * @return the identity; null where there is none to tell, so that the file cannot move to another filesystem
     * @throws ErrnoException EIO, ESTALE
     */
    public FileIdentity identity() throws ErrnoException {
        return null;
    }

    /**
     * A name of the file that stays when its path changes.
     *
     * @return the handle, or null when the filesystem has no such names
     * @throws ErrnoException EIO, ESTALE
     */
    public FileHandle fileHandle() throws ErrnoException {
        return null;
    }

    /**
     * A number that is another one after every change of content or attributes through this filesystem; cheap. Who knows the
     * {@link #identity} of a moment ago needs not ask again while it is the same.
     *
     * @return the number; negative when changes are not counted
     */
    public long changes() {
        return -1;
    }

    /**
     * The file was looked up, and then its names were changed through another filesystem; nobody uses this object. The next lookup
     * makes a new one.
     */
    public void forget() {}

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
     * Whether new files in this directory take their permissions from its default access list, acl(5), so that the umask does not count.
     * Asked before each creation, so it is cheap.
     *
     * @return whether there is such a list
     * @throws ErrnoException EIO
     */
    public boolean hasDefaultAcl() throws ErrnoException {
        return false;
    }

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

    /** {@return whether locks on this file are to be had where it is kept as well, since others may lock it there} */
    public boolean locksElsewhere() {
        return false;
    }

    /**
     * Changes, where the file is kept, the lock that all programs of this kernel have on it together. Never waits for somebody else's lock.
     *
     * @param type {@code F_RDLCK}, {@code F_WRLCK} or {@code F_UNLCK}
     * @param start first byte
     * @param end last byte, inclusive; {@link Long#MAX_VALUE} for the end of the file, whatever that becomes
     * @return false when somebody else's lock is in the way
     * @throws ErrnoException ENOLCK, EIO
     */
    public boolean lockElsewhere(int type, long start, long end) throws ErrnoException {
        return true;
    }

    /**
     * Looks for somebody else's lock where the file is kept, F_GETLK.
     *
     * @param isExclusive whether for writing
     * @param start first byte
     * @param end last byte, as above
     * @return what is in the way, or null
     * @throws ErrnoException ENOLCK, EIO
     */
    public ForeignLock testElsewhere(boolean isExclusive, long start, long end) throws ErrnoException {
        return null;
    }

    /**
     * An object of another part of the kernel that lives as long as this inode: the pipe of a FIFO, the socket bound here, record locks, watches.
     *
     * @param <T> its type
     * @param type the key
     * @param make makes it when there is none, and perhaps in vain, when somebody else makes one at the same time; null only looks
     * @return the object, or null
     */
    @SuppressWarnings("unchecked")
    public final <T> T attachment(Class<T> type, Supplier<T> make) {
        T made = null;
        while (true) {
            Attachment first = attachments;
            Attachment known = Attachment.find(first, type);
            if (known != null) {
                return (T) known.value;
            }
            if (make == null) {
                return null;
            }
            if (made == null) {
                made = make.get();
            }
            if (ATTACHMENTS.compareAndSet(this, first, new Attachment(type, made, first))) {
                return made;
            }
        }
    }

    /**
     * Removes an attachment.
     *
     * @param type its key
     */
    public final void detach(Class<?> type) {
        Attachment first;
        do {
            first = attachments;
        } while (Attachment.find(first, type) != null && !ATTACHMENTS.compareAndSet(this, first, Attachment.without(first, type)));
    }

    /**
     * Takes everything that hangs on the inode which stood for this file before, in another filesystem, and tells those that want to
     * know ({@link InodeAttachment}). Nobody uses either inode meanwhile.
     *
     * @param before the inode before; nothing hangs on it afterwards
     */
    public final void takeAttachments(Inode before) {
        Attachment taken = before.attachments;
        before.attachments = null;
        for (Attachment each = taken; each != null; each = each.next) {
            attachments = new Attachment(each.type, each.value, Attachment.without(attachments, each.type));
        }
        for (Attachment each = taken; each != null; each = each.next) {
            if (each.value instanceof InodeAttachment hanging) {
                hanging.movedTo(this);
            }
        }
    }
}
