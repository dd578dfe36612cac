package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EEXIST;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Poll.EPOLLERR;
import static dev.caisson.abi.Poll.EPOLLET;
import static dev.caisson.abi.Poll.EPOLLEXCLUSIVE;
import static dev.caisson.abi.Poll.EPOLLHUP;
import static dev.caisson.abi.Poll.EPOLLIN;
import static dev.caisson.abi.Poll.EPOLLONESHOT;
import static dev.caisson.abi.Poll.EPOLLOUT;
import static dev.caisson.abi.Poll.EPOLLRDNORM;
import static dev.caisson.abi.Poll.EPOLLWAKEUP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import dev.caisson.spi.wait.WaitQueue;
import dev.caisson.vfs.FileDescription;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * An epoll instance, epoll(7). Watched files put their item on the ready list when they announce an event; collecting looks only at
 * that list.
 */
public final class EpollFile extends OpenFile {
    /** Takes events as they are collected. */
    @FunctionalInterface
    public interface Sink {
        /**
         * Takes one event.
         *
         * @param events {@code EPOLL*} mask
         * @param data as the guest gave it
         * @throws ErrnoException EFAULT; the event stays to be collected
         */
        void accept(int events, long data) throws ErrnoException;
    }

    /** What fdinfo shows of a watched description. */
    public record Watched(int fd, int events, long data, FileDescription description) {}

