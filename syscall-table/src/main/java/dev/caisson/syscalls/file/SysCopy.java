package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Errno.ESPIPE;
import static dev.caisson.abi.Errno.EXDEV;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** sendfile(2), copy_file_range(2): copies through a buffer of the kernel. */
final class SysCopy {
    private static final int BOUNCE_BYTES = 128 << 10;
    private static final long MOST_BYTES = 0x7ffff000;

    private SysCopy() {}

    /** sendfile(2), in the order of do_sendfile. */
    static long sendfile(Task task, SyscallArgs args) throws ErrnoException {
        long offsetAddress = args.address(2);
        long position = offsetAddress == 0 ? Transfer.AT_OFFSET : task.memory().readLong(offsetAddress);
        FileDescription in = task.fds().borrow(args.fd(1));
        try {
            if (!in.isReadable()) {
                throw EBADF.error();
            }
            if (offsetAddress != 0 && !in.isSeekable()) {
                throw ESPIPE.error();
            }
            if (offsetAddress != 0 && (position < 0 || args.value(3) > 0 && position + args.value(3) < 0)) {
                throw EINVAL.error();
            }
            FileDescription out = task.fds().borrow(args.fd(0));
            try {
                if (!out.isWritable()) {
                    throw EBADF.error();
                }
                if ((out.flags() & Fcntl.O_APPEND) != 0 || !in.isSeekable()) {
                    throw EINVAL.error();
                }
                if ((in.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
                    throw EINVAL.error();
                }
                long from = offsetAddress == 0 ? in.offset() : position;
                long done = copy(task, in, from, out, Transfer.AT_OFFSET, limit(args.value(3)));
                if (offsetAddress == 0) {
                    in.offset(from + done);
                } else {
                    task.memory().writeLong(offsetAddress, from + done);
                }
                return done;
            } finally {
                out.release();
            }
        } finally {
            in.release();
        }
    }

    private static long limit(long count) throws ErrnoException {
        if (count < 0) {
            throw EINVAL.error();
        }
        return Math.min(count, MOST_BYTES);
    }

    /** Copies until the end, the count, a short write, or an error after some bytes. */
    private static long copy(Task task, FileDescription in, long from, FileDescription out, long to, long count)
            throws ErrnoException {
        if (count == 0) {
            return 0;
        }
        long done = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bounce = arena.allocate(Math.min(count, BOUNCE_BYTES), 64);
            while (done < count) {
                long step = Math.min(bounce.byteSize(), count - done);
                long got;
                long put;
                try {
                    got = in.readAt(IoBuffer.of(bounce.asSlice(0, step)), from + done);
                    if (got == OpenFile.WOULD_BLOCK || got == 0) {
                        return done;
                    }
                    MemorySegment chunk = bounce.asSlice(0, got);
                    put = Transfer.write(task, out, IoBuffer.of(chunk), to < 0 ? Transfer.AT_OFFSET : to + done, false,
                            () -> IoBuffer.of(chunk));
                } catch (ErrnoException e) {
                    if (done > 0) {
                        return done;
                    }
                    throw e;
                }
                done += put;
                if (put < got || task.isInterrupted()) {
                    return done;
                }
            }
            return done;
        }
    }

    /** copy_file_range(2), in the order of vfs_copy_file_range. */
    static long copyFileRange(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription in = task.fds().borrow(args.fd(0));
        try {
            FileDescription out = task.fds().borrow(args.fd(2));
            try {
                return copyFileRange(task, args, in, out);
            } finally {
                out.release();
            }
        } finally {
            in.release();
        }
    }

    private static long copyFileRange(Task task, SyscallArgs args, FileDescription in, FileDescription out) throws ErrnoException {
        long inAddress = args.address(1);
        long outAddress = args.address(3);
        long from = inAddress == 0 ? in.offset() : task.memory().readLong(inAddress);
        long to = outAddress == 0 ? out.offset() : task.memory().readLong(outAddress);
        if (args.i32(5) != 0) {
            throw EINVAL.error();
        }
        int inType = in.inode().mode() & Stat.S_IFMT;
        int outType = out.inode().mode() & Stat.S_IFMT;
        if (inType == Stat.S_IFDIR || outType == Stat.S_IFDIR) {
            throw EISDIR.error();
        }
        if (inType != Stat.S_IFREG || outType != Stat.S_IFREG) {
            throw EINVAL.error();
        }
        if (!in.isReadable() || !out.isWritable() || (out.flags() & Fcntl.O_APPEND) != 0) {
            throw EBADF.error();
        }
        if (in.inode().fileSystem() != out.inode().fileSystem()) {
            throw EXDEV.error();
        }
        long asked = args.value(4);
        if (Long.compareUnsigned(from + asked, from) < 0 || Long.compareUnsigned(to + asked, to) < 0) {
            throw EOVERFLOW.error();
        }
        long left = Math.max(0, in.file().sizeBytes() - from);
        long count = Math.min(Math.min(asked < 0 ? Long.MAX_VALUE : asked, left), MOST_BYTES);
        if (from < 0 || to < 0) {
            throw EINVAL.error();
        }
        if (in.inode() == out.inode() && from < to + count && to < from + count) {
            throw EINVAL.error("overlap");
        }
        long done = copy(task, in, from, out, to, count);
        if (inAddress == 0) {
            in.offset(from + done);
        } else {
            task.memory().writeLong(inAddress, from + done);
        }
        if (outAddress == 0) {
            out.offset(to + done);
        } else {
            task.memory().writeLong(outAddress, to + done);
        }
        return done;
    }
}
