package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOVERFLOW;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.FileLock;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileLocks;

/** flock(2), and the record locks of fcntl(2). */
final class SysLock {
    private static final int LOCK_MAND = 32;

    private SysLock() {}

    static long flock(Task task, SyscallArgs args) throws ErrnoException {
        int operation = args.i32(1) & ~Fcntl.LOCK_NB;
        boolean wait = (args.i32(1) & Fcntl.LOCK_NB) == 0;
        if ((operation & LOCK_MAND) != 0) {
            return 0; // does nothing since Linux 5.15, not even look at the descriptor
        }
        if (operation != Fcntl.LOCK_SH && operation != Fcntl.LOCK_EX && operation != Fcntl.LOCK_UN) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (operation != Fcntl.LOCK_UN && !description.isReadable() && !description.isWritable()) {
                throw EBADF.error();
            }
            FileLocks.of(description.inode()).flock(description, task.process().pid(), operation, wait ? task : null);
            return 0;
        } finally {
            description.release();
        }
    }

    static long record(Task task, FileDescription description, int command, long address) throws ErrnoException {
        FileLock lock = task.memory().read(address, FileLock.CODEC);
        boolean ofDescription = command == Fcntl.F_OFD_GETLK || command == Fcntl.F_OFD_SETLK || command == Fcntl.F_OFD_SETLKW;
        if (ofDescription && lock.pid() != 0) {
            throw EINVAL.error();
        }
        Object owner = ofDescription ? description : task.fds();
        if (command == Fcntl.F_GETLK || command == Fcntl.F_OFD_GETLK) {
            return test(task, description, owner, lock, address);
        }
        long start = start(description, lock);
        long end = end(start, lock);
        start = Math.min(start, lock.lengthBytes() < 0 ? start + lock.lengthBytes() : start);
        FileLocks locks = FileLocks.of(description.inode());
        switch (lock.type()) {
            case Fcntl.F_RDLCK -> {
                if (!description.isReadable()) {
                    throw EBADF.error();
                }
            }
            case Fcntl.F_WRLCK -> {
                if (!description.isWritable()) {
                    throw EBADF.error();
                }
            }
            case Fcntl.F_UNLCK -> {
                locks.unlock(owner, start, end);
                return 0;
            }
            default -> throw EINVAL.error();
        }
        boolean wait = command == Fcntl.F_SETLKW || command == Fcntl.F_OFD_SETLKW;
        locks.lock(owner, ofDescription ? -1 : task.process().pid(), lock.type() == Fcntl.F_WRLCK, start, end, wait ? task : null);
        return 0;
    }

    private static long test(Task task, FileDescription description, Object owner, FileLock lock, long address)
            throws ErrnoException {
        if (lock.type() != Fcntl.F_RDLCK && lock.type() != Fcntl.F_WRLCK) {
            throw EINVAL.error();
        }
        long start = start(description, lock);
        long end = end(start, lock);
        start = Math.min(start, lock.lengthBytes() < 0 ? start + lock.lengthBytes() : start);
        FileLocks.Range found = FileLocks.of(description.inode()).test(owner, lock.type() == Fcntl.F_WRLCK, start, end);
        FileLock answer;
        if (found == null) {
            answer = new FileLock(Fcntl.F_UNLCK, lock.whence(), lock.start(), lock.lengthBytes(), lock.pid());
        } else {
            long length = found.end() == FileLocks.TO_END ? 0 : found.end() - found.start() + 1;
            answer = new FileLock(found.exclusive() ? Fcntl.F_WRLCK : Fcntl.F_RDLCK, Fcntl.SEEK_SET, found.start(), length, found.pid());
        }
        task.memory().write(address, FileLock.CODEC, answer);
        return 0;
    }

    private static long start(FileDescription description, FileLock lock) throws ErrnoException {
        long base = switch (lock.whence()) {
            case Fcntl.SEEK_SET -> 0;
            case Fcntl.SEEK_CUR -> description.offset();
            case Fcntl.SEEK_END -> description.inode().attributes().sizeBytes();
            default -> throw EINVAL.error();
        };
        if (lock.start() > Long.MAX_VALUE - base) {
            throw EOVERFLOW.error();
        }
        long start = base + lock.start();
        if (start < 0 || lock.lengthBytes() < 0 && start + lock.lengthBytes() < 0) {
            throw EINVAL.error();
        }
        return start;
    }

    private static long end(long start, FileLock lock) throws ErrnoException {
        if (lock.lengthBytes() == 0) {
            return FileLocks.TO_END;
        }
        if (lock.lengthBytes() < 0) {
            return start - 1;
        }
        if (lock.lengthBytes() - 1 > Long.MAX_VALUE - start) {
            throw EOVERFLOW.error();
        }
        return start + lock.lengthBytes() - 1;
    }
}
