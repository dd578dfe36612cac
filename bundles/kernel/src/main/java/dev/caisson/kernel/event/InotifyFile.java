package dev.caisson.kernel.event;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOSPC;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Poll.IN_ALL_EVENTS;
import static dev.caisson.abi.Poll.IN_EXCL_UNLINK;
import static dev.caisson.abi.Poll.IN_IGNORED;
import static dev.caisson.abi.Poll.IN_ISDIR;
import static dev.caisson.abi.Poll.IN_ONESHOT;
import static dev.caisson.abi.Poll.IN_Q_OVERFLOW;
import static dev.caisson.abi.Poll.IN_UNMOUNT;
import static dev.caisson.abi.Poll.POLLIN;
import static dev.caisson.abi.Poll.POLLRDNORM;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Terminal;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An inotify instance, inotify(7): a queue of events of watched files.
 * <pre>
 *  struct inotify_event (16 bytes and the name)
 *  off size field
 *    0    4 wd      watch, -1 for the overflow event
 *    4    4 mask    IN_*
 *    8    4 cookie  joins the halves of a rename
 *   12    4 len     bytes of name with its padding NULs; 0 without a name
 *   16      name    padded to a multiple of 16 in all
 * </pre>
 * Source: include/uapi/linux/inotify.h. The object's monitor is a leaf lock: events come under directory locks.
 */
public final class InotifyFile extends OpenFile {
    /** What fdinfo shows of a watch. */
    public record Watched(int descriptor, Inode inode, int mask) {}

    private record Event(int descriptor, int mask, int cookie, String name) {
        int sizeBytes() {
            return HEADER_BYTES + (name == null ? 0 : name.length() + HEADER_BYTES & -HEADER_BYTES);
        }
    }

    /** A watch of this instance. */
    static final class Watch {
        final InotifyFile instance;
        /** Another one when another filesystem serves the file; by the hub. */
        volatile Inode inode;
        final int descriptor;
        /** Guarded by the instance's monitor for writing. */
        volatile int mask;
        volatile boolean removed;

        Watch(InotifyFile instance, Inode inode, int descriptor, int mask) {
            this.instance = instance;
            this.inode = inode;
            this.descriptor = descriptor;
            this.mask = mask;
        }
    }

    /** /proc/sys/fs/inotify/max_queued_events: of each instance. */
    public static final int MAX_EVENTS = 16384;
    private static final int HEADER_BYTES = 16;

    private final InotifyHub hub;
    private final InotifyQuota quota;
    private final WaitQueue queue = new WaitQueue();
    private final ArrayDeque<Event> events = new ArrayDeque<>();
    private final Map<Integer, Watch> watches = new HashMap<>();
    private int nextDescriptor = 1;
    private boolean overflown;
    private boolean closed;

    /**
     * Makes an instance.
     *
     * @param hub where file events come from
     * @param quota of the user who makes it
     * @throws ErrnoException EMFILE when the user has too many
     */
    public InotifyFile(InotifyHub hub, InotifyQuota quota) throws ErrnoException {
        if (!quota.takeInstance()) {
            throw Errno.EMFILE.error("too many inotify instances");
        }
        this.hub = hub;
        this.quota = quota;
    }

    /**
     * Watches a file, or changes its watch.
     *
     * @param inode the file
     * @param mask {@code IN_*} with IN_MASK_ADD, IN_MASK_CREATE, IN_ONESHOT, IN_EXCL_UNLINK
     * @return the watch descriptor
     * @throws ErrnoException EEXIST with IN_MASK_CREATE, ENOSPC
     */
    public int watch(Inode inode, int mask) throws ErrnoException {
        int kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
        Watch added;
        synchronized (this) {
            for (Watch watch : watches.values()) {
                if (watch.inode == inode) {
                    if ((mask & Poll.IN_MASK_CREATE) != 0) {
                        throw Errno.EEXIST.error();
                    }
                    watch.mask = (mask & Poll.IN_MASK_ADD) != 0 ? watch.mask | kept : kept;
                    return watch.descriptor;
                }
            }
            if (!quota.takeWatch()) {
                throw ENOSPC.error("too many watches");
            }
            added = new Watch(this, inode, nextDescriptor++, kept);
            watches.put(added.descriptor, added);
        }
        hub.add(added);
        if (added.removed) {
            hub.remove(added); // another thread was quicker to remove it than this one to announce it
        }
        return added.descriptor;
    }

