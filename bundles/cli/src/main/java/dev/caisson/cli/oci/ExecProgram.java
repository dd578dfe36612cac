package dev.caisson.cli.oci;

import static dev.caisson.host.code.Register.R10;
import static dev.caisson.host.code.Register.R12;
import static dev.caisson.host.code.Register.R13;
import static dev.caisson.host.code.Register.R14;
import static dev.caisson.host.code.Register.R15;
import static dev.caisson.host.code.Register.R8;
import static dev.caisson.host.code.Register.R9;
import static dev.caisson.host.code.Register.RAX;
import static dev.caisson.host.code.Register.RBP;
import static dev.caisson.host.code.Register.RBX;
import static dev.caisson.host.code.Register.RCX;
import static dev.caisson.host.code.Register.RDI;
import static dev.caisson.host.code.Register.RDX;
import static dev.caisson.host.code.Register.RSI;
import static dev.caisson.host.code.Register.RSP;

import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Terminal;
import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.ProcessCode;
import dev.caisson.host.code.Register;
import dev.caisson.host.code.StaticElf;
import dev.caisson.host.raw.SyscallNumber;

/**
 * The program lib/exec: {@code caisson exec}, and {@code create} in a sandbox of the pool, without a Java runtime on its side. bin/caisson runs it as
 *
 * <pre>exec DIRECTORY MODE PIDFILE NEXT PROCESS CONSOLE SCRIPT WORD...</pre>
 *
 * <p>DIRECTORY is the container's; MODE {@code d} (detached), {@code f} (in the foreground), {@code t} (in the foreground, with a terminal), or
 * {@code c} for create: then DIRECTORY is the pool's;
 * PIDFILE the file for the process id, which NEXT becomes by a rename; PROCESS the file that --process names; CONSOLE the console socket. The last
 * four may be empty. SCRIPT WORD... is the whole command line.
 *
 * <p>It sends a {@link Letter}, then PROCESS and the three streams; the sandbox reads the line ({@link LineRequests}). When the answer begins with a
 * member {@code pid}, what the companion is to be called is in the letter. The program, or the child that it has made for MODE d, becomes the
 * companion: itself with one word, and {@code F} in the environment when it is in the foreground. In every other case nothing was started, and it
 * becomes SCRIPT WORD..., which does it in Java, and says what is wrong.
 *
 * <p>For {@code create} the {@link PoolKeeper} reads the line. In place of PROCESS it gets one of a pair of sockets, whose other one is the
 * companion's. A byte comes from there when the letter tells the network namespace; the child enters it and sends a byte back.
 */
public final class ExecProgram {
    private static final String REQUEST = "{\"command\":\"exec\",\"line\":true}\n", CREATE_REQUEST = "{\"command\":\"create\",\"line\":true}\n";
    private static final String ADDRESS = "/proc/self/fd/100/control.sock", POOL_ADDRESS = "/proc/self/fd/100/keeper.sock\0";
    private static final int DIRECTORY_FD = 100, HIGH_SOCKET = 201, HIGH_SIGNALS = 202, GATE = 203, HIGH_LIMIT = 204, HIGH_USAGE = 205;
    /** Words of the command line, by their place. */
    private static final int DIRECTORY = 1, MODE = 2, PID_FILE = 3, NEXT = 4, PROCESS = 5, CONSOLE = 6, SCRIPT = 7, WORDS = 8;
    private static final String TITLE_PREFIX = "caisson:";

    /** What lies where from rsp on. The first kind is of messages: struct msghdr, struct iovec, control data. */
    private static final int VECTOR = 64, CONTROL = 96, RIGHTS = CONTROL + 16, SOCKET_ADDRESS = 256;
    private static final int OLD_MASK = 512, MASK = 520, TIME = 528, NUMBER = 544, SLAVE = 576, MASTER = 584, PROCESS_FD = 592, PID_FD = 600, CHILD = 608, PAIR = 616,
            HEAD = 640, OWN_PID = 656;
    private static final int TITLE = 1024, PATH = 6000, STACK = 8192 + 64;

