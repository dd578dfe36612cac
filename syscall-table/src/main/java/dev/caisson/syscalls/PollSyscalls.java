package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.pairOut;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.FileStructures;
import dev.caisson.kernel.syscall.decode.Polling;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.kernel.syscall.decode.Sockets;
import dev.caisson.syscalls.poll.SysEpoll;
import dev.caisson.syscalls.poll.SysEvent;
import dev.caisson.syscalls.poll.SysPipe;
import dev.caisson.syscalls.poll.SysPoll;
import dev.caisson.syscalls.poll.SysSelect;
import dev.caisson.syscalls.poll.SysSplice;

/** Rows of the calls about readiness, and of pipes. */
final class PollSyscalls {
    private static final FlagNames SPLICE = FlagNames.mask(Fcntl.class, "SPLICE_F_");
    private static final FlagNames EVENTFD = FlagNames.mask(Poll.class, "EFD_");
    private static final FlagNames EPOLL = FlagNames.mask(Poll.class, "EPOLL_C").without("EPOLL_CTL_");
    private static final FlagNames INOTIFY_INIT = FlagNames.mask(Poll.class, "IN_CLOEXEC").with("IN_NONBLOCK", Poll.IN_NONBLOCK);
    private static final FlagNames INOTIFY = FlagNames.mask(Poll.class, "IN_").without("IN_CLASS", "IN_LOOPBACKNET", "IN_NONBLOCK", "IN_CLOEXEC");

    private PollSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(7, "poll", SysPoll::poll, Polling.pollfds("fds"), number("nfds"), number("timeout"))
                .full(22, "pipe", SysPipe::pipe, pairOut("pipefd"))
                .full(23, "select", SysSelect::select, number("nfds"), Polling.set("readfds", "in"), Polling.set("writefds", "out"),
                        Polling.set("exceptfds", "except"), Polling.selectTimeout("timeout", false))
                .full(213, "epoll_create", SysEpoll::epollCreate, number("size"))
                .full(232, "epoll_wait", SysEpoll::epollWait, fd("epfd"), Polling.epollEvents("events"), number("maxevents"), number("timeout"))
                .full(233, "epoll_ctl", SysEpoll::epollCtl, fd("epfd"), flags("op", Flags.EPOLL_CTL), fd("fd"), Polling.epollEvent("event"))
                .full(253, "inotify_init", SysEvent::inotifyInit)
                .full(254, "inotify_add_watch", SysEvent::inotifyAddWatch, fd("fd"), path("pathname"), flags("mask", INOTIFY))
                .full(255, "inotify_rm_watch", SysEvent::inotifyRmWatch, fd("fd"), number("wd"))
                .full(270, "pselect6", SysSelect::pselect6, number("nfds"), Polling.set("readfds", "in"), Polling.set("writefds", "out"),
                        Polling.set("exceptfds", "except"), Polling.selectTimeout("timeout", true), Polling.maskPair("sigmask"))
                .full(271, "ppoll", SysPoll::ppoll, Polling.pollfds("fds"), number("nfds"), Polling.pollTimeout("tmo_p"),
                        SignalStructures.set("sigmask"),
                        size("sigsetsize"))
                .full(275, "splice", SysSplice::splice, fd("fd_in"), FileStructures.position("off_in"), fd("fd_out"), FileStructures.position("off_out"), size("len"),
                        flags("flags", SPLICE))
                .full(276, "tee", SysSplice::tee, fd("fd_in"), fd("fd_out"), size("len"), flags("flags", SPLICE))
                .full(278, "vmsplice", SysSplice::vmsplice, fd("fd"), Sockets.vector("iov", 2), size("nr_segs"), flags("flags", SPLICE))
                .full(281, "epoll_pwait", SysEpoll::epollPwait, fd("epfd"), Polling.epollEvents("events"), number("maxevents"), number("timeout"),
                        SignalStructures.set("sigmask"), size("sigsetsize"))
                .full(284, "eventfd", SysEvent::eventfd, number("initval"))
                .full(290, "eventfd2", SysEvent::eventfd2, number("initval"), flags("flags", EVENTFD))
                .full(291, "epoll_create1", SysEpoll::epollCreate1, flags("flags", EPOLL))
                .full(293, "pipe2", SysPipe::pipe2, pairOut("pipefd"), flags("flags", Flags.DESCRIPTOR))
                .full(294, "inotify_init1", SysEvent::inotifyInit1, flags("flags", INOTIFY_INIT))
                .full(441, "epoll_pwait2", SysEpoll::epollPwait2, fd("epfd"), Polling.epollEvents("events"), number("maxevents"), timespec("timeout"),
                        SignalStructures.set("sigmask"), size("sigsetsize"));
    }
}
