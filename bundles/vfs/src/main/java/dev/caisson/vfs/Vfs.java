package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENXIO;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import java.util.List;

/**
 * File operations by path, with the checks and the order of errors of Linux. Paths hold one byte per char. A {@code start} is the
 * directory where a relative path begins; null means the caller's working directory. "Place" methods take what a descriptor or an
 * earlier walk found.
 */
public final class Vfs {
    /** How often one call looks again for a file that others keep replacing. */
    static final int MAX_STALE = 100;

    private final DeviceRegistry devices = new DeviceRegistry();
    private final Watches watches = new Watches();
    private final Leases leases = new Leases();
    private final AnonymousFiles anonymous = new AnonymousFiles(watches);
    private volatile FifoOpener fifoOpener = (inode, flags, opener) -> {
        throw ENXIO.error("no pipes");
    };
    private final Opening opening = new Opening(this);
    private final NameOperations names = new NameOperations(watches);
    private final Renaming renaming = new Renaming(watches);
    private final AttributeOperations attributes = new AttributeOperations(watches, leases);
    private final ExtendedAttributes extended = new ExtendedAttributes(watches);

    /** {@return drivers of special files} */
    public DeviceRegistry devices() {
        return devices;
    }

    /** {@return where file events start} */
    public Watches watches() {
        return watches;
    }

    /** {@return leases of files} */
    public Leases leases() {
        return leases;
    }

    /** {@return files that no directory names} */
    public AnonymousFiles anonymous() {
        return anonymous;
    }

    /** {@return who opens FIFOs} */
    public FifoOpener fifoOpener() {
        return fifoOpener;
    }

    /**
     * Sets who opens FIFOs.
     *
     * @param opener the kernel's pipes
     */
    public void fifoOpener(FifoOpener opener) {
        fifoOpener = opener;
    }

    /**
     * Resolves a path.
     *
     * @param caller who asks
     * @param start where a relative path begins, or null
     * @param path the path
     * @param flags {@link PathWalker#FOLLOW}, {@link PathWalker#DIRECTORY}, {@link PathWalker#EMPTY}
     * @return the place
     * @throws ErrnoException as path_resolution(7)
     */
    public Location resolve(Caller caller, Location start, String path, int flags) throws ErrnoException {
        return new PathWalker(caller.fs(), caller.credentials(), start, path, 0).walk(flags);
    }

    /**
     * Resolves a path for other credentials than the caller's (access(2)).
     *
     * @param fs root and working directory
     * @param credentials whose permissions count
     * @param start where a relative path begins, or null
     * @param path the path
     * @param flags as for {@link #resolve(Caller, Location, String, int)}
     * @return the place
     * @throws ErrnoException as path_resolution(7)
     */
    public Location resolve(FsContext fs, Credentials credentials, Location start, String path, int flags)
            throws ErrnoException {
        return new PathWalker(fs, credentials, start, path, 0).walk(flags);
    }

    /**
     * open(2), openat2(2).
     *
     * @param caller who opens
     * @param start where a relative path begins, or null
     * @param path the path
     * @param flags {@code O_*}, in any combination that {@link OpenFlags#check} lets pass
     * @param mode permission bits for a new file; the umask is applied here
     * @param resolve {@code RESOLVE_*}
     * @return a description with one reference
     * @throws ErrnoException as open(2)
     */
    public FileDescription open(Caller caller, Location start, String path, int flags, int mode, int resolve)
            throws ErrnoException {
        return opening.open(caller, start, path, flags, mode, resolve);
    }

    /**
     * Opens what is at a place: for execve(2), and for magic links that are opened again.
     *
     * @param caller who opens
     * @param location the place
     * @param flags {@code O_*}; O_CREAT is ignored
     * @return a description with one reference
     * @throws ErrnoException as open(2)
     */
    public FileDescription openAt(Caller caller, Location location, int flags) throws ErrnoException {
        return opening.openPlace(caller, location, flags);
    }

    /**
     * Opens a program for execve(2): execute permission, regular file, no noexec mount, not open for writing. The caller calls
     * {@link Writers#endRun} on the inode's {@link Writers} when the program no longer runs.
     *
     * @param caller who executes
     * @param location the place
     * @return a description open for reading, with one reference
     * @throws ErrnoException EACCES, ETXTBSY, ELOOP
     */
    public FileDescription openProgram(Caller caller, Location location) throws ErrnoException {
        return opening.openProgram(caller, location);
    }

    /**
     * A description without a name in a directory, for an inode that exists already (memfd_create, mapped shared memory).
     *
     * @param mount mount of the inode's filesystem; see {@link dev.caisson.vfs.Mount#internal}
     * @param name what /proc/PID/fd shows, for example {@code /memfd:name (deleted)}
     * @param inode the file
     * @param flags {@code O_*}
     * @param owner who opens
     * @return a description with one reference
     * @throws ErrnoException what opening the inode fails with
     */
    public FileDescription openUnnamed(dev.caisson.vfs.Mount mount, String name, Inode inode, int flags, Credentials owner)
            throws ErrnoException {
        return opening.openUnnamed(mount, name, inode, flags, owner);
    }

