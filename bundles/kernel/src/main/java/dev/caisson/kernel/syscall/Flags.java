package dev.caisson.kernel.syscall;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mman;
import dev.caisson.abi.Mount;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Prctl;
import dev.caisson.abi.Resource;
import dev.caisson.abi.Sched;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Time;
import dev.caisson.abi.Wait;

/** The names of flag arguments that several system calls share. */
public final class Flags {
    /** open(2). */
    public static final FlagNames OPEN = FlagNames.maskWithNumber(Fcntl.class, "O_", 3).without("O_LARGEFILE", "O_NDELAY", "O_FSYNC",
            "O_RSYNC").with("O_LARGEFILE", 0x8000);
    /** Flags of calls that make descriptors: pipe2(2), dup3(2). */
    public static final FlagNames DESCRIPTOR = FlagNames.mask(Fcntl.class, "O_").without("O_LARGEFILE", "O_NDELAY", "O_FSYNC", "O_RSYNC",
            "O_WRONLY", "O_RDWR", "O_ACCMODE");
    /** The *at calls. */
    public static final FlagNames AT = FlagNames.mask(Fcntl.class, "AT_").without("AT_FDCWD", "AT_REMOVEDIR", "AT_STATX_SYNC_TYPE");
    /** unlinkat(2). */
    public static final FlagNames UNLINK = FlagNames.mask(Fcntl.class, "AT_REMOVEDIR");
    /** statx(2). */
    public static final FlagNames AT_STATX = FlagNames.mask(Fcntl.class, "AT_").without("AT_FDCWD", "AT_REMOVEDIR", "AT_EACCESS",
            "AT_STATX_SYNC_TYPE").zero("AT_STATX_SYNC_AS_STAT");
    /** openat2(2). */
    public static final FlagNames RESOLVE = FlagNames.mask(Fcntl.class, "RESOLVE_");
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
    /** Memory protection. */
    public static final FlagNames PROT = FlagNames.mask(Mman.class, "PROT_").zero("PROT_NONE");
    /** mmap(2). */
    public static final FlagNames MAP = FlagNames.maskWithNumber(Mman.class, "MAP_", 3).without("MAP_HUGE_", "MAP_TYPE", "MAP_FAILED",
            "MAP_FILE");
    /** madvise(2). */
    public static final FlagNames MADVISE = FlagNames.oneOf(Mman.class, "MADV_");
    /** mremap(2). */
    public static final FlagNames MREMAP = FlagNames.mask(Mman.class, "MREMAP_");
    /** mount(2). */
    public static final FlagNames MOUNT = FlagNames.mask(Mount.class, "MS_");
    /** clone(2), unshare(2). */
    public static final FlagNames CLONE = FlagNames.mask(Sched.class, "CLONE_");
    /** wait4(2) and waitid(2). */
    public static final FlagNames WAIT = FlagNames.mask(Wait.class, "").without("WUNTRACED", "P_");
    /** sigprocmask(2). */
    public static final FlagNames SIGMASK = FlagNames.oneOf(Signals.class, "SIG_");
    /** Clocks. */
    public static final FlagNames CLOCK = FlagNames.oneOf(Time.class, "CLOCK_");
    /** Interval timers. */
    public static final FlagNames ITIMER = FlagNames.oneOf(Time.class, "ITIMER_");
    /** Address families. */
    public static final FlagNames FAMILY = FlagNames.oneOf(Socket.class, "AF_").without("AF_FILE", "AF_LOCAL");
    /** Socket types. */
    public static final FlagNames SOCKET = FlagNames.maskWithNumber(Socket.class, "SOCK_", 0xf);
    /** send(2) and recv(2). */
    public static final FlagNames MESSAGE = FlagNames.mask(Socket.class, "MSG_").without("MSG_STAT", "MSG_INFO", "MSG_FIN", "MSG_NOERROR",
            "MSG_EXCEPT", "MSG_COPY", "MSG_SYN", "MSG_RST", "MSG_TRYHARD");
    /** Socket option levels. */
    public static final FlagNames SOCKET_LEVEL = FlagNames.oneOf(Socket.class, "SOL_");
    /** shutdown(2). */
    public static final FlagNames SHUTDOWN = FlagNames.oneOf(Socket.class, "SHUT_");
    /** epoll_ctl(2) operations. */
    public static final FlagNames EPOLL_CTL = FlagNames.oneOf(Poll.class, "EPOLL_CTL_");
    /** Resource limits. */
    public static final FlagNames RLIMIT = FlagNames.oneOf(Resource.class, "RLIMIT_").without("RLIMIT_OFILE", "RLIMIT_NLIMITS");
    /** arch_prctl(2) codes. */
    public static final FlagNames ARCH_PRCTL = FlagNames.oneOf(Prctl.class, "ARCH_");

    private Flags() {}
}
