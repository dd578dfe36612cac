package dev.caisson.kernel.syscall;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Futex;
import dev.caisson.abi.Mman;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Resource;
import dev.caisson.abi.Sched;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Stat;
import dev.caisson.abi.Terminal;
import dev.caisson.abi.Time;
import dev.caisson.abi.Wait;

/** The names of flag arguments that several system calls share. */
public final class Flags {
    /** open(2). */
    public static final FlagNames OPEN = FlagNames.maskWithNumber(Fcntl.class, "O_", 3);
    /** The *at calls. */
    public static final FlagNames AT = FlagNames.mask(Fcntl.class, "AT_");
    /** openat2(2). */
    public static final FlagNames RESOLVE = FlagNames.mask(Fcntl.class, "RESOLVE_");
    /** fcntl(2) commands. */
    public static final FlagNames FCNTL = FlagNames.oneOf(Fcntl.class, "F_");
    /** flock(2). */
    public static final FlagNames FLOCK = FlagNames.mask(Fcntl.class, "LOCK_");
    /** renameat2(2). */
    public static final FlagNames RENAME = FlagNames.mask(Fcntl.class, "RENAME_");
    /** lseek(2). */
    public static final FlagNames SEEK = FlagNames.oneOf(Fcntl.class, "SEEK_");
    /** posix_fadvise(2). */
    public static final FlagNames FADVISE = FlagNames.oneOf(Fcntl.class, "POSIX_FADV_");
    /** fallocate(2). */
    public static final FlagNames FALLOCATE = FlagNames.mask(Fcntl.class, "FALLOC_FL_");
    /** statx(2). */
    public static final FlagNames STATX = FlagNames.mask(Stat.class, "STATX_");
    /** Memory protection. */
    public static final FlagNames PROT = FlagNames.mask(Mman.class, "PROT_");
    /** mmap(2). */
    public static final FlagNames MAP = FlagNames.mask(Mman.class, "MAP_");
    /** madvise(2). */
    public static final FlagNames MADVISE = FlagNames.oneOf(Mman.class, "MADV_");
    /** mremap(2). */
    public static final FlagNames MREMAP = FlagNames.mask(Mman.class, "MREMAP_");
    /** mount(2). */
    public static final FlagNames MOUNT = FlagNames.mask(Mount.class, "MS_");
    /** clone(2); the low byte is the exit signal. */
    public static final FlagNames CLONE = FlagNames.maskWithNumber(Sched.class, "CLONE_", 0xff);
    /** wait4(2) and waitid(2). */
    public static final FlagNames WAIT = FlagNames.mask(Wait.class, "W");
    /** Signals. */
    public static final FlagNames SIGNAL = FlagNames.oneOf(Signals.class, "SIG").without("SIG_");
    /** sigprocmask(2). */
    public static final FlagNames SIGMASK = FlagNames.oneOf(Signals.class, "SIG_");
    /** Clocks. */
    public static final FlagNames CLOCK = FlagNames.oneOf(Time.class, "CLOCK_");
    /** Interval timers. */
    public static final FlagNames ITIMER = FlagNames.oneOf(Time.class, "ITIMER_");
    /** futex(2) operations. */
    public static final FlagNames FUTEX = FlagNames.maskWithNumber(Futex.class, "FUTEX_", 0x7f).without("FUTEX_OP_");
    /** Address families. */
    public static final FlagNames FAMILY = FlagNames.oneOf(Socket.class, "AF_");
    /** Socket types. */
    public static final FlagNames SOCKET = FlagNames.maskWithNumber(Socket.class, "SOCK_", 0xf);
    /** send(2) and recv(2). */
    public static final FlagNames MESSAGE = FlagNames.mask(Socket.class, "MSG_");
    /** Socket option levels. */
    public static final FlagNames SOCKET_LEVEL = FlagNames.oneOf(Socket.class, "SOL_");
    /** Socket options of level SOL_SOCKET. */
    public static final FlagNames SOCKET_OPTION = FlagNames.oneOf(Socket.class, "SO_");
    /** shutdown(2). */
    public static final FlagNames SHUTDOWN = FlagNames.oneOf(Socket.class, "SHUT_");
    /** epoll_ctl(2) operations. */
    public static final FlagNames EPOLL_CTL = FlagNames.oneOf(Poll.class, "EPOLL_CTL_");
    /** Resource limits. */
    public static final FlagNames RLIMIT = FlagNames.oneOf(Resource.class, "RLIMIT_");
    /** prctl(2) options. */
    public static final FlagNames PRCTL = FlagNames.oneOf(Prctl.class, "PR_");
    /** arch_prctl(2) codes. */
    public static final FlagNames ARCH_PRCTL = FlagNames.oneOf(Prctl.class, "ARCH_");
    /** Terminal requests of ioctl(2). */
    public static final FlagNames IOCTL = FlagNames.oneOf(Terminal.class, "");

    private Flags() {}
}
