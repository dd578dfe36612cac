package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EROFS;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.lock.RankedLock;

/** open(2), in the steps of Linux's path_openat: find or create, check, truncate, open. */
final class Opening {
    /** Protected FIFOs and regular files in sticky, world-writable directories: 1 as Debian sets it. */
    private static final boolean PROTECTED_SPECIALS = true;

    private final Vfs vfs;

    Opening(Vfs vfs) {
        this.vfs = vfs;
    }

    /** A file that goes between being found and being opened (ESTALE) is looked for again, as Linux does. */
    FileDescription open(Caller caller, Location start, String path, int rawFlags, int mode, int resolve)
            throws ErrnoException {
        int flags = OpenFlags.check(rawFlags);
        for (int left = Vfs.MAX_STALE; ; left--) {
            try {
                return openOnce(caller, start, path, flags, mode, resolve);
            } catch (ErrnoException e) {
                if (e.errno() != Errno.ESTALE || left == 0) {
                    throw e;
                }
            }
        }
    }

    private FileDescription openOnce(Caller caller, Location start, String path, int flags, int mode, int resolve)
            throws ErrnoException {
        if ((flags & OpenFlags.TMPFILE_BIT) != 0) {
            return openTemporary(caller, start, path, flags, mode, resolve);
        }
        PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, resolve);
        if ((flags & Fcntl.O_CREAT) == 0) {
            int how = ((flags & Fcntl.O_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0)
                    | ((flags & Fcntl.O_DIRECTORY) != 0 ? PathWalker.DIRECTORY : 0);
            return openPlace(caller, walker.walk(how), flags);
        }
        return openCreating(caller, walker, flags, mode);
    }

    private FileDescription openCreating(Caller caller, PathWalker walker, int flags, int mode) throws ErrnoException {
        walker.walkToParent();
        int races = Vfs.MAX_STALE;
        while (true) {
            if (walker.lastType() != PathWalker.Last.NORMAL) {
                Location place = walker.finishAt(null);
                if ((flags & Fcntl.O_EXCL) != 0) {
                    throw EEXIST.error();
                }
                if (place.dentry().isDirectory()) {
                    throw EISDIR.error();
                }
                return openPlace(caller, place, flags);
            }
            if (walker.hasTrailingSlash()) {
                throw EISDIR.error();
            }
            Dentry directory = walker.dentry();
            Dentry child = walker.lookupLast();
            if (child.isNegative()) {
                Dentry early = directory.tree().caching() ? null : child;
                RankedLock lock = directory.lock();
                JobControl.acquire(lock);
                try {
                    child = Lookup.locked(directory, walker.last(), early);
                    if (child.isNegative()) {
                        child = create(caller, walker.mount(), directory, child, walker.last(), mode);
                        vfs.watches().tellDirectory(directory.inode(), child.name(), Poll.IN_CREATE, child.inode());
                        FileDescription made = describe(caller, new Location(walker.mount(), child), flags & ~Fcntl.O_TRUNC);
                        made.madeFile();
                        return made;
                    }
                } catch (ErrnoException e) {
                    if (e.errno() == EEXIST && early != null && (flags & Fcntl.O_EXCL) == 0 && races-- > 0) {
                        continue; // somebody else made it since it was looked up: it is opened
                    }
                    throw e;
                } finally {
                    lock.unlock();
                }
            }
            if ((flags & Fcntl.O_EXCL) != 0) {
                throw EEXIST.error();
            }
            if ((flags & Fcntl.O_NOFOLLOW) == 0 && (child.inode().mode() & Stat.S_IFMT) == Stat.S_IFLNK) {
                walker.followLast(child);
                continue;
            }
            Location place = walker.finishAt(child);
            if (place.dentry().isDirectory()) {
                throw EISDIR.error();
            }
            checkSticky(caller.credentials(), directory.inode(), place.inode());
            return openPlace(caller, place, flags);
        }
    }

