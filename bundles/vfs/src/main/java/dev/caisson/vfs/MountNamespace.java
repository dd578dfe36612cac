package dev.caisson.vfs;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBUSY;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOTDIR;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.vfs.Mount.Propagation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The mounts that a group of tasks sees, mount_namespaces(7): mount(2), umount2(2), pivot_root(2). Callers have checked capabilities.
 *
 * <p>Mounts and unmounts travel between the peers of a group, and from masters to slaves, through all namespaces; one lock guards them all.
 */
public final class MountNamespace {
    /** Most mounts: /proc/sys/fs/mount-max. */
    private static final int MOUNT_MAX = 100_000;

    private static final long FLAGS = dev.caisson.abi.Mount.MS_RDONLY | dev.caisson.abi.Mount.MS_NOSUID
            | dev.caisson.abi.Mount.MS_NODEV | dev.caisson.abi.Mount.MS_NOEXEC | dev.caisson.abi.Mount.MS_NOATIME
            | dev.caisson.abi.Mount.MS_NODIRATIME | dev.caisson.abi.Mount.MS_RELATIME | dev.caisson.abi.Mount.MS_STRICTATIME
            | dev.caisson.abi.Mount.MS_NOSYMFOLLOW;

    private static final AtomicInteger GROUPS = new AtomicInteger();

    /** Of all namespaces, since events travel between them. */
    private static final RankedLock LOCK = RankedLock.of(LockRank.MOUNTS);
    /** Those that still exist. Guarded by the lock. */
    private static final Set<MountNamespace> ALL = Collections.newSetFromMap(new WeakHashMap<>());

    private final Set<FsContext> contexts = Collections.newSetFromMap(new IdentityHashMap<>());
    private volatile Mount root;
    private volatile long generation;
    private int count = 1;

    /**
     * A namespace whose root is a whole filesystem.
     *
     * @param fileSystem the instance
     * @param source as mountinfo shows it
     * @param flags {@code MS_*} of the mount
     */
    public MountNamespace(FileSystem fileSystem, String source, long flags) {
        Mount first = new Mount(Dentry.rootOf(fileSystem), source, sanitize(flags));
        first.asRoot();
        first.namespace(this);
        this.root = first;
        register();
    }

    private MountNamespace() {}

    private void register() {
        LOCK.lock();
        try {
            ALL.add(this);
        } finally {
            LOCK.unlock();
        }
    }

    /** Only the flags that a mount keeps; relatime unless another policy is asked for. */
    static long sanitize(long flags) {
        long kept = flags & FLAGS;
        long policies = dev.caisson.abi.Mount.MS_NOATIME | dev.caisson.abi.Mount.MS_RELATIME;
        if ((kept & dev.caisson.abi.Mount.MS_STRICTATIME) != 0) {
            return kept & ~policies;
        }
        return (kept & dev.caisson.abi.Mount.MS_NOATIME) != 0 ? kept & ~(long) dev.caisson.abi.Mount.MS_RELATIME
                : kept | dev.caisson.abi.Mount.MS_RELATIME;
    }

    /** {@return the mount at the top} */
    public Mount root() {
        return root;
    }

    /** {@return the root directory, with what is mounted over it} */
    public Location rootLocation() {
        return top(new Location(root, root.root()));
    }

    /** {@return changes with every change of the tree, for poll(2) on /proc/PID/mounts} */
    public long generation() {
        return generation;
    }

    /**
     * What is visible at a place: the last mount on it.
     *
     * @param location the place
     * @return the root of the mount on top, or the place itself
     */
    public static Location top(Location location) {
        Mount mount = location.mount();
        Dentry dentry = location.dentry();
        while (dentry.isMountPoint()) {
            Mount over = mount.on(dentry);
            if (over == null) {
                break;
            }
            over.used();
            mount = over;
            dentry = over.root();
        }
        return mount == location.mount() && dentry == location.dentry() ? location : new Location(mount, dentry);
    }

