package dev.caisson.gofer;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ELOOP;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Fcntl.AT_EMPTY_PATH;
import static dev.caisson.abi.Fcntl.AT_FDCWD;
import static dev.caisson.abi.Fcntl.AT_SYMLINK_NOFOLLOW;
import static dev.caisson.abi.Fcntl.O_ACCMODE;
import static dev.caisson.abi.Fcntl.O_CLOEXEC;
import static dev.caisson.abi.Fcntl.O_CREAT;
import static dev.caisson.abi.Fcntl.O_DIRECTORY;
import static dev.caisson.abi.Fcntl.O_EXCL;
import static dev.caisson.abi.Fcntl.O_NOCTTY;
import static dev.caisson.abi.Fcntl.O_NOFOLLOW;
import static dev.caisson.abi.Fcntl.O_NONBLOCK;
import static dev.caisson.abi.Fcntl.O_PATH;
import static dev.caisson.abi.Fcntl.O_TRUNC;
import static dev.caisson.abi.Fcntl.RESOLVE_BENEATH;
import static dev.caisson.abi.Fcntl.RESOLVE_NO_MAGICLINKS;
import static dev.caisson.abi.Fcntl.RESOLVE_NO_SYMLINKS;
import static dev.caisson.abi.Fcntl.RESOLVE_NO_XDEV;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;

/**
 * How files below an export are reached: one name at a time below a descriptor, never through a link or over a mount, and by
 * {@code /proc/self/fd} from a descriptor with O_PATH to one for transfers, which cannot be another file's. Only regular files and
 * directories are opened: to open a device or a fifo is to talk to a driver or to wait for somebody.
 */
final class Beneath {
    /** What statx(2) is asked for: everything that stat(2) tells, and the time of birth. */
    private static final int STATX_ALL = 0xfff;
    private static final long RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    private static final int PATH_FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    /** Of a client's flags these go to the host. Not O_DIRECT: where data lie in messages is not the client's to know. */
    private static final int HOST_FLAGS = O_ACCMODE | O_TRUNC | Fcntl.O_APPEND | Fcntl.O_SYNC | Fcntl.O_DSYNC | O_DIRECTORY | Fcntl.O_NOATIME;
    /** A file that somebody holds a lease on is EAGAIN, not a wait. */
    private static final int OWN_FLAGS = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    /** Directories are no deeper than a path is long. */
    private static final int MOST_DEPTH = 4096;
    private static final int RACES = 8;

    private Beneath() {}

    /** {@return a descriptor (O_PATH) of an entry of a directory, a link itself} */
    static int entry(int directory, String name) throws ErrnoException {
        return (int) Errno.check(HostPath.open(directory, name, PATH_FLAGS, 0, RESOLVE));
    }

    /** {@return a descriptor (O_PATH) of a directory some names below another one} */
    static int directory(int from, String path) throws ErrnoException {
        return (int) Errno.check(HostPath.open(from, path, PATH_FLAGS | O_DIRECTORY, 0, RESOLVE));
    }

    /** Fills the structure with what statx(2) tells of a descriptor. */
    static void status(Workspace work, int fd) throws ErrnoException {
        Errno.check(HostPath.statx(fd, "", AT_EMPTY_PATH, STATX_ALL, work.structure().address()));
    }

    /** Fills the structure with what statx(2) tells of an entry of a directory. */
    static void status(Workspace work, int directory, String name) throws ErrnoException {
        Errno.check(HostPath.statx(directory, name, AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT, STATX_ALL, work.structure().address()));
    }

    /**
     * The directory above, or the same one for the root of the export. The one above counts only when the root is reached from there by
     * going up: a directory that somebody has moved out of the tree has no way up.
     *
     * @return a descriptor (O_PATH)
     */
    static int parent(Workspace work, Export export, int directory) throws ErrnoException {
        status(work, directory);
        if (work.isRoot(export)) {
            return directory(directory, ".");
        }
        int parent = up(directory);
        int place = parent;
        boolean isBelow = false;
        try {
            for (int depth = 0; depth < MOST_DEPTH; depth++) {
                status(work, place);
                if (work.isRoot(export)) {
                    isBelow = true;
                    return parent;
                }
                int above = up(place);
                if (place != parent) {
                    HostFile.close(place);
                }
                place = above;
            }
            throw ENOENT.error("a directory outside of the tree");
        } finally {
            if (place != parent) {
                HostFile.close(place);
            }
            if (!isBelow) {
                HostFile.close(parent);
            }
        }
    }

