package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.SealedFile;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileFlags;
import dev.caisson.vfs.PathWalker;

/** lseek(2), truncate(2), fallocate(2), fsync(2), sync(2), posix_fadvise(2), readahead(2). */
final class SysSeek {
    private SysSeek() {}

    static long lseek(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            return description.seek(args.value(1), args.i32(2));
        } finally {
            description.release();
        }
    }

    static long truncate(Task task, SyscallArgs args) throws ErrnoException {
        if (args.value(1) < 0) {
            throw EINVAL.error();
        }
        try {
            task.kernel().vfs().truncate(task, At.resolve(task, args.address(0), PathWalker.FOLLOW), args.value(1));
            return 0;
        } catch (ErrnoException e) {
            throw tooLarge(task, args.value(1), e);
        }
    }

    static long ftruncate(Task task, SyscallArgs args) throws ErrnoException {
        if (args.value(1) < 0) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            task.kernel().vfs().truncate(task, description, args.value(1));
            return 0;
        } catch (ErrnoException e) {
            throw tooLarge(task, args.value(1), e);
        } finally {
            description.release();
        }
    }

    private static ErrnoException tooLarge(Task task, long sizeBytes, ErrnoException e) {
        if (e.errno() == EFBIG && sizeBytes > task.fileSizeLimit()) {
            Kill.self(task, Signals.SIGXFSZ);
        }
        return e;
    }

    /** fallocate(2), in the order of vfs_fallocate. */
    static long fallocate(Task task, SyscallArgs args) throws ErrnoException {
        int mode = args.i32(1);
        long position = args.value(2);
        long length = args.value(3);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (position < 0 || length <= 0) {
                throw EINVAL.error();
            }
            checkMode(mode);
            if (!description.isWritable()) {
                throw EBADF.error();
            }
            int fileFlags = FileFlags.of(description.inode());
            if ((fileFlags & FileFlags.IMMUTABLE) != 0 || mode != 0 && (fileFlags & FileFlags.APPEND) != 0) {
                throw EPERM.error();
            }
            switch (description.inode().mode() & Stat.S_IFMT) {
                case Stat.S_IFIFO -> throw ESPIPE.error();
                case Stat.S_IFDIR -> throw EISDIR.error();
                case Stat.S_IFREG, Stat.S_IFBLK -> {}
                default -> throw ENODEV.error();
            }
            if (position + length < 0) {
                throw EFBIG.error();
            }
            if (position + length > task.fileSizeLimit() && (mode & Fcntl.FALLOC_FL_KEEP_SIZE) == 0
                    && position + length > description.file().sizeBytes()) {
                Kill.self(task, Signals.SIGXFSZ);
                throw EFBIG.error();
            }
            description.beforeChange(task);
            description.file().allocate(mode, position, length);
            task.kernel().vfs().watches().tell(description.location().dentry(), Poll.IN_MODIFY);
            return 0;
        } finally {
            description.release();
        }
    }

    private static void checkMode(int mode) throws ErrnoException {
        boolean keepsSize = (mode & Fcntl.FALLOC_FL_KEEP_SIZE) != 0;
        boolean fits = switch (mode & ~Fcntl.FALLOC_FL_KEEP_SIZE) {
            case 0, Fcntl.FALLOC_FL_UNSHARE_RANGE, Fcntl.FALLOC_FL_ZERO_RANGE -> true;
            case Fcntl.FALLOC_FL_PUNCH_HOLE -> keepsSize;
            case Fcntl.FALLOC_FL_COLLAPSE_RANGE, Fcntl.FALLOC_FL_INSERT_RANGE -> !keepsSize;
            default -> false;
        };
        if (!fits) {
            throw EOPNOTSUPP.error();
        }
    }

    static long fsync(Task task, SyscallArgs args) throws ErrnoException {
        return sync(task, args, false);
    }

    static long fdatasync(Task task, SyscallArgs args) throws ErrnoException {
        return sync(task, args, true);
    }

    private static long sync(Task task, SyscallArgs args, boolean dataOnly) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            description.file().sync(dataOnly);
            return 0;
        } finally {
            description.release();
        }
    }

    /** sync(2) never fails. */
    static long sync(Task task, SyscallArgs args) {
        for (dev.caisson.vfs.Mount mount : task.fs().namespace().mounts()) {
            try {
                mount.fileSystem().sync();
            } catch (ErrnoException e) {
                // nobody to tell: fsync(2) will
            }
        }
        return 0;
    }

    static long syncfs(Task task, SyscallArgs args) throws ErrnoException {
        At.openPlace(task, args.fd(0)).dentry().fileSystem().sync();
        return 0;
    }

    static long syncFileRange(Task task, SyscallArgs args) throws ErrnoException {
        int known = Fcntl.SYNC_FILE_RANGE_WAIT_BEFORE | Fcntl.SYNC_FILE_RANGE_WRITE | Fcntl.SYNC_FILE_RANGE_WAIT_AFTER;
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if ((args.i32(3) & ~known) != 0 || args.value(1) < 0 || args.value(2) < 0 || args.value(1) + args.value(2) < 0) {
                throw EINVAL.error();
            }
            switch (description.inode().mode() & Stat.S_IFMT) {
                case Stat.S_IFREG, Stat.S_IFDIR, Stat.S_IFBLK, Stat.S_IFLNK -> {}
                default -> throw ESPIPE.error();
            }
            if ((args.i32(3) & Fcntl.SYNC_FILE_RANGE_WRITE) != 0) {
                description.file().sync(true);
            }
            return 0;
        } finally {
            description.release();
        }
    }

    static long readahead(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (!description.isReadable()) {
                throw EBADF.error();
            }
            int type = description.inode().mode() & Stat.S_IFMT;
            if (type != Stat.S_IFREG && type != Stat.S_IFBLK) {
                throw EINVAL.error();
            }
            return 0; // a hint
        } finally {
            description.release();
        }
    }

    static long fadvise64(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if ((description.inode().mode() & Stat.S_IFMT) == Stat.S_IFIFO) {
                throw ESPIPE.error();
            }
            if (args.value(2) < 0 || args.i32(3) < Fcntl.POSIX_FADV_NORMAL || args.i32(3) > Fcntl.POSIX_FADV_NOREUSE) {
                throw EINVAL.error();
            }
            return 0; // a hint
        } finally {
            description.release();
        }
    }

    /** F_ADD_SEALS, F_GET_SEALS. */
    static SealedFile sealed(FileDescription description) throws ErrnoException {
        if (description.inode() instanceof SealedFile file) {
            return file;
        }
        throw EINVAL.error();
    }
}
