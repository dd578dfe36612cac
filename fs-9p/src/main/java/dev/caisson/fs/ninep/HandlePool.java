package dev.caisson.fs.ninep;

/**
 * Handles of one kind (fids that name files, or open files) of one filesystem. A handle in use stays; those that nobody uses are kept in
 * the order of their last use, up to a bound, so that using a file again costs no message.
 */
final class HandlePool {
    private static final int LEAST_IDLE = 16;

    private int idleLimit;
    private int idle;
    private Handle oldest;
    private Handle newest;
    private boolean isClosed;

    HandlePool(int idleLimit) {
        this.idleLimit = idleLimit;
    }

    /**
     * Takes a file's handle.
     *
     * @param slot where it is
     * @param writable whether it must be open for writing
     * @param leastRenames a fid that was walked before so many changes of names will not do
     * @return the handle, or null when there is none that fits
     */
    Handle take(Handle.Slot slot, boolean writable, int leastRenames) {
        Handle stale = null;
        synchronized (this) {
            Handle handle = slot.current;
            if (handle == null || writable && !handle.isWritable) {
                return null;
            }
            if (handle.isUsable() && handle.renames >= leastRenames) {
                if (handle.users++ == 0) {
                    unlink(handle);
                }
                handle.isFresh = false;
                return handle;
            }
            slot.current = null;
            if (handle.users == 0) {
                unlink(handle);
                stale = handle;
            }
        }
        if (stale != null) {
            stale.dispose();
        }
        return null;
    }

    /**
     * Takes a file's handle for something that is not what a fresh one is kept for.
     *
     * @param slot where it is
     * @return the handle, or null when there is none
     */
    synchronized Handle peek(Handle.Slot slot) {
        Handle handle = slot.current;
        if (handle == null || !handle.isUsable()) {
            return null;
        }
        if (handle.users++ == 0) {
            unlink(handle);
        }
        return handle;
    }

    /**
     * Offers a handle; the caller is its first user.
     *
     * @param handle new
     * @return the handle
     */
    Handle offer(Handle handle) {
        Handle unused = null;
        synchronized (this) {
            Handle old = handle.slot.current;
            if (old == null || handle.isWritable || !old.isWritable || !old.isUsable()) {
                handle.slot.current = handle;
                if (old != null && old.users == 0) {
                    unlink(old);
                    unused = old;
                }
            }
        }
        if (unused != null) {
            unused.dispose();
        }
        return handle;
    }

    /** One user less. */
    void release(Handle handle) {
        Handle surplus = null;
        synchronized (this) {
            if (--handle.users > 0) {
                return;
            }
            boolean isKept = handle.slot.current == handle && (!handle.isWritable || handle.isFresh) && !isClosed && handle.isUsable();
            if (!isKept) {
                if (handle.slot.current == handle) {
                    handle.slot.current = null;
                }
                surplus = handle;
            } else {
                link(handle);
                if (++idle > idleLimit) {
                    surplus = oldest;
                    unlink(surplus);
                    surplus.slot.current = null;
                }
            }
        }
        if (surplus != null) {
            surplus.dispose();
        }
    }

    /** The file is gone, or the handle does not lead there: it is not taken again, and ends with its last user. */
    void forget(Handle.Slot slot) {
        Handle unused = null;
        synchronized (this) {
            Handle handle = slot.current;
            slot.current = null;
            if (handle != null && handle.users == 0) {
                unlink(handle);
                unused = handle;
            }
        }
        if (unused != null) {
            unused.dispose();
        }
    }

    /** A handle that can write is not kept behind the last close: it would keep the server's host from executing the file. */
    void forgetWritable(Handle.Slot slot) {
        Handle unused = null;
        synchronized (this) {
            Handle handle = slot.current;
            if (handle != null && handle.isWritable && handle.users == 0) {
                unlink(handle);
                slot.current = null;
                unused = handle;
            }
        }
        if (unused != null) {
            unused.dispose();
        }
    }

    /** The server has no room for so many: lets go of half of what nobody uses, and keeps no more from now on. */
    void shrink() {
        synchronized (this) {
            idleLimit = Math.max(LEAST_IDLE, Math.min(idleLimit, idle) / 2);
        }
        while (true) {
            Handle surplus;
            synchronized (this) {
                if (idle <= idleLimit) {
                    return;
                }
                surplus = oldest;
                unlink(surplus);
                surplus.slot.current = null;
            }
            surplus.dispose();
        }
    }

    /** Lets go of what nobody uses, and from now on of everything once it is not used any more. */
    void close() {
        while (true) {
            Handle unused;
            synchronized (this) {
                isClosed = true;
                unused = oldest;
                if (unused == null) {
                    return;
                }
                unlink(unused);
                unused.slot.current = null;
            }
            unused.dispose();
        }
    }

    private void link(Handle handle) {
        handle.older = newest;
        handle.newer = null;
        if (newest != null) {
            newest.newer = handle;
        } else {
            oldest = handle;
        }
        newest = handle;
    }

    private void unlink(Handle handle) {
        if (handle.older != null) {
            handle.older.newer = handle.newer;
        } else {
            oldest = handle.newer;
        }
        if (handle.newer != null) {
            handle.newer.older = handle.older;
        } else {
            newest = handle.older;
        }
        handle.older = null;
        handle.newer = null;
        idle--;
    }
}