    private static final int PATIENCE_SECONDS = 60;
    private static final int O_PATH_DIRECTORY = Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC;
    private static final int AF_UNIX = 1, SOCK_STREAM = 1, MSG_NOSIGNAL = 0x4000, MOST_PATH = 107;
    private static final int SIG_BLOCK = 0, SIG_SETMASK = 2, SIGCHLD = 17;
    private static final int CLOSE_RANGE_CLOEXEC = 4, MFD_CLOEXEC = 1;
    private static final int CLONE_NEWNET = 0x4000_0000;
    private static final int MODE_FILE = 0666; // as far as the umask lets it

    private final Assembler code = new Assembler();
    private final Label failed = new Label(), length = new Label(), number = new Label();
    private final Label address = new Label(), poolAddress = new Label(), request = new Label(), createRequest = new Label(), terminal = new Label(), nothing = new Label(), empty = new Label(),
            self = new Label(), root = new Label();

    private ExecProgram() {}

    /** {@return the program, a static ELF image} */
    public static byte[] image() {
        return new ExecProgram().assemble();
    }

    private byte[] assemble() {
        code.bytes(new int[StaticElf.HEADER_BYTES]);
        Label companion = new Label();
        code.mov(RBX, RSP).load(RAX, RBX, 0).cmp(RAX, WORDS).jump(Condition.LESS_OR_EQUAL, companion);
        code.sub(RSP, STACK);
        prepare();
        open();
        fork();
        ask();
        become();
        giveUp();

        Label detached = new Label();
        code.bind(companion);
        code.load(RAX, RSP, 24).test(RAX, RAX).jump(Condition.EQUAL, detached); // behind argc, a word and its end: the environment
        Companion.attend(code, true);
        code.bind(detached);
        Companion.attend(code, false);

        code.bind(length);
        ProcessCode.length(code);
        code.bind(number);
        ProcessCode.writeNumber(code);
        text(address, (char) AF_UNIX + "\0" + ADDRESS);
        text(poolAddress, (char) AF_UNIX + "\0" + POOL_ADDRESS);
        text(request, REQUEST);
        text(createRequest, CREATE_REQUEST);
        text(terminal, "/dev/ptmx");
        text(nothing, "/dev/null");
        text(self, "/proc/self/exe");
        text(root, "/");
        text(empty, "");
        byte[] image = code.toBytes();
        StaticElf.complete(image);
        return image;
    }

    private void text(Label label, String text) {
        code.bind(label);
        text.chars().forEach(code::bytes);
        code.bytes(0);
    }

    private void call(int call) {
        code.mov(RAX, call).syscall();
    }

    private void callOrFail(int call) {
        call(call);
        code.test(RAX, RAX).jump(Condition.SIGN, failed);
    }

    private void word(Register to, int place) {
        code.load(to, RBX, 8 + 8 * place);
    }

    private void ifEmpty(int place, Label target) {
        word(RAX, place);
        code.load(RAX, RAX, 0).and(RAX, 0xff).test(RAX, RAX).jump(Condition.EQUAL, target);
    }

    /** Of the modes, c and d leave a child behind. */
    private void ifDetached(boolean wanted, Label target) {
        code.cmp(R12, 'd').jump(wanted ? Condition.BELOW_OR_EQUAL : Condition.ABOVE, target);
    }

    private void unlessCreate(Label target) {
        code.cmp(R12, 'c').jump(Condition.NOT_EQUAL, target);
    }

    /** Opens the file that a word names. */
    private void open(int place, int flags) {
        word(RSI, place);
        code.mov(RDI, Fcntl.AT_FDCWD).mov(RDX, flags).mov(R10, MODE_FILE);
        callOrFail(SyscallNumber.OPENAT);
    }

    /** From here on signals wait, for the companion; the ways back let them in again. */
    private void prepare() {
        code.mov(RAX, Companion.PASSED).store(RSP, MASK, RAX);
        code.mov(RAX, -1).store(RSP, SLAVE, RAX).store(RSP, MASTER, RAX).store(RSP, PROCESS_FD, RAX).store(RSP, PID_FD, RAX);
        code.xor(RAX, RAX).store(RSP, CHILD, RAX);
        code.mov(RDI, SIG_BLOCK).lea(RSI, RSP, MASK).lea(RDX, RSP, OLD_MASK).mov(R10, 8);
        call(SyscallNumber.RT_SIGPROCMASK);
        word(R12, MODE);
        code.load(R12, R12, 0).and(R12, 0xff);
    }

