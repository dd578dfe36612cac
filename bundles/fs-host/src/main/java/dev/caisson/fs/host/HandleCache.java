package dev.caisson.fs.host;

import dev.caisson.host.HostFile;

/**
 * Host descriptors of one filesystem. A handle in use stays open; those that nobody uses are kept in the order of their last use, up to a
 * bound, so that opening, closing and opening again costs no host call.
 */
final class HandleCache {
    /** A host descriptor, shared by everybody who uses one file. Fields are guarded by the cache. */
    static final class Handle {
        final int fd;
        final boolean isWritable;
        private final HostInode owner;
        private int users = 1;
        private Handle older;
        private Handle newer;

        Handle(HostInode owner, int fd, boolean isWritable) {
            this.owner = owner;
            this.fd = fd;
            this.isWritable = isWritable;
        }
    }

    private final int idleLimit;
    private int idle;
    private Handle oldest;
    private Handle newest;
    private boolean isClosed;

    HandleCache(int idleLimit) {
        this.idleLimit = idleLimit;
    }

    /**
     * Takes the inode's current handle.
     *
     * @param inode the file
     * @param writable whether it must be open for writing
     * @return the handle, or null when there is none that fits
     */
    synchronized Handle take(HostInode inode, boolean writable) {
        Handle handle = inode.handle;
        if (handle == null || writable && !handle.isWritable) {
            return null;
        }
        if (handle.users++ == 0) {
            unlink(handle);
        }
        return handle;
    }

    /**
     * Offers a descriptor just opened; the caller is its first user.
     *
     * @param inode the file
     * @param fd its descriptor
     * @param writable whether it is open for writing
     * @return the handle to use
     */
    synchronized Handle offer(HostInode inode, int fd, boolean writable) {
        Handle old = inode.handle;
        Handle handle = new Handle(inode, fd, writable);
        if (old == null || writable || !old.isWritable) {
            inode.handle = handle;
            if (old != null && old.users == 0) {
                unlink(old);
                HostFile.close(old.fd);
            }
        }
        return handle;
    }

    /** One user less. */
    synchronized void release(Handle handle) {
        if (--handle.users > 0) {
            return;
        }
        // A descriptor that could write would keep the host from executing the file.
        if (handle.owner.handle != handle || handle.isWritable || isClosed) {
            if (handle.owner.handle == handle) {
                handle.owner.handle = null;
            }
            HostFile.close(handle.fd);
            return;
        }
        handle.older = newest;
        handle.newer = null;
        if (newest != null) {
            newest.newer = handle;
        } else {
            oldest = handle;
        }
        newest = handle;
        if (++idle > idleLimit) {
            drop(oldest);
        }
    }

    /** One more user of a handle that somebody uses. */
    synchronized Handle again(Handle handle) {
        handle.users++;
        return handle;
    }

    /** A handle turned out to be of another file: nobody takes it any more. */
    synchronized void discard(Handle handle) {
        if (handle.owner.handle == handle) {
            handle.owner.handle = null;
        }
        release(handle);
    }

    /** The file is gone: its handle is not kept when nobody uses it. */
    synchronized void forget(HostInode inode) {
        Handle handle = inode.handle;
        if (handle != null) {
            if (handle.users == 0) {
                drop(handle);
            } else {
                inode.handle = null; // the last user closes it
            }
        }
    }

    /** Closes what nobody uses, and from now on everything once it is not used any more. */
    synchronized void close() {
        isClosed = true;
        while (oldest != null) {
            drop(oldest);
        }
    }

    private void drop(Handle handle) {
        unlink(handle);
        handle.owner.handle = null;
        HostFile.close(handle.fd);
    }

    private void unlink(Handle handle) {
        if (handle.older != null) {
            handle.older.newer = handle.newer;
        } else if (oldest == handle) {
            oldest = handle.newer;
        }
        if (handle.newer != null) {
            handle.newer.older = handle.older;
        } else if (newest == handle) {
            newest = handle.older;
        }
        handle.older = null;
        handle.newer = null;
        idle--;
    }
}