    /** A mount is served by another filesystem. */
    void mountChanged() {
        LOCK.lock();
        try {
            generation++;
        } finally {
            LOCK.unlock();
        }
    }

    /** {@return the contexts of tasks in this namespace} */
    List<FsContext> contexts() {
        LOCK.lock();
        try {
            return List.copyOf(contexts);
        } finally {
            LOCK.unlock();
        }
    }

    void add(FsContext context) {
        LOCK.lock();
        try {
            contexts.add(context);
        } finally {
            LOCK.unlock();
        }
    }

    void remove(FsContext context) {
        LOCK.lock();
        try {
            contexts.remove(context);
        } finally {
            LOCK.unlock();
        }
    }

    /**
     * Mounts a filesystem.
     *
     * @param fileSystem a new or shared instance
     * @param source as mountinfo shows it
     * @param flags {@code MS_*}
     * @param at where
     * @return the new mount
     * @throws ErrnoException ENOTDIR, ENOENT, EINVAL, ENOSPC
     */
    public Mount mount(FileSystem fileSystem, String source, long flags, Location at) throws ErrnoException {
        Mount mount = new Mount(Dentry.rootOf(fileSystem), source, sanitize(flags));
        attachTree(mount, at);
        return mount;
    }

    /** Attaches a detached tree on top of a place, and copies of it at the peers of that place. */
    private void attachTree(Mount mount, Location at) throws ErrnoException {
        Location where = top(at);
        boolean attached = false;
        LOCK.lock();
        try {
            where = top(where);
            checkPlace(mount, where);
            int added = size(mount);
            if (count + added > MOUNT_MAX) {
                throw dev.caisson.abi.Errno.ENOSPC.error();
            }
            boolean shared = where.mount().propagation() == Propagation.SHARED;
            attach(mount, where);
            if (shared) {
                share(mount);
                for (Mount peer : peers(where.mount())) {
                    if (where.dentry() != peer.root() && peer.root().isAncestorOf(where.dentry())) {
                        peer.namespace().attachCopy(copyTree(mount, mount.root(), true), peer, where);
                    }
                }
            }
            attached = true;
            generation++;
        } finally {
            LOCK.unlock();
            if (!attached) {
                drop(mount);
            }
        }
    }

    /** A copy of what was mounted at a peer or master of one of our mounts. */
    private void attachCopy(Mount copy, Mount peer, Location where) {
        if (peer.peerGroup() != where.mount().peerGroup()) {
            enslave(copy);
        }
        attach(copy, top(new Location(peer, where.dentry())));
        generation++;
    }

    /** What comes from a master gets its events, and gives it none. */
    private static void enslave(Mount mount) {
        if (mount.peerGroup() != 0) {
            mount.propagation(Propagation.SLAVE, 0, mount.peerGroup());
        }
        for (Mount child : mount.children()) {
            enslave(child);
        }
    }

    private void checkPlace(Mount mount, Location where) throws ErrnoException {
        if (where.mount().namespace() != this) {
            throw EINVAL.error("not in this namespace");
        }
        if (where.dentry().isDeleted()) {
            throw ENOENT.error();
        }
        if (mount.isRootDirectory() != where.dentry().isDirectory()) {
            throw ENOTDIR.error();
        }
    }

    private void attach(Mount mount, Location where) {
        mount.attach(where.mount(), where.dentry());
        adopt(mount);
    }

    private void adopt(Mount mount) {
        mount.namespace(this);
        count++;
        for (Mount child : mount.children()) {
            adopt(child);
        }
    }

    private static int size(Mount mount) {
        int size = 1;
        for (Mount child : mount.children()) {
            size += size(child);
        }
        return size;
    }

    private static void share(Mount mount) {
        if (mount.propagation() != Propagation.SHARED) {
            mount.propagation(Propagation.SHARED, GROUPS.incrementAndGet(), mount.master());
        }
        for (Mount child : mount.children()) {
            share(child);
        }
    }

