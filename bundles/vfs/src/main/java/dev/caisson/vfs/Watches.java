package dev.caisson.vfs;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.spi.fs.Inode;
import java.util.concurrent.atomic.AtomicInteger;

/** Where file events start. While no hub is attached every method returns after one volatile read. */
public final class Watches {
    private volatile WatchHub hub;
    private final AtomicInteger cookies = new AtomicInteger();

    /**
     * Attaches the hub, at the first watch.
     *
     * @param newHub the hub, or null when nothing is watched any more
     */
    public void attach(WatchHub newHub) {
        hub = newHub;
    }

    /** {@return whether somebody may watch} */
    public boolean isActive() {
        return hub != null;
    }

    /**
     * Tells of an event at a file: to the watches of the file and to those of the directory that holds it.
     *
     * @param dentry the name by which it was reached, or null
     * @param mask {@code IN_*} without IN_ISDIR
     */
    public void tell(Dentry dentry, int mask) {
        WatchHub target = hub;
        if (target == null || dentry == null) {
            return;
        }
        Inode inode = dentry.inode();
        if (inode == null) {
            return;
        }
        int full = mask | directoryBit(inode);
        Dentry parent = dentry.parent();
        if (parent != dentry && parent.inode() != null) {
            // IN_EXCL_UNLINK tells of a name that is gone, to those who gave it in their mask
            target.onEvent(parent.inode(), dentry.name(), dentry.isDeleted() ? full | Poll.IN_EXCL_UNLINK : full, 0);
        }
        target.onEvent(inode, null, full, 0);
    }

    /**
     * Tells a directory of an event at one of its names.
     *
     * @param directory the directory
     * @param name the name
     * @param mask IN_CREATE, IN_DELETE
     * @param subject the file it is about
     */
    public void tellDirectory(Inode directory, String name, int mask, Inode subject) {
        WatchHub target = hub;
        if (target != null) {
            target.onEvent(directory, name, mask | directoryBit(subject), 0);
        }
    }

    /**
     * Tells a file of an event at itself.
     *
     * @param inode the file
     * @param mask IN_DELETE_SELF, IN_ATTRIB, IN_MOVE_SELF, IN_UNMOUNT
     */
    public void tellSelf(Inode inode, int mask) {
        WatchHub target = hub;
        if (target != null) {
            target.onEvent(inode, null, mask | (mask == Poll.IN_ATTRIB ? directoryBit(inode) : 0), 0);
        }
    }

    /**
     * Tells a file that it is gone, if its last name is.
     *
     * @param inode the file
     */
    void tellRemoved(Inode inode) {
        WatchHub target = hub;
        if (target == null) {
            return;
        }
        try {
            int links = inode.attributes().links();
            if (links == 0 || (inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                target.onEvent(inode, null, Poll.IN_DELETE_SELF, 0);
            }
        } catch (ErrnoException e) {
            target.onEvent(inode, null, Poll.IN_DELETE_SELF, 0); // a file that cannot be asked any more is gone
        }
    }

    /**
     * Tells of a rename.
     *
     * @param oldDirectory directory it left
     * @param oldName its name there
     * @param newDirectory directory it came to
     * @param newName its name there
     * @param subject the file that moved
     */
    public void tellMove(Inode oldDirectory, String oldName, Inode newDirectory, String newName, Inode subject) {
        WatchHub target = hub;
        if (target == null) {
            return;
        }
        int cookie = cookies.incrementAndGet();
        int bit = directoryBit(subject);
        target.onEvent(oldDirectory, oldName, Poll.IN_MOVED_FROM | bit, cookie);
        target.onEvent(newDirectory, newName, Poll.IN_MOVED_TO | bit, cookie);
        target.onEvent(subject, null, Poll.IN_MOVE_SELF, 0);
    }

    private static int directoryBit(Inode inode) {
        return (inode.mode() & Stat.S_IFMT) == Stat.S_IFDIR ? Poll.IN_ISDIR : 0;
    }
}
