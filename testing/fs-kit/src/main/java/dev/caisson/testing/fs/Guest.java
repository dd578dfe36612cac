package dev.caisson.testing.fs;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.wait.Waiter;
import dev.caisson.vfs.Caller;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;

/** A caller for tests, with short forms of the operations that tests use. */
public final class Guest implements Caller {
    /** An operation that may fail. */
    @FunctionalInterface
    public interface Operation {
        /**
         * Runs.
         *
         * @throws ErrnoException the failure
         */
        void run() throws ErrnoException;
    }

    private final Vfs vfs;
    private final FsContext fs;
    private final Credentials credentials;
    private final Semaphore events = new Semaphore(0);
    private final Waiter waiter = mask -> events.release();

    /**
     * Makes a caller.
     *
     * @param vfs the operations
     * @param fs root and working directory
     * @param credentials who
     */
    public Guest(Vfs vfs, FsContext fs, Credentials credentials) {
        this.vfs = vfs;
        this.fs = fs;
        this.credentials = credentials;
    }

    /**
     * The same caller as somebody else.
     *
     * @param who other credentials
     * @return the caller
     */
    public Guest as(Credentials who) {
        return new Guest(vfs, fs, who);
    }

    /**
     * The same caller as an ordinary user.
     *
     * @param uid user
     * @param gid group
     * @return the caller
     */
    public Guest as(int uid, int gid) {
        return as(Credentials.ofUser(uid, gid));
    }

    /** {@return the operations} */
    public Vfs vfs() {
        return vfs;
    }

    @Override
    public Credentials credentials() {
        return credentials;
    }

    @Override
    public FsContext fs() {
        return fs;
    }

    @Override
    public Waiter waiter() {
        return waiter;
    }

    @Override
    public boolean block(long deadlineNs) throws ErrnoException {
        try {
            if (events.tryAcquire(10, TimeUnit.SECONDS)) {
                events.drainPermits();
                return true;
            }
        } catch (InterruptedException e) {
            throw Errno.ERESTARTSYS.error();
        }
        throw new AssertionError("nobody woke the waiter");
    }

    /**
     * Opens.
     *
     * @param path the path
     * @param flags {@code O_*}
     * @return the description
     * @throws ErrnoException the failure
     */
    public FileDescription open(String path, int flags) throws ErrnoException {
        return vfs.open(this, null, path, flags, 0666, 0);
    }

    /**
     * Creates or replaces a file.
     *
     * @param path the path
     * @param content the content
     * @throws ErrnoException the failure
     */
    public void write(String path, String content) throws ErrnoException {
        FileDescription file = open(path, Fcntl.O_CREAT | Fcntl.O_WRONLY | Fcntl.O_TRUNC);
        try {
            write(file, content);
        } finally {
            file.release();
        }
    }

