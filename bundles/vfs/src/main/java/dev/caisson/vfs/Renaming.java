package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.ENOTEMPTY;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Errno.EXDEV;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.JobControl;
import dev.caisson.spi.lock.RankedLock;

/** renameat2(2), in the order of Linux's do_renameat2 and vfs_rename. */
final class Renaming {
    private final Watches watches;

    Renaming(Watches watches) {
        this.watches = watches;
    }

    void rename(Caller caller, Location oldStart, String oldPath, Location newStart, String newPath, int flags)
            throws ErrnoException {
        boolean exchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        if ((flags & ~(Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE | Fcntl.RENAME_WHITEOUT)) != 0
                || exchange && (flags & (Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_WHITEOUT)) != 0) {
            throw EINVAL.error();
        }
        PathWalker from = new PathWalker(caller.fs(), caller.credentials(), oldStart, oldPath, 0);
        from.walkToParent();
        PathWalker to = new PathWalker(caller.fs(), caller.credentials(), newStart, newPath, 0);
        to.walkToParent();
        if (from.mount() != to.mount() || from.dentry().tree() != to.dentry().tree()) {
            throw EXDEV.error(); // one mount has two filesystems when a directory stayed with the one before
        }
        if (from.lastType() != PathWalker.Last.NORMAL) {
            throw EBUSY.error();
        }
        if (to.lastType() != PathWalker.Last.NORMAL) {
            throw (flags & Fcntl.RENAME_NOREPLACE) != 0 ? EEXIST.error() : EBUSY.error();
        }
        if (from.mount().isReadOnly()) {
            throw EROFS.error();
        }
        checkName(from);
        Dentry oldParent = from.dentry();
        Dentry newParent = to.dentry();
        Dentry earlySource = Lookup.early(oldParent, from.last());
        Dentry earlyTarget = to.last().length() > PathWalker.NAME_MAX ? null : Lookup.early(newParent, to.last());
        if (oldParent == newParent) {
            RankedLock lock = oldParent.lock();
            JobControl.acquire(lock);
            try {
                renameLocked(caller, from, to, earlySource, earlyTarget, flags);
            } finally {
                lock.unlock();
            }
            return;
        }
        RankedLock tree = oldParent.tree().renameLock();
        JobControl.acquire(tree);
        try {
            // an ancestor comes first; unrelated directories in any order, since the tree's lock lets only one thread take two
            boolean newFirst = newParent.isAncestorOf(oldParent);
            RankedLock first = newFirst ? newParent.lock() : oldParent.lock();
            RankedLock second = newFirst ? oldParent.lock() : newParent.lock();
            JobControl.acquire(first);
            try {
                second.lockNested();
                try {
                    renameLocked(caller, from, to, earlySource, earlyTarget, flags);
                } finally {
                    second.unlock();
                }
            } finally {
                first.unlock();
            }
        } finally {
            tree.unlock();
        }
    }

    private static void checkName(PathWalker path) throws ErrnoException {
        if (path.last().length() > PathWalker.NAME_MAX) {
            throw ENAMETOOLONG.error();
        }
    }

    private void renameLocked(Caller caller, PathWalker from, PathWalker to, Dentry earlySource, Dentry earlyTarget, int flags)
            throws ErrnoException {
        boolean exchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        Dentry oldParent = from.dentry();
        Dentry newParent = to.dentry();
        String oldName = from.last();
        String newName = to.last();
        Dentry source = Lookup.locked(oldParent, oldName, earlySource);
        if (source.isNegative()) {
            throw ENOENT.error();
        }
        checkName(to); // a missing source comes first
        Dentry target = Lookup.locked(newParent, newName, earlyTarget);
        if ((flags & Fcntl.RENAME_NOREPLACE) != 0 && !target.isNegative()) {
            throw EEXIST.error();
        }
        if (exchange) {
            if (target.isNegative()) {
                throw ENOENT.error();
            }
            if (!target.isDirectory() && to.hasTrailingSlash()) {
                throw ENOTDIR.error();
            }
        }
        if (!source.isDirectory() && (from.hasTrailingSlash() || !exchange && to.hasTrailingSlash())) {
            throw ENOTDIR.error();
        }
        if (source.isAncestorOf(newParent)) {
            throw EINVAL.error("into itself");
        }
        if (!target.isNegative() && target.isAncestorOf(oldParent)) {
            throw exchange ? EINVAL.error() : ENOTEMPTY.error();
        }
        if (source.inode() == target.inode()) {
            return;
        }
        check(caller.credentials(), oldParent, source, newParent, target, flags);
        NameOperations.checkNotMounted(from.mount(), source);
        if (!target.isNegative()) {
            NameOperations.checkNotMounted(to.mount(), target);
        }
        RankedLock inner = !target.isNegative() && target.isDirectory() && !exchange ? target.lock() : null;
        if (inner != null) {
            inner.lockNested(); // the directory that goes: child of one that is held
        }
        try {
            oldParent.inode().rename(oldName, source.inode(), newParent.inode(), newName, target.isNegative() ? null : target.inode(),
                    flags & ~Fcntl.RENAME_NOREPLACE);
            move(oldParent, oldName, source, newParent, newName, target, exchange);
        } finally {
            if (inner != null) {
                inner.unlock();
            }
        }
        tell(oldParent, oldName, source, newParent, newName, target, exchange);
    }

    private static void check(Credentials credentials, Dentry oldParent, Dentry source, Dentry newParent, Dentry target, int flags)
            throws ErrnoException {
        boolean exchange = (flags & Fcntl.RENAME_EXCHANGE) != 0;
        boolean directory = source.isDirectory();
        NameOperations.checkMayDelete(oldParent, source, directory, credentials);
        if (target.isNegative()) {
            NameOperations.checkMayCreate(newParent, credentials);
        } else {
            NameOperations.checkMayDelete(newParent, target, exchange ? target.isDirectory() : directory, credentials);
        }
        if (oldParent != newParent) {
            // ".." of a directory that changes its parent is written
            if (directory) {
                source.inode().checkAccess(Fcntl.W_OK, credentials);
            }
            if (exchange && target.isDirectory()) {
                target.inode().checkAccess(Fcntl.W_OK, credentials);
            }
        }
    }

    private static void move(Dentry oldParent, String oldName, Dentry source, Dentry newParent, String newName, Dentry target,
            boolean exchange) {
        DentryTree tree = oldParent.tree();
        TreeChanges.begin();
        try {
            oldParent.children().remove(oldName);
            newParent.children().remove(newName);
            if (exchange) {
                tree.attach(oldParent, oldName, target);
            } else {
                target.markDeleted();
            }
            tree.attach(newParent, newName, source);
        } finally {
            TreeChanges.end();
        }
    }

    private void tell(Dentry oldParent, String oldName, Dentry source, Dentry newParent, String newName, Dentry target,
            boolean exchange) {
        if (!watches.isActive()) {
            return;
        }
        watches.tellMove(oldParent.inode(), oldName, newParent.inode(), newName, source.inode());
        if (exchange) {
            watches.tellMove(newParent.inode(), newName, oldParent.inode(), oldName, target.inode());
        } else if (!target.isNegative()) {
            watches.tellSelf(target.inode(), Poll.IN_ATTRIB);
            if (!target.isOpen()) {
                watches.tellRemoved(target.inode());
            }
        }
    }
}