    private static List<Mount> peers(Mount mount) {
        int group = mount.peerGroup();
        List<Mount> peers = new ArrayList<>();
        if (group == 0) {
            return peers;
        }
        for (MountNamespace namespace : ALL) {
            for (Mount other : namespace.mounts()) {
                if (other != mount && (other.peerGroup() == group || other.master() == group)) {
                    peers.add(other);
                }
            }
        }
        return peers;
    }

    /** A detached copy of a mount from a dentry on, with the mounts below it when asked. */
    private static Mount copyTree(Mount from, Dentry root, boolean recursive) {
        Mount copy = new Mount(root, from.source(), from.flags());
        copy.propagation(from.propagation() == Propagation.UNBINDABLE ? Propagation.PRIVATE : from.propagation(), from.peerGroup(),
                from.master());
        if (recursive) {
            for (Mount child : from.children()) {
                if (child.propagation() != Propagation.UNBINDABLE && root.isAncestorOf(child.mountPoint())) {
                    copyTree(child, child.root(), true).attach(copy, child.mountPoint());
                }
            }
        }
        return copy;
    }

    /**
     * Binds a directory or file at another place.
     *
     * @param from what to bind
     * @param at where
     * @param recursive with the mounts below (MS_REC)
     * @return the new mount
     * @throws ErrnoException EINVAL, ENOTDIR, ENOENT
     */
    public Mount bind(Location from, Location at, boolean recursive) throws ErrnoException {
        checkCopyable(from);
        Mount copy = copyLocked(from, recursive);
        attachTree(copy, at);
        return copy;
    }

    private Mount copyLocked(Location from, boolean recursive) {
        LOCK.lock();
        try {
            return copyTree(from.mount(), from.dentry(), recursive);
        } finally {
            LOCK.unlock();
        }
    }

    /**
     * A mount that is nowhere yet: fsmount(2). {@link #move} puts it somewhere, {@link #dissolve} ends it otherwise.
     *
     * @param fileSystem the instance
     * @param source as mountinfo shows it
     * @param flags {@code MS_*}
     * @return the mount
     */
    public static Mount detached(FileSystem fileSystem, String source, long flags) {
        Mount mount = new Mount(Dentry.rootOf(fileSystem), source, sanitize(flags));
        mount.isFloating(true);
        return mount;
    }

    /**
     * A copy of a place that is nowhere yet: open_tree(2) with OPEN_TREE_CLONE.
     *
     * @param from what to copy
     * @param recursive with the mounts below
     * @return the copy
     * @throws ErrnoException EINVAL, ENOENT
     */
    public Mount copyOf(Location from, boolean recursive) throws ErrnoException {
        checkCopyable(from);
        Mount copy = copyLocked(from, recursive);
        copy.isFloating(true);
        return copy;
    }

    /**
     * Ends a mount that is nowhere; does nothing to one that was put somewhere.
     *
     * @param mount what {@link #detached} or {@link #copyOf} gave
     */
    public static void dissolve(Mount mount) {
        if (mount.isFloating(false)) {
            drop(mount);
        }
    }

    private static void checkCopyable(Location from) throws ErrnoException {
        if (from.mount().namespace() == null && !from.mount().isFloating() || from.mount().propagation() == Propagation.UNBINDABLE) {
            throw EINVAL.error();
        }
        if (from.dentry().isDeleted()) {
            throw ENOENT.error();
        }
    }

    /**
     * Moves a mount (MS_MOVE).
     *
     * @param from the root of a mount
     * @param at where to
     * @throws ErrnoException EINVAL, ELOOP, ENOTDIR
     */
    public void move(Location from, Location at) throws ErrnoException {
        if (from.mount().isFloating()) {
            settle(from, at);
            return;
        }
        LOCK.lock();
        try {
            Location where = top(at);
            Mount mount = from.mount();
            if (mount.namespace() != this || from.dentry() != mount.root() || mount == root || mount.parent() == null) {
                throw EINVAL.error();
            }
            if (mount.parent().propagation() == Propagation.SHARED) {
                throw EINVAL.error("parent mount is shared");
            }
            for (Mount up = where.mount();; up = up.parent()) {
                if (up == mount) {
                    throw ELOOP.error();
                }
                if (up == root || up.parent() == null) {
                    break;
                }
            }
            if (mount.isRootDirectory() != where.dentry().isDirectory()) {
                throw EINVAL.error();
            }
            checkPlace(mount, where);
            mount.detach();
            mount.attach(where.mount(), where.dentry());
            generation++;
        } finally {
            LOCK.unlock();
        }
    }