    private void open() {
        open(DIRECTORY, O_PATH_DIRECTORY);
        code.mov(RDI, RAX).mov(RSI, DIRECTORY_FD).mov(RDX, Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.DUP3);
        newSocket();
        code.mov(R14, RAX);
        Label ofContainer = new Label(), connect = new Label();
        unlessCreate(ofContainer);
        code.leaLabel(RBP, poolAddress).jump(connect); // hooks take their time
        code.bind(ofContainer);
        code.leaLabel(RBP, address);
        code.mov(RAX, PATIENCE_SECONDS).store(RSP, TIME, RAX).xor(RAX, RAX).store(RSP, TIME + 8, RAX);
        for (int option : new int[] {Socket.SO_RCVTIMEO, Socket.SO_RCVTIMEO + 1}) {
            code.mov(RDI, R14).mov(RSI, Socket.SOL_SOCKET).mov(RDX, option).lea(R10, RSP, TIME).mov(R8, 16);
            callOrFail(SyscallNumber.SETSOCKOPT);
        }
        code.bind(connect);
        code.mov(RDI, R14).mov(RSI, RBP).mov(RDX, 2 + ADDRESS.length() + 1);
        callOrFail(SyscallNumber.CONNECT);

        Label noProcess = new Label(), noPidFile = new Label(), noConsole = new Label(), noTerminal = new Label();
        ifEmpty(PROCESS, noProcess);
        open(PROCESS, Fcntl.O_RDONLY | Fcntl.O_CLOEXEC);
        code.store(RSP, PROCESS_FD, RAX);
        code.bind(noProcess);
        ifEmpty(PID_FILE, noPidFile);
        open(NEXT, Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_TRUNC | Fcntl.O_CLOEXEC);
        code.store(RSP, PID_FD, RAX);
        code.bind(noPidFile);
        code.cmp(R12, 't').jump(Condition.NOT_EQUAL, noTerminal);
        code.xor(RDI, RDI).mov(RSI, Terminal.TCGETS).mov(RDX, RSP);
        callOrFail(SyscallNumber.IOCTL);
        code.bind(noTerminal);
        ifEmpty(CONSOLE, noConsole);
        int flags = Fcntl.O_RDWR | Fcntl.O_NOCTTY | Fcntl.O_CLOEXEC;
        code.mov(RDI, Fcntl.AT_FDCWD).leaLabel(RSI, terminal).mov(RDX, flags);
        callOrFail(SyscallNumber.OPENAT);
        code.store(RSP, MASTER, RAX).mov(RDI, RAX).xor(RAX, RAX).store(RSP, 0, RAX).mov(RSI, Terminal.TIOCSPTLCK).mov(RDX, RSP);
        callOrFail(SyscallNumber.IOCTL);
        code.mov(RSI, Terminal.TIOCGPTPEER).mov(RDX, flags);
        callOrFail(SyscallNumber.IOCTL);
        code.store(RSP, SLAVE, RAX);
        code.bind(noConsole);
        code.leaLabel(RDI, empty).mov(RSI, MFD_CLOEXEC);
        callOrFail(SyscallNumber.MEMFD_CREATE);
        code.mov(R13, RAX);
    }

    private void newSocket() {
        code.mov(RDI, AF_UNIX).mov(RSI, SOCK_STREAM | Fcntl.O_CLOEXEC).xor(RDX, RDX);
        callOrFail(SyscallNumber.SOCKET);
    }

