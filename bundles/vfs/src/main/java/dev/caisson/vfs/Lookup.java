package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.LookAhead;
import dev.caisson.spi.lock.RankedLock;

/** Finds names that are not cached. */
final class Lookup {
    private Lookup() {}

    /** The child of a directory of uncached dentries, possibly negative, as one walk has foreseen. */
    static Dentry child(Dentry directory, String name, LookAhead ahead) throws ErrnoException {
        return directory.tree().identify(directory, name, ahead.lookup(directory.inode(), name));
    }

    /** The child of a directory, possibly negative; takes the directory's lock when the filesystem's dentries are cached. */
    static Dentry child(Dentry directory, String name) throws ErrnoException {
        DentryTree tree = directory.tree();
        if (!tree.caching()) {
            return tree.identify(directory, name, directory.inode().lookup(name));
        }
        RankedLock lock = directory.lock();
        lock.lock();
        try {
            return locked(directory, name, null);
        } finally {
            lock.unlock();
        }
    }

    /**
     * What must be found before the directory's lock is taken: a filesystem whose dentries are not cached (proc) may take any lock in its
     * lookup, and checks again itself when the directory changes.
     *
     * @return the child, possibly negative; null when the filesystem is to be asked under the lock
     */
    static Dentry early(Dentry directory, String name) throws ErrnoException {
        return directory.tree().caching() ? null : child(directory, name);
    }

    /** The child of a directory whose lock is held: {@code early}, or looked up now; the answer holds until the lock is released. */
    static Dentry locked(Dentry directory, String name, Dentry early) throws ErrnoException {
        if (early != null) {
            return early;
        }
        DentryTree tree = directory.tree();
        Dentry known = directory.children().find(name);
        if (known != null && !known.isDeleted()) {
            return known;
        }
        Inode inode = directory.inode().lookup(name);
        if (directory.isDead()) {
            return new Dentry(tree, directory, name, inode); // nothing can be found here again
        }
        return tree.add(directory, name, inode);
    }
}
