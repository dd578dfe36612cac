package dev.caisson.kernel.event;

import dev.caisson.spi.fs.Inode;
import dev.caisson.vfs.WatchHub;
import dev.caisson.vfs.Watches;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Passes file events on to the inotify instances that watch the file. It attaches itself to the VFS while there are watches. */
public final class InotifyHub implements WatchHub {
    /** The watches of one inode; its attachment. */
    private static final class OfInode {
        final List<InotifyFile.Watch> watches = new CopyOnWriteArrayList<>();
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

    @Override
    public void onEvent(Inode inode, String name, int mask, int cookie) {
        OfInode all = inode.attachment(OfInode.class, null);
        if (all == null) {
            return;
        }
        for (InotifyFile.Watch watch : all.watches) {
            watch.instance.onEvent(watch, name, mask, cookie);
        }
    }
}
