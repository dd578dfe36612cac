package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.lock.RankedLock;

/** Finds names that are not cached. */
final class Lookup {
    private Lookup() {}

    /** The child of a directory, possibly negative; takes the directory's lock when the filesystem's dentries are cached. */
    static Dentry child(Dentry directory, String name) throws ErrnoException {
        DentryTree tree = directory.tree();
        if (!tree.caching()) {
            return tree.identify(directory, name, directory.inode().lookup(name));
        }
        RankedLock lock = directory.lock();
        lock.lock();
        try {
            return childLocked(directory, name);
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #child}; the directory's lock is held, and the answer holds until it is released. */
    static Dentry childLocked(Dentry directory, String name) throws ErrnoException {
        DentryTree tree = directory.tree();
        if (!tree.caching()) {
            return tree.identify(directory, name, directory.inode().lookup(name));
        }
        Dentry known = directory.children().find(name);
        if (known != null && !known.isDeleted()) {
            return known;
        }
        Inode inode = directory.inode().lookup(name);
        if (directory.isDeleted()) {
            return new Dentry(tree, directory, name, inode); // nothing can be found here again
        }
        return tree.add(directory, name, inode);
    }
}