    /**
     * mkdir(2).
     *
     * @param caller who
     * @param start where a relative path begins, or null
     * @param path the path
     * @param mode permission bits; the umask is applied here
     * @throws ErrnoException as mkdir(2)
     */
    public void mkdir(Caller caller, Location start, String path, int mode) throws ErrnoException {
        names.mkdir(caller, start, path, mode);
    }

    /**
     * mknod(2).
     *
     * @param caller who
     * @param start where a relative path begins, or null
     * @param path the path
     * @param mode type and permission bits; the umask is applied here
     * @param device device number
     * @return where the new file is
     * @throws ErrnoException as mknod(2)
     */
    public Location mknod(Caller caller, Location start, String path, int mode, long device) throws ErrnoException {
        return names.mknod(caller, start, path, mode, device);
    }

    /**
     * symlink(2).
     *
     * @param caller who
     * @param target content of the link
     * @param start where a relative path begins, or null
     * @param path name of the link
     * @throws ErrnoException as symlink(2)
     */
    public void symlink(Caller caller, String target, Location start, String path) throws ErrnoException {
        names.symlink(caller, target, start, path);
    }

    /**
     * link(2) to a place that was found already.
     *
     * @param caller who
     * @param file the file to link to
     * @param start where a relative path begins, or null
     * @param path the new name
     * @throws ErrnoException as link(2)
     */
    public void link(Caller caller, Location file, Location start, String path) throws ErrnoException {
        names.link(caller, file, start, path);
    }

    /**
     * unlink(2).
     *
     * @param caller who
     * @param start where a relative path begins, or null
     * @param path the path
     * @throws ErrnoException as unlink(2)
     */
    public void unlink(Caller caller, Location start, String path) throws ErrnoException {
        names.unlink(caller, start, path);
    }

    /**
     * rmdir(2).
     *
     * @param caller who
     * @param start where a relative path begins, or null
     * @param path the path
     * @throws ErrnoException as rmdir(2)
     */
    public void rmdir(Caller caller, Location start, String path) throws ErrnoException {
        names.rmdir(caller, start, path);
    }

    /**
     * renameat2(2).
     *
     * @param caller who
     * @param oldStart where a relative old path begins, or null
     * @param oldPath the old path
     * @param newStart where a relative new path begins, or null
     * @param newPath the new path
     * @param flags {@code RENAME_*}
     * @throws ErrnoException as rename(2)
     */
    public void rename(Caller caller, Location oldStart, String oldPath, Location newStart, String newPath, int flags)
            throws ErrnoException {
        renaming.rename(caller, oldStart, oldPath, newStart, newPath, flags);
    }

    /**
     * readlink(2) of a place.
     *
     * @param caller who
     * @param location a symbolic link
     * @return its content; of a magic link the path of what it leads to
     * @throws ErrnoException EINVAL when it is none
     */
    public String readLink(Caller caller, Location location) throws ErrnoException {
        if ((location.inode().mode() & dev.caisson.abi.Stat.S_IFMT) != dev.caisson.abi.Stat.S_IFLNK) {
            throw EINVAL.error();
        }
        if (!location.mount().has(Mount.MS_RDONLY | Mount.MS_NOATIME)) {
            location.inode().accessed(!location.mount().has(Mount.MS_STRICTATIME));
        }
        return location.inode().readLink();
    }

    /**
     * access(2) of a place.
     *
     * @param location the place
     * @param mask R_OK, W_OK, X_OK
     * @param credentials whose fsuid and fsgid count
     * @throws ErrnoException EACCES, EROFS
     */
    public void access(Location location, int mask, Credentials credentials) throws ErrnoException {
        attributes.access(location, mask, credentials);
    }

    /**
     * chmod(2) of a place.
     *
     * @param caller who
     * @param location the place
     * @param mode new permission bits
     * @throws ErrnoException EPERM, EROFS, EOPNOTSUPP for symbolic links
     */
    public void chmod(Caller caller, Location location, int mode) throws ErrnoException {
        attributes.chmod(caller, location, mode);
    }

    /**
     * chown(2) of a place.
     *
     * @param caller who
     * @param location the place
     * @param uid new owner; -1 to keep
     * @param gid new group; -1 to keep
     * @throws ErrnoException EPERM, EROFS
     */
    public void chown(Caller caller, Location location, int uid, int gid) throws ErrnoException {
        attributes.chown(caller, location, uid, gid);
    }

    /** For {@link #setTimes}: leave this time alone. */
    public static final long OMIT = Long.MIN_VALUE;
    /** For {@link #setTimes}: the current time. */
    public static final long NOW = Long.MIN_VALUE + 1;

