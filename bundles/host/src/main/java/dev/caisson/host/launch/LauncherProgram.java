package dev.caisson.host.launch;

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
import static dev.caisson.host.launch.LaunchArea.ADDRESS;
import static dev.caisson.host.launch.LaunchArea.LAUNCHERS;
import static dev.caisson.host.launch.LaunchArea.MEMORY;
import static dev.caisson.host.launch.LaunchArea.SANDBOXS;
import static dev.caisson.host.launch.LaunchArea.SIGNALS;

import dev.caisson.host.code.Assembler;
import dev.caisson.host.code.Condition;
import dev.caisson.host.code.Label;
import dev.caisson.host.code.MemoryAlarm;
import dev.caisson.host.code.OrderList;
import dev.caisson.host.code.ProcessCode;
import dev.caisson.host.code.StaticElf;
import dev.caisson.host.raw.SyscallNumber;

/**
 * The launcher's machine code: {@code launcher UIDMAP GIDMAP NETWORK SESSION PROGRAM [ARG...]}. The maps are what user_namespaces(7) wants to be
 * written; NETWORK and SESSION are {@code new} or {@code old}.
 * <ol>
 * <li>It makes a child in user, mount, process, IPC and UTS namespaces of its own; where the host refuses, without the user namespace; where it
 * refuses that, too, without any. With a new network both are in a new network namespace. The child becomes PROGRAM when its ids are mapped; its descriptor
 * 200 is the memory that both share ({@link LaunchArea}), 202 a socket.
 * <li>On the socket the sandbox's process sends 8 bytes for each wish, and gets 8 as the answer. An address in the shared memory is that of a list of
 * system calls, which the launcher makes with the rights and in the namespaces that it was started with: until 1 comes, which has no answer. From then on
 * the launcher shares no memory, has no capability but CAP_DAC_OVERRIDE, and no ears but for 3, which says that a guest was killed for lack of memory
 * ({@link MemoryAlarm}), 4, which asks for a socket of the launcher's network namespace ({@link SocketWish}), and a last word: the wait status by which the program ended, shifted left by 8, plus 2.
 * <li>Signals that it gets it passes on to the child, but for those of the terminal, which the child gets by itself. When the child is gone, it
 * says so in the logs if that was without a last word ({@link LossReport}), makes the system calls that it was given for that before the 1, and ends as its last word says, or else as the child did. When it is killed, the child
 * is, too, and with it everything in its process namespace.
 * </ol>
 * It knows no paths and reads no files, and takes about 30 KiB of memory.
 */
public final class LauncherProgram {
    private static final int STACK = 512, BUFFER = 64, STATUS = 256;
    private static final int SIGCHLD = 17, SIG_BLOCK = 0, SI_KERNEL = 0x80;
    private static final int WALL = 0x4000_0000;
    private static final int SIGNAL_READ_BYTES = 128;
    private static final int MSG_NOSIGNAL = 0x4000, MSG_WAITALL = 0x100;
    private static final int O_CLOEXEC = 0x80000;
    /** One below and one above the launcher's own descriptors. */
    private static final int LAST_BELOW = MEMORY - 1, FIRST_ABOVE = SIGNALS + 1;
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    /** Without it, root cannot remove directories from the top of a filesystem of control groups. */
    private static final long DAC_OVERRIDE = 1L << 1;
    private static final int USER = LaunchArea.CLONE_NEWUSER;
    private static final int NAMESPACES = LaunchArea.CLONE_NEWNS | LaunchArea.CLONE_NEWPID | LaunchArea.CLONE_NEWIPC | LaunchArea.CLONE_NEWUTS;

    private final Assembler code = new Assembler();
    private final Label run = new Label();
    private final Label number = new Label();
    private final Label memoryAlarm = new Label();
    private final Label loss = new Label();
    private final Label template = new Label();
    private final Label name = new Label();

    private LauncherProgram() {}

    /** {@return the program as a static ELF image} */
    public static byte[] image() {
        return new LauncherProgram().assemble();
    }

