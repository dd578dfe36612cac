package dev.caisson.gofer;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostLandlock;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSocket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/**
 * What the calling thread does and gives up before it becomes a gofer, or has a child that does; see {@link GoferLauncher}. Its result
 * are orders for the gofer, and the descriptors that they name.
 */
final class Preparation {
    /** Where the kernel shows the descriptors of the process that looks. */
    static final String PROC_FD = "/proc/self/fd";

    private static final int CLONE_NEWNS = 0x20000;
    private static final int CLONE_NEWUTS = 0x4000000;
    private static final int CLONE_NEWIPC = 0x8000000;
    private static final int CLONE_NEWNET = 0x40000000;
    private static final int CLONE_NEWPID = 0x20000000;
    private static final long ATTRIBUTES = 2 | 4 | 0x200000; // NOSUID, NODEV, NOSYMFOLLOW
    private static final long READ_ONLY = 1;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int LAST_CAPABILITY = 40;
    /** CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, MKNOD (whiteouts), SETFCAP (file capabilities). */
    private static final long KEPT = 1L | 1L << 1 | 1L << 2 | 1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 27 | 1L << 31;
    /** For the one chroot(2) of the start; the gofer's own threads then drop it, and the filter forbids the call to all. */
    private static final long SYS_CHROOT = 1L << 18;
    private static final long SYS_ADMIN = 1L << 21;
    private static final int BACKLOG = 64;

    private final GoferPlan plan;
    private final JavaCommand command;
    private final boolean isChild;
    private final List<String> orders = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private final List<Integer> handedOver = new ArrayList<>();
    private boolean hasRoot;

    /**
     * Plans.
     *
     * @param plan what the gofer serves
     * @param command what it runs
     * @param isChild whether a child of the thread becomes it, not the thread
     */
    Preparation(GoferPlan plan, JavaCommand command, boolean isChild) {
        this.plan = plan;
        this.command = command;
        this.isChild = isChild;
    }

    /** {@return the gofer's arguments} */
    List<String> orders() {
        return orders;
    }

    /** {@return the descriptors that the orders name} */
    List<Integer> handedOver() {
        return handedOver;
    }

    /** {@return whether a child is to make the directory of its own descriptors a mount, before its execve(2)} */
    boolean childMakesLinks() {
        return isChild && hasRoot;
    }

    /** Does it all, on the thread that is to be shut in. */
    void run() throws IOException {
        boolean listensOnTcp = false;
        for (GoferPlan.Door door : plan.doors()) {
            listensOnTcp |= door instanceof GoferPlan.TcpSocket;
            open(door);
        }
        if (plan.user() != null) {
            orders.add("as=" + plan.user());
        }
        boolean isAdmin = (HostCredentials.effectiveCapabilities() & SYS_ADMIN) != 0;
        if (isAdmin) {
            separate(listensOnTcp);
        }
        for (GoferPlan.Tree tree : plan.trees()) {
            int fd = export(tree, isAdmin);
            orders.add("export=" + handOver(fd) + ":" + (tree.isReadOnly() ? "ro" : "rw") + ":" + Gofer.Orders.escaped(tree.name()));
        }
        if (isAdmin) {
            handOverRoot();
        }
        dropCapabilities();
        if (!isAdmin) {
            long restricted = restrictFiles();
            remarks.addFirst("namespaces, an empty root and mounts of its own (no CAP_SYS_ADMIN"
                + (restricted == 0 ? "; landlock keeps it to its trees)" : ")"));
            if (restricted < 0) {
                remarks.add("landlock (" + Errno.of(-restricted) + ")");
            }
        }
        remarks.forEach(remark -> orders.add("remark=" + remark));
    }

    private void separate(boolean listensOnTcp) {
        attempt("a mount namespace", HostNamespace.unshare(CLONE_NEWNS));
        attempt("an IPC namespace", HostNamespace.unshare(CLONE_NEWIPC));
        attempt("a UTS namespace", HostNamespace.unshare(CLONE_NEWUTS));
        if (listensOnTcp) {
            return; // connections arrive in the namespace of the socket; the filter lets it make no other socket
        }
        attempt("a network namespace", HostNamespace.unshare(CLONE_NEWNET));
        if (isChild) {
            attempt("a process namespace", HostNamespace.unshare(CLONE_NEWPID));
        }
    }

    private void attempt(String what, long result) {
        if (result < 0) {
            remarks.add(what + " (" + Errno.of(-result) + ")");
        }
    }

    private int export(GoferPlan.Tree tree, boolean isAdmin) throws IOException {
        int fd = (int) checked("export " + tree.path(),
            HostPath.open(Fcntl.AT_FDCWD, tree.path(), Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0));
        if (!isAdmin) {
            return fd;
        }
        long mount = HostNamespace.cloneTree(fd, "", false);
        if (mount < 0) {
            attempt("a mount of its own for " + tree.path(), mount);
            return fd;
        }
        HostFile.close(fd);
        attempt("mount attributes for " + tree.path(),
            HostNamespace.setMountAttributes((int) mount, ATTRIBUTES | (tree.isReadOnly() ? READ_ONLY : 0)));
        return (int) mount;
    }

