package dev.caisson.testing.bench;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Signals;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/** What is measured: system calls of one guest thread that never waits. */
final class Rows {
    private static final int READ = 0, WRITE = 1, CLOSE = 3, STAT = 4, FSTAT = 5, POLL = 7, LSEEK = 8, MMAP = 9, MUNMAP
            = 11, BRK = 12, RT_SIGACTION = 13, RT_SIGPROCMASK = 14, PREAD = 17, PWRITE = 18, WRITEV = 20, ACCESS = 21, PIPE = 22,
            GETPID = 39, SENDTO = 44, RECVFROM = 45, SENDMSG = 46, RECVMSG = 47, SOCKETPAIR = 53, GETPPID = 110, GETTID
            = 186, READLINK = 89, FUTEX = 202, GETDENTS = 217, CLOCK_GETTIME = 228, EPOLL_WAIT = 232, EPOLL_CTL = 233,
            TGKILL = 234, OPENAT = 257, EVENTFD2 = 290, EPOLL_CREATE1 = 291, UNLINK = 87, MKDIR = 83;
    private static final int ENTRIES = 100;
    private static final int PAGE = 4096;
    private static final long HERE = Fcntl.AT_FDCWD;
    private static final long ENOENT = -2;
    private static final long EAGAIN = -11;

    /** Takes one row: its cycle of calls. */
    interface Sink {
        void row(Call... calls);
    }

    private final Map<String, BiConsumer<Guest, Sink>> rows = new LinkedHashMap<>();

    /** A file that only the lower layer has. */
    private final String lower;

    Rows(String lower) {
        this.lower = lower;
        calls();
        files();
        names();
        pipes();
        sockets();
        signals();
        waiting();
    }

    /** {@return the rows by name, each with what prepares it} */
    Map<String, BiConsumer<Guest, Sink>> all() {
        return rows;
    }

    private static long anonymousFile(Guest guest, String name) {
        return guest.must(OPENAT, HERE, guest.string(name), Fcntl.O_RDWR | Fcntl.O_CREAT, 0600);
    }

    private static int[] pair(Guest guest, int number, long... arguments) {
        long memory = guest.memory(PAGE);
        arguments[arguments.length - 1] = memory;
        guest.must(number, arguments);
        return guest.loadInts(memory, 2);
    }

    private static int[] pipe(Guest guest) {
        return pair(guest, PIPE, 0);
    }

    static int[] sockets(Guest guest, int type) {
        return pair(guest, SOCKETPAIR, 1, type, 0, 0);
    }

    private void calls() {
        rows.put("getppid", (guest, sink) -> sink.row(Call.of(Call.ANY, GETPPID)));
        rows.put("clock_gettime", (guest, sink) -> sink.row(Call.of(0, CLOCK_GETTIME, 1, guest.memory(PAGE))));
        rows.put("mmap 64 KiB+munmap", (guest, sink) -> {
            long hole = guest.memory(1 << 20);
            sink.row(Call.of(hole, MMAP, hole, 1 << 16, 3, 0x32, -1, 0), Call.of(0, MUNMAP, hole, 1 << 16));
        });
        rows.put("mmap 1 MiB+munmap", (guest, sink) -> {
            long hole = guest.memory(1 << 21);
            sink.row(Call.of(hole, MMAP, hole, 1 << 20, 3, 0x32, -1, 0), Call.of(0, MUNMAP, hole, 1 << 20));
        });
        rows.put("mmap of 32 KiB of a file+munmap, lower", (guest, sink) -> {
            long hole = guest.memory(1 << 20);
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            sink.row(Call.of(hole, MMAP, hole, 1 << 15, 1, 0x12, fd, 0), Call.of(0, MUNMAP, hole, 1 << 15));
        });
        rows.put("brk 33 pages up and down", (guest, sink) -> {
            long end = guest.must(BRK, 0);
            sink.row(Call.of(end + 33 * PAGE, BRK, end + 33 * PAGE), Call.of(end, BRK, end));
        });
    }

