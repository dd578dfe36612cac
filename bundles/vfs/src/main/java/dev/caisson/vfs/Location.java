package dev.caisson.vfs;

import dev.caisson.spi.fs.Inode;

/**
 * A place in the tree of mounts (Linux: struct path).
 *
 * @param mount the mount through which it was reached
 * @param dentry the name
 */
public record Location(Mount mount, Dentry dentry) {
    /**
     * A file that no directory names.
     *
     * @param mount the hidden mount it is on
     * @param name what the links of /proc show
     * @param inode the file
     * @return its place
     */
    public static Location unnamed(Mount mount, String name, Inode inode) {
        return new Location(mount, DentryTree.detached(mount.fileSystem(), name, inode));
    }

    /** Something stays at the place: it keeps the mount busy and its filesystem open. */
    void retain() {
        mount.retain();
        if (dentry.tree().isLeftover()) {
            dentry.tree().retain();
        }
    }

    /** What {@link #retain} began ends. */
    void release() {
        DentryTree tree = dentry.tree();
        mount.release();
        if (tree.isLeftover()) {
            tree.release();
        }
    }

    /** {@return the file there} */
    public Inode inode() {
        return dentry.inode();
    }

    /**
     * Whether both are the same place.
     *
     * @param other another location, or null
     * @return whether mount and dentry are identical
     */
    public boolean isSame(Location other) {
        return other != null && mount == other.mount && dentry == other.dentry;
    }
}