    /** Puts a mount that is nowhere somewhere. */
    private void settle(Location from, Location at) throws ErrnoException {
        if (from.dentry() != from.mount().root()) {
            throw EINVAL.error();
        }
        if (!from.mount().isFloating(false)) {
            throw EINVAL.error("another thread was quicker");
        }
        attachTree(from.mount(), at);
    }

    /**
     * Changes attributes of a mount, mount_setattr(2).
     *
     * @param at the root of a mount
     * @param added {@code MS_*} to set
     * @param removed {@code MS_*} to take away first
     * @param type propagation type, or null to keep it
     * @param recursive for the mounts below as well
     * @throws ErrnoException EINVAL, EBUSY
     */
    public void change(Location at, long added, long removed, Propagation type, boolean recursive) throws ErrnoException {
        LOCK.lock();
        try {
            if (at.dentry() != at.mount().root() || at.mount().namespace() != this && !at.mount().isFloating()) {
                throw EINVAL.error("not a mount point");
            }
            if ((added & dev.caisson.abi.Mount.MS_RDONLY) != 0) {
                checkUnwritten(at.mount(), recursive);
            }
            change(at.mount(), added, removed, recursive);
            if (type != null) {
                propagation(at.mount(), type, recursive);
            }
            generation++;
        } finally {
            LOCK.unlock();
        }
    }

    private static void checkUnwritten(Mount mount, boolean recursive) throws ErrnoException {
        if (mount.hasWriters()) {
            throw EBUSY.error();
        }
        if (recursive) {
            for (Mount child : mount.children()) {
                checkUnwritten(child, true);
            }
        }
    }

    private static void change(Mount mount, long added, long removed, boolean recursive) {
        mount.flags(sanitize(mount.flags() & ~removed | added));
        if (recursive) {
            for (Mount child : mount.children()) {
                change(child, added, removed, true);
            }
        }
    }

    /**
     * Changes flags of a mount (MS_REMOUNT, with or without MS_BIND).
     *
     * @param at the root of a mount
     * @param flags new {@code MS_*}
     * @throws ErrnoException EINVAL
     */
    public void remount(Location at, long flags) throws ErrnoException {
        LOCK.lock();
        try {
            if (at.mount().namespace() != this || at.dentry() != at.mount().root()) {
                throw EINVAL.error("not a mount point");
            }
            if ((flags & dev.caisson.abi.Mount.MS_RDONLY) != 0 && !at.mount().isReadOnly()) {
                checkUnwritten(at.mount(), false);
            }
            long kept = flags;
            long policies = dev.caisson.abi.Mount.MS_NOATIME | dev.caisson.abi.Mount.MS_RELATIME
                    | dev.caisson.abi.Mount.MS_STRICTATIME | dev.caisson.abi.Mount.MS_NODIRATIME;
            if ((flags & policies) == 0) {
                kept |= at.mount().flags() & policies;
            }
            at.mount().flags(sanitize(kept));
            generation++;
        } finally {
            LOCK.unlock();
        }
    }

    /**
     * Changes the propagation type.
     *
     * @param at the root of a mount
     * @param type new type
     * @param recursive for the mounts below as well
     * @throws ErrnoException EINVAL
     */
    public void propagation(Location at, Propagation type, boolean recursive) throws ErrnoException {
        LOCK.lock();
        try {
            if (at.dentry() != at.mount().root() || at.mount().namespace() != this) {
                throw EINVAL.error("not a mount point");
            }
            propagation(at.mount(), type, recursive);
            generation++;
        } finally {
            LOCK.unlock();
        }
    }

