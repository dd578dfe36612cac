package dev.caisson.syscalls;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.syscall.SyscallRow;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.TracedCall;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Lines of the trace against those of strace(1) 6.1 for the same calls. */
final class TraceLinesTest {
    /** The fake guest has one run of memory. */
    private static final long BASE = 0x10000;
    private static final int BYTES = 0x4000;
    /** Nothing is here. */
    private static final long WILD = 0x7000_0000L;

    private final SyscallTable table = new LinuxTable().table();
    private final byte[] memory = new byte[BYTES];
    private final MemorySegment guest = MemorySegment.ofArray(memory);
    private int copied;

    private int peek(long address, byte[] target, int length) {
        if (address < BASE || address >= BASE + BYTES) {
            return 0;
        }
        int got = (int) Math.min(length, BASE + BYTES - address);
        System.arraycopy(memory, (int) (address - BASE), target, 0, got);
        copied += got;
        return got;
    }

    private TracedCall call(String name, long... values) {
        SyscallRow row = table.rows().stream().filter(r -> r.name().equals(name)).findFirst().orElseThrow();
        return new TracedCall(this::peek, row, row.number(), Arrays.copyOf(values, 6));
    }

    private long string(long offset, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(bytes, 0, memory, (int) offset, bytes.length);
        memory[(int) offset + bytes.length] = 0;
        return BASE + offset;
    }

    private long longs(long offset, long... values) {
        for (int i = 0; i < values.length; i++) {
            guest.set(Layouts.U64, offset + 8L * i, values[i]);
        }
        return BASE + offset;
    }

    private long ints(long offset, int... values) {
        for (int i = 0; i < values.length; i++) {
            guest.set(Layouts.U32, offset + 4L * i, values[i]);
        }
        return BASE + offset;
    }

    private static void assertLine(String expected, String line) {
        assertEquals(expected, line);
    }

    @Test
    void namesAreQuotedWithTheEscapesOfC() {
        long path = string(0, "/tmp/a\"b\n\u00011\u0001x\u00ff");
        assertLine("openat(AT_FDCWD, \"/tmp/a\\\"b\\n\\0011\\1x\\377\", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0640) = 3",
                call("openat", -100, path, 02000301, 0640).returned(3, true));
    }

    @Test
    void modeOfOpenIsShownOnlyWhenAFileMayBeCreated() {
        long path = string(0, "x");
        assertLine("openat(AT_FDCWD, \"x\", O_RDONLY) = -1 ENOENT (No such file or directory)",
                call("openat", -100, path, 0, 0777).returned(-2, true));
    }

    @Test
    void dataIsCutAndMemoryThatCannotBeReadIsAnAddress() {
        long data = string(0, "0123456789012345678901234567890123456789");
        assertLine("write(1, \"01234567890123456789012345678901\"..., 40) = 40", call("write", 1, data, 40).returned(40, true));
        assertLine("write(1, 0x70000000, 40) = -1 EFAULT (Bad address)", call("write", 1, WILD, 40).returned(-14, true));
    }

    @Test
    void outputsAreThoseOfTheReturnAndAddressesAfterAnError() {
        TracedCall read = call("read", 0, BASE, 100);
        string(0, "late");
        assertLine("read(0, \"late\", 100) = 4", read.returned(4, true));
        assertLine("read(0, 0x10000, 100) = -1 EAGAIN (Resource temporarily unavailable)", call("read", 0, BASE, 100).returned(-11, true));
    }

    @Test
    void whatTheCallBroughtIntoMemoryIsReadAfterIt() {
        boolean[] present = {false};
        SyscallRow row = table.row(80);
        string(0, "/etc");
        TracedCall chdir = new TracedCall((address, target, length) -> present[0] ? peek(address, target, length) : 0, row, 80,
                new long[] {BASE, 0, 0, 0, 0, 0});
        present[0] = true;
        assertLine("chdir(\"/etc\") = 0", chdir.returned(0, true));
    }

    @Test
    void statusOfFiles() {
        guest.set(Layouts.U32, 24, 0100644);
        guest.set(Layouts.U64, 48, 1271L);
        assertLine("fstat(3, {st_mode=S_IFREG|0644, st_size=1271, ...}) = 0", call("fstat", 3, BASE).returned(0, true));
        guest.set(Layouts.U32, 24, 020620);
        guest.set(Layouts.U64, 40, 0x8803L);
        assertLine("fstat(0, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0x3), ...}) = 0", call("fstat", 0, BASE).returned(0, true));
    }

