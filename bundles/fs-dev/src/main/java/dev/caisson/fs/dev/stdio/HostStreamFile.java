package dev.caisson.fs.dev.stdio;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.abi.Terminal;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostReady;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.IoctlMemory;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.HostWatcher;
import dev.caisson.spi.wait.WaitQueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A pipe, socket or character device of the host; never waits in a host call. */
final class HostStreamFile extends OpenFile {
    private static final Logger log = LoggerFactory.getLogger(HostStreamFile.class);

    private static final int EPOLLET = 0x80000000;
    private static final int EVENTS = Poll.EPOLLIN | Poll.EPOLLOUT | Poll.EPOLLRDHUP | Poll.EPOLLPRI | EPOLLET;
    /** What a pipe takes without waiting once poll(2) says that it is writable. */
    private static final long PIPE_BUF = 4096;
    private static final int IN = Poll.POLLIN | Poll.POLLRDNORM;

    private final int fd;
    private final boolean isSocket;
    /** Whether the descriptor itself does not block, since it is ours alone. */
    private final boolean isNonBlocking;
    private final WaitQueue waiters = new WaitQueue();
    private final HostWatcher.Registration registration;

    /**
     * Takes over a descriptor.
     *
     * @param fd closed with this file
     * @param type {@code S_IF*}
     * @param isNonBlocking whether it is open with O_NONBLOCK, shared with nobody
     * @param watcher tells when it becomes ready
     */
    HostStreamFile(int fd, int type, boolean isNonBlocking, HostWatcher watcher) {
        this.fd = fd;
        this.isSocket = type == Stat.S_IFSOCK;
        this.isNonBlocking = isNonBlocking;
        HostWatcher.Registration watched = null;
        try {
            watched = watcher.register(fd, EVENTS, waiters::notify);
        } catch (ErrnoException e) {
            // EPERM: /dev/null and the like are always ready.
            log.debug("not watched: fd={} errno={}", fd, e.errno());
        }
        this.registration = watched;
    }

    @Override
    public boolean isSeekable() {
        return false;
    }

    private boolean isReady(int events) {
        if (isNonBlocking || isSocket || registration == null) {
            return true; // the call itself will tell
        }
        long ready = HostReady.poll(fd, events);
        return ready < 0 || (ready & (events | Poll.POLLERR | Poll.POLLHUP)) != 0;
    }

    @Override
    public long read(IoBuffer target, long position) throws ErrnoException {
        if (!isReady(Poll.POLLIN)) {
            return WOULD_BLOCK;
        }
        return target.transfer(Long.MAX_VALUE, (run, bytes, done) -> {
            if (done > 0 && !isNonBlocking) {
                return 0; // another read of a blocking descriptor might wait
            }
            return isSocket ? HostReady.receive(fd, run.address(), bytes) : HostFile.read(fd, run.address(), bytes);
        });
    }

    @Override
    public long write(IoBuffer source, long position) throws ErrnoException {
        boolean mayWait = !isNonBlocking && !isSocket && registration != null;
        return source.transfer(mayWait ? PIPE_BUF : Long.MAX_VALUE, (run, bytes, done) -> {
            if (!isReady(Poll.POLLOUT)) {
                return WOULD_BLOCK;
            }
            return isSocket ? HostReady.send(fd, run.address(), bytes) : HostFile.write(fd, run.address(), bytes);
        });
    }

    @Override
    public long append(IoBuffer source) throws ErrnoException {
        return write(source, NO_POSITION);
    }

    @Override
    public long ioctl(IoctlMemory memory, int command, long argument) throws ErrnoException {
        if (command != Terminal.FIONREAD) {
            throw Errno.ENOTTY.error();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            Errno.check(HostFile.ioctl(fd, command, count.address()));
            memory.copyOut(argument, count);
            return 0;
        }
    }

    @Override
    public int readiness(int mask) {
        if (registration == null) {
            return mask & (IN | Poll.POLLOUT | Poll.POLLWRNORM);
        }
        long ready = HostReady.poll(fd, mask);
        return ready < 0 ? Poll.POLLERR : (int) ready;
    }

    @Override
    public WaitQueue waitQueue() {
        return registration == null ? null : waiters;
    }

    @Override
    public void close() {
        if (registration != null) {
            registration.close();
        }
        HostFile.close(fd);
    }
}
