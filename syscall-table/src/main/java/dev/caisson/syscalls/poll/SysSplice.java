package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPIPE;
import static dev.caisson.abi.Errno.ESPIPE;
import static dev.caisson.abi.Fcntl.SPLICE_F_GIFT;
import static dev.caisson.abi.Fcntl.SPLICE_F_MORE;
import static dev.caisson.abi.Fcntl.SPLICE_F_MOVE;
import static dev.caisson.abi.Fcntl.SPLICE_F_NONBLOCK;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Stat;
import dev.caisson.kernel.BlockingIo;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EpollFile;
import dev.caisson.kernel.event.EventFile;
import dev.caisson.kernel.event.InotifyFile;
import dev.caisson.kernel.pipe.Pipe;
import dev.caisson.kernel.pipe.PipeFile;
import dev.caisson.kernel.signal.SignalFile;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.time.TimerFile;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.wait.Blocker;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** splice(2), tee(2), vmsplice(2). Data is copied, never moved by reference; guests cannot tell. */
public final class SysSplice {
    private static final int ALL_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
    private static final int STEP_BYTES = 65536;

    private SysSplice() {}

    /** splice(2), in the order of do_splice. */
    public static long splice(Task task, SyscallArgs args) throws ErrnoException {
        long inOffset = args.address(1);
        long outOffset = args.address(3);
        long length = args.value(4);
        int flags = args.i32(5);
        if (length == 0) {
            return 0;
        }
        if ((flags & ~ALL_FLAGS) != 0) {
            throw EINVAL.error();
        }
        FileDescription in = task.fds().borrow(args.fd(0));
        try {
            FileDescription out = task.fds().borrow(args.fd(2));
            try {
                return splice(task, in, inOffset, out, outOffset, limit(length), (flags & SPLICE_F_NONBLOCK) != 0);
            } finally {
                out.release();
            }
        } finally {
            in.release();
        }
    }

    /** Counters, sets of events and their like, and directories, have neither splice_read nor splice_write. */
    private static void checkSpliceable(FileDescription description) throws ErrnoException {
        OpenFile file = description.file();
        if (file instanceof EventFile || file instanceof TimerFile || file instanceof SignalFile || file instanceof EpollFile
                || file instanceof InotifyFile || (description.inode().mode() & Stat.S_IFMT) == Stat.S_IFDIR) {
            throw EINVAL.error();
        }
    }

    private static int limit(long length) {
        return (int) Math.min(length < 0 ? Long.MAX_VALUE : length, STEP_BYTES);
    }

    private static long splice(Task task, FileDescription in, long inOffset, FileDescription out, long outOffset, int length,
            boolean nonBlocking) throws ErrnoException {
        if (!in.isReadable() || !out.isWritable()) {
            throw EBADF.error();
        }
        PipeFile from = in.file() instanceof PipeFile pipe ? pipe : null;
        PipeFile to = out.file() instanceof PipeFile pipe ? pipe : null;
        if (from != null && inOffset != 0 || to != null && outOffset != 0) {
            throw ESPIPE.error();
        }
        if (from != null && to != null) {
            if (from.pipe() == to.pipe()) {
                throw EINVAL.error();
            }
            boolean mayNotWait = nonBlocking || in.isNonBlocking() || out.isNonBlocking();
            return pipeToPipe(task, from, to, length, mayNotWait, true);
        }
        checkSpliceable(from != null ? out : in);
        if (from != null) {
            return pipeToFile(task, in, from.pipe(), out, outOffset, length, nonBlocking || in.isNonBlocking());
        }
        if (to != null) {
            return fileToPipe(task, in, inOffset, out, to.pipe(), length, nonBlocking || out.isNonBlocking());
        }
        throw EINVAL.error();
    }

    // ---- waiting for pipes

    private static byte[] take(Task task, FileDescription reader, Pipe pipe, int length, boolean nonBlocking) throws ErrnoException {
        byte[][] taken = {pipe.take(length)};
        if (taken[0] == null) {
            if (nonBlocking) {
                throw EAGAIN.error();
            }
            BlockingIo.wait(task, reader.waitQueue(), Poll.POLLIN, Blocker.FOREVER, () -> {
                taken[0] = pipe.take(length);
                return taken[0] == null ? OpenFile.WOULD_BLOCK : 0;
            });
        }
        return taken[0];
    }