    private static void propagation(Mount mount, Propagation type, boolean recursive) {
        switch (type) {
            case SHARED -> {
                if (mount.propagation() != Propagation.SHARED) {
                    mount.propagation(type, GROUPS.incrementAndGet(), mount.master());
                }
            }
            case SLAVE -> {
                if (mount.peerGroup() != 0) {
                    mount.propagation(type, 0, mount.peerGroup());
                }
            }
            default -> mount.propagation(type, 0, 0);
        }
        if (recursive) {
            for (Mount child : mount.children()) {
                propagation(child, type, true);
            }
        }
    }

    /**
     * umount2(2).
     *
     * @param at the root of a mount
     * @param caller root directory of the caller, which cannot be unmounted without MNT_DETACH
     * @param flags {@code MNT_FORCE, MNT_DETACH, MNT_EXPIRE}
     * @throws ErrnoException EINVAL, EBUSY, EAGAIN
     */
    public void unmount(Location at, Location caller, int flags) throws ErrnoException {
        List<Mount> gone = new ArrayList<>();
        LOCK.lock();
        try {
            Mount mount = at.mount();
            if (mount.namespace() != this || at.dentry() != mount.root()) {
                throw EINVAL.error("not a mount point");
            }
            if (mount == root) {
                throw (flags & dev.caisson.abi.Mount.MNT_DETACH) != 0 ? EINVAL.error() : EBUSY.error();
            }
            boolean detach = (flags & dev.caisson.abi.Mount.MNT_DETACH) != 0;
            if (mount == caller.mount() && !detach) {
                throw EBUSY.error();
            }
            boolean busy = mount.isBusy() || !mount.children().isEmpty();
            if ((flags & dev.caisson.abi.Mount.MNT_EXPIRE) != 0) {
                if (mount == caller.mount() || busy) {
                    throw mount == caller.mount() ? EINVAL.error() : EBUSY.error();
                }
                if (!mount.markExpiring()) {
                    throw EAGAIN.error();
                }
            }
            if (busy && !detach) {
                throw EBUSY.error();
            }
            Mount parent = mount.parent();
            Dentry point = mount.mountPoint();
            takeOut(mount, gone);
            if (parent.propagation() == Propagation.SHARED) {
                for (Mount peer : peers(parent)) {
                    Mount copy = peer.on(point);
                    if (copy != null && (detach || !copy.isBusy() && copy.children().isEmpty())) {
                        copy.namespace().takeOut(copy, gone);
                        peer.namespace().generation++;
                    }
                }
            }
            generation++;
        } finally {
            LOCK.unlock();
        }
        gone.forEach(Mount::dropFileSystem);
    }

    private void takeOut(Mount mount, List<Mount> gone) {
        for (Mount child : mount.children()) {
            takeOut(child, gone);
        }
        mount.detach();
        mount.namespace(null);
        count--;
        gone.add(mount);
    }

    private static void drop(Mount tree) {
        for (Mount child : tree.children()) {
            child.detach();
            drop(child);
        }
        tree.dropFileSystem();
    }

    /** Unmounts everything at a dentry that was removed (rename over it, or another namespace's mount on a deleted directory). */
    void detachAll() {
        List<Mount> gone = new ArrayList<>();
        LOCK.lock();
        try {
            for (Mount child : root.children()) {
                takeOut(child, gone);
            }
        } finally {
            LOCK.unlock();
        }
        gone.forEach(Mount::dropFileSystem);
    }

    /** The container is gone: unmounts everything, the root too. */
    public void close() {
        LOCK.lock();
        try {
            ALL.remove(this);
        } finally {
            LOCK.unlock();
        }
        detachAll();
        root.dropFileSystem();
    }

