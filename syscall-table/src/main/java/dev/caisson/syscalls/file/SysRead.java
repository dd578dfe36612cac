package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.FileDescription;

/** read(2), pread(2), readv(2). */
final class SysRead {
    private SysRead() {}

    static long read(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (!description.isReadable()) {
                throw EBADF.error();
            }
            long address = args.address(1);
            long length = args.value(2);
            IoBuffer buffer = task.memory().buffer(address, length, true);
            if (length == 0 && Transfer.isVoidRead(description)) {
                return 0;
            }
            long count = description.read(buffer);
            return count != OpenFile.WOULD_BLOCK ? count
                    : Transfer.awaitRead(task, description, () -> task.memory().buffer(address, length, true));
        } finally {
            description.release();
        }
    }

    static long pread64(Task task, SyscallArgs args) throws ErrnoException {
        long position = args.value(3);
        Transfer.checkPosition(position);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Transfer.checkEnd(description, position, args.value(2));
            IoBuffer buffer = task.memory().buffer(args.address(1), args.value(2), true);
            return readAt(description, buffer, position);
        } finally {
            description.release();
        }
    }

    private static long readAt(FileDescription description, IoBuffer buffer, long position) throws ErrnoException {
        if (description.isSeekable() && !description.isReadable()) {
            throw EBADF.error();
        }
        if (buffer.remaining() == 0 && description.isSeekable() && Transfer.isVoid(description)) {
            return 0;
        }
        long count = description.readAt(buffer, position);
        if (count == OpenFile.WOULD_BLOCK) {
            throw EAGAIN.error();
        }
        return count;
    }

    static long readv(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            return readvAtOffset(task, description, args.address(1), args.i32(2), false);
        } finally {
            description.release();
        }
    }

    private static long readvAtOffset(Task task, FileDescription description, long vector, int count, boolean noWait)
            throws ErrnoException {
        if (!description.isReadable()) {
            throw EBADF.error();
        }
        IoBuffer buffer = task.memory().buffers(vector, count, true);
        if (buffer.remaining() == 0) {
            return 0; // whatever the file is
        }
        long result = description.read(buffer);
        if (result != OpenFile.WOULD_BLOCK) {
            return result;
        }
        if (noWait) {
            throw EAGAIN.error();
        }
        return Transfer.awaitRead(task, description, () -> task.memory().buffers(vector, count, true));
    }

    /** preadv(2): amd64 takes the whole position from the fourth argument. */
    static long preadv(Task task, SyscallArgs args) throws ErrnoException {
        Transfer.checkPosition(args.value(3));
        return preadv(task, args, args.value(3), 0);
    }

    /** preadv2(2). Position -1 means the offset. */
    static long preadv2(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(5);
        long position = args.value(3);
        if (position != Transfer.AT_OFFSET) {
            Transfer.checkPosition(position);
        }
        return preadv(task, args, position, flags);
    }

    private static long preadv(Task task, SyscallArgs args, long position, int flags) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Transfer.checkAt(description, position, flags);
            if (position == Transfer.AT_OFFSET) {
                return readvAtOffset(task, description, args.address(1), args.i32(2), (flags & Fcntl.RWF_NOWAIT) != 0);
            }
            return readAt(description, task.memory().buffers(args.address(1), args.i32(2), true), position);
        } finally {
            description.release();
        }
    }
}
