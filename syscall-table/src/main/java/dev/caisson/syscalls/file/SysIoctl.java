package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENOTTY;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.EROFS;
import static dev.caisson.abi.Errno.EXDEV;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.abi.Terminal;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileFlags;
import dev.caisson.vfs.FileOwner;

/** ioctl(2): the requests that every file has; the others go to the file. */
final class SysIoctl {
    private static final int FIGETBSZ = 2;
    private static final int SIOCSPGRP = 0x8902;
    private static final int SIOCGPGRP = 0x8904;
    /** _IOW(0x94, 9, int). */
    private static final int FICLONE = 0x40049409;
    /** _IOW(0x94, 13, struct file_clone_range). */
    private static final int FICLONERANGE = 0x4020940d;

    /** _IOWR(0x94, 54, struct file_dedupe_range). */
    private static final int FIDEDUPERANGE = 0xc0189436;
    /** _IOWR('f', 11, struct fiemap). */
    private static final int FIEMAP = 0xc020660b;
    /** _IO(0x00, 1). */
    private static final int FIBMAP = 1;
    /** FS_IOC_GETFLAGS: _IOR('f', 1, long). */
    private static final int GETFLAGS = 0x80086601;
    /** FS_IOC_GETVERSION: _IOR('v', 1, long). */
    private static final int GETVERSION = 0x80087601;
    /** FS_IOC_SETFLAGS: _IOW('f', 2, long). */
    private static final int SETFLAGS = 0x40086602;

    private SysIoctl() {}

    private static boolean hasFlags(FileDescription description, int type) {
        return (type == Stat.S_IFREG || type == Stat.S_IFDIR) && description.inode().fileSystem().cachesDentries();
    }

    /** In the order of ioctl_file_clone and vfs_clone_file_range, up to the answer of a filesystem without such files. */
    private static ErrnoException refuseClone(Task task, FileDescription target, int type, int sourceFd) throws ErrnoException {
        FileDescription source = task.fds().borrow(sourceFd);
        try {
            int sourceType = source.inode().mode() & Stat.S_IFMT;
            if (sourceType == Stat.S_IFDIR || type == Stat.S_IFDIR) {
                return EISDIR.error();
            }
            if (sourceType != Stat.S_IFREG || type != Stat.S_IFREG) {
                return EINVAL.error();
            }
            if (!source.isReadable() || !target.isWritable() || (target.flags() & Fcntl.O_APPEND) != 0) {
                return EBADF.error();
            }
            return source.inode().fileSystem() != target.inode().fileSystem() ? EXDEV.error() : EOPNOTSUPP.error();
        } finally {
            source.release();
        }
    }

    /** chattr(1): its flags are the VFS' own, and last as long as the file is in use. */
    private static long setFlags(Task task, FileDescription description, int flags) throws ErrnoException {
        if (description.location().mount().isReadOnly()) {
            throw EROFS.error();
        }
        if (task.credentials().fsuid() != description.inode().uid() && !task.credentials().has(Capability.CAP_FOWNER)) {
            throw EPERM.error();
        }
        if ((flags & ~FileFlags.SETTABLE) != 0) {
            throw EOPNOTSUPP.error();
        }
        if (((flags ^ FileFlags.of(description.inode())) & (FileFlags.IMMUTABLE | FileFlags.APPEND)) != 0
                && !task.credentials().has(Capability.CAP_LINUX_IMMUTABLE)) {
            throw EPERM.error();
        }
        FileFlags.set(description.inode(), flags);
        description.location().dentry().pin();
        return 0;
    }

    static long ioctl(Task task, SyscallArgs args) throws ErrnoException {
        int fd = args.fd(0);
        int request = args.i32(1);
        long argument = args.value(2);
        FileDescription description = task.fds().borrow(fd);
        try {
            return switch (request) {
                case Terminal.FIOCLEX -> cloexec(task, fd, true);
                case Terminal.FIONCLEX -> cloexec(task, fd, false);
                case Terminal.FIONBIO -> flag(task, description, fd, Fcntl.O_NONBLOCK, argument);
                case Terminal.FIOASYNC -> flag(task, description, fd, Fcntl.O_ASYNC, argument);
                case Terminal.FIOSETOWN, SIOCSPGRP -> setOwner(task, description, argument);
                case Terminal.FIOGETOWN, SIOCGPGRP -> getOwner(task, description, argument);
                default -> ofFile(task, description, request, argument);
            };
        } finally {
            description.release();
        }
    }

