package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.ENOENT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** The arguments that all path calls share: a directory descriptor, a path, and AT_ flags. */
final class At {
    private At() {}

    /** A path from guest memory; EFAULT, ENAMETOOLONG. */
    static String path(Task task, long address) throws ErrnoException {
        return task.memory().readString(address, PathWalker.PATH_MAX);
    }

    /** Where a relative path begins: null for the working directory. The descriptor counts only for relative paths. */
    static Location start(Task task, int dirfd, String path) throws ErrnoException {
        if (dirfd == Fcntl.AT_FDCWD || path.isEmpty() || path.charAt(0) == '/') {
            return null; // of an empty path the walk makes ENOENT, whatever the descriptor
        }
        return place(task, dirfd); // the walk finds out whether it is a directory
    }

    /** The place that a descriptor, also one of O_PATH, stands for. */
    static Location place(Task task, int fd) throws ErrnoException {
        FileDescription description = task.fds().peek(fd);
        if (description == null) {
            throw EBADF.error();
        }
        return description.location();
    }

    /** The place that a descriptor stands for, which must not be one of O_PATH. */
    static Location openPlace(Task task, int fd) throws ErrnoException {
        FileDescription description = task.fds().peek(fd);
        if (description == null || description.isPath()) {
            throw EBADF.error();
        }
        return description.location();
    }

    /** Resolves a path of an *at call; with {@link PathWalker#EMPTY} an empty path means the descriptor. */
    static Location resolve(Task task, int dirfd, String path, int how) throws ErrnoException {
        if (path.isEmpty()) {
            if ((how & PathWalker.EMPTY) == 0) {
                throw ENOENT.error();
            }
            return dirfd == Fcntl.AT_FDCWD ? task.fs().workingDirectory() : place(task, dirfd);
        }
        return task.kernel().vfs().resolve(task, start(task, dirfd, path), path, how);
    }

    /** Resolves a path relative to the working directory. */
    static Location resolve(Task task, long address, int how) throws ErrnoException {
        return task.kernel().vfs().resolve(task, null, path(task, address), how);
    }

    /** What stat(2) tells of a path of an *at call; with {@link PathWalker#EMPTY} an empty path means the descriptor. */
    static Attributes attributes(Task task, int dirfd, String path, int how) throws ErrnoException {
        return path.isEmpty() ? resolve(task, dirfd, path, how).inode().attributes()
                : task.kernel().vfs().attributes(task, start(task, dirfd, path), path, how);
    }

    /** How to walk for AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
    static int how(int atFlags) {
        return ((atFlags & Fcntl.AT_SYMLINK_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0)
                | ((atFlags & Fcntl.AT_EMPTY_PATH) != 0 ? PathWalker.EMPTY : 0);
    }
}
