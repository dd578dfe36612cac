package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Errno.EXDEV;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.fs.NewNode;
import dev.caisson.spi.lock.RankedLock;

/** mkdir, mknod, symlink, link, unlink, rmdir. */
final class NameOperations {
    /** Whether only owners (and those who may read and write) link to files: /proc/sys/fs/protected_hardlinks. */
    private static final boolean PROTECTED_HARDLINKS = true;

    private final Watches watches;

    NameOperations(Watches watches) {
        this.watches = watches;
    }

    /** Makes the file, given that the name is free and may be created. */
    @FunctionalInterface
    private interface Maker {
        Inode make(Inode directory, String name) throws ErrnoException;
    }

    /** The mode without what the umask takes away, unless a default access list stands in for it. */
    static int masked(Caller caller, Inode directory, int mode) throws ErrnoException {
        return directory.hasDefaultAcl() ? mode : mode & ~caller.fs().umask();
    }

    /** Owner, group and mode of a new file: set-group-ID directories hand their group down. */
    static NewNode newNode(Caller caller, Inode directory, int mode, long device) {
        Credentials credentials = caller.credentials();
        int gid = credentials.fsgid();
        int kept = mode;
        if ((directory.mode() & Stat.S_ISGID) != 0) {
            gid = directory.gid();
            if ((mode & Stat.S_IFMT) == Stat.S_IFDIR) {
                kept |= Stat.S_ISGID;
            } else if ((mode & (Stat.S_ISGID | Stat.S_IXGRP)) == (Stat.S_ISGID | Stat.S_IXGRP) && !credentials.inGroup(gid)
                    && !credentials.has(Capability.CAP_FSETID)) {
                kept &= ~Stat.S_ISGID;
            }
        }
        return new NewNode(kept, credentials.fsuid(), gid, device);
    }

    /** Makes a negative dentry positive; the directory's lock is held. */
    static Dentry publish(Dentry directory, Dentry child, String name, Inode made) {
        if (child.isNegative() && !child.isDeleted() && directory.children().find(name) == child) {
            child.instantiate(made);
            return child;
        }
        return directory.tree().add(directory, name, made);
    }