    private byte[] assemble() {
        code.bytes(new int[StaticElf.HEADER_BYTES]);
        code.mov(R14, RSP).sub(RSP, STACK);
        prepare();
        Label child = new Label();
        makeChild(child);
        parent();
        monitor();
        code.bind(child);
        code.mov(RBX, ADDRESS + LaunchArea.CHILD).call(run);
        code.neg(RAX).mov(RDI, RAX); // only execve(2) ends the list
        call(SyscallNumber.EXIT_GROUP);
        runList();
        code.bind(number);
        ProcessCode.writeNumber(code);
        code.bind(memoryAlarm);
        MemoryAlarm.emit(code, LaunchArea.LIMIT, LaunchArea.USAGE, R13);
        code.bind(loss);
        LossReport.emit(code, number);
        code.align(16).bind(template);
        byte[] area = LaunchArea.template();
        for (byte each : area) {
            code.bytes(each & 0xff);
        }
        code.bind(name).word(0); // the empty string
        byte[] image = code.toBytes();
        StaticElf.complete(image);
        return image;
    }

    private void call(int number) {
        code.mov(RAX, number).syscall();
    }

    /** Jumps unless the word of the command line that lies so far on the stack begins as "new" does. */
    private void ifNew(int word, Label otherwise) {
        code.load(RAX, R14, word).load(RAX, RAX, 0).and(RAX, 0xff).cmp(RAX, 'n').jump(Condition.NOT_EQUAL, otherwise);
    }

    /** The result of the last call becomes descriptor {@code to}. */
    private void place(int to, int flags) {
        code.mov(RBP, RAX).mov(RDI, RAX).mov(RSI, to).mov(RDX, flags);
        call(SyscallNumber.DUP3);
        code.mov(RDI, RBP);
        call(SyscallNumber.CLOSE);
    }

    private void prepare() {
        Label inSession = new Label();
        ifNew(40, inSession);
        call(SyscallNumber.SETSID);
        code.bind(inSession);
        code.leaLabel(RDI, name).xor(RSI, RSI);
        call(SyscallNumber.MEMFD_CREATE);
        place(MEMORY, 0);
        code.mov(RDI, MEMORY).mov(RSI, LaunchArea.BYTES);
        call(SyscallNumber.FTRUNCATE);
        code.mov(RDI, ADDRESS).mov(RSI, LaunchArea.BYTES).mov(RDX, 3).mov(R10, 0x11 /* MAP_SHARED, MAP_FIXED */).mov(R8, MEMORY).xor(R9, R9);
        call(SyscallNumber.MMAP);
        code.mov(R12, RAX);
        copy(() -> code.leaLabel(RSI, template).mov(RDI, R12), LaunchArea.template().length);
        call(SyscallNumber.GETPID);
        code.store(R12, LaunchArea.LAUNCHER, RAX);

        // argv[5] and what follows, and the environment behind it
        code.load(RAX, R14, 48).store(R12, LaunchArea.execute() + 8, RAX);
        code.lea(RAX, R14, 48).store(R12, LaunchArea.execute() + 16, RAX);
        code.load(RAX, R14, 0).shl(RAX, 3).add(RAX, R14).add(RAX, 16).store(R12, LaunchArea.execute() + 24, RAX);
        int[] texts = LaunchArea.mapTexts();
        code.load(RAX, R14, 16).store(R12, texts[0], RAX);
        code.load(RAX, R14, 24).store(R12, texts[1], RAX).store(R12, texts[2], RAX);

        code.mov(RDI, 1).mov(RSI, 1).xor(RDX, RDX).lea(R10, R12, LaunchArea.PAIR); // AF_UNIX, SOCK_STREAM
        call(SyscallNumber.SOCKETPAIR);
        code.load(RAX, R12, LaunchArea.PAIR).shl(RAX, 32).shr(RAX, 32);
        place(LAUNCHERS, O_CLOEXEC);
        code.load(RAX, R12, LaunchArea.PAIR).shr(RAX, 32);
        place(SANDBOXS, 0);
        code.mov(RDI, -1).lea(RSI, R12, LaunchArea.PASSED).mov(RDX, 8).xor(R10, R10);
        call(SyscallNumber.SIGNALFD4);
        place(SIGNALS, O_CLOEXEC);
    }