    private void files() {
        rows.put("pread 4 KiB, upper", (guest, sink) -> {
            long memory = guest.memory(1 << 16);
            long fd = anonymousFile(guest, "/tmp/kernel-bench-file");
            guest.must(PWRITE, fd, memory, 1 << 16, 0);
            sink.row(Call.of(PAGE, PREAD, fd, memory, PAGE, 0));
        });
        rows.put("pread 4 KiB, lower", (guest, sink) -> sink.row(
                Call.of(PAGE, PREAD, guest.must(OPENAT, HERE, guest.string(lower), 0), guest.memory(1 << 16), PAGE, 0)));
        rows.put("pread 64 KiB, upper", (guest, sink) -> {
            long memory = guest.memory(1 << 16);
            long fd = anonymousFile(guest, "/tmp/kernel-bench-file");
            guest.must(PWRITE, fd, memory, 1 << 16, 0);
            sink.row(Call.of(1 << 16, PREAD, fd, memory, 1 << 16, 0));
        });
        rows.put("pwrite 4 KiB, upper", (guest, sink) -> sink.row(
                Call.of(PAGE, PWRITE, anonymousFile(guest, "/tmp/kernel-bench-file"), guest.memory(1 << 16), PAGE, 0)));
        rows.put("lseek+read 1 byte, lower", (guest, sink) -> {
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            sink.row(Call.of(0, LSEEK, fd, 0, 0), Call.of(1, READ, fd, guest.memory(PAGE), 1));
        });
        rows.put("open+close, lower", (guest, sink) -> {
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            guest.must(CLOSE, fd);
            sink.row(Call.of(fd, OPENAT, HERE, guest.string(lower), 0), Call.of(0, CLOSE, fd));
        });
        rows.put("open+close, upper", (guest, sink) -> {
            guest.must(CLOSE, anonymousFile(guest, "/tmp/kernel-bench-file"));
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            guest.must(CLOSE, fd);
            sink.row(Call.of(fd, OPENAT, HERE, guest.string("/tmp/kernel-bench-file"), 0), Call.of(0, CLOSE, fd));
        });
        rows.put("open+getdents+close, /usr/lib", (guest, sink) -> {
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            guest.must(CLOSE, fd);
            sink.row(Call.of(fd, OPENAT, HERE, guest.string("/usr/lib"), Fcntl.O_DIRECTORY),
                    Call.of(Call.ANY, GETDENTS, fd, guest.memory(1 << 15), 1 << 15), Call.of(0, CLOSE, fd));
        });
        rows.put("open+getdents+close, 100 entries, upper", (guest, sink) -> {
            guest.must(MKDIR, guest.string("/tmp/kernel-bench-directory"), 0700);
            for (int i = 0; i < ENTRIES; i++) {
                guest.must(CLOSE, anonymousFile(guest, "/tmp/kernel-bench-directory/entry-" + i));
            }
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            guest.must(CLOSE, fd);
            sink.row(Call.of(fd, OPENAT, HERE, guest.string("/tmp/kernel-bench-directory"), Fcntl.O_DIRECTORY),
                    Call.of(Call.ANY, GETDENTS, fd, guest.memory(1 << 15), 1 << 15), Call.of(0, CLOSE, fd));
        });
        rows.put("fstat, lower", (guest, sink) -> sink.row(
                Call.of(0, FSTAT, guest.must(OPENAT, HERE, guest.string(lower), 0), guest.memory(PAGE))));
        rows.put("create+unlink, upper", (guest, sink) -> {
            long fd = guest.must(OPENAT, HERE, guest.string(lower), 0);
            guest.must(CLOSE, fd);
            long name = guest.string("/tmp/kernel-bench-new");
            sink.row(Call.of(fd, OPENAT, HERE, name, Fcntl.O_CREAT | Fcntl.O_RDWR, 0600), Call.of(0, CLOSE, fd), Call.of(0, UNLINK, name));
        });
    }

    private void names() {
        rows.put("stat, lower", (guest, sink) -> sink.row(Call.of(0, STAT, guest.string(lower), guest.memory(PAGE))));
        rows.put("stat, upper", (guest, sink) -> {
            guest.must(CLOSE, anonymousFile(guest, "/tmp/kernel-bench-file"));
            sink.row(Call.of(0, STAT, guest.string("/tmp/kernel-bench-file"), guest.memory(PAGE)));
        });
        rows.put("stat, lower, 8 levels", (guest, sink) -> {
            String path = "/usr/../usr/../usr/../usr/../usr/../usr/.." + lower;
            sink.row(Call.of(0, STAT, guest.string(path), guest.memory(PAGE)));
        });
        rows.put("stat of nothing", (guest, sink) -> sink.row(
                Call.of(ENOENT, STAT, guest.string("/usr/lib/there-is-no-such-file"), guest.memory(PAGE))));
        rows.put("access, lower", (guest, sink) -> sink.row(Call.of(0, ACCESS, guest.string(lower), 4)));
        rows.put("readlink /proc/self/exe", (guest, sink) -> sink.row(
                Call.of(Call.ANY, READLINK, guest.string("/proc/self/exe"), guest.memory(PAGE), PAGE)));
    }

    private void pipes() {
        rows.put("pipe write+read, 1 byte", (guest, sink) -> {
            int[] ends = pipe(guest);
            long memory = guest.memory(PAGE);
            sink.row(Call.of(1, WRITE, ends[1], memory, 1), Call.of(1, READ, ends[0], memory, 1));
        });
        rows.put("pipe write+read, 4 KiB", (guest, sink) -> {
            int[] ends = pipe(guest);
            long memory = guest.memory(1 << 16);
            sink.row(Call.of(PAGE, WRITE, ends[1], memory, PAGE), Call.of(PAGE, READ, ends[0], memory, PAGE));
        });
        rows.put("eventfd write+read", (guest, sink) -> {
            long fd = guest.must(EVENTFD2, 0, 0);
            long memory = guest.memory(PAGE);
            guest.storeLongs(memory, 1);
            sink.row(Call.of(8, WRITE, fd, memory, 8), Call.of(8, READ, fd, memory, 8));
        });
    }

