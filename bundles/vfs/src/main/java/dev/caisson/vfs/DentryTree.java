package dev.caisson.vfs;

import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The dentries of one filesystem instance: root, the lock for renames across directories, the bound of the cache, and the count of users
 * that keep the instance open.
 */
final class DentryTree {
    /** How many dentries a filesystem keeps although nobody uses them. */
    static final int LIMIT = 1 << 16;

    private final FileSystem fileSystem;
    private final boolean caching;
    private final Dentry root;
    private final RankedLock renameLock = RankedLock.of(LockRank.RENAME);
    private final AtomicInteger users = new AtomicInteger();
    private final ArrayDeque<ChildTable.Entry> held = new ArrayDeque<>();

    private DentryTree(FileSystem fileSystem) {
        this.fileSystem = fileSystem;
        this.caching = fileSystem.cachesDentries();
        this.root = new Dentry(this, null, "", fileSystem.root());
    }

    static DentryTree of(FileSystem fileSystem) {
        return fileSystem.root().attachment(DentryTree.class, () -> new DentryTree(fileSystem));
    }

    /** A tree of its own for a file without a name in a directory (pipes, sockets, memory files). */
    static Dentry detached(FileSystem fileSystem, String name, Inode inode) {
        DentryTree tree = of(fileSystem);
        return new Dentry(tree, null, name, inode);
    }

    FileSystem fileSystem() {
        return fileSystem;
    }

    boolean caching() {
        return caching;
    }

    Dentry root() {
        return root;
    }

    RankedLock renameLock() {
        return renameLock;
    }

    void retain() {
        users.incrementAndGet();
    }

    void release() {
        if (users.decrementAndGet() == 0) {
            fileSystem.close();
        }
    }

    /** Adds a child that was looked up or created; the caller holds the directory's lock, or the tree does not cache. */
    Dentry add(Dentry directory, String name, Inode inode) {
        Dentry dentry = new Dentry(this, directory, name, inode);
        ChildTable.Entry entry = directory.children().put(directory, name, dentry, caching);
        if (caching) {
            hold(entry);
        }
        return dentry;
    }

    /** Adds a known dentry under a name (after a rename). */
    void attach(Dentry directory, String name, Dentry dentry) {
        dentry.moveTo(directory, name);
        ChildTable.Entry entry = directory.children().put(directory, name, dentry, caching);
        if (caching) {
            hold(entry);
        }
    }

    /**
     * The dentry of a file found in a filesystem that does not cache: the one in use, when there is one.
     */
    Dentry identify(Dentry directory, String name, Inode inode) {
        ChildTable children = directory.children();
        synchronized (children) {
            Dentry known = children.find(name);
            if (known != null && known.inode() == inode && !known.isDeleted()) {
                return known;
            }
            return add(directory, name, inode);
        }
    }

    private void hold(ChildTable.Entry entry) {
        synchronized (held) {
            held.addLast(entry);
            if (held.size() > LIMIT) {
                evict();
            }
        }
    }

    /** Second chance; entries with cached children stay, since a child keeps its parent in memory anyway. */
    private void evict() {
        for (int tries = 0; tries < 64 && held.size() > LIMIT; tries++) {
            ChildTable.Entry entry = held.pollFirst();
            Dentry dentry = entry.strong;
            if (dentry == null || dentry.isDeleted()) {
                continue;
            }
            if (dentry.touched || dentry.isMountPoint() || dentry.children().holdsAny()) {
                dentry.touched = false;
                held.addLast(entry);
                continue;
            }
            entry.weaken();
        }
    }
}