    private static int awaitRoom(Task task, OpenFile writer, Pipe pipe, boolean nonBlocking) throws ErrnoException {
        if (!pipe.hasReaders()) {
            Signal.self(task, Signals.SIGPIPE);
            throw EPIPE.error();
        }
        int room = pipe.room();
        if (room < Pipe.PIPE_BUF) {
            if (nonBlocking) {
                throw EAGAIN.error();
            }
            BlockingIo.wait(task, writer.waitQueue(), Poll.POLLOUT, Blocker.FOREVER,
                    () -> pipe.room() < Pipe.PIPE_BUF && pipe.hasReaders() ? OpenFile.WOULD_BLOCK : 0);
            return awaitRoom(task, writer, pipe, true);
        }
        return room;
    }

    private static void awaitInput(Task task, PipeFile reader, boolean nonBlocking) throws ErrnoException {
        Pipe pipe = reader.pipe();
        if (pipe.available() == 0 && pipe.hasWriters()) {
            if (nonBlocking) {
                throw EAGAIN.error();
            }
            BlockingIo.wait(task, reader.waitQueue(), Poll.POLLIN, Blocker.FOREVER,
                    () -> pipe.available() == 0 && pipe.hasWriters() ? OpenFile.WOULD_BLOCK : 0);
        }
    }

    // ---- the three directions

    private static long pipeToPipe(Task task, PipeFile from, PipeFile to, int length, boolean nonBlocking, boolean consume)
            throws ErrnoException {
        while (true) {
            awaitInput(task, from, nonBlocking);
            if (from.pipe().available() == 0) {
                if (!to.pipe().hasReaders()) {
                    Signal.self(task, Signals.SIGPIPE);
                    throw EPIPE.error();
                }
                return 0;
            }
            int room = awaitRoom(task, to, to.pipe(), nonBlocking);
            int step = Math.min(room, length);
            byte[] bytes = consume ? from.pipe().take(step) : from.pipe().peek(step);
            if (bytes == null) {
                continue; // somebody else was faster
            }
            try {
                to.pipe().push(bytes, bytes.length);
            } catch (ErrnoException broken) {
                if (consume) {
                    from.pipe().putBack(bytes, 0);
                }
                Signal.self(task, Signals.SIGPIPE);
                throw broken;
            }
            return bytes.length;
        }
    }

