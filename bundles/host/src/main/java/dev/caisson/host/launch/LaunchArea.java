package dev.caisson.host.launch;

import dev.caisson.abi.Layouts;
import dev.caisson.host.code.OrderList;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * The memory that the launcher shares with the process that it starts, at a fixed address in the launcher: a file without a name,
 * descriptor {@link #MEMORY} of both.
 * <pre>
 *   off size
 *     0    8 0, or the negated error number of the first attempt to make namespaces
 *     8    8 process id of the launcher
 *    16    8 process id of the sandbox's process, as the launcher sees it
 *    24    8 CLONE_* of the namespaces that were made
 *    32    8 0 or the negated error number of unshare(2) for the network namespace
 *    40    8 {@link #MAGIC}
 *    48    8 socketpair(2) puts its descriptors here
 *    56    8 signals that the launcher passes on
 *    64    8 where the byte for the start is read to
 *  0x100      lists of orders, each of 64 bytes: number and flags, six arguments, the result
 *  0x4000     the sandbox's own
 * 0x80000   64 not 0: what follows is carried out when the sandbox's process has ended
 * 0x90000    8 not 0: what follows is written when it is lost ({@link LossReport})
 * </pre>
 */
final class LaunchArea {
    static final long ADDRESS = 0x6000_0000L;
    static final int BYTES = 1 << 20;
    static final int ERROR = 0, LAUNCHER = 8, PROCESS = 16, FLAGS = 24, NETWORK_ERROR = 32, MAGIC_AT = 40, PAIR = 48, PASSED = 56, START = 64;
    static final int CHILD = 0x100, PARENT = 0x2000, PATHS = 0x3000, PATH_BYTES = 64, OWN = 0x4000,
            LAST = 0x80000, LOSS = 0x90000, KEPT_BYTES = 0x14000;
    static final long MAGIC = 0x6c61756e_63686572L;

    /** Descriptors: the shared memory, the launcher's end of the socket, the sandbox's, the launcher's signals. */
    static final int MEMORY = 200, LAUNCHERS = 201, SANDBOXS = 202, SIGNALS = 203;
    /** Of the launcher: the files of the control group's memory that {@link dev.caisson.host.code.MemoryAlarm} needs. */
    static final int LIMIT = 204, USAGE = 205;

    static final int ORDER_BYTES = OrderList.ORDER_BYTES;
    /** In the number of an order: its first argument is the result of the one before; the list ends when it fails. */
    static final long CHAINED = 1L << 32, NEEDED = 1L << 33;
    /** Ends a list. */
    static final long END = -1;
    /** In place of a system call: a child process carries out the list at the first argument. */
    static final int SPAWN = 0x7fff;

    static final int CLONE_NEWNS = 0x20000, CLONE_NEWUTS = 0x4000000, CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000,
            CLONE_NEWPID = 0x20000000, CLONE_NEWNET = 0x40000000;
    private static final int PR_SET_PDEATHSIG = 1, PR_CAPBSET_DROP = 24, PR_SET_NO_NEW_PRIVS = 38, SIGKILL = 9;
    private static final int O_WRONLY = 1, O_CLOEXEC = 0x80000, AT_FDCWD = -100;
    /** What is written to an id map at most: behind its zero the host does not look. */
    private static final int MOST_MAP_BYTES = 256;
    /** Every signal but those that nobody can pass on, SIGCHLD, and those of faults, which are the launcher's own. */
    static final long PASSED_SIGNALS = ~(1L << 8 | 1L << 18 | 1L << 16 | 1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);
    /**
     * What a sandbox may need in its own user namespace: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, SYS_CHROOT,
     * SYS_PTRACE, SYS_ADMIN, SYS_NICE, SYS_RESOURCE, MKNOD, SETFCAP.
     */
    private static final long KEPT = 1L | 1L << 1 | 1L << 2 | 1L << 3 | 1L << 4 | 1L << 5 | 1L << 6 | 1L << 7 | 1L << 8 | 1L << 18 | 1L << 19
            | 1L << 21 | 1L << 23 | 1L << 24 | 1L << 27 | 1L << 31;
    private static final int CAPABILITIES = 41;

    private final MemorySegment memory;
    private int at;
    private int strings;

    LaunchArea(MemorySegment memory) {
        this.memory = memory;
    }

    /** Begins a list. */
    LaunchArea list(int offset, int stringsAt) {
        at = offset;
        strings = stringsAt;
        return this;
    }

    /** Goes on with another list; strings follow those that are there. */
    LaunchArea continueAt(int offset) {
        at = offset;
        return this;
    }

    /** Adds an order, and an end behind it. */
    LaunchArea add(long number, long... arguments) {
        memory.set(Layouts.U64, at, number);
        for (int i = 0; i < 6; i++) {
            memory.set(Layouts.U64, at + 8 + 8L * i, i < arguments.length ? arguments[i] : 0);
        }
        at += ORDER_BYTES;
        memory.set(Layouts.U64, at, END);
        return this;
    }

    /** {@return where the next order will be, as an offset} */
    int position() {
        return at;
    }

    /** {@return where the next string will be, as an offset} */
    int stringsEnd() {
        return strings;
    }

    /** {@return the result of the order before the next one} */
    static long result(MemorySegment memory, int order) {
        return memory.get(Layouts.U64, order + 56L);
    }

    /** Puts bytes into the area and gives their address in the launcher. */
    long bytes(byte[] bytes) {
        int place = strings;
        if (place + bytes.length + 8 > BYTES) {
            throw new IllegalStateException("the launcher's memory is full");
        }
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, memory, place, bytes.length);
        memory.set(Layouts.U64, place + bytes.length, 0);
        strings = place + bytes.length + 15 & ~7;
        return ADDRESS + place;
    }

    /** Puts a string into the area, one char per byte, terminated by zero. */
    long text(String text) {
        return bytes(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** {@return what the area holds at the start: a multiple of 8 bytes} */
    static byte[] template() {
        byte[] image = new byte[PATHS + 4 * PATH_BYTES];
        LaunchArea area = new LaunchArea(MemorySegment.ofArray(image));
        area.memory.set(Layouts.U64, MAGIC_AT, MAGIC);
        area.memory.set(Layouts.U64, PASSED, PASSED_SIGNALS);
        // The child: once its ids are mapped, it becomes what its user namespace calls root.
        area.list(CHILD, 0).add(SyscallNumber.READ, SANDBOXS, ADDRESS + START, 1)
                .add(SyscallNumber.SETGROUPS, 0, 0)
                .add(SyscallNumber.SETRESGID, 0, 0, 0)
                .add(SyscallNumber.SETRESUID, 0, 0, 0)
                .add(SyscallNumber.PRCTL, PR_SET_PDEATHSIG, SIGKILL)
                .add(SyscallNumber.PRCTL, PR_SET_NO_NEW_PRIVS, 1);
        for (int capability = 0; capability < CAPABILITIES; capability++) {
            if ((KEPT >>> capability & 1) == 0) {
                area.add(SyscallNumber.PRCTL, PR_CAPBSET_DROP, capability);
            }
        }
        area.add(SyscallNumber.EXECVE | NEEDED); // EXECUTE below; its arguments are the launcher's own
        // The parent: where it may not map groups at once, it may when the child gives up changing its own.
        area.list(PARENT, 0);
        map(area, 0);
        map(area, 1);
        area.add(SyscallNumber.OPENAT, AT_FDCWD, path(2), O_WRONLY | O_CLOEXEC).add(SyscallNumber.WRITE | CHAINED, 0, ADDRESS + PATHS + 3 * PATH_BYTES, 4);
        map(area, 1);
        area.list(PATHS, PATHS);
        for (int i = 0; i < 3; i++) {
            area.strings = PATHS + i * PATH_BYTES;
            area.text("/proc/");
        }
        area.strings = PATHS + 3 * PATH_BYTES;
        area.text("deny");
        return image;
    }

    private static long path(int number) {
        return ADDRESS + PATHS + (long) number * PATH_BYTES;
    }

    private static void map(LaunchArea area, int kind) {
        area.add(SyscallNumber.OPENAT, AT_FDCWD, path(kind), O_WRONLY | O_CLOEXEC).add(SyscallNumber.WRITE | CHAINED, 0, 0, MOST_MAP_BYTES);
    }

    /** Where the child's execve(2) is in its list. */
    static int execute() {
        int dropped = CAPABILITIES - Long.bitCount(KEPT & (1L << CAPABILITIES) - 1);
        return CHILD + (6 + dropped) * ORDER_BYTES;
    }

    /** Where the addresses of the maps' texts go: user's, group's, and group's again. */
    static int[] mapTexts() {
        return new int[] {PARENT + ORDER_BYTES + 16, PARENT + 3 * ORDER_BYTES + 16, PARENT + 7 * ORDER_BYTES + 16};
    }
}