    @Test
    void timesAndTimers() {
        longs(0, 1, 5, 2, 6);
        assertLine("nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0", call("nanosleep", BASE, 0).returned(0, true));
        assertLine("setitimer(ITIMER_REAL, {it_interval={tv_sec=1, tv_usec=5}, it_value={tv_sec=2, tv_usec=6}}, NULL) = 0",
                call("setitimer", 0, BASE, 0).returned(0, true));
        assertLine("clock_gettime(CLOCK_MONOTONIC, {tv_sec=1, tv_nsec=5}) = 0", call("clock_gettime", 1, BASE).returned(0, true));
        longs(16, 7, 0x3fffffff);
        assertLine("utimensat(3, NULL, [{tv_sec=1, tv_nsec=5}, UTIME_NOW], 0) = 0", call("utimensat", 3, 0, BASE, 0).returned(0, true));
    }

    @Test
    void signals() {
        longs(0, 0x5555, 0x14000000L, 0x7f01, 1L << 1 | 1L << 39);
        assertLine("rt_sigaction(SIGUSR1, {sa_handler=0x5555, sa_mask=[INT RT_8], sa_flags=SA_RESTORER|SA_RESTART, sa_restorer=0x7f01},"
                + " NULL, 8) = 0", call("rt_sigaction", 10, BASE, 0, 8).returned(0, true));
        longs(0, ~(1L << 8 | 1L << 18));
        assertLine("rt_sigprocmask(SIG_SETMASK, ~[KILL STOP], NULL, 8) = 0", call("rt_sigprocmask", 2, BASE, 0, 8).returned(0, true));
        assertLine("tgkill(1, 2, SIGRT_3) = 0", call("tgkill", 1, 2, 35).returned(0, true));
        ints(0, 17, 0, 1);
        ints(16, 42, 1000, 3, 0);
        longs(32, 4, 5);
        assertLine("waitid(P_PID, 42, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=42, si_uid=1000, si_status=3, si_utime=4, si_stime=5},"
                + " WEXITED, NULL) = 0", call("waitid", 1, 42, BASE, 4, 0).returned(0, true));
    }

    @Test
    void waitStatus() {
        ints(0, 0x300);
        assertLine("wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 5", call("wait4", -1, BASE).returned(5, true));
        ints(0, 0x8b);
        assertLine("wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], WNOHANG, NULL) = 5",
                call("wait4", -1, BASE, 1).returned(5, true));
        ints(0, 0x137f);
        assertLine("wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED, NULL) = 5",
                call("wait4", -1, BASE, 2).returned(5, true));
    }

