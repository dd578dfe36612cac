package dev.caisson.vfs;

import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * A name in a directory and the file it stands for, or the knowledge that there is none (a negative dentry). At most one live
 * dentry exists per directory and name, so mounts, working directories and watches may compare by identity.
 *
 * <p>A directory finds its cached children without a lock. The set of children and the fields of this dentry change only under
 * the lock of the directory; {@code parent} and {@code name} change together, in a rename.
 */
public final class Dentry {
    private static final AtomicIntegerFieldUpdater<Dentry> MOUNTS = AtomicIntegerFieldUpdater.newUpdater(Dentry.class, "mounts");
    private static final AtomicIntegerFieldUpdater<Dentry> OPENS = AtomicIntegerFieldUpdater.newUpdater(Dentry.class, "opens");

    /** Changes only while all tasks are at their safe points. */
    private DentryTree tree;
    private final ChildTable children = new ChildTable();
    private volatile RankedLock lock;
    private volatile Dentry parent;
    private volatile String name;
    private volatile Inode inode;
    private volatile boolean deleted;
    /** See {@link #isLeftBehind}. Changes only while all tasks are at their safe points. */
    private boolean leftBehind;
    /** Changed by {@link #MOUNTS} and {@link #OPENS}: there are as many dentries as files, and objects of their own would be two more each. */
    private volatile int mounts;
    private volatile int opens;

    /** Used lately; the cache's second chance. Racy on purpose. */
    boolean touched;

    Dentry(DentryTree tree, Dentry parent, String name, Inode inode) {
        this.tree = tree;
        this.parent = parent == null ? this : parent;
        this.name = name;
        this.inode = inode;
    }

    /**
     * The root dentry of a filesystem; the same one for the same instance.
     *
     * @param fileSystem the instance
     * @return its root
     */
    public static Dentry rootOf(FileSystem fileSystem) {
        return DentryTree.of(fileSystem).root();
    }

    /** {@return the file, or null when this dentry is negative} */
    public Inode inode() {
        return inode;
    }

    /** {@return the directory that holds the name; this for a root} */
    public Dentry parent() {
        return parent;
    }

    /** {@return the name; empty for a root} */
    public String name() {
        return name;
    }

    /** {@return the filesystem} */
    public FileSystem fileSystem() {
        return tree.fileSystem();
    }

    /** {@return whether the name was removed while the dentry was in use} */
    public boolean isDeleted() {
        return deleted;
    }

    /** Whether it is a directory that can get no new names: it was removed, not left behind by a change of filesystem. */
    boolean isDead() {
        return deleted && !leftBehind;
    }

    /** {@return whether this is the root of its filesystem} */
    public boolean isRoot() {
        return parent == this;
    }

    /** {@return whether there is no such file} */
    public boolean isNegative() {
        return inode == null;
    }

    /** {@return whether it is a directory} */
    public boolean isDirectory() {
        Inode file = inode;
        return file != null && (file.mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    /** {@return whether something may be mounted here, in some namespace} */
    public boolean isMountPoint() {
        return mounts != 0;
    }

    /**
     * Whether this directory is {@code other} or one above it.
     *
     * @param other a dentry of the same tree
     * @return whether it is
     */
    public boolean isAncestorOf(Dentry other) {
        for (Dentry d = other;; d = d.parent) {
            if (d == this) {
                return true;
            }
            if (d.parent == d) {
                return false;
            }
        }
    }

    /** A description was opened here (1) or closed (-1); tells how many there are now. */
    int opened(int change) {
        return OPENS.addAndGet(this, change);
    }

    /** Whether a description is open by this name, so that the file outlives it. */
    boolean isOpen() {
        return opens != 0;
    }

    void mounted(int change) {
        MOUNTS.addAndGet(this, change);
    }

    /**
     * Something hangs on the file that does not keep it open (a watch, a bound socket): its name stays known as long as its inode lives, so
     * that it is found again when another filesystem serves it.
     */
    public void pin() {
        Inode file = inode;
        if (file == null || isRoot()) {
            return;
        }
        Dentry known = file.attachment(Dentry.class, () -> this);
        if (known != this && known.isDeleted()) {
            file.detach(Dentry.class);
            known = file.attachment(Dentry.class, () -> this);
        }
        if (known == this) {
            tree.pin(this);
        }
    }

    /** The file stays with a filesystem whose place another one has taken; the name is the other one's. */
    void stayIn(DentryTree leftover) {
        tree = leftover;
        leftBehind |= !deleted;
        deleted = true;
    }

    /** Whether nothing but a change of filesystem has taken the name away, so that the next one may give it back. */
    boolean isLeftBehind() {
        return leftBehind;
    }

    /**
     * A filesystem that takes the place of another one has the file.
     *
     * @param main the tree in that place
     * @param file its inode there
     * @param isNamed whether it was found by this name
     */
    void moveTo(DentryTree main, Inode file, boolean isNamed) {
        tree = main;
        inode = file;
        deleted = !isNamed && !isRoot();
        leftBehind = false;
    }

    DentryTree tree() {
        return tree;
    }

    /** The lock of this directory; the directory's inode operations run under it. */
    RankedLock lock() {
        RankedLock own = lock;
        if (own == null) {
            synchronized (children) {
                own = lock;
                if (own == null) {
                    own = RankedLock.of(LockRank.DIRECTORY);
                    lock = own;
                }
            }
        }
        return own;
    }

    ChildTable children() {
        return children;
    }

    /** Gives a negative dentry its file, or one that moved the inode that stands for its file now. */
    void instantiate(Inode file) {
        inode = file;
    }

    void markDeleted() {
        deleted = true;
    }

    void moveTo(Dentry newParent, String newName) {
        parent = newParent;
        name = newName;
    }

    @Override
    public String toString() {
        return isRoot() ? "/" : name;
    }
}
