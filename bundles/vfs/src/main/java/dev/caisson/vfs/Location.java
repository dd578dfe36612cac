package dev.caisson.vfs;

import dev.caisson.spi.fs.Inode;

/**
 * A place in the tree of mounts (Linux: struct path).
 *
 * @param mount the mount through which it was reached
 * @param dentry the name
 */
public record Location(Mount mount, Dentry dentry) {
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