    /** Detached, a child goes on, which leads the session of its terminal; the parent waits until it says that all is done. */
    private void fork() {
        Label ready = new Label(), child = new Label(), done = new Label();
        ifDetached(false, ready);
        code.mov(RDI, RSP).mov(RSI, Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.PIPE2);
        code.load(RBP, RSP, 0).mov(RDI, RBP).shr(RDI, 32).shl(RBP, 32).shr(RBP, 32).mov(R15, RDI);
        code.mov(RSI, GATE).mov(RDX, Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.DUP3);
        code.mov(RDI, R15);
        call(SyscallNumber.CLOSE);
        code.mov(RDI, SIGCHLD).xor(RSI, RSI).xor(RDX, RDX).xor(R10, R10).xor(R8, R8);
        callOrFail(SyscallNumber.CLONE);
        code.test(RAX, RAX).jump(Condition.EQUAL, child);
        code.mov(R15, RAX).mov(RDI, GATE);
        call(SyscallNumber.CLOSE);
        code.mov(RDI, RBP).mov(RSI, RSP).mov(RDX, 1);
        call(SyscallNumber.READ);
        code.cmp(RAX, 1).jump(Condition.EQUAL, done);
        code.mov(RDI, R15).xor(RSI, RSI).xor(RDX, RDX).xor(R10, R10);
        call(SyscallNumber.WAIT4);
        code.jump(failed);
        code.bind(done);
        code.xor(RDI, RDI);
        call(SyscallNumber.EXIT_GROUP);

        code.bind(child);
        code.mov(RAX, 1).store(RSP, CHILD, RAX).mov(RDI, RBP);
        call(SyscallNumber.CLOSE);
        call(SyscallNumber.SETSID);
        Label paired = new Label();
        unlessCreate(paired);
        code.mov(RDI, AF_UNIX).mov(RSI, SOCK_STREAM | Fcntl.O_CLOEXEC).xor(RDX, RDX).mov(R10, RSP);
        callOrFail(SyscallNumber.SOCKETPAIR);
        code.load(RAX, RSP, 0).mov(RCX, RAX).shr(RCX, 32).shl(RAX, 32).shr(RAX, 32).store(RSP, PAIR, RAX).store(RSP, PROCESS_FD, RCX);
        code.bind(paired);
        code.load(RDI, RSP, SLAVE).test(RDI, RDI).jump(Condition.SIGN, ready);
        code.mov(RSI, Terminal.TIOCSCTTY).xor(RDX, RDX);
        callOrFail(SyscallNumber.IOCTL);
        sendTerminal();
        code.bind(ready);
    }

    /** As runc: one message, whose text is a name for the terminal. */
    private void sendTerminal() {
        word(RSI, CONSOLE);
        code.call(length);
        code.cmp(RAX, MOST_PATH).jump(Condition.ABOVE, failed);
        code.mov(R15, RAX).mov(RCX, RAX).mov(RAX, AF_UNIX).store(RSP, SOCKET_ADDRESS, RAX);
        word(RSI, CONSOLE);
        code.lea(RDI, RSP, SOCKET_ADDRESS + 2);
        Label copy = code.here();
        code.load(RAX, RSI, 0).store(RDI, 0, RAX).add(RSI, 8).add(RDI, 8).sub(RCX, 8).jump(Condition.NOT_SIGN, copy);
        newSocket();
        code.mov(RBP, RAX).mov(RDI, RAX).lea(RSI, RSP, SOCKET_ADDRESS).lea(RDX, R15, 3);
        callOrFail(SyscallNumber.CONNECT);
        code.load(RAX, RSP, MASTER).store(RSP, RIGHTS, RAX);
        code.leaLabel(RSI, terminal).mov(RDX, "/dev/ptmx".length()).mov(R8, 1);
        send(RBP);
        code.mov(RDI, RBP);
        call(SyscallNumber.CLOSE);
        code.load(RDI, RSP, MASTER);
        call(SyscallNumber.CLOSE);
    }

    /** Sends rdx bytes at rsi, with r8 descriptors that stand at {@link #RIGHTS}. */
    private void send(Register socket) {
        code.store(RSP, VECTOR, RSI).store(RSP, VECTOR + 8, RDX);
        code.xor(RAX, RAX).store(RSP, 0, RAX).store(RSP, 8, RAX).store(RSP, 48, RAX).lea(RCX, RSP, VECTOR).store(RSP, 16, RCX);
        code.mov(RAX, 1).store(RSP, 24, RAX).lea(RCX, RSP, CONTROL).store(RSP, 32, RCX);
        code.shl(R8, 2).add(R8, 16).store(RSP, 40, R8).store(RSP, CONTROL, R8);
        code.mov(RAX, (long) Socket.SCM_RIGHTS << 32 | Socket.SOL_SOCKET).store(RSP, CONTROL + 8, RAX);
        code.mov(RDI, socket).mov(RSI, RSP).mov(R8, RDX).mov(RDX, MSG_NOSIGNAL);
        call(SyscallNumber.SENDMSG);
        code.cmp(RAX, R8).jump(Condition.NOT_EQUAL, failed);
    }

