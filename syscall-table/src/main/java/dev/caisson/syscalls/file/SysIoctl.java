package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.ENOTTY;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.abi.Terminal;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileOwner;

/** ioctl(2): the requests that every file has; the others go to the file. */
final class SysIoctl {
    private static final int FIGETBSZ = 2;
    /** _IOW(0x94, 9, int). */
    private static final int FICLONE = 0x40049409;
    /** _IOW(0x94, 13, struct file_clone_range). */
    private static final int FICLONERANGE = 0x4020940d;

    private SysIoctl() {}

    static long ioctl(Task task, SyscallArgs args) throws ErrnoException {
        int fd = args.fd(0);
        int request = args.i32(1);
        long argument = args.value(2);
        FileDescription description = task.fds().borrow(fd);
        try {
            return switch (request) {
                case Terminal.FIOCLEX -> cloexec(task, fd, true);
                case Terminal.FIONCLEX -> cloexec(task, fd, false);
                case Terminal.FIONBIO -> flag(task, description, Fcntl.O_NONBLOCK, argument);
                case Terminal.FIOASYNC -> flag(task, description, Fcntl.O_ASYNC, argument);
                case Terminal.FIOSETOWN -> setOwner(task, description, argument);
                case Terminal.FIOGETOWN -> getOwner(task, description, argument);
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

    private static long flag(Task task, FileDescription description, int flag, long address) throws ErrnoException {
        boolean on = task.memory().readInt(address) != 0;
        return SysFcntl.setFlags(task, description, on ? description.flags() | flag : description.flags() & ~flag);
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
                if (type == Stat.S_IFREG || type == Stat.S_IFDIR) {
                    task.memory().writeInt(argument, description.inode().attributes().blockBytes());
                    return 0;
                }
            }
            case Terminal.FIONREAD -> {
                if (type == Stat.S_IFREG) {
                    long left = description.file().sizeBytes() - description.offset();
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
                if (type == Stat.S_IFREG) {
                    throw description.isWritable() ? EOPNOTSUPP.error() : EBADF.error();
                }
            }
            default -> {}
        }
        return description.file().ioctl(task, request, argument);
    }
}
