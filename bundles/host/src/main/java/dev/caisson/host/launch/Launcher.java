package dev.caisson.host.launch;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Socket;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostSocket;
import dev.caisson.host.raw.SyscallNumber;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The launcher of this process, as it is seen from this process; see {@link LauncherProgram}. Before {@link #seal} it does on the host what this process,
 * in namespaces of its own, cannot. Not thread-safe before that.
 */
public final class Launcher {
    /** The variable of the environment by which whoever starts the launcher says so. */
    public static final String VARIABLE = "CAISSON_LAUNCHER";

    private static final int LAST_BYTES = LaunchArea.LOSS - LaunchArea.LAST;
    private static final int OWN_LISTS = LaunchArea.OWN, OWN_DATA = LaunchArea.OWN + 0x4000;
    private static final int LAST_LIST = LaunchArea.LAST + LaunchArea.ORDER_BYTES, LAST_DATA = LaunchArea.LAST + LAST_BYTES / 2;
    private static final int FILE_MODE = 0644;
    private static final int MOST_LAST = 200, CHILD_BYTES = 8 * LaunchArea.ORDER_BYTES;
    private static final int SIGKILL = 9, SIG_SETMASK = 2;
    private static final long WALL = 0x4000_0000L;
    private static final int POLLIN = 1;
    private static final int MOST_OUTPUT_BYTES = 512, REMOVE_DIRECTORY = 0x200;

    private static final int SIOCSIFFLAGS = 0x8914, IFREQ_FLAGS = 16;

    private final MemorySegment memory;
    /** One wish for a socket at a time: answers come in turn. */
    private final Object socketLock = new Object();
    private volatile boolean isSealed;

    private Launcher(MemorySegment memory) {
        this.memory = memory;
    }

    /**
     * How a program of the host ended.
     *
     * @param status as wait(2) tells it; -1 when it had to be killed because of its time
     * @param output the beginning of what it wrote
     */
    public record Ended(int status, byte[] output) {}

    /**
     * Finds this process' launcher. Called once.
     *
     * @return the launcher, or null when this process was started without one
     */
    public static Launcher find() {
        if (System.getenv(VARIABLE) == null) {
            return null;
        }
        MemorySegment memory = HostMemory.mapFile(LaunchArea.MEMORY, 0, LaunchArea.BYTES, true);
        if (memory == null || memory.get(Layouts.U64, LaunchArea.MAGIC_AT) != LaunchArea.MAGIC) {
            return null;
        }
        HostFile.close(LaunchArea.MEMORY);
        HostFile.control(LaunchArea.SANDBOXS, Fcntl.F_SETFD, 1 /* FD_CLOEXEC */);
        return new Launcher(memory);
    }

    /** {@return the launcher's process id: the host's process that stands for this one} */
    public int processId() {
        return (int) memory.get(Layouts.U64, LaunchArea.LAUNCHER);
    }

    /** {@return this process' id in the launcher's process namespace} */
    public int ownProcessId() {
        return (int) memory.get(Layouts.U64, LaunchArea.PROCESS);
    }

    /** {@return whether this process is in a user namespace of its own} */
    public boolean hasUserNamespace() {
        return (memory.get(Layouts.U64, LaunchArea.FLAGS) & LaunchArea.CLONE_NEWUSER) != 0;
    }

    /** {@return whether this process has mounts and process ids of its own} */
    public boolean hasMountNamespace() {
        return (memory.get(Layouts.U64, LaunchArea.FLAGS) & LaunchArea.CLONE_NEWNS) != 0;
    }

    /** {@return 0, or the negated error number by which the host refused namespaces} */
    public long error() {
        return memory.get(Layouts.U64, LaunchArea.ERROR);
    }

    /** {@return whether the id maps were accepted} */
    public boolean hasIds() {
        if (!hasUserNamespace()) {
            return true;
        }
        boolean groups = LaunchArea.result(memory, LaunchArea.PARENT + 3 * LaunchArea.ORDER_BYTES) > 0
                || LaunchArea.result(memory, LaunchArea.PARENT + 7 * LaunchArea.ORDER_BYTES) > 0;
        return groups && LaunchArea.result(memory, LaunchArea.PARENT + LaunchArea.ORDER_BYTES) > 0;
    }

    private LaunchArea orders() {
        return new LaunchArea(memory).list(OWN_LISTS, OWN_DATA);
    }

    /** {@return whether nobody carries out wishes any more} */
    public boolean isSealed() {
        return isSealed;
    }

    /** Has the list carried out that begins at {@link #OWN_LISTS}. */
    private long run() throws IOException {
        if (isSealed) {
            throw new IOException("the launcher is sealed"); // it would not answer
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment word = arena.allocate(8, 8);
            send(word, LaunchArea.ADDRESS + OWN_LISTS);
            for (long done = 0; done < 8;) {
                long count = HostSocket.receive(LaunchArea.SANDBOXS, word.address() + done, 8 - done, HostFile::close);
                if (count == -Errno.EINTR.number()) {
                    continue;
                }
                if (count <= 0) {
                    throw new IOException("the launcher is gone");
                }
                done += count;
            }
            return word.get(Layouts.U64, 0);
        }
    }

    private static boolean send(MemorySegment word, long value) {
        word.set(Layouts.U64, 0, value);
        return HostSocket.send(LaunchArea.SANDBOXS, word.address(), 8, 0, 0, -1) == 8;
    }

    /**
     * Has the launcher write to files of the host.
     *
     * @param path the file
     * @param text one char per byte
     * @return 0 or a negated error number
     * @throws IOException when the launcher is gone
     */
    public long write(String path, String text) throws IOException {
        LaunchArea orders = orders();
        orders.add(SyscallNumber.OPENAT | LaunchArea.NEEDED, Fcntl.AT_FDCWD, orders.text(path), Fcntl.O_WRONLY | Fcntl.O_CLOEXEC)
                .add(SyscallNumber.WRITE | LaunchArea.CHAINED, 0, orders.text(text), text.length());
        long result = run();
        if (result < 0) {
            return result;
        }
        long written = LaunchArea.result(memory, OWN_LISTS + LaunchArea.ORDER_BYTES);
        long opened = LaunchArea.result(memory, OWN_LISTS);
        orders().add(SyscallNumber.CLOSE, opened);
        run();
        return Math.min(0, written);
    }

    /**
     * Has the launcher enter a network namespace: the one that is shown for the process of the container.
     *
     * @param path of the namespace, one char per byte
     * @return 0 or a negated error number
     * @throws IOException when the launcher is gone
     */
    public long enterNetwork(String path) throws IOException {
        LaunchArea orders = orders();
        orders.add(SyscallNumber.OPENAT | LaunchArea.NEEDED, Fcntl.AT_FDCWD, orders.text(path), Fcntl.O_CLOEXEC)
                .add(SyscallNumber.SETNS | LaunchArea.CHAINED | LaunchArea.NEEDED, 0, LaunchArea.CLONE_NEWNET);
        return run();
    }

    /**
     * A socket of the launcher's network namespace, before and after {@link #seal}. Any thread.
     *
     * @param family AF_INET, AF_INET6 or AF_NETLINK
     * @param type {@code SOCK_*} with flags
     * @param protocol of the family
     * @return a descriptor, or a negated error number
     */
    public long socket(int family, int type, int protocol) {
        synchronized (socketLock) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment word = arena.allocate(8, 8);
                if (!send(word, SocketWish.word(family, type, protocol))) {
                    return -Errno.ENETDOWN.number();
                }
                long[] descriptor = {-Errno.ENETDOWN.number()};
                for (long done = 0; done < 8;) {
                    long count = HostSocket.receive(LaunchArea.SANDBOXS, word.address() + done, 8 - done, fd -> descriptor[0] = fd);
                    if (count <= 0 && count != -Errno.EINTR.number()) {
                        return -Errno.ENETDOWN.number();
                    }
                    done += Math.max(0, count);
                }
                long answer = word.get(Layouts.U64, 0);
                return answer < 0 ? answer : descriptor[0];
            }
        }
    }

    /**
     * Sets the loopback interface of the launcher's network namespace up, which nobody else does in a new one.
     *
     * @return 0 or a negated error number
     * @throws IOException when the launcher is gone
     */
    public long enableLoopback() throws IOException {
        byte[] request = new byte[40]; // struct ifreq: the name, the flags
        request[0] = 'l';
        request[1] = 'o';
        request[IFREQ_FLAGS] = 1; // IFF_UP
        LaunchArea orders = orders();
        orders.add(SyscallNumber.SOCKET | LaunchArea.NEEDED, Socket.AF_INET, Socket.SOCK_DGRAM | Socket.SOCK_CLOEXEC, 0)
                .add(SyscallNumber.IOCTL | LaunchArea.CHAINED, 0, SIOCSIFFLAGS, orders.bytes(request));
        long result = run();
        if (result < 0) {
            return result;
        }
        long set = LaunchArea.result(memory, OWN_LISTS + LaunchArea.ORDER_BYTES);
        long opened = LaunchArea.result(memory, OWN_LISTS);
        orders().add(SyscallNumber.CLOSE, opened);
        run();
        return Math.min(0, set);
    }

    /**
     * Has the launcher execute a program of the host, and waits for its end.
     *
     * @param path of the program; this and all other strings have one char per byte
     * @param arguments its name first
     * @param environment {@code NAME=value}
     * @param input what it reads
     * @param timeoutSeconds after so long it is killed; 0 for never
     * @return how it ended
     * @throws IOException when it could not be started
     */
    public Ended execute(String path, List<String> arguments, List<String> environment, byte[] input, int timeoutSeconds) throws IOException {
        LaunchArea files = orders();
        long empty = files.text("");
        files.add(SyscallNumber.MEMFD_CREATE | LaunchArea.NEEDED, empty, 0).add(SyscallNumber.MEMFD_CREATE | LaunchArea.NEEDED, empty, 0);
        checked("make files for", path, run());
        long in = LaunchArea.result(memory, OWN_LISTS);
        long out = LaunchArea.result(memory, OWN_LISTS + LaunchArea.ORDER_BYTES);
        int process = start(path, arguments, environment, input, in, out);
        orders().add(SyscallNumber.PIDFD_OPEN | LaunchArea.NEEDED, process, 0);
        checked("watch", path, run());
        long descriptor = LaunchArea.result(memory, OWN_LISTS);
        LaunchArea wait = orders();
        byte[] poll = new byte[8]; // struct pollfd
        MemorySegment.ofArray(poll).set(Layouts.U64, 0, descriptor & 0xffff_ffffL | (long) POLLIN << 32);
        wait.add(SyscallNumber.POLL, wait.bytes(poll), 1, timeoutSeconds == 0 ? -1 : Math.min(timeoutSeconds, Integer.MAX_VALUE / 1000) * 1000L);
        checked("wait for", path, run());
        boolean isLate = LaunchArea.result(memory, OWN_LISTS) == 0;
        LaunchArea end = orders();
        long status = end.bytes(new byte[8]);
        long output = end.bytes(new byte[MOST_OUTPUT_BYTES]);
        if (isLate) {
            end.add(SyscallNumber.KILL, process, SIGKILL);
        }
        int read = end.position();
        end.add(SyscallNumber.PREAD64, out, output, MOST_OUTPUT_BYTES, 0);
        int waited = end.position();
        end.add(SyscallNumber.WAIT4, process, status, WALL, 0).add(SyscallNumber.CLOSE, descriptor).add(SyscallNumber.CLOSE, in)
                .add(SyscallNumber.CLOSE, out);
        checked("wait for", path, run());
        checked("wait for", path, LaunchArea.result(memory, waited));
        int count = (int) Math.max(0, LaunchArea.result(memory, read));
        return new Ended(isLate ? -1 : memory.get(Layouts.U32, status - LaunchArea.ADDRESS),
                memory.asSlice(output - LaunchArea.ADDRESS, count).toArray(ValueLayout.JAVA_BYTE));
    }

    private int start(String path, List<String> arguments, List<String> environment, byte[] input, long in, long out) throws IOException {
        LaunchArea orders = orders();
        long content = orders.bytes(input);
        orders.add(SyscallNumber.WRITE | LaunchArea.NEEDED, in, content, input.length).add(SyscallNumber.LSEEK, in, 0, 0);
        int spawn = orders.position();
        int childAt = spawn + 2 * LaunchArea.ORDER_BYTES;
        orders.add(LaunchArea.SPAWN | LaunchArea.NEEDED, LaunchArea.ADDRESS + childAt);
        child(orders, childAt, path, arguments, environment, in, out);
        checked("start", path, run());
        return (int) LaunchArea.result(memory, spawn);
    }

    private static void child(LaunchArea child, int at, String path, List<String> arguments, List<String> environment, long in, long out) {
        long words = vector(child, arguments);
        long variables = vector(child, environment);
        long program = child.text(path);
        long noSignals = child.bytes(new byte[8]);
        child.continueAt(at).add(SyscallNumber.DUP3, in, 0, 0).add(SyscallNumber.DUP3, out, 1, 0).add(SyscallNumber.DUP3, out, 2, 0)
                .add(SyscallNumber.CLOSE_RANGE, 3, 0xffff_ffffL, 0)
                .add(SyscallNumber.RT_SIGPROCMASK, SIG_SETMASK, noSignals, 0, 8)
                .add(SyscallNumber.EXECVE | LaunchArea.NEEDED, program, words, variables);
    }

    /**
     * A program for the end.
     *
     * @param path of the program; this and all other strings have one char per byte
     * @param arguments its name first
     * @param environment {@code NAME=value}
     * @param input what it reads
     */
    public record Last(String path, List<String> arguments, List<String> environment, byte[] input) {}

    private static long vector(LaunchArea area, List<String> strings) {
        byte[] addresses = new byte[8 * (strings.size() + 1)];
        MemorySegment words = MemorySegment.ofArray(addresses);
        for (int i = 0; i < strings.size(); i++) {
            words.set(Layouts.U64, 8L * i, area.text(strings.get(i)));
        }
        return area.bytes(addresses);
    }

    private static void checked(String what, String path, long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot " + what + " " + path + ": " + Errno.of(-result).text());
        }
    }

    /**
     * Has the launcher remove files of the host; what cannot be removed stays.
     *
     * @param paths files first, directories (with a slash at the end) after what is in them; one char per byte
     * @throws IOException when the launcher is gone
     */
    public void remove(List<String> paths) throws IOException {
        LaunchArea orders = orders();
        for (String path : paths) {
            orders.add(SyscallNumber.UNLINKAT, Fcntl.AT_FDCWD, orders.text(path), path.endsWith("/") ? REMOVE_DIRECTORY : 0);
        }
        run();
    }

    /**
     * Says what the launcher does when this process has ended, however it did. Programs that cannot be executed are left out, what cannot be removed
     * stays. To be said before {@link #seal}.
     *
     * @param programs what is executed first, one after the other
     * @param left control groups that the launcher leaves before, for those above
     * @param paths files first, directories (with a slash at the end) after what is in them; all have one char per byte
     * @throws IllegalArgumentException when that is too much
     * @throws IOException when the launcher is gone
     */
    public void atEnd(List<Last> programs, List<String> left, List<String> paths) throws IOException {
        if (left.size() * 2 + paths.size() > MOST_LAST || programs.size() > MOST_LAST / 2 || left.stream().mapToInt(String::length).sum() + paths.stream().mapToInt(String::length).sum()
                > LAST_BYTES / 4) {
            throw new IllegalArgumentException("too many files to remove");
        }
        List<Long> inputs = new ArrayList<>();
        for (Last each : programs) {
            LaunchArea file = orders();
            file.add(SyscallNumber.MEMFD_CREATE | LaunchArea.NEEDED, file.text(""), 0);
            checked("make a file for", each.path, run());
            long fd = LaunchArea.result(memory, OWN_LISTS);
            LaunchArea fill = orders();
            fill.add(SyscallNumber.WRITE, fd, fill.bytes(each.input), each.input.length).add(SyscallNumber.LSEEK, fd, 0, 0);
            run();
            inputs.add(fd);
        }
        LaunchArea orders = new LaunchArea(memory).list(LAST_LIST, LAST_DATA);
        int childAt = LAST_DATA - programs.size() * CHILD_BYTES;
        for (int i = 0; i < programs.size(); i++) {
            orders.add(LaunchArea.SPAWN, LaunchArea.ADDRESS + childAt + (long) i * CHILD_BYTES).add(SyscallNumber.WAIT4 | LaunchArea.CHAINED, 0, 0, WALL, 0);
        }
        int next = orders.position();
        for (int i = 0; i < programs.size(); i++) {
            Last each = programs.get(i);
            child(orders, childAt + i * CHILD_BYTES, each.path, each.arguments, each.environment, inputs.get(i), inputs.get(i));
        }
        orders.continueAt(next);
        for (String group : left) {
            String above = group.substring(0, group.lastIndexOf('/')) + "/cgroup.procs";
            orders.add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, orders.text(above), Fcntl.O_WRONLY | Fcntl.O_CLOEXEC)
                    .add(SyscallNumber.WRITE | LaunchArea.CHAINED, 0, orders.text("0"), 1);
        }
        for (String path : paths) {
            orders.add(SyscallNumber.UNLINKAT, Fcntl.AT_FDCWD, orders.text(path), path.endsWith("/") ? REMOVE_DIRECTORY : 0);
        }
        if (orders.stringsEnd() > LaunchArea.LOSS) {
            throw new IllegalArgumentException("hooks have too many words");
        }
        memory.set(Layouts.U64, LaunchArea.LAST, 1);
    }

    /**
     * Says what the launcher writes when this process ends without {@link #end}. To be said before {@link #seal}, once.
     *
     * @param lines to which files; those that cannot be opened are left out
     * @throws IllegalArgumentException when that is too much
     * @throws IOException when the launcher is gone
     */
    public void atLoss(List<LossReport.Line> lines) throws IOException {
        List<LossReport.Line> open = new ArrayList<>();
        List<Long> descriptors = new ArrayList<>();
        for (LossReport.Line each : lines) {
            LaunchArea orders = orders();
            orders.add(SyscallNumber.OPENAT | LaunchArea.NEEDED, Fcntl.AT_FDCWD, orders.text(each.path()),
                    Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_APPEND | Fcntl.O_CLOEXEC, FILE_MODE);
            if (run() >= 0) {
                open.add(each);
                descriptors.add(LaunchArea.result(memory, OWN_LISTS));
            }
        }
        LossReport.put(memory, open, descriptors);
    }

    /**
     * Says which control group's watchers the launcher tells of {@link #memoryKill}. To be said before {@link #seal}, once.
     *
     * @param limit path of memory.max or memory.limit_in_bytes, one char per byte
     * @param usage path of memory.current or memory.usage_in_bytes
     * @return 0 or a negated error number
     * @throws IOException when the launcher is gone
     */
    public long watchMemory(String limit, String usage) throws IOException {
        LaunchArea orders = orders();
        orders.add(SyscallNumber.OPENAT | LaunchArea.NEEDED, Fcntl.AT_FDCWD, orders.text(limit), Fcntl.O_RDWR | Fcntl.O_CLOEXEC)
                .add(SyscallNumber.DUP3 | LaunchArea.CHAINED, 0, LaunchArea.LIMIT, Fcntl.O_CLOEXEC)
                .add(SyscallNumber.OPENAT | LaunchArea.NEEDED, Fcntl.AT_FDCWD, orders.text(usage), Fcntl.O_RDONLY | Fcntl.O_CLOEXEC)
                .add(SyscallNumber.DUP3 | LaunchArea.CHAINED, 0, LaunchArea.USAGE, Fcntl.O_CLOEXEC);
        return run();
    }

    /** Says that a process of a guest was killed for lack of memory. Any thread. */
    public void memoryKill() {
        try (Arena arena = Arena.ofConfined()) {
            send(arena.allocate(8, 8), 3);
        }
    }

    /** Ends all wishes: from now on the launcher only waits for the end. To be called before any code of a guest runs. */
    public void seal() {
        isSealed = true;
        try (Arena arena = Arena.ofConfined()) {
            send(arena.allocate(8, 8), 1);
        }
    }

    /**
     * Says as what the launcher is to end when this process has.
     *
     * @param waitStatus as wait(2) tells it
     */
    public void end(int waitStatus) {
        try (Arena arena = Arena.ofConfined()) {
            send(arena.allocate(8, 8), (waitStatus & 0xffffL) << 8 | 2);
        }
    }
}
