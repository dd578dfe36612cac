package dev.caisson.vfs;

import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;

/**
 * Root directory, working directory, umask and mount namespace of tasks (Linux: fs_struct). Shared with CLONE_FS. Two tasks that share it
 * are always in the same mount namespace, so the namespace is kept here.
 */
public final class FsContext {
    private final RankedLock lock = RankedLock.of(LockRank.FS_CONTEXT);
    private volatile Location root;
    private volatile Location workingDirectory;
    private volatile MountNamespace namespace;
    private volatile int umask;
    private final TaskCount users = new TaskCount();

    /**
     * Makes a context; it keeps the mounts of both locations busy until {@link #release}.
     *
     * @param namespace the mount namespace
     * @param root root directory
     * @param workingDirectory working directory
     * @param umask file mode creation mask
     */
    public FsContext(MountNamespace namespace, Location root, Location workingDirectory, int umask) {
        this.namespace = namespace;
        this.root = root;
        this.workingDirectory = workingDirectory;
        this.umask = umask;
        root.retain();
        workingDirectory.retain();
        namespace.add(this);
    }

    /** {@return root directory} */
    public Location root() {
        return root;
    }

    /** {@return working directory} */
    public Location workingDirectory() {
        return workingDirectory;
    }

    /** {@return the mount namespace} */
    public MountNamespace namespace() {
        return namespace;
    }

    /** {@return file mode creation mask} */
    public int umask() {
        return umask;
    }

    /**
     * Sets the file mode creation mask.
     *
     * @param mask new mask; only 0777 counts
     * @return the old one
     */
    public int umask(int mask) {
        lock.lock();
        try {
            int old = umask;
            umask = mask & 0777;
            return old;
        } finally {
            lock.unlock();
        }
    }

    /**
     * chroot(2), already checked.
     *
     * @param location new root
     */
    public void root(Location location) {
        location.retain();
        Location old;
        lock.lock();
        try {
            old = root;
            root = location;
        } finally {
            lock.unlock();
        }
        old.release();
    }

    /**
     * chdir(2), already checked.
     *
     * @param location new working directory
     */
    public void workingDirectory(Location location) {
        location.retain();
        Location old;
        lock.lock();
        try {
            old = workingDirectory;
            workingDirectory = location;
        } finally {
            lock.unlock();
        }
        old.release();
    }

    /**
     * Changes root and working directory where they are at one place; for pivot_root(2).
     *
     * @param from the place
     * @param to where to go instead
     */
    public void move(Location from, Location to) {
        if (from.isSame(root)) {
            root(to);
        }
        if (from.isSame(workingDirectory)) {
            workingDirectory(to);
        }
    }

    /** {@return an independent copy, for clone(2) without CLONE_FS} */
    public FsContext copy() {
        lock.lock();
        try {
            return new FsContext(namespace, root, workingDirectory, umask);
        } finally {
            lock.unlock();
        }
    }

    /**
     * A copy in a copied mount namespace, for CLONE_NEWNS: root and working directory are at the copies of their mounts.
     *
     * @return the copy
     */
    public FsContext copyInNewNamespace() {
        return namespace.copyFor(this);
    }

    /** Another task uses this context. */
    public void retain() {
        users.add();
    }

    /** {@return whether more than one task uses this context} */
    public boolean isShared() {
        return users.isShared();
    }

    /** A task stopped using it; the last one lets the mounts go. */
    public void release() {
        if (users.removeLast()) {
            namespace.remove(this);
            root.release();
            workingDirectory.release();
        }
    }
}