    private static long cloexec(Task task, int fd, boolean on) throws ErrnoException {
        task.fds().closeOnExec(fd, on);
        return 0;
    }

    private static long flag(Task task, FileDescription description, int fd, int flag, long address) throws ErrnoException {
        boolean on = task.memory().readInt(address) != 0;
        if (flag == Fcntl.O_ASYNC && on != ((description.flags() & flag) != 0) && !AsyncSignals.isPossible(description)) {
            throw ENOTTY.error();
        }
        return SysFcntl.setFlags(task, description, fd, on ? description.flags() | flag : description.flags() & ~flag);
    }

    private static long setOwner(Task task, FileDescription description, long address) throws ErrnoException {
        if ((description.inode().mode() & Stat.S_IFMT) != Stat.S_IFSOCK) {
            throw ENOTTY.error();
        }
        int id = task.memory().readInt(address);
        return SysFcntl.setOwner(task, description, id < 0 ? Fcntl.F_OWNER_PGRP : Fcntl.F_OWNER_PID, Math.abs(id));
    }

    private static long getOwner(Task task, FileDescription description, long address) throws ErrnoException {
        if ((description.inode().mode() & Stat.S_IFMT) != Stat.S_IFSOCK) {
            throw ENOTTY.error();
        }
        FileOwner owner = description.owner();
        task.memory().writeInt(address, owner.type() == Fcntl.F_OWNER_PGRP ? -owner.id() : owner.id());
        return 0;
    }

    private static long ofFile(Task task, FileDescription description, int request, long argument) throws ErrnoException {
        int type = description.inode().mode() & Stat.S_IFMT;
        switch (request) {
            case FIGETBSZ -> {
                task.memory().writeInt(argument, description.inode().attributes().blockBytes());
                return 0;
            }
            case Terminal.FIONREAD -> {
                if (type == Stat.S_IFREG) {
                    long left = description.inode().attributes().sizeBytes() - description.offset();
                    task.memory().writeInt(argument, (int) left);
                    return 0;
                }
            }
            case Terminal.FIOQSIZE -> {
                if (type == Stat.S_IFREG || type == Stat.S_IFDIR || type == Stat.S_IFLNK) {
                    task.memory().writeLong(argument, description.inode().attributes().sizeBytes());
                    return 0;
                }
                throw ENOTTY.error();
            }
            case FICLONE, FICLONERANGE -> {
                throw refuseClone(task, description, type, request == FICLONE ? (int) argument : task.memory().readInt(argument));
            }
            case FIDEDUPERANGE -> {
                task.memory().readLong(argument);
                throw type == Stat.S_IFREG ? EOPNOTSUPP.error() : type == Stat.S_IFDIR ? EISDIR.error() : EINVAL.error();
            }
            case FIEMAP -> throw EOPNOTSUPP.error();
            case FIBMAP -> {
                if (type == Stat.S_IFREG) {
                    throw task.credentials().has(Capability.CAP_SYS_RAWIO) ? EINVAL.error() : EPERM.error();
                }
            }
            case GETVERSION -> {
                if (hasFlags(description, type)) {
                    task.memory().writeInt(argument, 0); // no number of an inode is used again
                    return 0;
                }
            }
            case GETFLAGS -> {
                if (hasFlags(description, type)) {
                    task.memory().writeInt(argument, FileFlags.of(description.inode()));
                    return 0;
                }
            }
            case SETFLAGS -> {
                if (hasFlags(description, type)) {
                    return setFlags(task, description, task.memory().readInt(argument));
                }
            }
            default -> {}
        }
        return description.file().ioctl(task, request, argument);
    }
}