    /**
     * pivot_root(2).
     *
     * @param newRoot the root of a mount
     * @param putOld a directory at or below it
     * @param callerRoot root directory of the caller
     * @throws ErrnoException EBUSY, EINVAL, ENOTDIR
     */
    public void pivotRoot(Location newRoot, Location putOld, Location callerRoot) throws ErrnoException {
        List<FsContext> moved;
        Location oldRoot = callerRoot;
        LOCK.lock();
        try {
            Mount fresh = newRoot.mount();
            Mount old = callerRoot.mount();
            if (!newRoot.dentry().isDirectory() || !putOld.dentry().isDirectory()) {
                throw ENOTDIR.error();
            }
            if (fresh.namespace() != this || old.namespace() != this || putOld.mount().namespace() != this) {
                throw EINVAL.error();
            }
            if (fresh.propagation() == Propagation.SHARED && fresh.parent() != null
                    && fresh.parent().propagation() == Propagation.SHARED || old.parent() != null && old != root
                    && old.parent().propagation() == Propagation.SHARED) {
                throw EINVAL.error("shared mounts");
            }
            if (fresh == old || putOld.mount() == old) {
                throw EBUSY.error();
            }
            if (newRoot.dentry() != fresh.root() || callerRoot.dentry() != old.root() || fresh == root) {
                throw EINVAL.error("not a mount point");
            }
            if (!isReachable(putOld, newRoot) || !isReachable(newRoot, callerRoot)) {
                throw EINVAL.error();
            }
            Mount above = old == root ? null : old.parent();
            Dentry at = old.mountPoint();
            fresh.detach();
            if (above == null) {
                fresh.asRoot();
                root = fresh;
            } else {
                old.detach();
                fresh.attach(above, at);
            }
            old.attach(putOld.mount(), putOld.dentry());
            moved = new ArrayList<>(contexts);
            generation++;
        } finally {
            LOCK.unlock();
        }
        for (FsContext context : moved) {
            context.move(oldRoot, newRoot);
        }
    }

    /** Whether one place is at or below another, through the mounts. */
    static boolean isReachable(Location location, Location from) {
        Mount mount = location.mount();
        Dentry dentry = location.dentry();
        while (mount != from.mount()) {
            Mount up = mount.parent();
            Dentry point = mount.mountPoint();
            if (up == null || point == null) {
                return false;
            }
            mount = up;
            dentry = point;
        }
        return from.dentry().isAncestorOf(dentry);
    }

    /** {@return all mounts, parents before children} */
    public List<Mount> mounts() {
        List<Mount> all = new ArrayList<>();
        collect(root, all);
        return all;
    }

    private static void collect(Mount mount, List<Mount> all) {
        all.add(mount);
        List<Mount> children = mount.children();
        children.sort((a, b) -> Integer.compare(a.id(), b.id()));
        for (Mount child : children) {
            collect(child, all);
        }
    }

    /** A context in a copy of this namespace. */
    FsContext copyFor(FsContext context) {
        MountNamespace copy = new MountNamespace();
        Map<Mount, Mount> copies = new IdentityHashMap<>();
        LOCK.lock();
        try {
            copy.root = copyAll(root, copies);
            copy.root.asRoot();
            copy.count = 0;
            copy.adopt(copy.root);
            ALL.add(copy);
        } finally {
            LOCK.unlock();
        }
        return new FsContext(copy, moved(context.root(), copies), moved(context.workingDirectory(), copies), context.umask());
    }

    private static Mount copyAll(Mount from, Map<Mount, Mount> copies) {
        Mount copy = copyTree(from, from.root(), false);
        copy.propagation(from.propagation(), from.peerGroup(), from.master());
        copies.put(from, copy);
        for (Mount child : from.children()) {
            copyAll(child, copies).attach(copy, child.mountPoint());
        }
        return copy;
    }

    private static Location moved(Location location, Map<Mount, Mount> copies) {
        Mount copy = copies.get(location.mount());
        return copy == null ? location : new Location(copy, location.dentry());
    }
}
