package dev.caisson.kernel;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostEpoll;
import dev.caisson.host.HostEventFd;
import dev.caisson.host.HostFile;
import dev.caisson.spi.wait.HostWatcher;
import dev.caisson.spi.wait.Waiter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The one thread that waits for descriptors of the host, by epoll. */
public final class HostEvents implements HostWatcher, AutoCloseable {
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;
    private static final int EPOLLIN = 1;
    private static final int MOST = 64;
    private static final int EVENT_BYTES = 12;
    private static final long WAKE = 0;

    private final int epoll;
    private final int wake;
    private final AtomicLong keys = new AtomicLong(1);
    private final ConcurrentHashMap<Long, Watched> watched = new ConcurrentHashMap<>();
    private final Thread thread;
    private volatile boolean closed;

    private final class Watched implements Registration {
        private final long key;
        private final int descriptor;
        private final Waiter waiter;

        private Watched(long key, int descriptor, Waiter waiter) {
            this.key = key;
            this.descriptor = descriptor;
            this.waiter = waiter;
        }

        @Override
        public void modify(int events) {
            HostEpoll.control(epoll, EPOLL_CTL_MOD, descriptor, events, key);
        }

        @Override
        public void close() {
            if (watched.remove(key) != null) {
                HostEpoll.control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
            }
        }
    }

    /**
     * Makes the epoll descriptor and starts the thread.
     *
     * @throws ErrnoException EMFILE, ENFILE, ENOMEM
     */
    public HostEvents() throws ErrnoException {
        epoll = (int) Errno.check(HostEpoll.create());
        wake = (int) Errno.check(HostEventFd.create(0, 0x80800)); // EFD_CLOEXEC | EFD_NONBLOCK
        Errno.check(HostEpoll.control(epoll, EPOLL_CTL_ADD, wake, EPOLLIN, WAKE));
        thread = new Thread(null, this::loop, "host events", 256 << 10);
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public Registration register(int hostDescriptor, int events, Waiter waiter) throws ErrnoException {
        Watched entry = new Watched(keys.getAndIncrement(), hostDescriptor, waiter);
        watched.put(entry.key, entry);
        long result = HostEpoll.control(epoll, EPOLL_CTL_ADD, hostDescriptor, events, entry.key);
        if (result < 0) {
            watched.remove(entry.key);
            throw Errno.of(result).error();
        }
        return entry;
    }

    private void loop() {
        MemorySegment events = Arena.ofAuto().allocate(MOST * EVENT_BYTES, 8);
        while (!closed) {
            long count = HostEpoll.await(epoll, events.address(), MOST, -1);
            for (int i = 0; i < count; i++) {
                int mask = events.get(Layouts.U32, (long) i * EVENT_BYTES);
                Watched entry = watched.get(events.get(Layouts.U64, (long) i * EVENT_BYTES + 4));
                if (entry == null) {
                    continue;
                }
                try {
                    entry.waiter.onEvent(mask);
                } catch (RuntimeException bug) {
                    Kernel.LOG.error("watching host descriptor {} failed", entry.descriptor, bug);
                    entry.close();
                }
            }
        }
        HostFile.close(epoll);
        HostFile.close(wake);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            HostEventFd.add(wake, 1);
        }
    }
}