    private void copy(Runnable addresses, int bytes) {
        addresses.run();
        code.mov(RCX, bytes);
        Label next = code.here();
        code.load(RAX, RSI, 0).store(RDI, 0, RAX).add(RSI, 8).add(RDI, 8).sub(RCX, 8).jump(Condition.NOT_EQUAL, next);
    }

    /** Makes the child with as many namespaces as the host allows; r13 becomes its process id, r15 what was made. */
    private void makeChild(Label child) {
        Label hasNetwork = new Label();
        Label made = new Label();
        code.mov(R15, USER | NAMESPACES);
        ifNew(32, hasNetwork);
        code.mov(RDI, LaunchArea.CLONE_NEWNET);
        call(SyscallNumber.UNSHARE);
        code.store(R12, LaunchArea.NETWORK_ERROR, RAX).test(RAX, RAX).jump(Condition.EQUAL, hasNetwork);
        code.mov(R15, (long) (USER | NAMESPACES | LaunchArea.CLONE_NEWNET)); // who may not have one, his child may
        code.bind(hasNetwork);
        Label again = code.here();
        code.mov(RDI, R15).add(RDI, SIGCHLD).xor(RSI, RSI).xor(RDX, RDX).xor(R10, R10).xor(R8, R8);
        call(SyscallNumber.CLONE);
        code.test(RAX, RAX).jump(Condition.EQUAL, child).jump(Condition.NOT_SIGN, made);
        Label known = new Label();
        Label none = new Label();
        code.load(RCX, R12, LaunchArea.ERROR).test(RCX, RCX).jump(Condition.NOT_EQUAL, known).store(R12, LaunchArea.ERROR, RAX);
        code.bind(known);
        code.test(R15, R15).jump(Condition.EQUAL, none);
        Label last = new Label();
        code.mov(RCX, R15).shr(RCX, 28).and(RCX, 1).test(RCX, RCX).jump(Condition.EQUAL, last); // CLONE_NEWUSER
        code.mov(R15, NAMESPACES).jump(again);
        code.bind(last);
        code.xor(R15, R15).jump(again);
        code.bind(none);
        code.mov(RDI, 125);
        call(SyscallNumber.EXIT_GROUP);
        code.bind(made);
        code.mov(R13, RAX).store(R12, LaunchArea.PROCESS, RAX).store(R12, LaunchArea.FLAGS, R15);
    }

    /** Maps the child's ids, lets it go, and gives up what the launcher does not need. */
    private void parent() {
        Label mapped = new Label();
        code.mov(RCX, R15).shr(RCX, 28).and(RCX, 1).test(RCX, RCX).jump(Condition.EQUAL, mapped);
        String[] files = {"/uid_map", "/gid_map", "/setgroups"};
        for (int i = 0; i < files.length; i++) {
            code.mov(RAX, R13).lea(RDI, R12, LaunchArea.PATHS + i * LaunchArea.PATH_BYTES + "/proc/".length()).call(number);
            for (int from = 0; from < files[i].length(); from += 8) {
                long word = 0;
                for (int j = Math.min(files[i].length(), from + 8) - 1; j >= from; j--) {
                    word = word << 8 | files[i].charAt(j);
                }
                code.mov(RCX, word).store(RDI, from, RCX);
            }
        }
        code.mov(RBX, ADDRESS + LaunchArea.PARENT).call(run);
        code.bind(mapped);
        code.mov(RDI, LAUNCHERS).lea(RSI, R12, LaunchArea.START).mov(RDX, 1).mov(R10, MSG_NOSIGNAL).xor(R8, R8).xor(R9, R9);
        call(SyscallNumber.SENDTO);
        code.mov(RDI, SANDBOXS);
        call(SyscallNumber.CLOSE);
        code.mov(RDI, MEMORY);
        call(SyscallNumber.CLOSE);
        code.xor(RDI, RDI).mov(RSI, LAST_BELOW).xor(RDX, RDX);
        call(SyscallNumber.CLOSE_RANGE);
        code.mov(RDI, FIRST_ABOVE).mov(RSI, 0xffff_ffffL).xor(RDX, RDX);
        call(SyscallNumber.CLOSE_RANGE);
        code.mov(RDI, SIG_BLOCK).lea(RSI, R12, LaunchArea.PASSED).xor(RDX, RDX).mov(R10, 8);
        call(SyscallNumber.RT_SIGPROCMASK);
    }

