package dev.caisson.fs.ninep;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostNamespace;
import dev.caisson.host.HostProcess;
import dev.caisson.host.HostSocket;
import dev.caisson.host.raw.SpawnOrders;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts a gofer of Caisson's own over a directory of the host. It gets one end of a socket pair as its standard input, and ends with the
 * connection; a new one is started when that is lost.
 */
final class GoferConnector implements Connector {
    /** The name of the one tree. */
    static final String TREE = "root";

    private static final Logger log = LoggerFactory.getLogger(GoferConnector.class);
    private static final int HIGH_FD = 100;
    private static final long ALL_FDS = 0xffff_ffffL;
    private static final int WNOHANG = 1;
    private static final int ALL_CHILDREN = 0x40000000; // __WALL: the child tells nobody of its end

    private final String directory;
    private final boolean isReadOnly;
    private int process = -1;

    /**
     * Names a tree.
     *
     * @param directory absolute path on the host
     * @param isReadOnly whether the gofer refuses changes
     */
    GoferConnector(String directory, boolean isReadOnly) throws ErrnoException {
        if (!directory.startsWith("/") || !Files.isDirectory(Path.of(directory))) {
            throw EINVAL.error("no directory of the host for a gofer");
        }
        this.directory = directory;
        this.isReadOnly = isReadOnly;
    }

    @Override
    public boolean isLasting() {
        return true;
    }

    @Override
    public synchronized int connect() throws ErrnoException {
        if (process > 0) {
            HostProcess.await(process, 0, WNOHANG | ALL_CHILDREN);
            process = -1;
        }
        long pair = Errno.check(HostSocket.pair());
        int ours = (int) pair;
        int theirs = (int) (pair >>> 32);
        long started;
        try {
            started = spawn(theirs);
        } finally {
            HostFile.close(theirs);
        }
        if (started < 0) {
            HostFile.close(ours);
            throw Errno.of(started).error("a gofer cannot be started");
        }
        process = (int) started;
        log.debug("started a gofer: pid={} directory={}", process, directory);
        return ours;
    }

    private static List<String> command() {
        String home = System.getProperty("caisson.home");
        if (home != null && Files.isExecutable(Path.of(home, "bin", "caisson"))) {
            return new ArrayList<>(List.of(Path.of(home, "bin", "caisson").toString(), "gofer"));
        }
        return new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "-cp",
                System.getProperty("java.class.path"), "dev.caisson.gofer.GoferLauncher"));
    }

    private long spawn(int socket) {
        List<String> command = command();
        command.add(TREE + "=" + directory + (isReadOnly ? ":ro" : ""));
        command.addAll(List.of("--listen", "fd:0"));
        List<String> environment = new ArrayList<>();
        System.getenv().forEach((name, value) -> environment.add(name + "=" + value));
        long high = HostFile.duplicate(socket, HIGH_FD); // not one of the numbers that it is to get
        if (high < 0) {
            return high;
        }
        try (Arena arena = Arena.ofConfined()) {
            return new SpawnOrders(arena)
                    .add(SyscallNumber.SETPGID, 0, 0) // the terminal's signals are for programs
                    .add(SyscallNumber.DUP3, high, 0, 0)
                    .add(SyscallNumber.DUP3, 2, 1, 0)
                    .add(SyscallNumber.CLOSE_RANGE, 3, ALL_FDS, 0)
                    .add(SyscallNumber.EXECVEAT, Fcntl.AT_FDCWD, HostNamespace.text(arena, command.getFirst()),
                            HostNamespace.vector(arena, command), HostNamespace.vector(arena, environment), 0)
                    .spawn(0);
        } finally {
            HostFile.close((int) high);
        }
    }

    @Override
    public String toString() {
        return "gofer,source=" + directory;
    }
}
