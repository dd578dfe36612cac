package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The gofer's process, as {@link GoferLauncher} starts it: everything that it needs it has as descriptors. It shuts itself in and serves.
 * Its arguments are {@code key=value}, see {@link Orders}.
 */
public final class Gofer {
    private static final long CAP_SYS_CHROOT = 1L << 18;
    private static final long CAP_SETUID = 1L << 7;
    private static final long CAP_SETGID = 1L << 6;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int NONE = -1;

    private Gofer() {}

    /**
     * What the launcher orders.
     *
     * @param exports {@code export=FD:rw|ro:NAME}
     * @param connections {@code connection=FD}: connected UNIX sockets
     * @param unixListeners {@code unix=FD}
     * @param tcpListeners {@code tcp=FD}
     * @param user {@code as=UID:GID}, or null
     * @param empty {@code empty=FD}: an empty directory, which becomes the root; or -1
     * @param links {@code links=FD}: the directory of this process's descriptors, which becomes the working directory; or -1
     * @param remarks {@code remark=TEXT}: what could not be done to shut it in
     * @param rehearsals {@code rehearse=N}: rehearse so often, and serve nobody
     */
    record Orders(List<Export> exports, List<Integer> connections, List<Integer> unixListeners, List<Integer> tcpListeners, String user,
            int empty, int links, List<String> remarks, int rehearsals) {
        /** {@return a name whose bytes survive a command line in whatever locale: those beyond ASCII as %XX} */
        static String escaped(String name) {
            StringBuilder text = new StringBuilder();
            for (char one : name.toCharArray()) {
                if (one > ' ' && one < 0x7f && one != '%') {
                    text.append(one);
                } else {
                    text.append('%').append(Character.forDigit(one >> 4 & 15, 16)).append(Character.forDigit(one & 15, 16));
                }
            }
            return text.toString();
        }

        static String unescaped(String text) {
            StringBuilder name = new StringBuilder();
            for (int i = 0; i < text.length(); i++) {
                if (text.charAt(i) == '%') {
                    name.append((char) Integer.parseInt(text.substring(i + 1, i + 3), 16));
                    i += 2;
                } else {
                    name.append(text.charAt(i));
                }
            }
            return name.toString();
        }

        static Orders read(String[] arguments) {
            List<Export> exports = new ArrayList<>();
            List<Integer> connections = new ArrayList<>();
            List<Integer> unixListeners = new ArrayList<>();
            List<Integer> tcpListeners = new ArrayList<>();
            List<String> remarks = new ArrayList<>();
            String user = null;
            int empty = NONE;
            int links = NONE;
            int rehearsals = 0;
            for (String argument : arguments) {
                String key = argument.substring(0, Math.max(argument.indexOf('='), 0));
                String value = argument.substring(argument.indexOf('=') + 1);
                switch (key) {
                    case "export" -> {
                        String[] parts = value.split(":", 3);
                        exports.add(new Export(unescaped(parts[2]), Integer.parseInt(parts[0]), parts[1].equals("ro")));
                    }
                    case "connection" -> connections.add(Integer.valueOf(value));
                    case "unix" -> unixListeners.add(Integer.valueOf(value));
                    case "tcp" -> tcpListeners.add(Integer.valueOf(value));
                    case "as" -> user = value;
                    case "empty" -> empty = Integer.parseInt(value);
                    case "links" -> links = Integer.parseInt(value);
                    case "remark" -> remarks.add(value);
                    case "rehearse" -> rehearsals = Integer.parseInt(value);
                    default -> throw new IllegalArgumentException("no order: " + argument);
                }
            }
            return new Orders(exports, connections, unixListeners, tcpListeners, user, empty, links, remarks, rehearsals);
        }
    }

    /**
     * Serves until nobody can come any more.
     *
     * @param arguments the orders
     */
    public static void main(String[] arguments) {
        int status = 0;
        try {
            run(Orders.read(arguments));
        } catch (RuntimeException | Error e) {
            System.err.println("caisson gofer: " + e);
            status = 1;
        }
        System.err.flush();
        Runtime.getRuntime().halt(status);
    }