    private void monitor() {
        Label next = new Label(), socket = new Label(), lost = new Label(), lastWord = new Label(), seal = new Label(), known = new Label(),
                restore = new Label(), alarm = new Label(), socketWish = new Label();
        code.bind(next);
        ProcessCode.pollTwo(code, LAUNCHERS, SIGNALS);
        code.test(RAX, RAX).jump(Condition.SIGN, next); // EINTR
        code.load(RAX, RSP, 0).shr(RAX, 48).test(RAX, RAX).jump(Condition.NOT_EQUAL, socket);
        code.mov(RDI, SIGNALS).lea(RSI, RSP, BUFFER).mov(RDX, SIGNAL_READ_BYTES);
        call(SyscallNumber.READ);
        code.load(RAX, RSP, BUFFER + 8).shl(RAX, 32).shr(RAX, 32).cmp(RAX, SI_KERNEL).jump(Condition.EQUAL, next); // ssi_code
        code.load(RSI, RSP, BUFFER).shl(RSI, 32).shr(RSI, 32).mov(RDI, R13); // ssi_signo
        call(SyscallNumber.KILL);
        code.jump(next);

        code.bind(socket);
        code.mov(RDI, LAUNCHERS).lea(RSI, RSP, BUFFER).mov(RDX, 8).mov(R10, MSG_WAITALL).xor(R8, R8).xor(R9, R9);
        call(SyscallNumber.RECVFROM);
        code.cmp(RAX, 8).jump(Condition.NOT_EQUAL, lost);
        code.load(RBX, RSP, BUFFER).mov(RAX, RBX).and(RAX, 0xff).cmp(RAX, 2).jump(Condition.EQUAL, lastWord);
        code.cmp(RAX, 3).jump(Condition.EQUAL, alarm);
        code.cmp(RAX, SocketWish.NUMBER).jump(Condition.EQUAL, socketWish);
        code.test(R12, R12).jump(Condition.EQUAL, next); // sealed
        code.cmp(RBX, 1).jump(Condition.EQUAL, seal);
        code.call(run);
        code.store(RSP, BUFFER, RAX);
        code.mov(RDI, LAUNCHERS).lea(RSI, RSP, BUFFER).mov(RDX, 8).mov(R10, MSG_NOSIGNAL).xor(R8, R8).xor(R9, R9);
        call(SyscallNumber.SENDTO);
        code.jump(next);

        code.bind(seal); // the last list stays, where it was, in a copy of the launcher's own
        code.xor(RDI, RDI).mov(RSI, LaunchArea.KEPT_BYTES).mov(RDX, 3).mov(R10, 0x22 /* MAP_PRIVATE, MAP_ANONYMOUS */).mov(R8, -1).xor(R9, R9);
        call(SyscallNumber.MMAP);
        code.mov(R15, RAX);
        copy(() -> code.lea(RSI, R12, LaunchArea.LAST).mov(RDI, R15), LaunchArea.KEPT_BYTES);
        code.mov(RDI, R12).mov(RSI, LaunchArea.BYTES);
        call(SyscallNumber.MUNMAP);
        code.lea(R8, R12, LaunchArea.LAST).mov(RDI, R15).mov(RSI, LaunchArea.KEPT_BYTES).mov(RDX, LaunchArea.KEPT_BYTES)
                .mov(R10, 3 /* MREMAP_MAYMOVE, MREMAP_FIXED */);
        call(SyscallNumber.MREMAP);
        code.xor(R12, R12);
        code.mov(RAX, CAPABILITY_VERSION_3).store(RSP, BUFFER, RAX).xor(RAX, RAX);
        for (int at = 8; at < 32; at += 8) {
            code.store(RSP, BUFFER + at, RAX);
        }
        code.mov(RAX, DAC_OVERRIDE << 32 | DAC_OVERRIDE).store(RSP, BUFFER + 8, RAX); // effective and permitted
        code.lea(RDI, RSP, BUFFER).lea(RSI, RSP, BUFFER + 8);
        call(SyscallNumber.CAPSET);
        code.jump(next);

        code.bind(alarm);
        code.call(memoryAlarm).jump(next);

        code.bind(socketWish);
        SocketWish.emit(code, LAUNCHERS, BUFFER);
        code.jump(next);

        code.bind(lastWord);
        code.shr(RBX, 8);
        code.mov(RDI, R13).xor(RSI, RSI).mov(RDX, WALL).xor(R10, R10);
        call(SyscallNumber.WAIT4);
        code.jump(known);
        code.bind(lost);
        code.mov(RBX, 9).store(RSP, STATUS, RBX);
        code.mov(RDI, R13).lea(RSI, RSP, STATUS).mov(RDX, WALL).xor(R10, R10);
        call(SyscallNumber.WAIT4);
        code.load(RBX, RSP, STATUS).mov(R15, RBX).call(loss).mov(RBX, R15);
        code.bind(known);
        Label end = new Label();
        code.test(R12, R12).jump(Condition.NOT_EQUAL, end); // it was never sealed
        code.mov(R15, RBX).mov(RBX, ADDRESS + LaunchArea.LAST).load(RAX, RBX, 0).test(RAX, RAX).jump(Condition.EQUAL, restore);
        code.add(RBX, OrderList.ORDER_BYTES).call(run);
        code.bind(restore).mov(RBX, R15);
        code.bind(end);
        ProcessCode.endAs(code, RBX, BUFFER);
        code.int3();
    }

