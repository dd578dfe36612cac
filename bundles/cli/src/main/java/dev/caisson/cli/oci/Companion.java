package dev.caisson.cli.oci;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.Terminal;
import dev.caisson.control.lifecycle.ContainerServer;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostMemory;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSignal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.MemoryAlarm;
import dev.caisson.host.code.ProcessCode;
import dev.caisson.host.code.StaticElf;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.oci.cgroup.ControlGroup;
import dev.caisson.oci.spec.OciNamespace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The process of the host that stands for one process of a sandbox: a page of machine code and no Java. It lives as long as that one and
 * ends as it ended, so that who waits for it, by the pid file or as its parent, need not know of the sandbox.
 *
 * <p>It talks to the sandbox over a socket, descriptor 3. To the sandbox go the signals that the process gets, 12 bytes each, the start of
 * {@code struct siginfo_t} (number, errno, code); from the sandbox comes one status, 4 bytes as wait(2) tells it, and before it perhaps
 * {@link ContainerServer#MEMORY_KILL}. When the sandbox is lost,
 * the companion dies of SIGKILL; when the companion dies of it, the sandbox sees the end of the stream and kills its process, unless that
 * was in the foreground: then it goes on, as runc's do.
 */
final class Companion {
    /** Where a companion finds them. */
    static final int SOCKET = 3, SIGNALS = 4, LIMIT = 7, USAGE = 8;
    private static final int GATE = 5, IMAGE = 6;
    private static final int CLONE_NEWNET = 0x4000_0000;
    /** Where descriptors wait for their places in the child. */
    private static final int HIGH_FD = 200;
    private static final int STACK = 256, BUFFER = 64;
    private static final int SIGNAL_BYTES = 12, SIGNAL_READ_BYTES = 128, STATUS_BYTES = 4;
    private static final int MSG_NOSIGNAL = 0x4000, MSG_WAITALL = 0x100;
    private static final int SIGKILL = 9, SIG_SETMASK = 2, SIG_BLOCK = 0;
    /** Every signal but SIGKILL, SIGSTOP and SIGCHLD. */
    static final long PASSED = ~(1L << 8 | 1L << 18 | 1L << 16);
    /** Every signal but those that a Java thread may not block: SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
    private static final long SPAWN_MASK = ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);

    private final int pid;
    private final int gate;

    private Companion(int pid, int gate) {
        this.pid = pid;
        this.gate = gate;
    }

    /**
     * Turns this process into a companion, as the process in the foreground: of a signal that killed the other one it makes an exit status,
     * as shells do.
     *
     * @param socket to the sandbox
     * @param what it stands for, for who looks at the list of processes
     * @throws IOException if that fails
     */
    static void become(int socket, String what) throws IOException {
        int image = image(true);
        HostSignal.changeMask(SIG_BLOCK, SPAWN_MASK);
        int signals = checked("signalfd", HostSignal.descriptor(-1, PASSED, 0));
        int[] high = {checked("dup", HostFile.duplicate(socket, HIGH_FD)), checked("dup", HostFile.duplicate(signals, HIGH_FD))};
        checked("dup3", HostFile.duplicateTo(high[0], SOCKET, 0));
        checked("dup3", HostFile.duplicateTo(high[1], SIGNALS, 0));
        HostProcess.closeRange(SIGNALS + 1, -1, 4 /* CLOSE_RANGE_CLOEXEC */);
        checked("execve", HostNamespace.become("/proc/self/fd/" + image, title(what), List.of()));
    }

    /**
     * Starts a companion as a child of this process, in a session of its own. It keeps the signals that it gets, and passes none on before
     * {@link #begin}: so it can be there before the process that it stands for, and no key of the terminal is lost.
     *
     * @param socket to the sandbox; stays the caller's
     * @param what it stands for, for who looks at the list of processes
     * @param terminal becomes the controlling terminal of the child, which is told of new window sizes and hang-ups; or -1
     * @return the companion
     * @throws IOException if that fails
     */
    static Companion spawn(int socket, String what, int terminal) throws IOException {
        return spawn(socket, what, terminal, null, null);
    }

    /**
     * Starts a companion in a network namespace of its own, or in one that has a path: clients find it by the process. An ordinary user's stays
     * where it is.
     *
     * @param socket to the sandbox; stays the caller's
     * @param what it stands for
     * @param terminal as above
     * @param network the namespace, or null for that of this process
     * @param group whose watchers are told when the sandbox has killed a process for lack of memory; or null
     * @return the companion
     * @throws IOException if that fails
     */
    static Companion spawn(int socket, String what, int terminal, OciNamespace network, ControlGroup group) throws IOException {
        boolean isRoot = HostCredentials.effectiveUser() == 0;
        int image = image(false);
        long gate = HostFile.pipe(Fcntl.O_CLOEXEC);
        if (gate < 0) {
            HostFile.close(image);
            checked("make a pipe", gate);
        }
        int held = (int) gate;
        int[] high = {(int) HostFile.duplicate(socket, HIGH_FD), (int) HostFile.duplicate(image, HIGH_FD),
            (int) HostFile.duplicate(held, HIGH_FD), terminal < 0 ? -1 : (int) HostFile.duplicate(terminal, HIGH_FD)};
        boolean isStarted = false;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(8, 8);
            mask.set(Layouts.U64, 0, PASSED);
            SpawnOrders orders = new SpawnOrders(arena).add(SyscallNumber.SETSID);
            if (terminal >= 0) {
                orders.add(SyscallNumber.IOCTL, high[3], Terminal.TIOCSCTTY, 0);
            }
            orders.add(SyscallNumber.RT_SIGPROCMASK, SIG_SETMASK, mask.address(), 0, 8)
                    .add(SyscallNumber.CLOSE_RANGE, 0, HIGH_FD - 1L, 0); // pipes of the caller must not stay open behind its back
            if (network != null && network.path() != null && isRoot) { // the first free number is 0
                orders.add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, network.path()), Fcntl.O_RDONLY, 0)
                        .add(SyscallNumber.SETNS, 0, CLONE_NEWNET).add(SyscallNumber.CLOSE, 0);
            }
            orders.add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, "/dev/null"), Fcntl.O_RDWR, 0)
                    .add(SyscallNumber.DUP3, 0, 1, 0).add(SyscallNumber.DUP3, 0, 2, 0)
                    .add(SyscallNumber.DUP3, high[0], SOCKET, 0)
                    .add(SyscallNumber.SIGNALFD4, -1, mask.address(), 8, 0) // the first free number is SIGNALS
                    .add(SyscallNumber.DUP3, high[2], GATE, 0)
                    .add(SyscallNumber.DUP3, high[1], IMAGE, Fcntl.O_CLOEXEC)
                    .add(SyscallNumber.CLOSE_RANGE, IMAGE + 1L, 0xffff_ffffL, 0);
            if (group != null && group.memoryLimitFile() != null && group.memoryUsageFile() != null) { // the first free numbers are LIMIT and USAGE
                orders.add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, raw(group.memoryLimitFile().toString())), Fcntl.O_RDWR, 0)
                        .add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, raw(group.memoryUsageFile().toString())), Fcntl.O_RDONLY, 0);
            }
            orders.add(SyscallNumber.EXECVEAT, IMAGE, HostNamespace.text(arena, ""), HostNamespace.vector(arena, title(what)),
                            HostNamespace.vector(arena, List.of()), Fcntl.AT_EMPTY_PATH);
            Companion made = new Companion(checked("start a companion", orders.spawnMasked(17 /* SIGCHLD: its next parent expects that */
                    | (network != null && network.path() == null && isRoot ? CLONE_NEWNET : 0))),
                    (int) (gate >>> 32));
            isStarted = true;
            return made;
        } finally {
            for (int fd : high) {
                if (fd >= 0) {
                    HostFile.close(fd);
                }
            }
            HostFile.close(image);
            HostFile.close(held);
            if (!isStarted) {
                HostFile.close((int) (gate >>> 32));
            }
        }
    }

    /**
     * One that was made elsewhere, and waits there for its begin.
     *
     * @param pid its process id
     * @return the companion
     */
    static Companion existing(int pid) {
        return new Companion(pid, -1);
    }

    /** {@return its process id} */
    int pid() {
        return pid;
    }

    /**
     * Lets it pass signals on and wait for the end of the process.
     *
     * @throws IOException when it is gone
     */
    void begin() throws IOException {
        if (gate < 0) {
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            checked("let the companion begin", HostFile.write(gate, arena.allocate(1).address(), 1));
        } finally {
            HostFile.close(gate);
        }
    }

    /** Ends it, since there is nothing that it could stand for. */
    void dismiss() {
        if (gate < 0) {
            return;
        }
        HostFile.close(gate);
        try (Arena arena = Arena.ofConfined()) {
            while (HostProcess.await(pid, arena.allocate(4, 4).address(), 0) == -Errno.EINTR.number()) {
                continue;
            }
        }
    }

    /** One byte per character, and no byte 0. */
    private static List<String> title(String what) {
        return List.of(raw("caisson: " + what.replace('\0', ' ')));
    }

    private static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static int checked(String what, long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot " + what + ": " + Errno.of(-result));
        }
        return (int) result;
    }

    private static int image(boolean isForeground) throws IOException {
        int fd = checked("make the companion's program", HostMemory.createFile("caisson", 1 /* MFD_CLOEXEC */));
        try (Arena arena = Arena.ofConfined()) {
            byte[] code = code(isForeground);
            MemorySegment bytes = arena.allocate(code.length);
            bytes.copyFrom(MemorySegment.ofArray(code));
            checked("write the companion's program", HostFile.write(fd, bytes.address(), code.length));
            return fd;
        }
    }

    /** The program as a static ELF image. */
    static byte[] code(boolean isForeground) {
        Assembler code = new Assembler();
        code.bytes(new int[StaticElf.HEADER_BYTES]);
        if (!isForeground) {
            Label begun = new Label();
            code.sub(RSP, STACK);
            code.mov(RDI, GATE).lea(RSI, RSP, BUFFER).mov(RDX, 1);
            call(code, SyscallNumber.READ);
            code.cmp(RAX, 1).jump(Condition.EQUAL, begun);
            code.mov(RDI, 1);
            call(code, SyscallNumber.EXIT_GROUP);
            code.bind(begun);
            code.mov(RDI, GATE);
            call(code, SyscallNumber.CLOSE);
        }
        attend(code, isForeground);
        byte[] image = code.toBytes();
        StaticElf.complete(image);
        return image;
    }

    /**
     * What a companion does from its begin to its end.
     *
     * @param code to append to
     * @param isForeground whether a signal becomes an exit status
     */
    static void attend(Assembler code, boolean isForeground) {
        Label status = new Label(), lost = new Label(), known = new Label(), alarm = new Label();
        code.sub(RSP, STACK);
        Label next = code.here();
        ProcessCode.pollTwo(code, SOCKET, SIGNALS);
        code.test(RAX, RAX).jump(Condition.SIGN, next); // EINTR
        code.load(RAX, RSP, 0).shr(RAX, 48).test(RAX, RAX).jump(Condition.NOT_EQUAL, status);
        code.mov(RDI, SIGNALS).lea(RSI, RSP, BUFFER).mov(RDX, SIGNAL_READ_BYTES);
        call(code, SyscallNumber.READ);
        code.mov(RDI, SOCKET).lea(RSI, RSP, BUFFER).mov(RDX, SIGNAL_BYTES).mov(R10, MSG_NOSIGNAL).xor(R8, R8).xor(R9, R9);
        call(code, SyscallNumber.SENDTO);
        code.jump(next);

        code.bind(status);
        code.xor(RAX, RAX).store(RSP, BUFFER, RAX);
        code.mov(RDI, SOCKET).lea(RSI, RSP, BUFFER).mov(RDX, STATUS_BYTES).mov(R10, MSG_WAITALL).xor(R8, R8).xor(R9, R9);
        call(code, SyscallNumber.RECVFROM);
        code.cmp(RAX, STATUS_BYTES).jump(Condition.NOT_EQUAL, lost);
        code.load(RBX, RSP, BUFFER);
        if (!isForeground) {
            code.cmp(RBX, ContainerServer.MEMORY_KILL).jump(Condition.NOT_EQUAL, known).call(alarm).jump(next);
            code.bind(alarm);
            MemoryAlarm.emit(code, LIMIT, USAGE, null);
        } else {
            code.jump(known);
        }
        code.bind(lost);
        code.mov(RBX, SIGKILL);
        code.bind(known);
        if (isForeground) {
            ProcessCode.exitAs(code, RBX);
        } else {
            ProcessCode.endAs(code, RBX, BUFFER);
        }
        code.int3();
    }

    private static void call(Assembler code, int number) {
        code.mov(RAX, number).syscall();
    }
}
