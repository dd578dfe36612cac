package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.ESPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.vfs.FileDescription;

/** write(2), pwrite(2), writev(2). */
final class SysWrite {
    private SysWrite() {}

    static long write(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (!description.isWritable()) {
                throw EBADF.error();
            }
            long address = args.address(1);
            long length = args.value(2);
            IoBuffer buffer = task.memory().buffer(address, length, false);
            if (length == 0 && Transfer.isVoid(description)) {
                return 0;
            }
            long count = Transfer.write(task, description, buffer, Transfer.AT_OFFSET, false,
                    () -> task.memory().buffer(address, length, false));
            syncIfAsked(description, 0);
            return count;
        } finally {
            description.release();
        }
    }

    static long pwrite64(Task task, SyscallArgs args) throws ErrnoException {
        long position = args.value(3);
        Transfer.checkPosition(position);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Transfer.checkEnd(description, position, args.value(2));
            return writeAt(task, description, task.memory().buffer(args.address(1), args.value(2), false), position, 0);
        } finally {
            description.release();
        }
    }

    private static long writeAt(Task task, FileDescription description, IoBuffer buffer, long position, int flags)
            throws ErrnoException {
        if (!description.isSeekable()) {
            throw ESPIPE.error();
        }
        if (!description.isWritable()) {
            throw EBADF.error();
        }
        if (buffer.remaining() == 0 && Transfer.isVoid(description)) {
            return 0;
        }
        boolean append = appends(description, flags);
        long count = Transfer.write(task, description, buffer, position, append, () -> {
            throw EAGAIN.error(); // files with positions do not block
        });
        syncIfAsked(description, flags);
        return count;
    }

    private static boolean appends(FileDescription description, int flags) {
        return (flags & Fcntl.RWF_APPEND) != 0
                || (description.flags() & Fcntl.O_APPEND) != 0 && (flags & Fcntl.RWF_NOAPPEND) == 0;
    }

    static long writev(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            return writevAtOffset(task, description, args.address(1), args.i32(2), 0);
        } finally {
            description.release();
        }
    }

    private static long writevAtOffset(Task task, FileDescription description, long vector, int vectorCount, int flags)
            throws ErrnoException {
        if (!description.isWritable()) {
            throw EBADF.error();
        }
        IoBuffer buffer = task.memory().buffers(vector, vectorCount, false);
        if (buffer.remaining() == 0) {
            return 0; // not even an empty datagram
        }
        if ((flags & Fcntl.RWF_NOWAIT) != 0 && description.waitQueue() != null
                && (description.file().readiness(Poll.POLLOUT) & Poll.POLLOUT) == 0) {
            throw EAGAIN.error();
        }
        boolean append = (flags & Fcntl.RWF_APPEND) != 0 && description.isSeekable();
        long count = Transfer.write(task, description, buffer, append ? 0 : Transfer.AT_OFFSET, append,
                () -> task.memory().buffers(vector, vectorCount, false));
        syncIfAsked(description, flags);
        return count;
    }

    /** pwritev(2): amd64 takes the whole position from the fourth argument. */
    static long pwritev(Task task, SyscallArgs args) throws ErrnoException {
        Transfer.checkPosition(args.value(3));
        return pwritev(task, args, args.value(3), 0);
    }

    /** pwritev2(2). Position -1 means the offset. */
    static long pwritev2(Task task, SyscallArgs args) throws ErrnoException {
        long position = args.value(3);
        if (position != Transfer.AT_OFFSET) {
            Transfer.checkPosition(position);
        }
        return pwritev(task, args, position, args.i32(5));
    }

    private static long pwritev(Task task, SyscallArgs args, long position, int flags) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Transfer.checkAt(description, position, flags);
            if (position == Transfer.AT_OFFSET) {
                return writevAtOffset(task, description, args.address(1), args.i32(2), flags);
            }
            return writeAt(task, description, task.memory().buffers(args.address(1), args.i32(2), false), position, flags);
        } finally {
            description.release();
        }
    }

    /** O_SYNC, O_DSYNC and their per-call flags. */
    private static void syncIfAsked(FileDescription description, int flags) throws ErrnoException {
        boolean data = (description.flags() & Fcntl.O_DSYNC) != 0 || (flags & (Fcntl.RWF_DSYNC | Fcntl.RWF_SYNC)) != 0;
        if (data && (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFREG) {
            boolean all = (description.flags() & Fcntl.O_SYNC) == Fcntl.O_SYNC || (flags & Fcntl.RWF_SYNC) != 0;
            description.file().sync(!all);
        }
    }
}