    private Dentry create(Caller caller, dev.caisson.vfs.Mount mount, Dentry directory, Dentry child, String name, int mode)
            throws ErrnoException {
        if (mount.isReadOnly()) {
            throw EROFS.error();
        }
        if (directory.isDead()) {
            throw ENOENT.error();
        }
        FileFlags.checkWrite(directory.inode());
        directory.inode().checkAccess(Fcntl.W_OK | Fcntl.X_OK, caller.credentials());
        Inode made = directory.inode().create(name,
                NameOperations.newNode(caller, directory.inode(),
                        NameOperations.masked(caller, directory.inode(), Stat.S_IFREG | mode & 07777), 0));
        return NameOperations.publish(directory, child, name, made);
    }

    /** may_create_in_sticky: O_CREAT of existing FIFOs and files of others in sticky directories. */
    private static void checkSticky(Credentials credentials, Inode directory, Inode file) throws ErrnoException {
        int type = file.mode() & Stat.S_IFMT;
        if (!PROTECTED_SPECIALS || type != Stat.S_IFIFO && type != Stat.S_IFREG || (directory.mode() & Stat.S_ISVTX) == 0
                || file.uid() == directory.uid() || file.uid() == credentials.fsuid()) {
            return;
        }
        if ((directory.mode() & Stat.S_IWOTH) != 0) {
            throw EACCES.error("sticky directory");
        }
    }

    private FileDescription openTemporary(Caller caller, Location start, String path, int flags, int mode, int resolve)
            throws ErrnoException {
        int how = PathWalker.DIRECTORY | ((flags & Fcntl.O_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0);
        Location place = new PathWalker(caller.fs(), caller.credentials(), start, path, resolve).walk(how);
        Vfs.checkWritable(place);
        Inode directory = place.inode();
        directory.checkAccess(Fcntl.W_OK | Fcntl.X_OK, caller.credentials());
        Inode made = directory.createUnnamed(
                NameOperations.newNode(caller, directory, NameOperations.masked(caller, directory, Stat.S_IFREG | mode & 07777), 0));
        Unnamed.mark(made, (flags & Fcntl.O_EXCL) == 0);
        Dentry dentry = new Dentry(place.dentry().tree(), place.dentry(), "#" + made.number(), made);
        dentry.markDeleted();
        return describe(caller, new Location(place.mount(), dentry), flags & ~Fcntl.O_TRUNC);
    }

    FileDescription openPlace(Caller caller, Location place, int flags) throws ErrnoException {
        try {
            return openFound(caller, place, flags);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ESTALE) {
                awaitChange(place.dentry());
            }
            throw e;
        }
    }

    /** The file is gone, but whoever removes or replaces it may not have come to telling so: until then every walk would find it again. */
    private static void awaitChange(Dentry dentry) throws ErrnoException {
        Dentry parent = dentry.parent();
        if (parent != null) {
            RankedLock lock = parent.lock();
            JobControl.acquire(lock);
            lock.unlock();
        }
    }