    /** filename_create of Linux, then the creation itself. */
    private Location create(Caller caller, Location start, String path, boolean directory, Maker maker) throws ErrnoException {
        PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, 0);
        walker.walkToParent();
        if (walker.lastType() != PathWalker.Last.NORMAL) {
            throw EEXIST.error();
        }
        Dentry parent = walker.dentry();
        String name = walker.last();
        checkName(name);
        Dentry early = Lookup.early(parent, name);
        RankedLock lock = parent.lock();
        JobControl.acquire(lock);
        try {
            Dentry child = Lookup.locked(parent, name, early);
            if (!child.isNegative()) {
                throw EEXIST.error();
            }
            if (!directory && walker.hasTrailingSlash()) {
                throw ENOENT.error();
            }
            if (walker.mount().isReadOnly()) {
                throw EROFS.error();
            }
            checkMayCreate(parent, caller.credentials());
            Dentry made = publish(parent, child, name, maker.make(parent.inode(), name));
            watches.tellDirectory(parent.inode(), name, Poll.IN_CREATE, made.inode());
            return new Location(walker.mount(), made);
        } finally {
            lock.unlock();
        }
    }

    private static void checkName(String name) throws ErrnoException {
        if (name.length() > PathWalker.NAME_MAX) {
            throw ENAMETOOLONG.error();
        }
    }

    static void checkMayCreate(Dentry parent, Credentials credentials) throws ErrnoException {
        if (parent.isDead()) {
            throw ENOENT.error();
        }
        FileFlags.checkWrite(parent.inode());
        parent.inode().checkAccess(Fcntl.W_OK | Fcntl.X_OK, credentials);
    }

    /** may_delete of Linux. */
    static void checkMayDelete(Dentry parent, Dentry victim, boolean directory, Credentials credentials) throws ErrnoException {
        Inode dir = parent.inode();
        Inode file = victim.inode();
        FileFlags.checkWrite(dir);
        dir.checkAccess(Fcntl.W_OK | Fcntl.X_OK, credentials);
        FileFlags.checkRemoval(dir, file);
        if ((dir.mode() & Stat.S_ISVTX) != 0 && file.uid() != credentials.fsuid() && dir.uid() != credentials.fsuid()
                && !credentials.has(Capability.CAP_FOWNER)) {
            throw EPERM.error("sticky directory");
        }
        boolean isDirectory = victim.isDirectory();
        if (directory && !isDirectory) {
            throw ENOTDIR.error();
        }
        if (directory && victim.isRoot()) {
            throw EBUSY.error();
        }
        if (!directory && isDirectory) {
            throw EISDIR.error();
        }
        if (parent.isDead()) {
            throw ENOENT.error();
        }
    }

    void mkdir(Caller caller, Location start, String path, int mode) throws ErrnoException {
        int bits = Stat.S_IFDIR | mode & (0777 | Stat.S_ISVTX);
        create(caller, start, path, true, (dir, name) -> dir.create(name, newNode(caller, dir, masked(caller, dir, bits), 0)));
    }

    Location mknod(Caller caller, Location start, String path, int mode, long device) throws ErrnoException {
        int type = mode & Stat.S_IFMT;
        switch (type) {
            case 0, Stat.S_IFREG, Stat.S_IFIFO, Stat.S_IFSOCK, Stat.S_IFCHR, Stat.S_IFBLK -> {}
            case Stat.S_IFDIR -> throw EPERM.error();
            default -> throw EINVAL.error();
        }
        boolean special = type == Stat.S_IFCHR || type == Stat.S_IFBLK;
        int bits = (type == 0 ? Stat.S_IFREG : type) | mode & 07777;
        return create(caller, start, path, false, (dir, name) -> {
            if (special && (type != Stat.S_IFCHR || device != 0) && !caller.credentials().has(Capability.CAP_MKNOD)) {
                throw EPERM.error();
            }
            return dir.create(name, newNode(caller, dir, masked(caller, dir, bits), special ? device : 0));
        });
    }

    void symlink(Caller caller, String target, Location start, String path) throws ErrnoException {
        if (target.isEmpty()) {
            throw ENOENT.error();
        }
        if (target.length() >= PathWalker.PATH_MAX) {
            throw ENAMETOOLONG.error();
        }
        create(caller, start, path, false,
                (dir, name) -> dir.symlink(name, target, newNode(caller, dir, Stat.S_IFLNK | 0777, 0)));
    }

    void link(Caller caller, Location old, Location start, String path) throws ErrnoException {
        PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, 0);
        walker.walkToParent();
        if (walker.lastType() != PathWalker.Last.NORMAL) {
            throw EEXIST.error();
        }
        Dentry parent = walker.dentry();
        String name = walker.last();
        checkName(name);
        Inode file = old.inode();
        Dentry early = Lookup.early(parent, name);
        RankedLock lock = parent.lock();
        JobControl.acquire(lock);
        try {
            Dentry child = Lookup.locked(parent, name, early);
            if (!child.isNegative()) {
                throw EEXIST.error();
            }
            if (walker.hasTrailingSlash()) {
                throw ENOENT.error();
            }
            if (walker.mount().isReadOnly()) {
                throw EROFS.error();
            }
            if (old.mount() != walker.mount() || old.dentry().tree() != parent.tree()) {
                throw EXDEV.error();
            }
            checkMayLink(file, caller.credentials());
            checkMayCreate(parent, caller.credentials());
            FileFlags.checkChange(file);
            if ((file.mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                throw EPERM.error();
            }
            if (file.attributes().links() == 0 && !Unnamed.isLinkable(file)) {
                throw ENOENT.error();
            }
            parent.inode().link(name, file);
            file.detach(Unnamed.class);
            publish(parent, child, name, file);
            watches.tellSelf(file, Poll.IN_ATTRIB);
            watches.tellDirectory(parent.inode(), name, Poll.IN_CREATE, file);
        } finally {
            lock.unlock();
        }
    }

    /** may_linkat: only safe sources for those who do not own them. */
    private static void checkMayLink(Inode file, Credentials credentials) throws ErrnoException {
        if (!PROTECTED_HARDLINKS || Ownership.isOwnerOrCapable(file, credentials)) {
            return;
        }
        int mode = file.mode();
        boolean safe = (mode & Stat.S_IFMT) == Stat.S_IFREG && (mode & Stat.S_ISUID) == 0
                && (mode & (Stat.S_ISGID | Stat.S_IXGRP)) != (Stat.S_ISGID | Stat.S_IXGRP);
        if (safe) {
            try {
                file.checkAccess(Fcntl.R_OK | Fcntl.W_OK, credentials);
                return;
            } catch (ErrnoException e) {
                // falls through: not permitted either way
            }
        }
        throw EPERM.error("hard link to a file of somebody else");
    }

    void unlink(Caller caller, Location start, String path) throws ErrnoException {
        PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, 0);
        walker.walkToParent();
        if (walker.lastType() != PathWalker.Last.NORMAL) {
            throw EISDIR.error();
        }
        Dentry parent = walker.dentry();
        String name = walker.last();
        checkName(name);
        if (walker.mount().isReadOnly()) {
            throw EROFS.error();
        }
        Dentry child;
        Dentry early = Lookup.early(parent, name);
        RankedLock lock = parent.lock();
        JobControl.acquire(lock);
        try {
            child = Lookup.locked(parent, name, early);
            if (child.isNegative()) {
                throw ENOENT.error();
            }
            if (walker.hasTrailingSlash()) {
                throw child.isDirectory() ? EISDIR.error() : ENOTDIR.error();
            }
            checkMayDelete(parent, child, false, caller.credentials());
            checkNotMounted(walker.mount(), child);
            parent.inode().unlink(name, child.inode());
            forget(parent, child, name);
            if (parent.tree().caching()) {
                parent.tree().add(parent, name, null); // who removes a file often looks for it next: a journal, a lock
            }
        } finally {
            lock.unlock();
        }
        tellGone(parent, child, name);
    }

    void rmdir(Caller caller, Location start, String path) throws ErrnoException {
        PathWalker walker = new PathWalker(caller.fs(), caller.credentials(), start, path, 0);
        walker.walkToParent();
        switch (walker.lastType()) {
            case DOT_DOT -> throw ENOTEMPTY.error();
            case DOT -> throw EINVAL.error();
            case ROOT -> throw EBUSY.error();
            default -> {}
        }
        Dentry parent = walker.dentry();
        String name = walker.last();
        checkName(name);
        if (walker.mount().isReadOnly()) {
            throw EROFS.error();
        }
        Dentry child;
        Dentry early = Lookup.early(parent, name);
        RankedLock lock = parent.lock();
        JobControl.acquire(lock);
        try {
            child = Lookup.locked(parent, name, early);
            if (child.isNegative()) {
                throw ENOENT.error();
            }
            checkMayDelete(parent, child, true, caller.credentials());
            RankedLock inner = child.lock();
            inner.lockNested(); // parent before child
            try {
                checkNotMounted(walker.mount(), child);
                parent.inode().rmdir(name, child.inode());
                forget(parent, child, name);
            } finally {
                inner.unlock();
            }
        } finally {
            lock.unlock();
        }
        tellGone(parent, child, name);
    }

    static void checkNotMounted(Mount mount, Dentry dentry) throws ErrnoException {
        if (dentry.isMountPoint() && mount.on(dentry) != null) {
            throw EBUSY.error("mount point");
        }
    }

    static void forget(Dentry parent, Dentry child, String name) {
        child.markDeleted();
        parent.children().remove(name);
    }

    /** The order of Linux: the file hears of it first. A file that is open hears of its end when it is closed. */
    private void tellGone(Dentry parent, Dentry child, String name) {
        if (!watches.isActive()) {
            return;
        }
        Inode file = child.inode();
        if (!child.isDirectory()) {
            watches.tellSelf(file, Poll.IN_ATTRIB);
        }
        if (!child.isOpen()) {
            watches.tellRemoved(file);
        }
        watches.tellDirectory(parent.inode(), name, Poll.IN_DELETE, file);
    }
}
