package dev.caisson.cli.oci;

import dev.caisson.abi.Errno;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.host.HostPty;
import dev.caisson.host.HostSocket;
import dev.caisson.oci.runtime.ContainerException;
import dev.caisson.oci.spec.OciProcess.ConsoleSize;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The descriptors that the caller has given to this process: three streams, those to pass on, and the one that bin/caisson reads. */
final class Descriptors {
    private static final int STREAMS = 3;
    /** Shells keep their own descriptors from here on. */
    private static final int FIRST_OF_SHELL = 10;
    private static final String REPORT = "CAISSON_REPORT";
    private static final String GIVEN = "CAISSON_DESCRIPTORS";

    private final int preserved;
    private final int report;

    private Descriptors(int preserved, int report) {
        this.preserved = preserved;
        this.report = report;
    }

    /**
     * Sorts them. What the caller has left open by mistake is closed: it would live as long as the sandbox. bin/caisson has noted which
     * descriptors there were before the Java runtime opened its own.
     *
     * @param preserved how many to pass on
     * @return the descriptors
     * @throws ContainerException when one that is to be passed on is not open
     */
    static Descriptors take(int preserved) throws ContainerException {
        String named = System.getenv(REPORT);
        int report = named == null ? -1 : Integer.parseInt(named);
        Set<Integer> given = new TreeSet<>();
        for (String word : System.getenv().getOrDefault(GIVEN, "").split(" ")) {
            if (!word.isEmpty() && isCallers(Integer.parseInt(word))) {
                given.add(Integer.parseInt(word));
            }
        }
        for (int fd = STREAMS; fd < STREAMS + preserved; fd++) {
            if (!given.remove(fd)) {
                throw new ContainerException("--preserve-fds=" + preserved + ": descriptor " + fd + " is not open");
            }
        }
        given.forEach(HostFile::close);
        return new Descriptors(preserved, report);
    }

    /** The shell's own descriptor of its script was among those noted; since then it may be one of a file that the runtime has loaded. */
    private static boolean isCallers(int fd) {
        String target = HostPath.link(Fcntl.AT_FDCWD, "/proc/self/fd/" + fd);
        return target != null && (fd < FIRST_OF_SHELL
                || !target.startsWith(System.getProperty("java.home")) && !target.startsWith(System.getProperty("caisson.home", "/nowhere")));
    }

    /** {@return what the program gets, in order from 0} */
    List<Integer> all() {
        List<Integer> all = new ArrayList<>();
        for (int fd = 0; fd < STREAMS + preserved; fd++) {
            all.add(fd);
        }
        return all;
    }

    /** The caller's terminal becomes the program's. */
    void requireTerminal() throws ContainerException {
        if (!HostFile.isTerminal(0)) {
            throw new ContainerException("provided file is not a console: process.terminal is true, but standard input is no terminal");
        }
    }

    /**
     * Makes a terminal, which takes the place of the three streams and becomes this process' controlling terminal, and sends its master side
     * away.
     *
     * @param socket who gets the master side listens there
     * @param size of the window, or null
     * @throws IOException when that fails
     */
    void makeTerminal(Path socket, ConsoleSize size) throws IOException {
        Pair pair = newTerminal(size);
        for (int fd = 0; fd < STREAMS; fd++) {
            checked("take the terminal", HostFile.duplicateTo(pair.slave(), fd, 0));
        }
        HostFile.close(pair.slave());
        // Before anybody can type. A process that leads no session has to do without: signals then come by the socket only.
        HostPty.control(0);
        pair.send(socket);
    }

    /**
     * Makes a terminal.
     *
     * @param size of the window, or null
     * @return both sides
     * @throws IOException when that fails
     */
    static Pair newTerminal(ConsoleSize size) throws IOException {
        long pair = checked("make a terminal", HostPty.open());
        int slave = (int) (pair >>> 32);
        if (size != null) {
            HostPty.resize(slave, size.height(), size.width());
        }
        return new Pair((int) pair, slave);
    }

    /**
     * A terminal.
     *
     * @param master its outer side
     * @param slave its inner side
     */
    record Pair(int master, int slave) {
        /**
         * Sends the master side away, and closes it here.
         *
         * @param socket who gets it listens there
         * @throws IOException when that fails
         */
        void send(Path socket) throws IOException {
            try {
                Descriptors.send(socket, master);
            } finally {
                HostFile.close(master);
            }
        }
    }

    /** As runc: one message, whose text is a name for the terminal. */
    private static void send(Path socket, int master) throws IOException {
        String raw = new String(socket.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        int connection = (int) checked("connect to the console socket " + socket, HostSocket.connectUnix(raw));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom("/dev/ptmx");
            checked("send the terminal to " + socket, HostSocket.send(connection, name.address(), name.byteSize() - 1, 0, 0, master));
        } finally {
            HostFile.close(connection);
        }
    }

    /**
     * Writes a process id where others wait for it: they see all of it or nothing.
     *
     * @param file the file
     * @param pid the number
     * @throws IOException when it cannot be written
     */
    static void writePid(Path file, long pid) throws IOException {
        Path next = file.resolveSibling("." + file.getFileName());
        Files.writeString(next, Long.toString(pid));
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Tells bin/caisson that the container is there. */
    void report() {
        report("created");
    }

    /**
     * Tells bin/caisson how it goes on.
     *
     * @param words "created", when the container is there; see there for others
     */
    void report(String words) {
        if (report < 0) {
            return;
        }
        byte[] bytes = (words + "\n").getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            HostFile.write(report, arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes).address(), bytes.length);
        }
        HostFile.close(report);
    }

    private static long checked(String what, long result) throws IOException {
        if (result < 0) {
            throw new IOException("cannot " + what + ": " + Errno.of(-result).text());
        }
        return result;
    }
}
