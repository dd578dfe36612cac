package dev.caisson.gofer;

import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostCredentials;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A server in this process over a directory, which it exports as "rw" and as "ro", and an "outside" beside it. */
final class GoferFixture implements AutoCloseable {
    /** Whatever happens at all happens within this time, on a busy machine too. */
    static final long PATIENCE_S = 180;

    final Path directory;
    final Path tree;
    final Environment environment;
    private final Server server;
    private final CountDownLatch idle = new CountDownLatch(1);
    private final int[] roots = new int[2];
    private boolean isSettled;

    GoferFixture(Path directory) throws Exception {
        this(directory, Limits.of(HostProcess.descriptorLimit()));
    }

    GoferFixture(Path directory, Limits limits) throws Exception {
        this.directory = directory;
        HostNamespace.setUmask(0);
        tree = Files.createDirectories(directory.resolve("tree"));
        Files.writeString(directory.resolve("outside"), "secret");
        for (int i = 0; i < roots.length; i++) {
            roots[i] = (int) HostPath.open(Fcntl.AT_FDCWD, tree.toString(), Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0);
        }
        List<Export> exports = List.of(new Export("rw", roots[0], false), new Export("ro", roots[1], true));
        boolean isRoot = HostCredentials.effectiveUser() == 0;
        AttachPolicy policy = new AttachPolicy(Accounts.none(), HostCredentials.effectiveUser(), isRoot, null);
        environment = new Environment(exports, policy, limits, Environment.PROC_FD);
        try (Workspace work = new Workspace()) {
            for (Export export : exports) {
                Beneath.status(work, export.root());
                export.identify(work.device(), work.inode());
            }
        }
        server = new Server(environment, idle::countDown);
        server.start();
    }

    /** {@return a client that has said nothing yet} */
    NinepClient connect() {
        long pair = HostSocket.pair();
        server.serve((int) (pair >>> 32), true);
        return new NinepClient((int) pair);
    }

    /** {@return a client that came through a socket that listens, as some user of the host} */
    NinepClient connectAs(int user) {
        long pair = HostSocket.pair();
        server.admit((int) (pair >>> 32), user, true);
        return new NinepClient((int) pair);
    }

    /** {@return a client that speaks the public protocol and is attached} */
    NinepClient client(String export) {
        NinepClient client = connect();
        client.version(65536, "9P2000.L");
        return client.attach(export);
    }

    /** {@return a client that speaks the extension and is attached} */
    NinepClient extendedClient() {
        NinepClient client = connect();
        client.version(65536, "9P2000.L.caisson");
        return client.attach("rw");
    }

    void write(String name, String text) throws IOException {
        Path file = tree.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    String read(String name) throws IOException {
        return Files.readString(tree.resolve(name));
    }

    /** {@return whether nothing is left of the connections, once they are all over; waits for that} */
    boolean isCleanAtTheEnd() throws InterruptedException {
        if (!isSettled) {
            isSettled = true;
            server.settle();
        }
        return idle.await(PATIENCE_S, TimeUnit.SECONDS) && environment.fids() == 0 && environment.handles().used() == 0
            && environment.failures() == 0;
    }

    @Override
    public void close() {
        if (!isSettled) {
            isSettled = true;
            server.settle();
        }
        for (int root : roots) {
            HostFile.close(root);
        }
    }
}
