package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Errno.ESPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.BlockingIo;
import dev.caisson.kernel.Task;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.pseudo.PseudoFileSystem;

/** What read, write and their relatives share: waiting, partial transfers, signals. */
final class Transfer {
    /** A position that means the offset of the description. */
    static final long AT_OFFSET = -1;
    /** The type of event counters and their like, which live in no filesystem. */
    private static final int NO_TYPE = 0;

    /** Makes the buffer anew, since a file may have consumed part of it before it found that it would block. */
    @FunctionalInterface
    interface Source {
        IoBuffer buffer() throws ErrnoException;
    }

    private Transfer() {}

    /** The answer to a transfer of no bytes, where the file need not be asked. */
    static boolean isVoid(FileDescription description) throws ErrnoException {
        int type = description.inode().mode() & Stat.S_IFMT;
        if (type == Stat.S_IFDIR) {
            throw EISDIR.error();
        }
        return type != Stat.S_IFSOCK && type != NO_TYPE; // a datagram may be empty, and a counter's record has a size
    }

    /** As {@link #isVoid}, for a read: one of no bytes from a socket takes nothing. */
    static boolean isVoidRead(FileDescription description) throws ErrnoException {
        return (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFSOCK || isVoid(description);
    }

    /** Waits until a read has a result. */
    static long awaitRead(Task task, FileDescription description, Source source) throws ErrnoException {
        if (description.isNonBlocking()) {
            throw EAGAIN.error();
        }
        return await(task, description, Poll.POLLIN | Poll.POLLPRI | Poll.POLLRDHUP, description.file().readTimeoutNs(),
                () -> description.read(source.buffer()));
    }

    /** Waits as long as the file's own timeout lasts. */
    private static long await(Task task, FileDescription description, int mask, long timeoutNs, BlockingIo.Operation operation)
            throws ErrnoException {
        boolean limited = timeoutNs != 0;
        long deadlineNs = limited ? System.nanoTime() + timeoutNs : Blocker.FOREVER;
        return BlockingIo.waitLimited(task, description.waitQueue(), mask, limited, deadlineNs, operation);
    }

    /**
     * Writes a buffer: the whole of it where the file is a stream and may block, as pipes, sockets and terminals of Linux do.
     *
     * @param position where, or {@link #AT_OFFSET}
     */
    static long write(Task task, FileDescription description, IoBuffer first, long position, boolean append, Source again)
            throws ErrnoException {
        IoBuffer buffer = first;
        long total = 0;
        while (true) {
            long count;
            try {
                count = position == AT_OFFSET && !append ? description.write(buffer, task)
                        : description.writeAt(buffer, position, append, task);
                if (count == OpenFile.WOULD_BLOCK) {
                    if (description.isNonBlocking()) {
                        throw EAGAIN.error();
                    }
                    buffer = total == 0 ? again.buffer() : buffer;
                    IoBuffer retried = buffer;
                    boolean fresh = total == 0;
                    count = await(task, description, Poll.POLLOUT, description.file().writeTimeoutNs(),
                            () -> description.write(fresh ? again.buffer() : retried, task));
                    if (fresh) {
                        buffer = null; // consumed inside the wait; the rest is cut out anew below
                    }
                }
            } catch (ErrnoException e) {
                afterFailure(task, description, position, total, e);
                if (total > 0) {
                    return total;
                }
                throw e;
            }
            total += count;
            if (count == 0 || !isStream(description)) {
                return total;
            }
            if (buffer == null) {
                buffer = again.buffer();
                skip(buffer, total);
            }
            if (buffer.remaining() == 0) {
                return total;
            }
        }
    }

    private static void skip(IoBuffer buffer, long lengthBytes) throws ErrnoException {
        long left = lengthBytes;
        while (left > 0) {
            long step = Math.min(left, buffer.run().byteSize());
            buffer.advance(step);
            left -= step;
        }
    }

    private static boolean isStream(FileDescription description) {
        int type = description.inode().mode() & Stat.S_IFMT;
        return type == Stat.S_IFIFO || type == Stat.S_IFSOCK || type == Stat.S_IFCHR && !description.isSeekable();
    }

    /** A pipe tells by signal that nobody reads any more even when part of the data went through, a socket does not. */
    private static void afterFailure(Task task, FileDescription description, long position, long written, ErrnoException e) {
        if (e.errno() == EPIPE && (written == 0 || (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFIFO)) {
            Kill.self(task, Signals.SIGPIPE);
        } else if (e.errno() == EFBIG && description.isBeyondLimit(position, task)) {
            Kill.self(task, Signals.SIGXFSZ);
        }
    }

    /** Flags of preadv2(2) and pwritev2(2), kiocb_set_rw_flags of Linux: some do nothing for one of the two. */
    static void checkFlags(int flags) throws ErrnoException {
        int known = Fcntl.RWF_HIPRI | Fcntl.RWF_DSYNC | Fcntl.RWF_SYNC | Fcntl.RWF_NOWAIT | Fcntl.RWF_APPEND | Fcntl.RWF_NOAPPEND;
        if ((flags & ~known) != 0) {
            throw EOPNOTSUPP.error();
        }
        if ((flags & (Fcntl.RWF_APPEND | Fcntl.RWF_NOAPPEND)) == (Fcntl.RWF_APPEND | Fcntl.RWF_NOAPPEND)) {
            throw EINVAL.error();
        }
    }

    /** Checks position and flags of preadv2(2) and pwritev2(2), the position first, as do_preadv of Linux. */
    static void checkAt(FileDescription description, long position, int flags) throws ErrnoException {
        if (position != AT_OFFSET && !description.isSeekable()) {
            throw ESPIPE.error();
        }
        checkFlags(flags);
        if ((flags & Fcntl.RWF_NOWAIT) != 0 && description.inode().fileSystem() instanceof PseudoFileSystem) {
            throw EOPNOTSUPP.error("a file that the kernel writes as it is read");
        }
    }

    /** No transfer may end behind the largest offset, rw_verify_area of Linux; offsets of memory have 64 bits. */
    static void checkEnd(FileDescription description, long position, long length) throws ErrnoException {
        if (length > 0 && position + length < 0 && (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFREG
                && description.inode().fileSystem().cachesDentries()) {
            throw EINVAL.error();
        }
    }

    /** Checks the position of pread(2) and its relatives. */
    static void checkPosition(long position) throws ErrnoException {
        if (position < 0) {
            throw EINVAL.error();
        }
    }
}