    private static int up(int directory) throws ErrnoException {
        long fd = HostPath.open(directory, "..", PATH_FLAGS | O_DIRECTORY, 0,
            RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
        if (fd == -Errno.EXDEV.number()) {
            throw ENOENT.error("a directory outside of the tree");
        }
        return (int) Errno.check(fd);
    }

    /**
     * Opens a file for transfers.
     *
     * @param environment knows the way
     * @param file the file
     * @param flags the client's {@code O_*}
     * @return the open file
     * @throws ErrnoException ELOOP for a link, ENXIO for what is neither regular nor a directory, and as open(2)
     */
    static Handle open(Environment environment, Handle file, int flags) throws ErrnoException {
        if (file.isLink()) {
            throw ELOOP.error("a link");
        }
        if (!file.isRegular() && !file.isDirectory()) {
            throw ENXIO.error("a device, fifo or socket of an image is never opened");
        }
        if ((flags & O_ACCMODE) == O_ACCMODE) {
            throw EINVAL.error("no access mode");
        }
        long fd = HostPath.open(AT_FDCWD, environment.link(file.fd()), flags & HOST_FLAGS | OWN_FLAGS, 0);
        return Handle.of(environment.handles(), (int) Errno.check(fd), file.isRegular() ? 0x8000 : 0x4000);
    }

    /**
     * Opens an entry of a directory as open(2) with O_CREAT does.
     *
     * @param environment knows the way
     * @param work for the file's status
     * @param directory descriptor of the directory
     * @param name the entry
     * @param flags the client's {@code O_*}; with O_EXCL the entry must not exist
     * @param mode permission bits of a file that is made
     * @return the open file
     */
    static Handle create(Environment environment, Workspace work, int directory, String name, int flags, int mode) throws ErrnoException {
        if ((flags & O_ACCMODE) == O_ACCMODE) {
            throw EINVAL.error("no access mode");
        }
        for (int race = 0; race < RACES; race++) {
            // O_EXCL in any case: what exists already may be a fifo.
            long fd = HostPath.open(directory, name, flags & HOST_FLAGS | OWN_FLAGS | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 07777, RESOLVE);
            if (fd != -Errno.EEXIST.number() || (flags & O_EXCL) != 0) {
                return Handle.of(environment.handles(), (int) Errno.check(fd), 0x8000);
            }
            try {
                Handle existing = handle(environment, work, entry(directory, name));
                try {
                    return open(environment, existing, flags);
                } finally {
                    existing.release();
                }
            } catch (ErrnoException e) {
                if (e.errno() != ENOENT) {
                    throw e;
                }
                // Gone meanwhile: once more.
            }
        }
        throw EACCES.error("a name that comes and goes");
    }

    /** Makes a file without a name. */
    static Handle createUnnamed(Environment environment, int directory, int flags, int mode) throws ErrnoException {
        long fd = HostPath.open(directory, ".", flags & (HOST_FLAGS | O_EXCL) | OWN_FLAGS | Fcntl.O_TMPFILE, mode & 07777, RESOLVE);
        return Handle.of(environment.handles(), (int) Errno.check(fd), 0x8000);
    }

    /** Takes a new descriptor over, and leaves its status in the structure. */
    static Handle handle(Environment environment, Workspace work, int fd) throws ErrnoException {
        long result = HostPath.statx(fd, "", AT_EMPTY_PATH, STATX_ALL, work.structure().address());
        if (result < 0) {
            HostFile.close(fd);
            throw Errno.of(-result).error();
        }
        return Handle.of(environment.handles(), fd, work.mode());
    }

    /** Where a file is now. */
    record Place(Handle directory, String name) implements AutoCloseable {
        @Override
        public void close() {
            directory.release();
        }
    }

    /**
     * Finds the name of a file, as Tremove and Trename need it: what the host says of the descriptor, checked.
     *
     * @return where it is, to be closed
     * @throws ErrnoException ENOENT when it has no name any more; EBUSY for the root
     */
    static Place find(Environment environment, Workspace work, Export export, Handle file) throws ErrnoException {
        status(work, file.fd());
        if (work.isRoot(export)) {
            throw Errno.EBUSY.error("the root");
        }
        long device = work.device();
        long inode = work.inode();
        String root = HostPath.link(AT_FDCWD, environment.link(export.root()));
        String path = HostPath.link(AT_FDCWD, environment.link(file.fd()));
        if (root == null || path == null) {
            throw ENOENT.error("no way to tell the name");
        }
        String prefix = root.endsWith("/") ? root : root + "/";
        int last = path.lastIndexOf('/');
        if (!path.startsWith(prefix) || last + 1 >= path.length()) {
            throw ENOENT.error("no name below the root");
        }
        String above = last < prefix.length() ? "." : path.substring(prefix.length(), last);
        String name = path.substring(last + 1);
        Handle directory = handle(environment, work, directory(export.root(), above));
        try {
            status(work, directory.fd(), name);
            if (work.device() == device && work.inode() == inode) {
                Place found = new Place(directory, name);
                directory = null;
                return found;
            }
            throw ENOENT.error("another file has the name");
        } finally {
            if (directory != null) {
                directory.release();
            }
        }
    }
}