    private FileDescription openFound(Caller caller, Location place, int flags) throws ErrnoException {
        if ((flags & Fcntl.O_PATH) != 0) {
            return new FileDescription(PathFile.INSTANCE, place, flags, caller.credentials(), null);
        }
        Inode inode = place.inode();
        int access = OpenFlags.access(flags);
        int type = inode.mode() & Stat.S_IFMT;
        int kept = flags;
        boolean truncate = (flags & Fcntl.O_TRUNC) != 0 && type == Stat.S_IFREG;
        if (truncate) {
            Vfs.checkWritable(place);
        }
        switch (type) {
            case Stat.S_IFLNK -> throw ELOOP.error();
            case Stat.S_IFDIR -> {
                if ((access & Fcntl.W_OK) != 0) {
                    throw EISDIR.error();
                }
            }
            case Stat.S_IFBLK, Stat.S_IFCHR -> {
                Vfs.checkDevice(place.mount());
                kept &= ~Fcntl.O_TRUNC;
            }
            case Stat.S_IFIFO, Stat.S_IFSOCK -> kept &= ~Fcntl.O_TRUNC;
            default -> {}
        }
        FileFlags.checkOpen(inode, (access & Fcntl.W_OK) != 0, (flags & Fcntl.O_APPEND) != 0, (flags & Fcntl.O_TRUNC) != 0);
        inode.checkAccess(access, caller.credentials());
        if ((flags & Fcntl.O_NOATIME) != 0 && !Ownership.isOwnerOrCapable(inode, caller.credentials())) {
            throw EPERM.error();
        }
        if ((access & Fcntl.W_OK) != 0 && (type == Stat.S_IFREG || type == Stat.S_IFDIR)) {
            Vfs.checkWritable(place);
        }
        if (type == Stat.S_IFREG) {
            inode = vfs.leases().breakFor(place, (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY, (flags & Fcntl.O_NONBLOCK) == 0, caller);
        }
        FileDescription description = describe(caller, place, kept);
        if (truncate) {
            try {
                Writers.of(inode).checkNotRunning();
                int drop = Ownership.bitsToDropByWriting(inode, caller.credentials());
                long now = FileClock.nowNs();
                inode.change(new AttributeChange(
                        AttributeChange.SIZE | AttributeChange.MODIFY_TIME | (drop == 0 ? 0 : AttributeChange.MODE),
                        inode.mode() & 07777 & ~drop, 0, 0, 0, 0, now, now));
                vfs.watches().tell(place.dentry(), Poll.IN_MODIFY);
            } catch (ErrnoException e) {
                description.release();
                throw e;
            }
        }
        return description;
    }

    /** Opens the file itself, by the filesystem, a driver or the pipes. */
    private FileDescription describe(Caller caller, Location place, int flags) throws ErrnoException {
        Inode inode = place.inode();
        int type = inode.mode() & Stat.S_IFMT;
        boolean counted = type == Stat.S_IFREG && (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY
                && (flags & Fcntl.O_ACCMODE) != Fcntl.O_ACCMODE;
        if (counted) {
            Writers.of(inode).beginWrite();
        }
        FileDescription description;
        try {
            OpenFile file = openFile(caller, place, type, flags);
            if ((flags & Fcntl.O_DIRECT) != 0) {
                try {
                    OpenFlags.checkDirect(inode);
                } catch (ErrnoException e) {
                    file.close();
                    throw e;
                }
            }
            description = new FileDescription(file, place, flags, caller == null ? Credentials.ROOT : caller.credentials(),
                    vfs.watches());
            if (counted) {
                description.countAsWriter();
            }
        } catch (ErrnoException e) {
            if (counted) {
                Writers.of(inode).endWrite();
            }
            throw e;
        }
        vfs.watches().tell(place.dentry(), Poll.IN_OPEN);
        return description;
    }

    private OpenFile openFile(Caller caller, Location place, int type, int flags) throws ErrnoException {
        Inode inode = place.inode();
        switch (type) {
            case Stat.S_IFREG, Stat.S_IFDIR, 0 -> {
                return inode.open(flags & ~OpenFlags.TMPFILE_BIT);
            }
            default -> {
                try {
                    return inode.open(flags);
                } catch (ErrnoException e) {
                    if (e.errno() != ENXIO || type == Stat.S_IFSOCK) {
                        throw e;
                    }
                }
                place.dentry().pin(); // it may wait for its other end, and another filesystem serve it meanwhile
                return type == Stat.S_IFIFO ? vfs.fifoOpener().open(inode, flags, caller) : vfs.devices().open(inode, flags, caller);
            }
        }
    }

    FileDescription openProgram(Caller caller, Location place) throws ErrnoException {
        Inode inode = place.inode();
        int type = inode.mode() & Stat.S_IFMT;
        if (type == Stat.S_IFLNK) {
            throw ELOOP.error();
        }
        if (type != Stat.S_IFREG || place.mount().has(Mount.MS_NOEXEC)) {
            throw EACCES.error();
        }
        inode.checkAccess(Fcntl.X_OK, caller.credentials());
        Writers writers = Writers.of(inode);
        writers.beginRun();
        try {
            return describe(caller, place, Fcntl.O_RDONLY);
        } catch (ErrnoException e) {
            writers.endRun();
            throw e;
        }
    }

    FileDescription openUnnamed(dev.caisson.vfs.Mount mount, String name, Inode inode, int flags, Credentials owner)
            throws ErrnoException {
        Dentry dentry = DentryTree.detached(mount.fileSystem(), name, inode);
        Location place = new Location(mount, dentry);
        OpenFile file = inode.open(flags);
        // not counted as a writer: a memory file can be executed while it is open
        return new FileDescription(file, place, flags, owner, vfs.watches());
    }
}
