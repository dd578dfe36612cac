package dev.caisson.abi;

/** poll(2), epoll(7), eventfd(2), timerfd_create(2) and inotify(7). Values are those of Linux on amd64. */
public final class Poll {
    public static final int EFD_SEMAPHORE = 1;
    public static final int EFD_NONBLOCK = 0x800;
    public static final int EFD_CLOEXEC = 0x80000;

    public static final int EPOLL_CTL_ADD = 1;
    public static final int EPOLL_CTL_DEL = 2;
    public static final int EPOLL_CTL_MOD = 3;
    public static final int EPOLL_CLOEXEC = 0x80000;

    public static final int EPOLLERR = 8;
    public static final int EPOLLET = 0x80000000;
    public static final int EPOLLEXCLUSIVE = 0x10000000;
    public static final int EPOLLHUP = 16;
    public static final int EPOLLIN = 1;
    public static final int EPOLLMSG = 0x400;
    public static final int EPOLLONESHOT = 0x40000000;
    public static final int EPOLLOUT = 4;
    public static final int EPOLLPRI = 2;
    public static final int EPOLLRDBAND = 128;
    public static final int EPOLLRDHUP = 0x2000;
    public static final int EPOLLRDNORM = 64;
    public static final int EPOLLWAKEUP = 0x20000000;
    public static final int EPOLLWRBAND = 0x200;
    public static final int EPOLLWRNORM = 0x100;

    public static final int IN_ACCESS = 1;
    public static final int IN_MODIFY = 2;
    public static final int IN_ATTRIB = 4;
    public static final int IN_CLASSC_NSHIFT = 8;
    public static final int IN_CLOSE_WRITE = 8;
    public static final int IN_CLASSB_NSHIFT = 16;
    public static final int IN_CLOSE_NOWRITE = 16;
    public static final int IN_CLASSA_NSHIFT = 24;
    public static final int IN_CLOSE = 24;
    public static final int IN_OPEN = 32;
    public static final int IN_MOVED_FROM = 64;
    public static final int IN_LOOPBACKNET = 127;
    public static final int IN_CLASSA_MAX = 128;
    public static final int IN_MOVED_TO = 128;
    public static final int IN_MOVE = 192;
    public static final int IN_CLASSC_HOST = 255;
    public static final int IN_CREATE = 0x100;
    public static final int IN_DELETE = 0x200;
    public static final int IN_DELETE_SELF = 0x400;
    public static final int IN_MOVE_SELF = 0x800;
    public static final int IN_NONBLOCK = 0x800;
    public static final int IN_ALL_EVENTS = 0xfff;
    public static final int IN_UNMOUNT = 0x2000;
    public static final int IN_Q_OVERFLOW = 0x4000;
    public static final int IN_IGNORED = 0x8000;
    public static final int IN_CLASSB_HOST = 0xffff;
    public static final int IN_CLASSB_MAX = 0x10000;
    public static final int IN_CLOEXEC = 0x80000;
    public static final int IN_CLASSA_HOST = 0xffffff;
    public static final int IN_ONLYDIR = 0x1000000;
    public static final int IN_DONT_FOLLOW = 0x2000000;
    public static final int IN_EXCL_UNLINK = 0x4000000;
    public static final int IN_MASK_CREATE = 0x10000000;
    public static final int IN_MASK_ADD = 0x20000000;
    public static final int IN_ISDIR = 0x40000000;
    public static final int IN_ONESHOT = 0x80000000;
    public static final int IN_CLASSA_NET = 0xff000000;
    public static final int IN_CLASSB_NET = 0xffff0000;
    public static final int IN_CLASSC_NET = 0xffffff00;

    public static final int POLLERR = 8;
    public static final int POLLHUP = 16;
    public static final int POLLIN = 1;
    public static final int POLLMSG = 0x400;
    public static final int POLLNVAL = 32;
    public static final int POLLOUT = 4;
    public static final int POLLPRI = 2;
    public static final int POLLRDBAND = 128;
    public static final int POLLRDHUP = 0x2000;
    public static final int POLLRDNORM = 64;
    public static final int POLLREMOVE = 0x1000;
    public static final int POLLWRBAND = 0x200;
    public static final int POLLWRNORM = 0x100;

    public static final int TFD_TIMER_ABSTIME = 1;
    public static final int TFD_TIMER_CANCEL_ON_SET = 2;
    public static final int TFD_NONBLOCK = 0x800;
    public static final int TFD_CLOEXEC = 0x80000;

    private Poll() {}
}