    private void sockets() {
        rows.put("UNIX stream write+read, 64 bytes", (guest, sink) -> {
            int[] ends = sockets(guest, 1);
            long memory = guest.memory(PAGE);
            sink.row(Call.of(64, WRITE, ends[1], memory, 64), Call.of(64, READ, ends[0], memory, 64));
        });
        rows.put("UNIX datagram send+recv, 64 bytes", (guest, sink) -> {
            int[] ends = sockets(guest, 2);
            long memory = guest.memory(PAGE);
            sink.row(Call.of(64, SENDTO, ends[1], memory, 64, 0, 0, 0), Call.of(64, RECVFROM, ends[0], memory, 64, 0, 0, 0));
        });
        rows.put("UNIX stream sendmsg+recvmsg", (guest, sink) -> {
            int[] ends = sockets(guest, 1);
            long memory = guest.memory(PAGE);
            guest.storeLongs(memory, 0, 0, memory + 512, 1, 0, 0, 0);
            guest.storeLongs(memory + 512, memory + 1024, 64);
            sink.row(Call.of(64, SENDMSG, ends[1], memory, 0), Call.of(64, RECVMSG, ends[0], memory, 0));
        });
        rows.put("request+answer by epoll, as redis", (guest, sink) -> {
            int[] ends = sockets(guest, 1);
            long set = guest.must(EPOLL_CREATE1, 0);
            long memory = guest.memory(PAGE);
            watch(guest, set, ends[0], 1);
            sink.row(Call.of(64, WRITE, ends[1], memory, 64), Call.of(1, EPOLL_WAIT, set, memory + 512, 128, 100),
                    Call.of(64, READ, ends[0], memory, 2048), Call.of(5, WRITE, ends[0], memory, 5),
                    Call.of(5, READ, ends[1], memory, 2048));
        });
    }

    static void watch(Guest guest, long set, long fd, int events) {
        long event = guest.memory(PAGE);
        guest.storeLongs(event, events | fd << 32, 0);
        guest.must(EPOLL_CTL, set, 1, fd, event);
    }

    private void signals() {
        rows.put("tgkill to self+handler+rt_sigreturn", (guest, sink) -> {
            long action = guest.memory(PAGE);
            guest.storeLongs(action, Guest.HANDLER, Signals.SA_RESTORER, Guest.RESTORER, 0);
            guest.must(RT_SIGACTION, 10, action, 0, 8);
            sink.row(Call.of(0, TGKILL, guest.must(GETPID), guest.must(GETTID), 10));
        });
        rows.put("rt_sigprocmask twice", (guest, sink) -> {
            long set = guest.memory(PAGE);
            guest.storeLongs(set, 1 << 9);
            sink.row(Call.of(0, RT_SIGPROCMASK, 0, set, set + 64, 8), Call.of(0, RT_SIGPROCMASK, 2, set + 64, 0, 8));
        });
    }

    private void waiting() {
        rows.put("futex wake of nobody", (guest, sink) -> sink.row(Call.of(0, FUTEX, guest.memory(PAGE), 129, 1)));
        rows.put("futex wait for another value", (guest, sink) -> sink.row(Call.of(EAGAIN, FUTEX, guest.memory(PAGE), 128, 1, 0)));
        rows.put("epoll_wait of a ready pipe among 64", (guest, sink) -> {
            long set = guest.must(EPOLL_CREATE1, 0);
            long memory = guest.memory(PAGE);
            int[] ready = pipe(guest);
            watch(guest, set, ready[0], 1);
            for (int i = 1; i < 64; i++) {
                watch(guest, set, pipe(guest)[0], 1);
            }
            guest.must(WRITE, ready[1], memory, 1);
            sink.row(Call.of(1, EPOLL_WAIT, set, memory, 64, -1));
        });
        rows.put("poll of 2, one ready", (guest, sink) -> {
            long memory = guest.memory(PAGE);
            int[] ready = pipe(guest);
            int[] idle = pipe(guest);
            guest.must(WRITE, ready[1], memory, 1);
            guest.storeLongs(memory, ready[0] | 1L << 32, idle[0] | 1L << 32);
            sink.row(Call.of(1, POLL, memory, 2, -1));
        });
        rows.put("writev of 2 to /dev/null", (guest, sink) -> {
            long memory = guest.memory(PAGE);
            guest.storeLongs(memory, memory, 64, memory + 64, 64);
            sink.row(Call.of(128, WRITEV, guest.must(OPENAT, HERE, guest.string("/dev/null"), 1), memory, 2));
        });
    }
}