    private void ask() {
        call(SyscallNumber.GETPID);
        code.store(RSP, OWN_PID, RAX);
        code.mov(RDI, R13).lea(RSI, RSP, OWN_PID).mov(RDX, 8);
        callOrFail(SyscallNumber.WRITE);
        // The words follow each other in memory: to the end of the last one.
        code.load(RBP, RBX, 0).shl(RBP, 3).add(RBP, RBX).load(RBP, RBP, 0).mov(RSI, RBP).call(length);
        code.mov(RDX, RBP).add(RDX, RAX).add(RDX, 1);
        word(RSI, WORDS);
        code.neg(RSI).add(RDX, RSI).neg(RSI).mov(RDI, R13);
        call(SyscallNumber.WRITE);
        code.cmp(RAX, RDX).jump(Condition.NOT_EQUAL, failed);

        Label alone = new Label(), streams = new Label(), sent = new Label();
        code.store(RSP, RIGHTS, R13).mov(R8, 1);
        code.load(RAX, RSP, PROCESS_FD).test(RAX, RAX).jump(Condition.SIGN, alone);
        code.store(RSP, RIGHTS + 4, RAX).mov(R8, 2);
        code.bind(alone);
        code.leaLabel(RSI, request).mov(RDX, 1); // its first byte goes ahead: a message has room for four descriptors there
        send(R14);
        code.load(RAX, RSP, SLAVE).test(RAX, RAX).jump(Condition.SIGN, streams);
        for (int i = 0; i < 3; i++) {
            code.store(RSP, RIGHTS + 4 * i, RAX);
        }
        code.jump(sent);
        code.bind(streams);
        for (int i = 0; i < 3; i++) {
            code.mov(RAX, i).store(RSP, RIGHTS + 4 * i, RAX);
        }
        code.bind(sent);
        Label exec = new Label(), known = new Label(), told = new Label();
        code.leaLabel(RSI, createRequest).mov(RDX, CREATE_REQUEST.length() - 1);
        unlessCreate(exec);
        code.jump(known);
        code.bind(exec);
        code.leaLabel(RSI, request).mov(RDX, REQUEST.length() - 1);
        code.bind(known);
        code.add(RSI, 1).mov(R8, 3);
        send(R14);
        unlessCreate(told);
        enterNetwork();
        code.bind(told);
        answer();
        Label done = new Label();
        unlessCreate(done);
        code.load(R14, RSP, PAIR);
        openPath(Letter.LIMIT, Fcntl.O_RDWR, HIGH_LIMIT);
        openPath(Letter.USAGE, Fcntl.O_RDONLY, HIGH_USAGE);
        code.bind(done);
    }

    /** Waits for the byte that says that the letter is written, goes to the namespace that it names, and says so. */
    private void enterNetwork() {
        Label there = new Label(), path = new Label();
        code.load(RDI, RSP, PROCESS_FD);
        call(SyscallNumber.CLOSE); // so that the stream ends when the keeper gives up
        code.load(RDI, RSP, PAIR).mov(RSI, RSP).mov(RDX, 1);
        call(SyscallNumber.READ);
        code.cmp(RAX, 1).jump(Condition.NOT_EQUAL, failed);
        readPath(Letter.NETWORK, there);
        code.cmp(RAX, Letter.NEW.charAt(0)).jump(Condition.NOT_EQUAL, path);
        code.mov(RDI, CLONE_NEWNET);
        callOrFail(SyscallNumber.UNSHARE);
        code.jump(there);
        code.bind(path);
        code.mov(RDI, Fcntl.AT_FDCWD).lea(RSI, RSP, PATH).mov(RDX, Fcntl.O_RDONLY | Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.OPENAT);
        code.mov(RDI, RAX).mov(RSI, CLONE_NEWNET);
        callOrFail(SyscallNumber.SETNS);
        code.bind(there);
        code.load(RDI, RSP, PAIR).leaLabel(RSI, request).mov(RDX, 1).mov(R10, MSG_NOSIGNAL).xor(R8, R8).xor(R9, R9);
        callOrFail(SyscallNumber.SENDTO);
    }

