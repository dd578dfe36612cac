package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EACCES;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTDIR;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.pipe.PipeFile;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileOwner;
import dev.caisson.vfs.OpenFlags;

/** fcntl(2), apart from record locks. */
final class SysFcntl {
    /** F_LINUX_SPECIFIC_BASE + 3, since Linux 6.10. */
    private static final int F_DUPFD_QUERY = 1027;
    /** F_LINUX_SPECIFIC_BASE + 4, since Linux 6.12. */
    private static final int F_CREATED_QUERY = 1028;
    private static final int F_GETOWNER_UIDS = 17;

    private SysFcntl() {}

    static long fcntl(Task task, SyscallArgs args) throws ErrnoException {
        int fd = args.fd(0);
        int command = args.i32(1);
        long argument = args.value(2);
        switch (command) {
            case Fcntl.F_DUPFD -> {
                return task.fds().duplicate(fd, (int) argument, false);
            }
            case Fcntl.F_DUPFD_CLOEXEC -> {
                return task.fds().duplicate(fd, (int) argument, true);
            }
            case Fcntl.F_GETFD -> {
                return task.fds().isCloseOnExec(fd) ? Fcntl.FD_CLOEXEC : 0;
            }
            case Fcntl.F_SETFD -> {
                task.fds().closeOnExec(fd, (argument & Fcntl.FD_CLOEXEC) != 0);
                return 0;
            }
            default -> {}
        }
        FileDescription description = task.fds().borrowAny(fd);
        try {
            if (command == Fcntl.F_GETFL) {
                return description.flags();
            }
            if (description.isPath()) {
                throw EBADF.error();
            }
            return control(task, description, fd, command, argument);
        } finally {
            description.release();
        }
    }

    private static long control(Task task, FileDescription description, int fd, int command, long argument) throws ErrnoException {
        switch (command) {
            case Fcntl.F_SETFL -> {
                return setFlags(task, description, fd, (int) argument);
            }
            case Fcntl.F_GETLK, Fcntl.F_SETLK, Fcntl.F_SETLKW, Fcntl.F_OFD_GETLK, Fcntl.F_OFD_SETLK, Fcntl.F_OFD_SETLKW -> {
                return SysLock.record(task, description, command, argument);
            }
            case Fcntl.F_SETOWN -> {
                return setOwner(task, description, (int) argument);
            }
            case Fcntl.F_GETOWN -> {
                FileOwner owner = description.owner();
                return owner.type() == Fcntl.F_OWNER_PGRP ? -owner.id() : owner.id();
            }
            case Fcntl.F_SETOWN_EX -> {
                int type = task.memory().readInt(argument);
                int id = task.memory().readInt(argument + 4);
                if (type < Fcntl.F_OWNER_TID || type > Fcntl.F_OWNER_PGRP) {
                    throw EINVAL.error();
                }
                return setOwner(task, description, type, id);
            }
            case Fcntl.F_GETOWN_EX -> {
                task.memory().writeInt(argument, description.owner().type());
                task.memory().writeInt(argument + 4, description.owner().id());
                return 0;
            }
            case Fcntl.F_SETSIG -> {
                if (argument < 0 || argument > 64) {
                    throw EINVAL.error();
                }
                description.owner(description.owner().withSignal((int) argument));
                return 0;
            }
            case Fcntl.F_GETSIG -> {
                return description.owner().signal();
            }
            case Fcntl.F_GETLEASE -> {
                return task.kernel().vfs().leases().get(description);
            }
            case Fcntl.F_SETLEASE -> {
                return setLease(task, description, fd, (int) argument);
            }
            case F_DUPFD_QUERY -> {
                FileDescription other = task.fds().borrowAny((int) argument);
                other.release();
                return other == description ? 1 : 0;
            }
            case F_CREATED_QUERY -> {
                return description.hasMadeFile() ? 1 : 0;
            }
            case F_GETOWNER_UIDS -> {
                task.memory().writeInt(argument, description.owner().uid());
                task.memory().writeInt(argument + 4, description.owner().euid());
                return 0;
            }
            case Fcntl.F_NOTIFY -> {
                if ((description.inode().mode() & Stat.S_IFMT) != Stat.S_IFDIR) {
                    throw ENOTDIR.error();
                }
                DirectoryNotices.set(task, description, fd, (int) argument);
                return 0;
            }
            case Fcntl.F_SETPIPE_SZ -> {
                return pipe(description).pipe().resize(pipeSize(argument), task.credentials());
            }
            case Fcntl.F_GETPIPE_SZ -> {
                return pipe(description).pipe().capacityBytes();
            }
            case Fcntl.F_ADD_SEALS -> {
                if (!description.isWritable()) {
                    throw EPERM.error();
                }
                SysSeek.sealed(description).addSeals((int) argument);
                return 0;
            }
            case Fcntl.F_GET_SEALS -> {
                return SysSeek.sealed(description).seals();
            }
            case Fcntl.F_GET_RW_HINT -> {
                WriteHint hint = description.inode().attachment(WriteHint.class, null);
                task.memory().writeLong(argument, hint == null ? Fcntl.RWF_WRITE_LIFE_NOT_SET : hint.value);
                return 0;
            }
            case Fcntl.F_SET_RW_HINT -> {
                long value = task.memory().readLong(argument);
                if (Long.compareUnsigned(value, 5) > 0) {
                    throw EINVAL.error();
                }
                description.inode().attachment(WriteHint.class, WriteHint::new).value = value;
                return 0; // about storage that is not there: only told again
            }
            default -> throw EINVAL.error();
        }
    }

