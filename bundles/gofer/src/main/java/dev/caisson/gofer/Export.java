package dev.caisson.gofer;

import java.util.ArrayList;
import java.util.List;

/** A directory tree that clients may attach to. */
final class Export {
    /** More devices than this below one tree are told apart no more. */
    private static final int MOST_DEVICES = 4096;

    private final String name;
    private final int root;
    private final boolean isReadOnly;
    /** Devices below the root in the order of their first appearance, the root's own first. Guarded by itself. */
    private final List<Long> devices = new ArrayList<>();
    private volatile long rootDevice;
    private volatile long rootInode;

    /**
     * Makes an export.
     *
     * @param name what Tattach calls it
     * @param root descriptor of its root, open with {@code O_PATH}; the root of a mount of its own where the host lets that be
     * @param isReadOnly whether everything that changes it is EROFS
     */
    Export(String name, int root, boolean isReadOnly) {
        this.name = name;
        this.root = root;
        this.isReadOnly = isReadOnly;
    }

    String name() {
        return name;
    }

    int root() {
        return root;
    }

    boolean isReadOnly() {
        return isReadOnly;
    }

    /** Tells which file the root is; before anybody attaches. */
    void identify(long device, long inode) {
        rootDevice = device;
        rootInode = inode;
        synchronized (devices) {
            if (devices.isEmpty()) {
                devices.add(device);
            }
        }
    }

    boolean isRoot(long device, long inode) {
        return inode == rootInode && device == rootDevice;
    }

    /**
     * The qid path of a file: the inode number, its high bits changed for files on other devices than the root's (subvolumes), so that
     * numbers are unique over the tree.
     *
     * @param device {@code st_dev}
     * @param inode {@code st_ino}
     * @return the number
     */
    long path(long device, long inode) {
        return device == rootDevice ? inode : inode ^ Long.reverse(indexOf(device));
    }

    private long indexOf(long device) {
        synchronized (devices) {
            int index = devices.indexOf(device);
            if (index < 0 && devices.size() < MOST_DEVICES) {
                index = devices.size();
                devices.add(device);
            }
            return index < 0 ? MOST_DEVICES : index;
        }
    }
}