    private void handOverRoot() {
        long empty = HostNamespace.emptyDirectory();
        long links = HostNamespace.cloneTree(Fcntl.AT_FDCWD, PROC_FD, false);
        if (empty < 0 || links < 0) {
            attempt("an empty root", empty < 0 ? empty : links);
            return;
        }
        hasRoot = true;
        orders.add("empty=" + handOver((int) empty));
        if (isChild) {
            HostFile.close((int) links); // those of this process; that they can be had is all that matters here
        } else {
            orders.add("links=" + handOver((int) links));
        }
    }

    private void dropCapabilities() {
        long permitted = HostCredentials.permittedCapabilities();
        long kept = permitted & (KEPT | SYS_CHROOT);
        if (permitted == 0) {
            remarks.add("other users' files (no capabilities)");
        } else if ((permitted & KEPT) != KEPT) {
            remarks.add("some capabilities for other users' files");
        }
        for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
            if ((kept >>> capability & 1) == 0) {
                HostCredentials.dropFromBoundingSet(capability);
            }
        }
        // A child makes one more mount before its execve(2), which takes what is not in the bounding set any more.
        attempt("fewer capabilities", HostCredentials.keepCapabilities(childMakesLinks() ? kept | SYS_ADMIN : kept));
        attempt("no_new_privs", HostProcess.control(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    }

    /** Leaves to an ordinary user's gofer what it serves, and to read what the runtime needs to start. */
    private long restrictFiles() {
        long all = HostLandlock.all();
        long rules = all == 0 ? -Errno.EOPNOTSUPP.number() : HostLandlock.create(all);
        if (rules < 0) {
            return rules;
        }
        for (GoferPlan.Tree tree : plan.trees()) {
            allow((int) rules, tree.path(), tree.isReadOnly() ? HostLandlock.READ : all);
        }
        command.reads().forEach(path -> allow((int) rules, path, HostLandlock.READ));
        command.writes().forEach(path -> allow((int) rules, path, all));
        long result = HostLandlock.restrict((int) rules);
        HostFile.close((int) rules);
        return result;
    }

    /** What is not there needs no rule. */
    private static void allow(int rules, String path, long rights) {
        long fd = HostPath.open(Fcntl.AT_FDCWD, path, Fcntl.O_PATH | Fcntl.O_CLOEXEC, 0);
        if (fd >= 0) {
            if (HostLandlock.allow(rules, (int) fd, rights) < 0) {
                HostLandlock.allow(rules, (int) fd, rights & HostLandlock.OF_FILE); // no directory
            }
            HostFile.close((int) fd);
        }
    }

    private void open(GoferPlan.Door door) throws IOException {
        if (door instanceof GoferPlan.UnixSocket unix) {
            long fd = HostSocket.listenUnix(unix.path(), BACKLOG);
            if (fd == -Errno.EADDRINUSE.number() && isAbandoned(unix.path())) {
                HostPath.unlink(Fcntl.AT_FDCWD, unix.path(), 0);
                fd = HostSocket.listenUnix(unix.path(), BACKLOG);
            }
            orders.add("unix=" + handOver((int) checked("listen on " + unix.path(), fd)));
        } else if (door instanceof GoferPlan.TcpSocket tcp) {
            byte[] address;
            try {
                address = InetAddress.getByName(tcp.host()).getAddress();
            } catch (UnknownHostException e) {
                throw new IOException("no such host: " + tcp.host(), e);
            }
            int fd = (int) checked("listen on " + tcp.host() + ":" + tcp.port(), HostSocket.listenTcp(address, tcp.port(), BACKLOG));
            if (tcp.port() == 0) {
                System.err.println("caisson gofer: listens on port " + HostSocket.localPort(fd));
            }
            orders.add("tcp=" + handOver(fd));
        } else if (door instanceof GoferPlan.Inherited inherited) {
            checked("use descriptor " + inherited.fd(), HostFile.flags(inherited.fd()));
            orders.add("connection=" + handOver(inherited.fd()));
        }
    }

    /** A socket that a gofer before left behind. */
    private static boolean isAbandoned(String path) {
        long fd = HostSocket.connectUnix(path);
        if (fd >= 0) {
            HostFile.close((int) fd);
        }
        return fd == -Errno.ECONNREFUSED.number();
    }

    /** What a gofer that only rehearses needs. */
    void runForTraining(GoferPlan.Tree tree) throws IOException {
        orders.add("export=" + handOver(export(tree, false)) + ":ro:training");
    }

    private int handOver(int fd) {
        handedOver.add(fd);
        return fd;
    }

    static long checked(String what, long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot " + what + ": " + Errno.of(-result));
        }
        return result;
    }
}