    private record Key(FileDescription description, int fd) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key that && description == that.description && fd == that.fd;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(description) * 31 + fd;
        }
    }

    private static final int MAX_CHAIN = 5;
    private static final int MAX_ITEMS = 1 << 20;
    private static final int EXCLUSIVE_ALLOWED =
            EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

    /** Held while an instance begins to watch another, so that two cannot close a loop together. Outermost. */
    private static final Object NESTING = new Object();

    private final RankedLock lock = RankedLock.of(LockRank.EPOLL_SET);
    /** Guarded by {@link #lock}. */
    private final Map<Key, EpollItem> items = new HashMap<>();
    private final WaitQueue queue = new WaitQueue();
    /** A leaf: its monitor is taken by waiters anywhere. */
    private final ArrayDeque<EpollItem> ready = new ArrayDeque<>();
    /** Instances that watch this one; for the loop check. */
    private final Collection<EpollFile> watchers = new ConcurrentLinkedQueue<>();

    /** Makes an instance that watches nothing. */
    public EpollFile() {}

    /**
     * EPOLL_CTL_ADD.
     *
     * @param description what to watch; not this instance
     * @param fd under which number
     * @param events {@code EPOLL*}
     * @param data given back with events
     * @throws ErrnoException EPERM for a file that is always ready, EINVAL, EEXIST, ELOOP, ENOSPC
     */
    public void add(FileDescription description, int fd, int events, long data) throws ErrnoException {
        OpenFile file = description.file();
        if ((events & EPOLLEXCLUSIVE) != 0 && ((events & ~EXCLUSIVE_ALLOWED) != 0 || file instanceof EpollFile)) {
            throw EINVAL.error();
        }
        if (file instanceof EpollFile inner) {
            synchronized (NESTING) {
                if (inner == this || inner.reaches(this) || chainUp(this) + chainDown(inner) > MAX_CHAIN) {
                    throw ELOOP.error();
                }
                addItem(description, fd, events, data);
                inner.watchers.add(this);
            }
        } else {
            addItem(description, fd, events, data);
        }
    }

    private void addItem(FileDescription description, int fd, int events, long data) throws ErrnoException {
        Key key = new Key(description, fd);
        EpollItem item = new EpollItem(this, description, fd, events | EPOLLERR | EPOLLHUP, data);
        lock.lock();
        try {
            if (items.containsKey(key)) {
                throw EEXIST.error();
            }
            if (items.size() >= MAX_ITEMS) {
                throw ENOSPC.error();
            }
            items.put(key, item);
        } finally {
            lock.unlock();
        }
        description.file().waitQueue().add(item, events & ~EpollItem.BEHAVIOUR | EPOLLERR | EPOLLHUP);
        description.onClose(item);
        if (item.ready() != 0) {
            queue(item);
        }
    }

    /**
     * Whether a file can be watched at all.
     *
     * @param file any open file
     * @throws ErrnoException EPERM when it is always ready
     */
    public static void checkWatchable(OpenFile file) throws ErrnoException {
        if (file.waitQueue() == null) {
            throw EPERM.error();
        }
    }

    /**
     * EPOLL_CTL_MOD.
     *
     * @param description what is watched
     * @param fd under which number
     * @param events new mask
     * @param data new data
     * @throws ErrnoException ENOENT, EINVAL
     */
    public void modify(FileDescription description, int fd, int events, long data) throws ErrnoException {
        EpollItem item = item(description, fd);
        if ((events & EPOLLEXCLUSIVE) != 0 || (item.mask & EPOLLEXCLUSIVE) != 0) {
            throw EINVAL.error();
        }
        int mask = events | EPOLLERR | EPOLLHUP;
        item.data = data;
        item.mask = mask;
        WaitQueue source = item.file().waitQueue();
        source.remove(item);
        source.add(item, mask & ~EpollItem.BEHAVIOUR);
        if (item.ready() != 0) {
            queue(item);
        }
    }

    /**
     * EPOLL_CTL_DEL.
     *
     * @param description what is watched
     * @param fd under which number
     * @throws ErrnoException ENOENT
     */
    public void remove(FileDescription description, int fd) throws ErrnoException {
        EpollItem item;
        lock.lock();
        try {
            item = items.remove(new Key(description, fd));
        } finally {
            lock.unlock();
        }
        if (item == null) {
            throw ENOENT.error();
        }
        drop(item);
    }

    private EpollItem item(FileDescription description, int fd) throws ErrnoException {
        lock.lock();
        try {
            EpollItem item = items.get(new Key(description, fd));
            if (item == null) {
                throw ENOENT.error();
            }
            return item;
        } finally {
            lock.unlock();
        }
    }

    /** The last reference of the item's description went: it can be reached under no number any more. */
    void forget(EpollItem item) {
        boolean was;
        lock.lock();
        try {
            was = items.remove(new Key(item.description, item.fd), item);
        } finally {
            lock.unlock();
        }
        if (was) {
            drop(item);
        }
    }

    private void drop(EpollItem item) {
        item.removed = true;
        item.description.removeOnClose(item);
        WaitQueue source = item.file().waitQueue();
        if (source != null) {
            source.remove(item);
        }
        synchronized (ready) {
            if (item.queued) {
                item.queued = false;
                ready.remove(item);
            }
        }
        if (item.file() instanceof EpollFile inner) {
            inner.watchers.remove(this);
        }
    }

    /** Puts an item on the ready list and tells those who wait. Any thread, any lock. */
    void queue(EpollItem item) {
        synchronized (ready) {
            if (item.removed || item.queued) {
                return;
            }
            item.queued = true;
            ready.add(item);
        }
        queue.notify(EPOLLIN | EPOLLRDNORM);
    }

    /**
     * Collects events that hold now, those first that wait longest.
     *
     * @param max at most this many
     * @param sink takes them
     * @return how many it took
     * @throws ErrnoException what the sink threw at the first event
     */
    public int collect(int max, Sink sink) throws ErrnoException {
        int taken = 0;
        lock.lockNested();
        try {
            int candidates;
            synchronized (ready) {
                candidates = ready.size();
            }
            while (taken < max && candidates-- > 0) {
                EpollItem item;
                synchronized (ready) {
                    item = ready.poll();
                    if (item == null) {
                        break;
                    }
                    item.queued = false; // an event from now on queues it again
                }
                int mask = item.mask;
                int events = item.ready();
                if (events == 0) {
                    continue;
                }
                try {
                    sink.accept(events, item.data);
                } catch (ErrnoException fault) {
                    requeue(item, true);
                    if (taken == 0) {
                        throw fault;
                    }
                    break;
                }
                taken++;
                if ((mask & EPOLLONESHOT) != 0) {
                    if (item.mask == mask) {
                        item.mask = mask & EpollItem.BEHAVIOUR;
                    }
                } else if ((mask & EPOLLET) == 0) {
                    requeue(item, false);
                }
            }
        } finally {
            lock.unlock();
        }
        return taken;
    }

    private void requeue(EpollItem item, boolean first) {
        synchronized (ready) {
            if (!item.queued && !item.removed) {
                item.queued = true;
                if (first) {
                    ready.addFirst(item);
                } else {
                    ready.addLast(item);
                }
            }
        }
    }

    /** {@return what is watched, for /proc/PID/fdinfo} */
    public List<Watched> watched() {
        lock.lockNested();
        try {
            return items.values().stream().map(item -> new Watched(item.fd, item.mask, item.data, item.description)).toList();
        } finally {
            lock.unlock();
        }
    }

    private boolean reaches(EpollFile other) {
        for (EpollFile inner : inner()) {
            if (inner == other || inner.reaches(other)) {
                return true;
            }
        }
        return false;
    }

    private static int chainDown(EpollFile epoll) {
        int longest = 0;
        for (EpollFile inner : epoll.inner()) {
            longest = Math.max(longest, chainDown(inner));
        }
        return longest + 1;
    }

    private static int chainUp(EpollFile epoll) {
        int longest = 0;
        for (EpollFile outer : epoll.watchers) {
            longest = Math.max(longest, chainUp(outer));
        }
        return longest + 1;
    }

    private List<EpollFile> inner() {
        lock.lockNested();
        try {
            return items.values().stream().map(EpollItem::file).filter(EpollFile.class::isInstance).map(EpollFile.class::cast).toList();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public boolean ignoresSeeks() {
        return true;
    }

    /** Drops items from the front of the ready list that are ready no more, as far as the first that is. */
    @Override
    public int readiness(int mask) {
        if ((mask & (EPOLLIN | EPOLLRDNORM)) == 0) {
            return 0;
        }
        lock.lockNested();
        try {
            while (true) {
                EpollItem item;
                synchronized (ready) {
                    item = ready.poll();
                    if (item == null) {
                        return 0;
                    }
                    item.queued = false;
                }
                if (item.ready() != 0) {
                    requeue(item, true);
                    return mask & (EPOLLIN | EPOLLRDNORM);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public WaitQueue waitQueue() {
        return queue;
    }

    @Override
    public void close() {
        List<EpollItem> all;
        lock.lock();
        try {
            all = List.copyOf(items.values());
            items.clear();
        } finally {
            lock.unlock();
        }
        for (EpollItem item : all) {
            drop(item);
        }
    }
}
