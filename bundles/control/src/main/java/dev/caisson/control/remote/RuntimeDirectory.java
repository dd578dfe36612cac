package dev.caisson.control.remote;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The directory of the control sockets: one per running sandbox, named after it. Only its owner can enter it. A sandbox that was killed
 * leaves its socket behind, on which nobody listens any more: whoever meets it removes it.
 *
 * @param path the directory; it need not exist
 */
public record RuntimeDirectory(Path path) {
    private static final String SUFFIX = ".sock";
    /** Locks of files are between processes only. */
    private static final Object IN_PROCESS = new Object();
    /** As runc has it, and short enough for a socket's path (108 bytes, unix(7)) in a usual directory. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}");
    private static final int MOST_SOCKET_PATH = 107;
    private static final Set<PosixFilePermission> PRIVATE =
            EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE);
    private static final Set<PosixFilePermission> OTHERS_WRITE = EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

    /**
     * Chooses a directory.
     *
     * @param wanted the caller's wish; null for the user's own: /run/caisson for root, else caisson in $XDG_RUNTIME_DIR, else one in /tmp
     * @return the directory
     * @throws IOException when this process' user cannot be found out
     */
    public static RuntimeDirectory of(Path wanted) throws IOException {
        return wanted != null ? new RuntimeDirectory(wanted.toAbsolutePath()) : own(uid(), System.getenv());
    }

    static RuntimeDirectory own(int uid, Map<String, String> environment) {
        if (uid == 0) {
            return new RuntimeDirectory(Path.of("/run/caisson"));
        }
        String runtime = environment.get("XDG_RUNTIME_DIR");
        return new RuntimeDirectory(runtime != null && runtime.startsWith("/") ? Path.of(runtime, "caisson")
                : Path.of("/tmp/caisson-" + Integer.toUnsignedString(uid)));
    }

    /** This process' user as the host knows it: an ordinary user's sandbox calls its user root. */
    private static int uid() throws IOException {
        int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        for (String line : Files.readAllLines(Path.of("/proc/self/uid_map"))) {
            String[] range = line.strip().split(" +");
            long first = Long.parseLong(range[0]);
            if (uid >= first && uid < first + Long.parseLong(range[2])) {
                return (int) (Long.parseLong(range[1]) + uid - first);
            }
        }
        return uid;
    }

    /**
     * Checks a sandbox's name.
     *
     * @param id the name
     * @throws IllegalArgumentException when it cannot be one; the message says what can
     */
    public static void checkName(String id) {
        if (!NAME.matcher(id).matches()) {
            throw new IllegalArgumentException("a sandbox's name has 1 to 64 letters, digits and _ . + -, and starts with a letter, a digit "
                    + "or _, unlike " + id);
        }
    }

    /**
     * Where a sandbox's socket is.
     *
     * @param id its name
     * @return the path
     * @throws IllegalArgumentException when no sandbox can have this name
     */
    public Path socket(String id) {
        checkName(id);
        Path socket = path.resolve(id + SUFFIX);
        if (socket.toString().getBytes(StandardCharsets.UTF_8).length > MOST_SOCKET_PATH) {
            throw new IllegalArgumentException("the path of a socket has at most " + MOST_SOCKET_PATH + " bytes, unlike " + socket);
        }
        return socket;
    }

    /** {@return the names that have a socket, in order; some may be of sandboxes that were killed} */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        String[] files = path.toFile().list();
        for (String file : files == null ? new String[0] : files) {
            String name = file.endsWith(SUFFIX) ? file.substring(0, file.length() - SUFFIX.length()) : "";
            if (NAME.matcher(name).matches()) {
                names.add(name);
            }
        }
        names.sort(null);
        return names;
    }

    /**
     * Makes a sandbox's socket.
     *
     * @param id its name
     * @return what listens; whoever closes it deletes the file
     * @throws IOException when the directory cannot be made or is not private, or a sandbox of this name runs; the message says so
     */
    public ServerSocketChannel listen(String id) throws IOException {
        make();
        Path socket = socket(id);
        synchronized (IN_PROCESS) {
            FileChannel lock = lock();
            try {
                return listenLocked(id, socket);
            } finally {
                lock.close();
            }
        }
    }

    private static ServerSocketChannel listenLocked(String id, Path socket) throws IOException {
        if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS) && !removeIfDead(socket)) {
            throw new IOException("a sandbox named " + id + " runs already");
        }
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(socket));
            return server;
        } catch (IOException e) {
            server.close();
            throw e;
        }
    }

    /**
     * Connects to a sandbox. What is left of a dead one is removed.
     *
     * @param id its name
     * @return the connection, or null when no sandbox of this name runs
     * @throws IOException when its socket cannot be reached
     */
    public SocketChannel connect(String id) throws IOException {
        Path socket = socket(id);
        if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        try {
            return SocketChannel.open(UnixDomainSocketAddress.of(socket));
        } catch (ConnectException e) {
            synchronized (IN_PROCESS) {
                FileChannel lock = lock();
                try {
                    removeIfDead(socket);
                } finally {
                    lock.close();
                }
            }
            return null;
        }
    }

    /** Whether nobody listened and the file is gone. The directory's lock is held, so that no new sandbox takes the name meanwhile. */
    private static boolean removeIfDead(Path socket) throws IOException {
        try {
            SocketChannel.open(UnixDomainSocketAddress.of(socket)).close();
            return false;
        } catch (ConnectException e) {
            Files.deleteIfExists(socket);
            return true;
        }
    }

    /** Locks the directory against other processes until the channel is closed. {@link #IN_PROCESS} is held. */
    private FileChannel lock() throws IOException {
        FileChannel file =
                FileChannel.open(path.resolve(".lock"), Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
        try {
            file.lock();
            return file;
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Makes the directory where it is missing.
     *
     * @throws IOException when it cannot be made, or is not private; the message says so
     */
    public void make() throws IOException {
        if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            if (path.getParent() != null) {
                Files.createDirectories(path.getParent());
            }
            try {
                Files.createDirectory(path, PosixFilePermissions.asFileAttribute(PRIVATE));
            } catch (FileAlreadyExistsException e) {
                // Somebody else was faster; the checks below are for that too.
            }
        }
        int owner = (Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        Set<PosixFilePermission> rights = Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS);
        if (owner != uid() || rights.stream().anyMatch(OTHERS_WRITE::contains)) {
            throw new IOException(path + " belongs to somebody else or others can write to it; choose another directory with --root");
        }
    }
}