    /** Reads a text of the letter to {@link #PATH}, and its first byte to rax. */
    private void readPath(int place, Label none) {
        code.mov(RDI, R13).lea(RSI, RSP, PATH).mov(RDX, Letter.MOST_PATH).mov(R10, place);
        callOrFail(SyscallNumber.PREAD64);
        code.add(RSI, RAX).xor(RAX, RAX).store(RSI, 0, RAX);
        code.load(RAX, RSP, PATH).and(RAX, 0xff).test(RAX, RAX).jump(Condition.EQUAL, none);
    }

    private void openPath(int place, int flags, int to) {
        Label none = new Label();
        readPath(place, none);
        code.mov(RDI, Fcntl.AT_FDCWD).lea(RSI, RSP, PATH).mov(RDX, flags | Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.OPENAT);
        place(RAX, to, Fcntl.O_CLOEXEC);
        code.bind(none);
    }

    /** One byte at a time: what follows the line is for the companion. */
    private void answer() {
        code.xor(R15, R15);
        Label head = new Label();
        Label next = code.here();
        code.mov(RDI, R14).lea(RSI, RSP, HEAD).add(RSI, R15).mov(RDX, 1);
        call(SyscallNumber.READ);
        code.cmp(RAX, 1).jump(Condition.NOT_EQUAL, failed);
        code.load(RAX, RSI, 0).and(RAX, 0xff);
        code.cmp(R15, 8).jump(Condition.EQUAL, head);
        code.add(R15, 1);
        code.bind(head);
        code.cmp(RAX, '\n').jump(Condition.NOT_EQUAL, next);
        long wanted = 0;
        for (char each : new StringBuilder("{\"pid\":").reverse().toString().toCharArray()) {
            wanted = wanted << 8 | each;
        }
        code.load(RAX, RSP, HEAD).shl(RAX, 8).mov(RCX, wanted << 8).cmp(RAX, RCX).jump(Condition.NOT_EQUAL, failed);
    }

