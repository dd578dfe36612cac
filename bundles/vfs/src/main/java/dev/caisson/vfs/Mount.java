package dev.caisson.vfs;

import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.FileSystem;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A filesystem, or a directory of one, visible at a place (Linux: struct mount). Belongs to one {@link MountNamespace}. The tree
 * changes under the namespace's lock; a path walk reads it without one.
 */
public final class Mount {
    /** How mounts and unmounts below travel to other mounts. */
    public enum Propagation {
        /** They do not. */
        PRIVATE,
        /** Both ways, within the peer group. */
        SHARED,
        /** From the master only. */
        SLAVE,
        /** They do not, and the mount cannot be bound elsewhere. */
        UNBINDABLE
    }

    private static final AtomicInteger IDS = new AtomicInteger(20);

    private final int id = IDS.incrementAndGet();
    private final Dentry root;
    private volatile String source;
    private final AtomicInteger users = new AtomicInteger();
    private volatile long flags;
    private volatile Mount parent;
    private volatile Dentry mountPoint;
    private volatile MountNamespace namespace;
    private volatile Propagation propagation = Propagation.PRIVATE;
    private volatile int peerGroup;
    private volatile int master;
    private volatile boolean expiring;
    /** Crossings since MNT_EXPIRE marked it. Racy: at worst it expires although somebody was there. */
    private volatile int crossings;
    private final AtomicInteger writers = new AtomicInteger();
    private final AtomicBoolean floating = new AtomicBoolean();

    /** Mounts on dentries of this one; copied on write. */
    private volatile Map<Dentry, Mount> children = Map.of();

    Mount(Dentry root, String source, long flags) {
        this.root = root;
        this.source = source;
        this.flags = flags;
        root.tree().retain();
        root.tree().add(this);
    }

    /**
     * A mount that is in no namespace: for the kernel's own use, pipes and the like.
     *
     * @param fileSystem the instance
     * @param source as shown in mountinfo
     * @return a mount of its whole tree
     */
    public static Mount internal(FileSystem fileSystem, String source) {
        return new Mount(Dentry.rootOf(fileSystem), source, 0);
    }

    /** {@return the mount ID of mountinfo and statx(2)} */
    public int id() {
        return id;
    }

    /** {@return the mount ID that no other mount ever has, of statx(2) with STATX_MNT_ID_UNIQUE and of statmount(2)} */
    public long uniqueId() {
        return 1L << 31 | id;
    }

    /** {@return the filesystem that serves it now} */
    public FileSystem fileSystem() {
        return root.tree().fileSystem();
    }

    /** {@return the directory or file that is visible here} */
    public Dentry root() {
        return root;
    }

    /** {@return first argument of mount(2), as /proc/mounts shows it} */
    public String source() {
        return source;
    }

    /** {@return {@code MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME, MS_NOSYMFOLLOW}} */
    public long flags() {
        return flags;
    }

    /**
     * Whether a flag is set.
     *
     * @param flag {@code MS_*}
     * @return whether it is
     */
    public boolean has(long flag) {
        return (flags & flag) != 0;
    }

    /** {@return the mount this one is on; this for the root of a namespace; null when detached} */
    public Mount parent() {
        return parent;
    }

    /** {@return the dentry of {@link #parent} that it covers; null for a root or when detached} */
    public Dentry mountPoint() {
        return mountPoint;
    }

    /** {@return its namespace; null when detached or internal} */
    public MountNamespace namespace() {
        return namespace;
    }

    /** {@return propagation type} */
    public Propagation propagation() {
        return propagation;
    }

    /** {@return peer group of a shared mount, else 0} */
    public int peerGroup() {
        return peerGroup;
    }

    /** {@return peer group it is a slave of, else 0} */
    public int master() {
        return master;
    }

    /** {@return the place it covers, or null} */
    public Location coveredLocation() {
        Mount up = parent;
        Dentry at = mountPoint;
        return up == null || at == null ? null : new Location(up, at);
    }

    /**
     * What is mounted on a dentry of this mount.
     *
     * @param dentry the dentry
     * @return the mount, or null
     */
    public Mount on(Dentry dentry) {
        return children.get(dentry);
    }

    /** {@return mounts directly on this one} */
    public List<Mount> children() {
        return new ArrayList<>(children.values());
    }

    /** {@return whether files may not be changed through it} */
    public boolean isReadOnly() {
        return (flags & 1) != 0;
    }

    /** Something uses it: an open file, a working directory. */
    public void retain() {
        users.incrementAndGet();
        root.tree().retain();
    }

    /** A use ended. */
    public void release() {
        users.decrementAndGet();
        root.tree().release();
    }

    /** {@return whether something uses it, apart from mounts on it} */
    public boolean isBusy() {
        return users.get() != 0;
    }

    /** A file was opened for writing through it (1), or such a file was closed (-1). */
    void writing(int change) {
        writers.addAndGet(change);
    }

    /** {@return whether a file that was opened for writing through it is open} */
    boolean hasWriters() {
        return writers.get() != 0;
    }

    /** {@return whether it is nowhere, and a descriptor of fsmount(2) or open_tree(2) keeps it} */
    public boolean isFloating() {
        return floating.get();
    }

    /** Sets or ends that; tells whether it was so before. */
    boolean isFloating(boolean now) {
        return floating.getAndSet(now);
    }

    boolean isRootDirectory() {
        return root.inode() != null && (root.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR;
    }

    void source(String newSource) {
        source = newSource;
    }

    void flags(long newFlags) {
        flags = newFlags;
    }

    void namespace(MountNamespace owner) {
        namespace = owner;
    }

    void asRoot() {
        parent = this;
        mountPoint = null;
    }

    /** Puts it into the tree; the namespace's lock is held. */
    void attach(Mount onto, Dentry at) {
        Map<Dentry, Mount> more = new IdentityHashMap<>(onto.children);
        more.put(at, this);
        TreeChanges.begin();
        parent = onto;
        mountPoint = at;
        at.mounted(1);
        onto.children = more;
        TreeChanges.end();
    }

    /** Takes it out of the tree; the namespace's lock is held. */
    void detach() {
        Mount from = parent;
        Dentry at = mountPoint;
        TreeChanges.begin();
        if (from != null && at != null) {
            Map<Dentry, Mount> fewer = new IdentityHashMap<>(from.children);
            fewer.remove(at);
            from.children = fewer;
            at.mounted(-1);
        }
        parent = null;
        mountPoint = null;
        TreeChanges.end();
    }

    /** The mount itself no longer needs the filesystem. */
    void dropFileSystem() {
        root.tree().remove(this);
        root.tree().release();
    }

    void propagation(Propagation type, int group, int newMaster) {
        propagation = type;
        peerGroup = group;
        master = newMaster;
    }

    /** MNT_EXPIRE: marks; tells whether it was marked before. */
    boolean markExpiring() {
        // the path of the umount2(2) that asks crosses it, too
        boolean before = expiring && crossings <= 1;
        expiring = true;
        crossings = 0;
        return before;
    }

    void used() {
        if (expiring) {
            crossings = crossings + 1;
        }
    }

    @Override
    public String toString() {
        return fileSystem().typeName() + '#' + id;
    }
}
