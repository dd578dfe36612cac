package dev.caisson.kernel.event;

import dev.caisson.abi.Poll;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.FileDescription;

/** One description that an epoll instance watches, under one descriptor number. */
final class EpollItem implements Waiter, Runnable {
    /** Flags of the mask that are no events. */
    static final int BEHAVIOUR = Poll.EPOLLWAKEUP | Poll.EPOLLONESHOT | Poll.EPOLLET | Poll.EPOLLEXCLUSIVE;

    final EpollFile epoll;
    final FileDescription description;
    final int fd;

    /** EPOLL* mask with behaviour flags; a one-shot item that fired has only those. */
    volatile int mask;
    volatile long data;
    volatile boolean removed;

    /** Whether it is on the ready list; guarded by that list. */
    boolean queued;

    EpollItem(EpollFile epoll, FileDescription description, int fd, int mask, long data) {
        this.epoll = epoll;
        this.description = description;
        this.fd = fd;
        this.mask = mask;
        this.data = data;
    }

    OpenFile file() {
        return description.file();
    }

    /** What of the wanted events holds now. */
    int ready() {
        int wanted = mask;
        if ((wanted & ~BEHAVIOUR) == 0 || removed) {
            return 0;
        }
        return file().readiness(wanted & ~BEHAVIOUR) & (wanted & ~BEHAVIOUR | Poll.EPOLLERR | Poll.EPOLLHUP);
    }

    @Override
    public void onEvent(int events) {
        int wanted = mask & ~BEHAVIOUR;
        if (wanted != 0 && (events & (wanted | Poll.EPOLLERR | Poll.EPOLLHUP)) != 0) {
            epoll.queue(this);
        }
    }

    /** The description was closed. */
    @Override
    public void run() {
        epoll.forget(this);
    }
}