    @Test
    void addressesOfSockets() {
        byte[] inet = {2, 0, 0x1f, (byte) 0x90, 127, 0, 0, 1};
        System.arraycopy(inet, 0, memory, 0, inet.length);
        assertLine("connect(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0",
                call("connect", 3, BASE, 16).returned(0, true));
        byte[] inet6 = {10, 0, 0, 53, 0, 0, 0, 0, 0x20, 1, 0x0d, (byte) 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
        System.arraycopy(inet6, 0, memory, 0, inet6.length);
        assertLine("bind(3, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"2001:db8::1\","
                + " &sin6_addr), sin6_scope_id=0}, 28) = 0", call("bind", 3, BASE, 28).returned(0, true));
        string(2, "\0name");
        memory[0] = 1;
        assertLine("bind(3, {sa_family=AF_UNIX, sun_path=@\"name\"}, 7) = 0", call("bind", 3, BASE, 7).returned(0, true));
        ints(200, 128);
        TracedCall accept = call("accept", 3, BASE, BASE + 200);
        ints(200, 2);
        assertLine("accept(3, {sa_family=AF_UNIX}, [128 => 2]) = 4", accept.returned(4, true));
    }

    @Test
    void messagesWithDescriptors() {
        string(0, "hello");
        longs(64, BASE, 5);
        longs(128, 20, 1L << 32 | 1, 7);
        longs(256, 0, 0, BASE + 64, 1, BASE + 128, 24, 0);
        assertLine("sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"hello\", iov_len=5}], msg_iovlen=1,"
                + " msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[7]}], msg_controllen=24,"
                + " msg_flags=0}, 0) = 5", call("sendmsg", 3, BASE + 256, 0).returned(5, true));
    }

    @Test
    void readinessBeforeAndAfter() {
        ints(0, 3, 1);
        TracedCall poll = call("poll", BASE, 1, -1);
        ints(0, 3, 1 | 0x11 << 16);
        assertLine("poll([{fd=3, events=POLLIN}], 1, -1) = 1 ([{fd=3, revents=POLLIN|POLLHUP}])", poll.returned(1, true));
        ints(0, 3, 1);
        assertLine("poll([{fd=3, events=POLLIN}], 1, 5) = 0 (Timeout)", call("poll", BASE, 1, 5).returned(0, true));
        longs(0, 0b101000);
        TracedCall select = call("select", 6, BASE, 0, 0, 0);
        longs(0, 0b1000);
        assertLine("select(6, [3 5], NULL, NULL, NULL) = 1 (in [3])", select.returned(1, true));
        ints(0, 1, 7, 5);
        assertLine("epoll_wait(4, [{events=EPOLLIN, data={u32=7, u64=21474836487}}], 8, -1) = 1",
                call("epoll_wait", 4, BASE, 8, -1).returned(1, true));
    }

    @Test
    void requestsDecideAboutTheirArguments() {
        assertLine("ioctl(0, TCFLSH, TCIFLUSH) = 0", call("ioctl", 0, 0x540b, 0).returned(0, true));
        guest.set(Layouts.U32, 0, 24 | 80 << 16);
        assertLine("ioctl(0, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0",
                call("ioctl", 0, 0x5413, BASE).returned(0, true));
        assertLine("ioctl(0, _IOC(_IOC_NONE, 0x56, 0x78, 0x1234), 0) = -1 ENOTTY (Inappropriate ioctl for device)",
                call("ioctl", 0, 0x12345678, 0).returned(-25, true));
        assertLine("fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)", call("fcntl", 3, 3).returned(0x8002, true));
        longs(0, 1, 1, 2);
        assertLine("fcntl(3, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=2}) = 0",
                call("fcntl", 3, 6, BASE).returned(0, true));
        assertLine("prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) = 1", call("prctl", 23, 21).returned(1, true));
        assertLine("futex(0x10000, FUTEX_WAKE_PRIVATE, 1) = 0", call("futex", BASE, 129, 1).returned(0, true));
        assertLine("futex(0x10000, FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, 2, NULL, FUTEX_BITSET_MATCH_ANY) = 0",
                call("futex", BASE, 0x109, 2, 0, 0, -1).returned(0, true));
    }

    @Test
    void programsAndThreads() {
        string(0, "/bin/true");
        string(32, "a b");
        longs(64, BASE, BASE + 32, 0);
        assertLine("execve(\"/bin/true\", [\"/bin/true\", \"a b\"], 0x10040 /* 2 vars */) = 0",
                call("execve", BASE, BASE + 64, BASE + 64).returned(0, false));
        longs(128, 0x4100, 0, 0, 0, 17, 0, 0, 0);
        assertLine("clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 64) = 9",
                call("clone3", BASE + 128, 64).returned(9, true));
        assertLine("clone(flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_stack=NULL, child_tidptr=0x10) = 9",
                call("clone", 0x200011, 0, 0, 0x10).returned(9, true));
    }

    @Test
    void mapsAndLimits() {
        assertLine("mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x7f0000000000",
                call("mmap", 0, 4096, 0, 0x4022, -1, 0).returned(0x7f0000000000L, true));
        longs(0, 8L << 20, -1);
        assertLine("prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0",
                call("prlimit64", 0, 3, 0, BASE).returned(0, true));
        assertLine("umask(022) = 077", call("umask", 022).returned(077, true));
        assertLine("msync(0x1000, 4096, MS_SYNC) = ? " + Errno.ERESTARTSYS.name() + " (" + Errno.ERESTARTSYS.text() + ")",
                call("msync", 0x1000, 4096, 4).returned(-512, true));
    }

    /** Every row takes every kind of hostile register without an exception, and within its bounds. */
    @Test
    void hostileArgumentsAreShownInABoundedLine() {
        Random random = new Random(7);
        long[] edges = {0, 1, -1, BASE, BASE + 1, BASE + BYTES - 3, WILD, Long.MIN_VALUE, Long.MAX_VALUE, 0x7fff_ffffL, 0x8000_0000L, 64};
        for (int round = 0; round < 20; round++) {
            random.nextBytes(memory);
            for (int i = 0; i < BYTES; i += 64) {
                longs(i, BASE + random.nextInt(BYTES), random.nextInt(1 << 20));
            }
            for (SyscallRow row : table.rows()) {
                long[] values = random.longs(6, 0, edges.length).map(i -> edges[(int) i]).toArray();
                if (random.nextBoolean()) {
                    values[1] = BASE + random.nextInt(BYTES);
                    values[2] = random.nextInt(100);
                }
                copied = 0;
                TracedCall call = new TracedCall(this::peek, row, row.number(), values);
                String line = call.returned(edges[random.nextInt(edges.length)], true);
                assertTrue(line.length() < 1 << 17, row.name());
                assertTrue(copied <= 1 << 18, row.name());
            }
        }
    }
}