    /**
     * utimensat(2) of a place.
     *
     * @param caller who
     * @param location the place
     * @param accessNs new access time, {@link #OMIT} or {@link #NOW}
     * @param modifyNs new modification time, {@link #OMIT} or {@link #NOW}
     * @throws ErrnoException EACCES, EPERM, EROFS
     */
    public void setTimes(Caller caller, Location location, long accessNs, long modifyNs) throws ErrnoException {
        attributes.setTimes(caller, location, accessNs, modifyNs);
    }

    /**
     * truncate(2) of a place.
     *
     * @param caller who
     * @param location the place
     * @param sizeBytes new size
     * @throws ErrnoException EINVAL, EISDIR, EACCES, EROFS, ETXTBSY, EFBIG
     */
    public void truncate(Caller caller, Location location, long sizeBytes) throws ErrnoException {
        attributes.truncate(caller, location, sizeBytes);
    }

    /**
     * ftruncate(2).
     *
     * @param caller who
     * @param description open for writing
     * @param sizeBytes new size
     * @throws ErrnoException EINVAL, EFBIG, EPERM
     */
    public void truncate(Caller caller, FileDescription description, long sizeBytes) throws ErrnoException {
        attributes.truncate(caller, description, sizeBytes);
    }

    /**
     * What stat(2) tells.
     *
     * @param location the place
     * @return a snapshot
     * @throws ErrnoException EIO
     */
    public Attributes attributes(Location location) throws ErrnoException {
        return location.inode().attributes();
    }

    /**
     * What stat(2) tells of a path.
     *
     * @param caller who asks
     * @param start where a relative path begins, or null
     * @param path the path, not empty
     * @param flags as for {@link #resolve(Caller, Location, String, int)}
     * @return a snapshot
     * @throws ErrnoException as path_resolution(7), EIO
     */
    public Attributes attributes(Caller caller, Location start, String path, int flags) throws ErrnoException {
        for (int left = MAX_STALE; ; left--) {
            PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, 0);
            walker.walk(flags);
            try {
                return walker.attributes();
            } catch (ErrnoException e) {
                if (e.errno() != dev.caisson.abi.Errno.ESTALE || left == 0) {
                    throw e; // else it was replaced between being found and being asked
                }
            }
        }
    }

    /**
     * What statfs(2) tells.
     *
     * @param location the place
     * @return the status
     * @throws ErrnoException EIO
     */
    public FileSystemStatus status(Location location) throws ErrnoException {
        return location.dentry().fileSystem().status();
    }

    /**
     * Rules of xattr(7) and the attributes themselves.
     *
     * @return the operations
     */
    public ExtendedAttributes extendedAttributes() {
        return extended;
    }

    /**
     * chdir(2), fchdir(2).
     *
     * @param caller who
     * @param location a directory
     * @throws ErrnoException ENOTDIR, EACCES
     */
    public void changeDirectory(Caller caller, Location location) throws ErrnoException {
        if (!location.dentry().isDirectory()) {
            throw dev.caisson.abi.Errno.ENOTDIR.error();
        }
        location.inode().checkAccess(Fcntl.X_OK, caller.credentials());
        caller.fs().workingDirectory(location);
    }

    /**
     * chroot(2); the capability is checked here.
     *
     * @param caller who
     * @param location a directory
     * @throws ErrnoException ENOTDIR, EACCES, EPERM
     */
    public void changeRoot(Caller caller, Location location) throws ErrnoException {
        if (!location.dentry().isDirectory()) {
            throw dev.caisson.abi.Errno.ENOTDIR.error();
        }
        location.inode().checkAccess(Fcntl.X_OK, caller.credentials());
        if (!caller.credentials().has(dev.caisson.abi.Capability.CAP_SYS_CHROOT)) {
            throw dev.caisson.abi.Errno.EPERM.error();
        }
        caller.fs().root(location);
    }

    /**
     * Mounts that a task sees, as /proc/PID/mounts, mountinfo and mountstats list them.
     *
     * @param fs root directory and namespace of the task
     * @return mounts at or below its root
     */
    public static List<dev.caisson.vfs.Mount> visibleMounts(FsContext fs) {
        return Paths.visibleMounts(fs);
    }

    /** Checks write access to a mount: mnt_want_write of Linux. */
    static void checkWritable(Location location) throws ErrnoException {
        if (location.mount().isReadOnly()) {
            throw dev.caisson.abi.Errno.EROFS.error();
        }
    }

    /** Checks that a path walk may end here with this access and the mount allows it. */
    static void checkDevice(dev.caisson.vfs.Mount mount) throws ErrnoException {
        if (mount.has(Mount.MS_NODEV)) {
            throw EACCES.error("nodev");
        }
    }
}
