package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSocket;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Shuts a gofer in before it starts. Namespaces, capabilities and the bounding set belong to threads, and a Java process has many before
 * it runs a line of ours; so this prepares <em>the calling thread</em>, and then the process becomes the gofer by execve(2): its threads,
 * the runtime's own ones too, all descend from the one that was prepared.
 * <ul>
 * <li>Exports are opened as mounts of their own, attached nowhere (open_tree(2)): {@code ..} ends at their roots, whatever anybody does.
 * The mounts are nodev, nosuid and nosymfollow, and read-only where that was asked for: the host's kernel refuses what the gofer should.
 * <li>Sockets that listen are made.
 * <li>Mount, IPC, UTS and network namespaces of its own; the network one not when it listens on TCP, which needs the host's. A process
 * namespace of its own only as a child of a sandbox ({@link #spawn}), since a process cannot change its own; in any case its filter of
 * calls keeps it from making, finding, signalling and tracing processes.
 * <li>An empty directory without a name is handed over, which becomes the root, and the directory of the gofer's own descriptors, by
 * whose links files are opened.
 * <li>Only the capabilities that serving other users' files takes, and none can be had back: they leave the bounding set, and
 * no_new_privs is set.
 * </ul>
 * What the caller may not do is left out, and the gofer says so. An ordinary user's gofer has, in place of namespaces and mounts, the
 * landlock of the host: it can open nothing but its trees, and to read what the runtime starts from.
 */
public final class GoferLauncher {
    private static final int CLOSE_RANGE_CLOEXEC = 4;
    private static final int FIRST_FD = 3;
    /** Where a child has what is handed over to it, and a number above everything else. */
    private static final int FIRST_PLACE = 10, HIGH_FD = 200;
    private static final int REHEARSALS = 50;
    private static final List<String> ENVIRONMENT = List.of("MALLOC_ARENA_MAX=1", "LC_ALL=C");

    private GoferLauncher() {}

    /**
     * Turns this process into a gofer.
     *
     * @param plan what it serves
     * @param home the directory that Caisson is installed in, or null
     * @throws IOException if it cannot; the message says why
     */
    public static void become(GoferPlan plan, Path home) throws IOException {
        JavaCommand command = new JavaCommand(home);
        Preparation preparation = new Preparation(plan, command, false);
        preparation.run();
        become(command.words(""), preparation);
    }

    /**
     * Turns this process into one that writes down what gofers load and run, as the AOT cache {@code lib/gofer.aot}.
     *
     * @param home the directory that Caisson is installed in
     * @throws IOException if it cannot; the message says why
     */
    public static void train(Path home) throws IOException {
        JavaCommand command = new JavaCommand(home);
        Preparation preparation = new Preparation(null, command, false);
        preparation.runForTraining(new GoferPlan.Tree("training", home.toString(), true));
        preparation.orders().add("rehearse=" + REHEARSALS);
        become(command.words("-XX:AOTCacheOutput=" + home.resolve(JavaCommand.CACHE)), preparation);
    }

    private static void become(List<String> command, Preparation preparation) throws IOException {
        command.addAll(preparation.orders());
        HostProcess.closeRange(FIRST_FD, -1, CLOSE_RANGE_CLOEXEC);
        preparation.handedOver().forEach(fd -> HostFile.control(fd, Fcntl.F_SETFD, 0));
        long result = HostNamespace.become(command.getFirst(), command, ENVIRONMENT);
        throw new IOException("cannot become " + command.getFirst() + ": " + Errno.of(-result));
    }

    /**
     * Starts a gofer as a child process, whose only client is this process; in a process namespace of its own where that may be.
     *
     * @param trees what it serves
     * @param home the directory that Caisson is installed in, or null
     * @return the process, and the socket to talk to it
     * @throws IOException if it cannot; the message says why
     */
    public static GoferProcess spawn(List<GoferPlan.Tree> trees, Path home) throws IOException {
        long pair = Preparation.checked("make a socket", HostSocket.pair());
        int near = (int) pair;
        int far = (int) (pair >>> 32);
        JavaCommand command = new JavaCommand(home);
        GoferPlan plan = new GoferPlan(trees, List.of(new GoferPlan.Inherited(far)), null);
        Preparation preparation = new Preparation(plan, command, true);
        long[] process = {0};
        IOException[] failure = {null};
        Thread thread = new Thread(() -> {
            try {
                preparation.run();
                process[0] = Preparation.checked("start " + Gofer.class.getName(), spawn(command.words(""), preparation));
            } catch (IOException e) {
                failure[0] = e;
            }
        }, "gofer-launcher"); // what it gives up, it gives up for itself and the child
        thread.start();
        boolean isInterrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        preparation.handedOver().forEach(HostFile::close);
        if (failure[0] != null) {
            HostFile.close(near);
            throw failure[0];
        }
        return new GoferProcess((int) process[0], near);
    }

    /**
     * Makes a child of the calling thread that becomes the gofer. Its descriptors are made in the child: the orders of the launcher
     * name them by their place there.
     */
    private static long spawn(List<String> command, Preparation preparation) {
        command.addAll(ordersOfChild(preparation));
        // Out of the way of their places; a number that is no descriptor fails the child's dup3(2).
        int[] high = preparation.handedOver().stream().mapToInt(fd -> (int) HostFile.duplicate(fd, HIGH_FD)).toArray();
        try (Arena arena = Arena.ofConfined()) {
            SpawnOrders child = new SpawnOrders(arena)
                .add(SyscallNumber.SETSID)
                .add(SyscallNumber.DUP3, 2, 1, 0)
                .add(SyscallNumber.CLOSE_RANGE, 0, 0, 0)
                .add(SyscallNumber.OPENAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, "/dev/null"), 0, 0);
            for (int i = 0; i < high.length; i++) {
                child.add(SyscallNumber.DUP3, high[i], FIRST_PLACE + i, 0);
            }
            child.add(SyscallNumber.CLOSE_RANGE, FIRST_PLACE + high.length, 0xffff_ffffL, 0)
                .add(SyscallNumber.CLOSE_RANGE, FIRST_FD, FIRST_PLACE - 1L, 0);
            if (preparation.childMakesLinks()) {
                // Of the child itself, so no other than the child can make it; it becomes descriptor 3, the first that is free.
                child.add(SyscallNumber.OPEN_TREE, Fcntl.AT_FDCWD, HostNamespace.text(arena, Preparation.PROC_FD), 1 /* OPEN_TREE_CLONE */);
            }
            return child
                .add(SyscallNumber.RT_SIGPROCMASK, 2 /* SIG_SETMASK */, arena.allocate(8, 8).address(), 0, 8)
                .add(SyscallNumber.EXECVE, HostNamespace.text(arena, command.getFirst()), HostNamespace.vector(arena, command),
                    HostNamespace.vector(arena, ENVIRONMENT))
                .spawnMasked(0);
        } finally {
            for (int fd : high) {
                HostFile.close(fd);
            }
        }
    }

    /** The orders with the places that descriptors have in the child. */
    private static List<String> ordersOfChild(Preparation preparation) {
        List<String> translated = new ArrayList<>();
        for (String order : preparation.orders()) {
            String key = order.substring(0, order.indexOf('=') + 1);
            String value = order.substring(key.length());
            if (key.equals("as=") || key.equals("remark=")) {
                translated.add(order);
                continue;
            }
            int end = value.indexOf(':');
            int fd = Integer.parseInt(end < 0 ? value : value.substring(0, end));
            translated.add(key + (FIRST_PLACE + preparation.handedOver().indexOf(fd)) + (end < 0 ? "" : value.substring(end)));
        }
        if (preparation.childMakesLinks()) {
            translated.add("links=" + FIRST_FD);
        }
        return translated;
    }

    /**
     * Starts a gofer without bin/caisson.
     *
     * @param arguments see {@link GoferPlan#parse}
     */
    public static void main(String[] arguments) {
        try {
            become(GoferPlan.parse(List.of(arguments)), null);
        } catch (IOException | IllegalArgumentException e) {
            System.err.println("caisson gofer: " + e.getMessage());
            System.exit(2);
        }
    }
}