    /**
     * Removes a watch; an IN_IGNORED event follows.
     *
     * @param descriptor the watch descriptor
     * @throws ErrnoException EINVAL when there is none
     */
    public void unwatch(int descriptor) throws ErrnoException {
        Watch watch;
        synchronized (this) {
            watch = watches.get(descriptor);
        }
        if (watch == null) {
            throw EINVAL.error();
        }
        drop(watch);
    }

    private void drop(Watch watch) {
        synchronized (this) {
            if (watch.removed) {
                return;
            }
            watch.removed = true;
            watches.remove(watch.descriptor);
            quota.giveWatches(1);
            putLocked(new Event(watch.descriptor, IN_IGNORED, 0, null));
        }
        hub.remove(watch);
        queue.notify(POLLIN | POLLRDNORM);
    }

    /** An event at a watched file. Called under locks of the VFS. */
    void onEvent(Watch watch, String name, int mask, int cookie) {
        boolean last = (mask & (Poll.IN_DELETE_SELF | IN_UNMOUNT)) != 0 && name == null;
        synchronized (this) {
            int wanted = watch.mask;
            if (watch.removed || closed || name != null && (mask & wanted & IN_EXCL_UNLINK) != 0) {
                return;
            }
            if ((mask & (wanted & IN_ALL_EVENTS | IN_UNMOUNT)) != 0) {
                putLocked(new Event(watch.descriptor, mask & (IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT), cookie, name));
                last |= (wanted & IN_ONESHOT) != 0;
            }
        }
        if (last) {
            drop(watch);
        } else {
            queue.notify(POLLIN | POLLRDNORM);
        }
    }

    /** Equal events in a row are one; a full queue says so once. */
    private void putLocked(Event event) {
        if (event.equals(events.peekLast())) {
            return;
        }
        if (events.size() >= MAX_EVENTS) {
            if (!overflown) {
                overflown = true;
                events.add(new Event(-1, IN_Q_OVERFLOW, 0, null));
            }
            return;
        }
        events.add(event);
    }

    /** {@return the watches, for /proc/PID/fdinfo} */
    public synchronized List<Watched> watched() {
        return watches.values().stream().map(watch -> new Watched(watch.descriptor, watch.inode, watch.mask)).toList();
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    @Override
    public boolean ignoresSeeks() {
        return true;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        long done = 0;
        while (true) {
            Event event;
            synchronized (this) {
                event = events.peek();
                if (event == null) {
                    return done == 0 ? WOULD_BLOCK : done;
                }
                if (event.sizeBytes() > target.remaining()) {
                    if (done == 0) {
                        throw EINVAL.error();
                    }
                    return done;
                }
                events.poll();
                if (event.descriptor() == -1) {
                    overflown = false;
                }
            }
            byte[] bytes = encode(event);
            if (target.put(MemorySegment.ofArray(bytes), 0, bytes.length) < bytes.length) {
                throw Errno.EFAULT.error();
            }
            done += bytes.length;
        }
    }

    private static byte[] encode(Event event) {
        byte[] bytes = new byte[event.sizeBytes()];
        MemorySegment segment = MemorySegment.ofArray(bytes);
        segment.set(U32, 0, event.descriptor());
        segment.set(U32, 4, event.mask());
        segment.set(U32, 8, event.cookie());
        segment.set(U32, 12, bytes.length - HEADER_BYTES);
        if (event.name() != null) {
            byte[] name = event.name().getBytes(StandardCharsets.ISO_8859_1);
            System.arraycopy(name, 0, bytes, HEADER_BYTES, name.length);
        }
        return bytes;
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command != Terminal.FIONREAD) {
            return super.ioctl(memory, command, argument);
        }
        int bytes;
        synchronized (this) {
            bytes = events.stream().mapToInt(Event::sizeBytes).sum();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(4);
            count.set(U32, 0, bytes);
            memory.copyOut(argument, count);
        }
        return 0;
    }

    @Override
    public synchronized int readiness(int mask) {
        return events.isEmpty() ? 0 : mask & (POLLIN | POLLRDNORM);
    }

    @Override
    public WaitQueue waitQueue() {
        return queue;
    }

    @Override
    public void close() {
        List<Watch> all;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            all = List.copyOf(watches.values());
            all.forEach(watch -> watch.removed = true);
            watches.clear();
            events.clear();
        }
        all.forEach(hub::remove);
        quota.giveWatches(all.size());
        quota.giveInstance();
    }
}