    /** How long what is written to a file will live, as its user said. */
    private static final class WriteHint {
        volatile long value;
    }

    private static long setLease(Task task, FileDescription description, int fd, int type) throws ErrnoException {
        if (task.credentials().fsuid() != description.inode().uid() && !task.credentials().has(Capability.CAP_LEASE)) {
            throw EACCES.error();
        }
        if ((description.inode().mode() & Stat.S_IFMT) != Stat.S_IFREG) {
            throw EINVAL.error();
        }
        task.kernel().vfs().leases().set(description, type, () -> AsyncSignals.sendMessageNow(description, fd));
        if (type == Fcntl.F_UNLCK) {
            description.owner(FileOwner.NONE); // owner and signal go with the lease
        } else {
            own(task, description);
        }
        return 0;
    }

    /** What sends signals without having an owner belongs to whoever asked for them. */
    static void own(Task task, FileDescription description) {
        FileOwner owner = description.owner();
        if (owner.target() == null) {
            description.owner(new FileOwner(Fcntl.F_OWNER_PID, task.process().pid(), owner.signal(), task.credentials().uid(),
                    task.credentials().euid(), task.process()));
        }
    }

    private static int pipeSize(long argument) throws ErrnoException {
        if (argument < 0 || argument > 1L << 31) {
            throw EINVAL.error();
        }
        return (int) Math.min(argument, Integer.MAX_VALUE);
    }

    private static PipeFile pipe(FileDescription description) throws ErrnoException {
        OpenFile file = description.file();
        if (file instanceof PipeFile pipe) {
            return pipe;
        }
        throw EBADF.error();
    }

    /** setfl of Linux. */
    static long setFlags(Task task, FileDescription description, int fd, int asked) throws ErrnoException {
        int old = description.flags();
        int flags = AsyncSignals.isPossible(description) ? asked : asked & ~Fcntl.O_ASYNC;
        if ((flags & Fcntl.O_NOATIME & ~old) != 0 && task.credentials().fsuid() != description.inode().uid()
                && !task.credentials().has(Capability.CAP_FOWNER)) {
            throw EPERM.error();
        }
        if ((flags & Fcntl.O_DIRECT) != 0 && (description.inode().mode() & Stat.S_IFMT) != Stat.S_IFIFO) {
            OpenFlags.checkDirect(description.inode()); // of a pipe it means packets
        }
        description.statusFlags(flags & FileDescription.SETTABLE_FLAGS);
        if (((old ^ flags) & Fcntl.O_ASYNC) != 0) {
            AsyncSignals.follow(description, fd);
        }
        return 0;
    }

    private static long setOwner(Task task, FileDescription description, int id) throws ErrnoException {
        if (id == Integer.MIN_VALUE) {
            throw EINVAL.error();
        }
        return id < 0 ? setOwner(task, description, Fcntl.F_OWNER_PGRP, -id) : setOwner(task, description, Fcntl.F_OWNER_PID, id);
    }

    static long setOwner(Task task, FileDescription description, int type, int id) throws ErrnoException {
        Object target = null;
        if (id != 0) {
            target = switch (type) {
                case Fcntl.F_OWNER_TID -> task.pidNamespace().task(id);
                case Fcntl.F_OWNER_PID -> task.pidNamespace().process(id);
                default -> task.pidNamespace().group(id);
            };
            if (target == null) {
                throw ESRCH.error();
            }
        }
        description.owner(new FileOwner(type, id, description.owner().signal(), task.credentials().uid(), task.credentials().euid(),
                target));
        AsyncSignals.follow(description);
        return 0;
    }
}