    private static long pipeToFile(Task task, FileDescription in, Pipe pipe, FileDescription out, long outOffset, int length,
            boolean nonBlocking) throws ErrnoException {
        if ((out.flags() & Fcntl.O_APPEND) != 0 || outOffset != 0 && !out.isSeekable()) {
            throw EINVAL.error();
        }
        long position = outOffset == 0 ? 0 : task.memory().readLong(outOffset);
        if (position < 0) {
            throw EINVAL.error();
        }
        byte[] bytes = take(task, in, pipe, length, nonBlocking);
        if (bytes.length == 0) {
            return 0;
        }
        long written = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bounce = arena.allocate(bytes.length, 64);
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, bounce, 0, bytes.length);
            while (written < bytes.length) {
                IoBuffer rest = IoBuffer.of(bounce.asSlice(written));
                long at = position + written;
                long count = outOffset != 0 ? out.writeAt(rest, at, false, task) : out.write(rest, task);
                if (count == OpenFile.WOULD_BLOCK) {
                    if (written > 0) {
                        break;
                    }
                    if (out.isNonBlocking()) {
                        throw EAGAIN.error();
                    }
                    count = BlockingIo.wait(task, out.waitQueue(), Poll.POLLOUT, Blocker.FOREVER,
                            () -> out.write(IoBuffer.of(bounce), task));
                }
                if (count <= 0) {
                    break;
                }
                written += count;
            }
        } catch (ErrnoException failure) {
            if (failure.errno() == EPIPE) {
                Signal.self(task, Signals.SIGPIPE);
            }
            if (written == 0) {
                throw failure;
            }
        } finally {
            pipe.putBack(bytes, (int) written);
        }
        if (outOffset != 0) {
            task.memory().writeLong(outOffset, position + written);
        }
        return written;
    }

    private static long fileToPipe(Task task, FileDescription in, long inOffset, FileDescription out, Pipe pipe, int length,
            boolean nonBlocking) throws ErrnoException {
        if (inOffset != 0 && !in.isSeekable()) {
            throw EINVAL.error();
        }
        long position = inOffset == 0 ? 0 : task.memory().readLong(inOffset);
        if (position < 0) {
            throw EINVAL.error();
        }
        int step = Math.min(awaitRoom(task, out.file(), pipe, nonBlocking), length);
        byte[] bytes = new byte[step];
        long got;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bounce = arena.allocate(step, 64);
            got = inOffset != 0 ? in.readAt(IoBuffer.of(bounce), position) : in.read(IoBuffer.of(bounce));
            if (got == OpenFile.WOULD_BLOCK) {
                if (in.isNonBlocking() || nonBlocking) {
                    throw EAGAIN.error();
                }
                got = BlockingIo.wait(task, in.waitQueue(), Poll.POLLIN, Blocker.FOREVER, () -> in.read(IoBuffer.of(bounce)));
            }
            MemorySegment.copy(bounce, 0, MemorySegment.ofArray(bytes), 0, got);
        }
        if (got > 0) {
            pipe.push(bytes, (int) got);
        }
        if (inOffset != 0) {
            task.memory().writeLong(inOffset, position + got);
        }
        return got;
    }

    /** tee(2). */
    public static long tee(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        long length = args.value(2);
        if ((flags & ~ALL_FLAGS) != 0) {
            throw EINVAL.error();
        }
        if (length == 0) {
            return 0;
        }
        FileDescription in = task.fds().borrow(args.fd(0));
        try {
            FileDescription out = task.fds().borrow(args.fd(1));
            try {
                if (!in.isReadable() || !out.isWritable()) {
                    throw EBADF.error();
                }
                if (!(in.file() instanceof PipeFile from) || !(out.file() instanceof PipeFile to) || from.pipe() == to.pipe()) {
                    throw EINVAL.error();
                }
                boolean nonBlocking = (flags & SPLICE_F_NONBLOCK) != 0 || in.isNonBlocking() || out.isNonBlocking();
                return pipeToPipe(task, from, to, limit(length), nonBlocking, false);
            } finally {
                out.release();
            }
        } finally {
            in.release();
        }
    }

    /** vmsplice(2): into the pipe from its writing end, out of it from its reading end. */
    public static long vmsplice(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(3);
        if ((flags & ~ALL_FLAGS) != 0) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        long total = 0;
        try {
            if (!(description.file() instanceof PipeFile pipe)) {
                throw EBADF.error();
            }
            boolean writes = pipe.writes();
            IoBuffer buffer = task.memory().buffers(args.address(1), args.i32(2), !writes);
            if (buffer.remaining() == 0) {
                return 0;
            }
            boolean nonBlocking = (flags & SPLICE_F_NONBLOCK) != 0 || description.isNonBlocking();
            while (buffer.remaining() > 0) {
                long count = writes ? description.write(buffer, task) : description.read(buffer);
                if (count == OpenFile.WOULD_BLOCK) {
                    if (total > 0 && !writes) {
                        break;
                    }
                    if (nonBlocking) {
                        if (total > 0) {
                            break;
                        }
                        throw EAGAIN.error();
                    }
                    count = BlockingIo.wait(task, description.waitQueue(), writes ? Poll.POLLOUT : Poll.POLLIN, Blocker.FOREVER,
                            () -> writes ? description.write(buffer, task) : description.read(buffer));
                }
                total += count;
                if (count == 0 || !writes) {
                    break;
                }
            }
            return total;
        } catch (ErrnoException failure) {
            if (failure.errno() == EPIPE) {
                Signal.self(task, Signals.SIGPIPE);
            }
            if (total > 0) {
                return total;
            }
            throw failure;
        } finally {
            description.release();
        }
    }
}