    private void become() {
        Label noPidFile = new Label(), foreground = new Label(), vector = new Label();
        code.load(RDI, RSP, PID_FD).test(RDI, RDI).jump(Condition.SIGN, noPidFile);
        code.load(RAX, RSP, OWN_PID).lea(RDI, RSP, NUMBER).call(number);
        code.lea(RSI, RSP, NUMBER).mov(RDX, RDI).neg(RSI).add(RDX, RSI).neg(RSI).load(RDI, RSP, PID_FD);
        callOrFail(SyscallNumber.WRITE);
        code.mov(RDI, Fcntl.AT_FDCWD).mov(RDX, Fcntl.AT_FDCWD).xor(R8, R8);
        word(RSI, NEXT);
        word(R10, PID_FILE);
        callOrFail(SyscallNumber.RENAMEAT2);
        code.bind(noPidFile);

        long prefix = 0;
        for (int i = TITLE_PREFIX.length() - 1; i >= 0; i--) {
            prefix = prefix << 8 | TITLE_PREFIX.charAt(i);
        }
        int text = TITLE + TITLE_PREFIX.length();
        code.mov(RAX, prefix).store(RSP, TITLE, RAX).mov(RAX, ' ').store(RSP, text, RAX);
        code.mov(RDI, R13).lea(RSI, RSP, text + 1).mov(RDX, Letter.MOST_TITLE).xor(R10, R10);
        callOrFail(SyscallNumber.PREAD64);
        code.add(RSI, RAX).xor(RAX, RAX).store(RSI, 0, RAX);

        code.mov(RDI, -1).lea(RSI, RSP, MASK).mov(RDX, 8).mov(R10, Fcntl.O_CLOEXEC);
        callOrFail(SyscallNumber.SIGNALFD4);
        place(RAX, HIGH_SIGNALS, Fcntl.O_CLOEXEC);
        place(R14, HIGH_SOCKET, Fcntl.O_CLOEXEC);
        ifDetached(false, foreground);
        // Pipes of the caller must not stay open behind its back.
        code.mov(RDI, Fcntl.AT_FDCWD).leaLabel(RSI, nothing).mov(RDX, Fcntl.O_RDWR);
        callOrFail(SyscallNumber.OPENAT);
        code.mov(RBP, RAX);
        for (int fd = 0; fd < 3; fd++) {
            code.mov(RDI, RBP).mov(RSI, fd).xor(RDX, RDX);
            call(SyscallNumber.DUP3);
        }
        code.bind(foreground);
        code.mov(RBP, HIGH_SOCKET);
        place(RBP, Companion.SOCKET, 0);
        code.mov(RBP, HIGH_SIGNALS);
        place(RBP, Companion.SIGNALS, 0);
        code.mov(RDI, Companion.SIGNALS + 1).mov(RSI, 0xffff_ffffL).mov(RDX, CLOSE_RANGE_CLOEXEC);
        call(SyscallNumber.CLOSE_RANGE);
        Label unwatched = new Label();
        unlessCreate(unwatched);
        for (int i = 0; i < 2; i++) { // of which there are both or none
            code.mov(RDI, HIGH_LIMIT + i).mov(RSI, Companion.LIMIT + i).xor(RDX, RDX);
            call(SyscallNumber.DUP3);
        }
        code.bind(unwatched);
        code.leaLabel(RDI, root);
        call(SyscallNumber.CHDIR);

        // {title, null, null} and, in the foreground, {"F", null} as the environment
        code.lea(RAX, RSP, TITLE).store(RSP, 0, RAX).xor(RAX, RAX).store(RSP, 8, RAX).store(RSP, 16, RAX).store(RSP, 24, RAX);
        ifDetached(true, vector);
        code.mov(RAX, 'F').store(RSP, 32, RAX).lea(RAX, RSP, 32).store(RSP, 16, RAX);
        code.bind(vector);
        Label execute = new Label();
        ifDetached(false, execute);
        code.mov(RDI, GATE).leaLabel(RSI, request).mov(RDX, 1);
        callOrFail(SyscallNumber.WRITE);
        code.bind(execute);
        code.leaLabel(RDI, self).mov(RSI, RSP).lea(RDX, RSP, 16);
        call(SyscallNumber.EXECVE);
    }

    private void place(Register from, int to, int flags) {
        code.mov(RDI, from).mov(RSI, to).mov(RDX, flags);
        callOrFail(SyscallNumber.DUP3);
    }

    private void giveUp() {
        Label noPidFile = new Label(), parent = new Label();
        code.bind(failed);
        code.load(RAX, RSP, CHILD).test(RAX, RAX).jump(Condition.EQUAL, parent);
        code.mov(RDI, 1);
        call(SyscallNumber.EXIT_GROUP);
        code.bind(parent);
        code.load(RDI, RSP, PID_FD).test(RDI, RDI).jump(Condition.SIGN, noPidFile);
        code.mov(RDI, Fcntl.AT_FDCWD).xor(RDX, RDX);
        word(RSI, NEXT);
        call(SyscallNumber.UNLINKAT);
        code.bind(noPidFile);
        code.mov(RDI, SIG_SETMASK).lea(RSI, RSP, OLD_MASK).xor(RDX, RDX).mov(R10, 8);
        call(SyscallNumber.RT_SIGPROCMASK);
        code.load(RDX, RBX, 0).shl(RDX, 3).add(RDX, RBX).add(RDX, 16); // the environment, behind argc, the words and their end
        word(RDI, SCRIPT);
        code.lea(RSI, RBX, 8 + 8 * SCRIPT);
        call(SyscallNumber.EXECVE);
        code.mov(RDI, 127);
        call(SyscallNumber.EXIT_GROUP);
        code.int3();
    }
}
