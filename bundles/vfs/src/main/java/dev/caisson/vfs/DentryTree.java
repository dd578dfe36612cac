package dev.caisson.vfs;

import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The dentries of one filesystem instance: root, the lock for renames across directories, the bound of the cache, and the count of users
 * that keep the instance open. Another instance may take the place of the first one under its users ({@link FileSystemSwap}); what
 * cannot follow then belongs to a <em>leftover</em> tree, which keeps the old instance open until the last of it is gone.
 */
final class DentryTree {
    /** How many dentries a filesystem keeps although nobody uses them. */
    static final int LIMIT = 1 << 16;

    private static final int LONGEST_CLOSE_S = 10;

    private final Dentry root;
    /** Of a leftover: the tree that has its place now. */
    private final DentryTree heir;
    /** What stays with filesystems that had this place before. Guarded by itself. */
    private final Set<DentryTree> leftovers = Collections.newSetFromMap(new IdentityHashMap<>());
    private final CountDownLatch closed = new CountDownLatch(1);
    private final RankedLock renameLock = RankedLock.of(LockRank.RENAME);
    private final AtomicInteger users = new AtomicInteger();
    private final OpenDescriptions open = new OpenDescriptions();
    private final ArrayDeque<ChildTable.Entry> held = new ArrayDeque<>();
    /** Guarded by itself. */
    private final Set<Mount> mounts = Collections.newSetFromMap(new IdentityHashMap<>());
    /** See {@link Dentry#pin}. Guarded by itself. */
    private final Set<Dentry> pinned = Collections.newSetFromMap(new WeakHashMap<>());
    /** These two change only while all tasks are at their safe points. */
    private FileSystem fileSystem;
    private boolean caching;

    private DentryTree(FileSystem fileSystem, DentryTree heir) {
        this.fileSystem = fileSystem;
        this.caching = heir == null && fileSystem.cachesDentries();
        this.heir = heir;
        this.root = new Dentry(this, null, "", fileSystem.root());
    }

    static DentryTree of(FileSystem fileSystem) {
        return fileSystem.root().attachment(DentryTree.class, () -> new DentryTree(fileSystem, null));
    }

    /** The tree of what stays with the filesystem, whose place another one takes. It has one user, the caller. */
    DentryTree leaveBehind() {
        DentryTree tree = new DentryTree(fileSystem, this);
        tree.retain();
        synchronized (leftovers) {
            leftovers.add(tree);
        }
        return tree;
    }

    /** {@return the leftover trees of filesystems that had this place before; one may be closed meanwhile} */
    List<DentryTree> leftovers() {
        synchronized (leftovers) {
            return List.copyOf(leftovers);
        }
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

    /** Whether another filesystem has taken the place of this one. */
    boolean isLeftover() {
        return heir != null;
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

    /** Retains unless the filesystem is closed, or about to be. */
    boolean tryRetain() {
        int seen = users.get();
        while (seen > 0) {
            if (users.compareAndSet(seen, seen + 1)) {
                return true;
            }
            seen = users.get();
        }
        return false;
    }

    void release() {
        if (users.decrementAndGet() == 0) {
            try {
                fileSystem.close();
            } finally {
                closed.countDown();
                if (heir != null) {
                    heir.forget(this);
                }
            }
        }
    }

    private void forget(DentryTree leftover) {
        synchronized (leftovers) {
            leftovers.remove(leftover);
        }
    }

    /** Whether somebody keeps the filesystem open. If it is being closed just now, this waits for that, for a while. */
    boolean isInUse() {
        if (users.get() > 0) {
            return true;
        }
        try {
            closed.await(LONGEST_CLOSE_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }

    // ---- who uses it

    OpenDescriptions open() {
        return open;
    }

    void add(Mount mount) {
        synchronized (mounts) {
            mounts.add(mount);
        }
    }

    void remove(Mount mount) {
        synchronized (mounts) {
            mounts.remove(mount);
        }
    }

    List<Mount> mounts() {
        synchronized (mounts) {
            return List.copyOf(mounts);
        }
    }

    void pin(Dentry dentry) {
        synchronized (pinned) {
            pinned.add(dentry);
        }
    }

    List<Dentry> pinned() {
        synchronized (pinned) {
            return List.copyOf(pinned);
        }
    }

    // ---- the cache

    /** Adds a child that was looked up or created; the caller holds the directory's lock, or the tree does not cache. */
    Dentry add(Dentry directory, String name, Inode inode) {
        Dentry dentry = new Dentry(this, directory, name, inode);
        put(directory, name, dentry);
        return dentry;
    }

    /** Adds a known dentry under a name (after a rename). */
    void attach(Dentry directory, String name, Dentry dentry) {
        dentry.moveTo(directory, name);
        put(directory, name, dentry);
    }

    private void put(Dentry directory, String name, Dentry dentry) {
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

    /** Another filesystem is behind the tree; what was cached of the old one is forgotten. All tasks are at their safe points. */
    void moveTo(FileSystem next) {
        fileSystem = next;
        caching = next.cachesDentries();
        synchronized (held) {
            held.clear();
        }
    }

    /** Caches a dentry that moved with the tree. */
    void keep(Dentry dentry) {
        put(dentry.parent(), dentry.name(), dentry);
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
