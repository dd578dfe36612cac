package dev.caisson.kernel.event;

import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.InodeAttachment;
import dev.caisson.vfs.WatchHub;
import dev.caisson.vfs.Watches;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Passes file events on to the inotify instances that watch the file. It attaches itself to the VFS while there are watches. */
public final class InotifyHub implements WatchHub {
    /** Somebody else who wants to know: F_NOTIFY. */
    @FunctionalInterface
    public interface Listener {
        /**
         * Something happened in a watched directory. Called under locks of the VFS; must not block.
         *
         * @param name the name in the directory, or null when the event is about the directory itself
         * @param mask {@code IN_*}
         */
        void onEvent(String name, int mask);
    }

    /** The watches of one inode; its attachment. */
    private static final class OfInode implements InodeAttachment {
        final List<InotifyFile.Watch> watches = new CopyOnWriteArrayList<>();
        final List<Listener> listeners = new CopyOnWriteArrayList<>();

        @Override
        public void movedTo(Inode next) {
            watches.forEach(watch -> watch.inode = next);
        }
    }

    private final Watches source;
    private final AtomicInteger count = new AtomicInteger();

    /**
     * Makes a hub.
     *
     * @param source the VFS' events
     */
    public InotifyHub(Watches source) {
        this.source = source;
    }

    void add(InotifyFile.Watch watch) {
        watch.inode.attachment(OfInode.class, OfInode::new).watches.add(watch);
        if (count.getAndIncrement() == 0) {
            source.attach(this);
        }
    }

    void remove(InotifyFile.Watch watch) {
        OfInode all = watch.inode.attachment(OfInode.class, null);
        if (all != null && all.watches.remove(watch)) {
            count.decrementAndGet();
        }
    }

    /**
     * Adds a listener.
     *
     * @param inode a directory
     * @param listener who wants to know
     */
    public void listen(Inode inode, Listener listener) {
        inode.attachment(OfInode.class, OfInode::new).listeners.add(listener);
        if (count.getAndIncrement() == 0) {
            source.attach(this);
        }
    }

    /**
     * Removes a listener.
     *
     * @param inode where it listens
     * @param listener who no longer wants to know
     */
    public void forget(Inode inode, Listener listener) {
        OfInode all = inode.attachment(OfInode.class, null);
        if (all != null && all.listeners.remove(listener)) {
            count.decrementAndGet();
        }
    }

    @Override
    public void onEvent(Inode inode, String name, int mask, int cookie) {
        OfInode all = inode.attachment(OfInode.class, null);
        if (all == null) {
            return;
        }
        for (InotifyFile.Watch watch : all.watches) {
            watch.instance.onEvent(watch, name, mask, cookie);
        }
        for (Listener listener : all.listeners) {
            listener.onEvent(name, mask);
        }
    }
}
