package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EMSGSIZE;
import static dev.caisson.abi.Errno.EPIPE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.MessageHeader;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Socket;
import dev.caisson.abi.SocketAddress;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.syscalls.poll.Signal;
import dev.caisson.vfs.FileDescription;

/** sendto(2), sendmsg(2), sendmmsg(2). */
public final class SysSend {
    private static final int MAX_PIECES = 1024;

    private SysSend() {}

    /** sendto(2); send(2) is this with no address. */
    public static long sendto(Task task, SyscallArgs args) throws ErrnoException {
        IoBuffer buffer = task.memory().buffer(args.address(1), args.value(2), false);
        long address = args.address(4);
        int flags = args.i32(3);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            SocketMessage message = new SocketMessage();
            message.caller = new TaskCaller(task);
            if (address != 0) {
                message.address = Sockets.readAddress(task, address, args.i32(5));
            }
            return send(task, description, socket, buffer, message, flags);
        } finally {
            description.release();
        }
    }

    /** sendmsg(2). */
    public static long sendmsg(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            return sendOne(task, description, socket, args.address(1), args.i32(2));
        } finally {
            description.release();
        }
    }

    /** sendmmsg(2): stops at the first failure, which the caller hears of with the next call. */
    public static long sendmmsg(Task task, SyscallArgs args) throws ErrnoException {
        int count = (int) Math.min(args.value(2) & 0xffffffffL, MAX_PIECES);
        long address = args.address(1);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            int done = 0;
            try {
                while (done < count) {
                    long at = address + (long) done * MessageHeader.MULTIPLE_BYTES;
                    long sent = sendOne(task, description, socket, at, args.i32(3));
                    task.memory().writeInt(at + MessageHeader.MULTIPLE_LENGTH, (int) sent);
                    done++;
                }
            } catch (ErrnoException failure) {
                if (done == 0) {
                    throw failure;
                }
            }
            return done;
        } finally {
            description.release();
        }
    }

    private static long sendOne(Task task, FileDescription description, SocketFile socket, long headerAddress, int flags)
            throws ErrnoException {
        MessageHeader header = task.memory().read(headerAddress, MessageHeader.CODEC);
        if (header.nameLength() < 0) {
            throw EINVAL.error();
        }
        SocketMessage message = new SocketMessage();
        message.caller = new TaskCaller(task);
        if (header.name() != 0 && header.nameLength() > 0) {
            message.address = Sockets.readAddress(task, header.name(), Math.min(header.nameLength(), SocketAddress.MAX_BYTES));
        }
        IoBuffer buffer = buffers(task, header, false);
        if (header.control() != 0 && header.controlLength() != 0) {
            ControlMessages.read(task, header.control(), header.controlLength(), socket.family() == Socket.AF_UNIX, message);
        } else if (header.control() == 0 && header.controlLength() != 0) {
            throw EFAULT.error();
        }
        return send(task, description, socket, buffer, message, flags);
    }

    static IoBuffer buffers(Task task, MessageHeader header, boolean forWrite) throws ErrnoException {
        if (header.iovCount() < 0 || header.iovCount() > MAX_PIECES) {
            throw EMSGSIZE.error();
        }
        return task.memory().buffers(header.iov(), (int) header.iovCount(), forWrite);
    }

    /** Sends all of a stream's bytes, or one message. The message's files are the socket's when this returns, and gone when it throws. */
    private static long send(Task task, FileDescription description, SocketFile socket, IoBuffer buffer, SocketMessage message, int flags)
            throws ErrnoException {
        boolean mayNotWait = description.isNonBlocking() || (flags & Socket.MSG_DONTWAIT) != 0;
        boolean limited = socket.writeTimeoutNs() != 0;
        long deadlineNs = Long.MIN_VALUE;
        long total = 0;
        try {
            while (true) {
                long count = socket.send(buffer, message, flags);
                if (count == OpenFile.WOULD_BLOCK) {
                    if (deadlineNs == Long.MIN_VALUE) {
                        deadlineNs = Sockets.deadline(socket.writeTimeoutNs());
                    }
                    count = Sockets.awaitUntil(task, socket, Poll.POLLOUT, mayNotWait, limited, deadlineNs,
                            () -> socket.send(buffer, message, flags));
                }
                message.files = null; // they went along
                message.control = null;
                total += count;
                if (!socket.isStream() || buffer.remaining() == 0 || count == 0) {
                    return total;
                }
            }
        } catch (ErrnoException failure) {
            ControlMessages.releaseFiles(message);
            if (total > 0) {
                return total;
            }
            if (failure.errno() == EPIPE && socket.isStream() && (flags & Socket.MSG_NOSIGNAL) == 0) {
                Signal.self(task, Signals.SIGPIPE);
            }
            throw failure;
        }
    }
}