    private static void run(Orders orders) {
        long capabilities = HostCredentials.effectiveCapabilities();
        boolean canChange = (capabilities & CAP_SETUID) != 0 && (capabilities & CAP_SETGID) != 0;
        Identity everybody = null;
        if (orders.user != null) {
            int[] user = GoferPlan.user(orders.user);
            everybody = Identity.of(user[0], user[1]);
        }
        Accounts accounts = canChange && !orders.unixListeners.isEmpty()
            ? Accounts.read(Path.of("/etc/passwd"), Path.of("/etc/group")) : Accounts.none();
        AttachPolicy policy = new AttachPolicy(accounts, HostCredentials.effectiveUser(), canChange, everybody);
        Limits limits = Limits.of(HostProcess.descriptorLimit());
        Environment rehearsed = new Environment(orders.exports, policy, limits, Environment.PROC_FD);
        identify(rehearsed);
        Rehearsal.run(rehearsed);
        if (orders.rehearsals > 0) {
            for (int i = 0; i < orders.rehearsals; i++) {
                Rehearsal.run(rehearsed);
            }
            return;
        }

        CallFilter.prepare();
        HostNamespace.setUmask(0); // modes are the client's
        List<String> remarks = new ArrayList<>(orders.remarks);
        boolean isShutIn = enter(orders, remarks);
        Environment environment = isShutIn ? new Environment(orders.exports, policy, limits, "") : rehearsed;
        HostCredentials.keepCapabilities(HostCredentials.permittedCapabilities() & ~CAP_SYS_CHROOT);
        HostProcess.control(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        long filtered = CallFilter.install();
        if (filtered != 0) {
            remarks.add("a filter of system calls (" + (filtered < 0 ? Errno.of(-filtered).toString() : "a thread") + ")");
        }
        if (!remarks.isEmpty()) {
            System.err.println("caisson gofer: goes without " + String.join(", ", remarks));
        }
        serve(orders, environment);
    }

    private static void identify(Environment environment) {
        try (Workspace work = new Workspace()) {
            for (Export export : environment.exports()) {
                Beneath.status(work, export.root());
                export.identify(work.device(), work.inode());
            }
        } catch (ErrnoException e) {
            throw new IllegalStateException("cannot look at an export: " + e.errno());
        }
    }

    /**
     * Makes the empty directory the root.
     *
     * @return whether the working directory is now that of the descriptors
     */
    private static boolean enter(Orders orders, List<String> remarks) {
        if (orders.empty == NONE || orders.links == NONE) {
            return false;
        }
        long result = HostNamespace.enter(orders.empty);
        if (result == 0) {
            result = HostNamespace.rootHere();
        }
        if (result == 0) {
            result = HostNamespace.enter(orders.links);
        }
        HostFile.close(orders.empty);
        HostFile.close(orders.links);
        if (result != 0) {
            remarks.add("an empty root (" + Errno.of(-result) + ")");
        }
        return result == 0;
    }

    private static void serve(Orders orders, Environment environment) {
        if (!orders.tcpListeners.isEmpty() && !environment.policy().admitsStrangers()) {
            throw new IllegalArgumentException("TCP tells nobody's user: say by --as UID[:GID] as whom everybody works");
        }
        Object end = new Object();
        boolean[] isOver = {false};
        Server server = new Server(environment, () -> {
            synchronized (end) {
                isOver[0] = true;
                end.notifyAll();
            }
        });
        server.start();
        orders.unixListeners.forEach(fd -> server.listen(fd, true));
        orders.tcpListeners.forEach(fd -> server.listen(fd, false));
        orders.connections.forEach(fd -> server.serve(fd, HostSocket.isUnix(fd)));
        server.settle();
        synchronized (end) {
            while (!isOver[0]) {
                try {
                    end.wait();
                } catch (InterruptedException e) {
                    return;
                }
            }
        }
    }
}