    /** Carries out the list at rbx; rax becomes 0, or the negated error number of an order that may not fail. */
    private void runList() {
        Label plain = new Label(), spawn = new Label(), done = new Label(), end = new Label(), failed = new Label(), proceed = new Label();
        code.bind(run);
        code.push(RBP);
        Label next = code.here();
        code.load(RAX, RBX, 0).cmp(RAX, (int) LaunchArea.END).jump(Condition.EQUAL, end);
        OrderList.load(code, RBX);
        code.mov(RCX, RAX).shr(RCX, 32).and(RCX, 1).test(RCX, RCX).jump(Condition.EQUAL, plain);
        code.mov(RDI, RBP);
        code.bind(plain);
        code.shl(RAX, 32).shr(RAX, 32).cmp(RAX, LaunchArea.SPAWN).jump(Condition.EQUAL, spawn);
        code.syscall();
        code.bind(done);
        code.store(RBX, 56, RAX).mov(RBP, RAX).test(RAX, RAX).jump(Condition.NOT_SIGN, proceed);
        code.load(RCX, RBX, 0).shr(RCX, 33).and(RCX, 1).test(RCX, RCX).jump(Condition.NOT_EQUAL, failed);
        code.bind(proceed);
        code.add(RBX, OrderList.ORDER_BYTES).jump(next);
        code.bind(end);
        code.xor(RAX, RAX);
        code.bind(failed);
        code.pop(RBP);
        code.ret();

        Label parent = new Label();
        code.bind(spawn);
        code.push(RDI);
        code.mov(RDI, SIGCHLD).xor(RSI, RSI).xor(RDX, RDX).xor(R10, R10).xor(R8, R8);
        call(SyscallNumber.CLONE);
        code.pop(RDI);
        code.test(RAX, RAX).jump(Condition.NOT_EQUAL, parent);
        code.mov(RBX, RDI).call(run);
        code.mov(RDI, 127);
        call(SyscallNumber.EXIT_GROUP);
        code.bind(parent).jump(done);
    }
}