    /**
     * Writes at the offset.
     *
     * @param file open for writing
     * @param content what
     * @return bytes written
     * @throws ErrnoException the failure
     */
    public long write(FileDescription file, String content) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            return file.write(IoBuffer.of(bytes(arena, content)), this);
        }
    }

    /**
     * Writes at a position.
     *
     * @param file open for writing
     * @param content what
     * @param position where
     * @return bytes written
     * @throws ErrnoException the failure
     */
    public long writeAt(FileDescription file, String content, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            return file.writeAt(IoBuffer.of(bytes(arena, content)), position, this);
        }
    }

    private static MemorySegment bytes(Arena arena, String content) {
        byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment segment = arena.allocate(bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    /**
     * Reads at the offset.
     *
     * @param file open for reading
     * @param most bytes at most
     * @return what was read
     * @throws ErrnoException the failure
     */
    public String read(FileDescription file, int most) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(most);
            long count = file.read(IoBuffer.of(segment));
            return new String(segment.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    /**
     * Reads at a position.
     *
     * @param file open for reading
     * @param most bytes at most
     * @param position where
     * @return what was read
     * @throws ErrnoException the failure
     */
    public String readAt(FileDescription file, int most, long position) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(most);
            long count = file.readAt(IoBuffer.of(segment), position);
            return new String(segment.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    /**
     * Reads a whole small file.
     *
     * @param path the path
     * @return its content, up to 64 KiB
     * @throws ErrnoException the failure
     */
    public String read(String path) throws ErrnoException {
        FileDescription file = open(path, Fcntl.O_RDONLY);
        try {
            return read(file, 65536);
        } finally {
            file.release();
        }
    }

    /**
     * Makes a directory with mode 0777.
     *
     * @param path the path
     * @throws ErrnoException the failure
     */
    public void mkdir(String path) throws ErrnoException {
        vfs.mkdir(this, null, path, 0777);
    }

    /**
     * Renames.
     *
     * @param from old path
     * @param to new path
     * @throws ErrnoException the failure
     */
    public void rename(String from, String to) throws ErrnoException {
        vfs.rename(this, null, from, null, to, 0);
    }

    /**
     * Renames with flags.
     *
     * @param from old path
     * @param to new path
     * @param flags {@code RENAME_*}
     * @throws ErrnoException the failure
     */
    public void rename(String from, String to, int flags) throws ErrnoException {
        vfs.rename(this, null, from, null, to, flags);
    }

    /**
     * Links.
     *
     * @param file existing path
     * @param name new path
     * @throws ErrnoException the failure
     */
    public void link(String file, String name) throws ErrnoException {
        vfs.link(this, vfs.resolve(this, null, file, 0), null, name);
    }

    /**
     * Makes a symbolic link.
     *
     * @param target its content
     * @param name its path
     * @throws ErrnoException the failure
     */
    public void symlink(String target, String name) throws ErrnoException {
        vfs.symlink(this, target, null, name);
    }

    /**
     * Unlinks.
     *
     * @param path the path
     * @throws ErrnoException the failure
     */
    public void unlink(String path) throws ErrnoException {
        vfs.unlink(this, null, path);
    }

    /**
     * Removes a directory.
     *
     * @param path the path
     * @throws ErrnoException the failure
     */
    public void rmdir(String path) throws ErrnoException {
        vfs.rmdir(this, null, path);
    }

    /**
     * Finds a file, following symbolic links.
     *
     * @param path the path
     * @return the place
     * @throws ErrnoException the failure
     */
    public Location at(String path) throws ErrnoException {
        return vfs.resolve(this, null, path, PathWalker.FOLLOW);
    }

    /**
     * Attributes, following symbolic links.
     *
     * @param path the path
     * @return the attributes
     * @throws ErrnoException the failure
     */
    public Attributes stat(String path) throws ErrnoException {
        return at(path).inode().attributes();
    }

    /**
     * Attributes of the link itself.
     *
     * @param path the path
     * @return the attributes
     * @throws ErrnoException the failure
     */
    public Attributes lstat(String path) throws ErrnoException {
        return vfs.resolve(this, null, path, 0).inode().attributes();
    }

    /**
     * Changes permission bits.
     *
     * @param path the path
     * @param mode the bits
     * @throws ErrnoException the failure
     */
    public void chmod(String path, int mode) throws ErrnoException {
        vfs.chmod(this, at(path), mode);
    }

    /**
     * Changes owner and group.
     *
     * @param path the path
     * @param uid owner or -1
     * @param gid group or -1
     * @throws ErrnoException the failure
     */
    public void chown(String path, int uid, int gid) throws ErrnoException {
        vfs.chown(this, at(path), uid, gid);
    }

    /**
     * Lists names.
     *
     * @param path a directory
     * @return names without "." and "..", sorted
     * @throws ErrnoException the failure
     */
    public List<String> list(String path) throws ErrnoException {
        FileDescription directory = open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        try {
            List<String> names = new ArrayList<>();
            while (true) {
                int before = names.size();
                directory.readDirectory((name, inode, type, next) -> names.add(name));
                if (names.size() == before) {
                    break;
                }
            }
            names.remove(".");
            names.remove("..");
            names.sort(null);
            return names;
        } finally {
            directory.release();
        }
    }

    /**
     * Whether a path exists.
     *
     * @param path the path
     * @return whether lstat works
     * @throws ErrnoException a failure other than ENOENT
     */
    public boolean exists(String path) throws ErrnoException {
        try {
            lstat(path);
            return true;
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Asserts that an operation fails.
     *
     * @param expected with what
     * @param operation the operation
     */
    public static void fails(Errno expected, Operation operation) {
        try {
            operation.run();
        } catch (ErrnoException e) {
            Assertions.assertEquals(expected, e.errno());
            return;
        }
        Assertions.fail("succeeded, expected " + expected);
    }
}
