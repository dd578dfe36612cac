package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.MessageHeader;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketMessage;
import dev.caisson.vfs.FileDescription;
import java.util.ArrayList;

/** recvfrom(2), recvmsg(2), recvmmsg(2). */
public final class SysReceive {
    /** Flags that the socket itself looks at. */
    private static final int SOCKET_FLAGS = Socket.MSG_PEEK | Socket.MSG_TRUNC | Socket.MSG_OOB | Socket.MSG_ERRQUEUE | Socket.MSG_CMSG_CLOEXEC;

    private SysReceive() {}

    /** recvfrom(2); recv(2) is this with no address. */
    public static long recvfrom(Task task, SyscallArgs args) throws ErrnoException {
        IoBuffer buffer = task.memory().buffer(args.address(1), args.value(2), true);
        long address = args.address(4);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            SocketMessage message = new SocketMessage();
            message.wantsAddress = address != 0;
            long count = receive(task, description, socket, buffer, message, args.i32(3));
            ControlMessages.releaseFiles(message);
            if (address != 0) {
                Sockets.writeAddress(task, message.address == null ? new byte[0] : message.address, address, args.address(5));
            }
            return count;
        } finally {
            description.release();
        }
    }

    /** recvmsg(2). */
    public static long recvmsg(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            return receiveOne(task, description, Sockets.of(description), args.address(1), args.i32(2));
        } finally {
            description.release();
        }
    }

    /** recvmmsg(2): an error after some messages is kept for the next call by the socket, if at all. */
    public static long recvmmsg(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(1);
        long count = args.value(2) & 0xffffffffL;
        int flags = args.i32(3);
        long timeoutAddress = args.address(4);
        long deadlineNs = Long.MAX_VALUE;
        if (timeoutAddress != 0) {
            Timespec timeout = task.memory().read(timeoutAddress, Timespec.CODEC);
            if (!timeout.isValid()) {
                throw EINVAL.error();
            }
            deadlineNs = timeout.toNanos() > Long.MAX_VALUE / 2 ? Long.MAX_VALUE : System.nanoTime() + timeout.toNanos();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            int done = 0;
            while (done < count) {
                long at = address + (long) done * MessageHeader.MULTIPLE_BYTES;
                try {
                    long received = receiveOne(task, description, socket, at, flags & ~Socket.MSG_WAITFORONE);
                    task.memory().writeInt(at + MessageHeader.MULTIPLE_LENGTH, (int) received);
                } catch (ErrnoException failure) {
                    if (done == 0) {
                        throw failure;
                    }
                    break;
                }
                done++;
                if ((flags & Socket.MSG_WAITFORONE) != 0) {
                    flags |= Socket.MSG_DONTWAIT;
                }
                if (deadlineNs != Long.MAX_VALUE && deadlineNs - System.nanoTime() <= 0) {
                    break;
                }
            }
            if (timeoutAddress != 0) {
                long rest = deadlineNs == Long.MAX_VALUE ? deadlineNs : Math.max(0, deadlineNs - System.nanoTime());
                task.memory().write(timeoutAddress, Timespec.CODEC, Timespec.ofNanos(rest));
            }
            return done;
        } finally {
            description.release();
        }
    }

    private static long receiveOne(Task task, FileDescription description, SocketFile socket, long headerAddress, int flags)
            throws ErrnoException {
        MessageHeader header = task.memory().read(headerAddress, MessageHeader.CODEC);
        if (header.nameLength() < 0) {
            throw EINVAL.error();
        }
        IoBuffer buffer = SysSend.buffers(task, header, true);
        SocketMessage message = new SocketMessage();
        message.wantsAddress = header.name() != 0;
        message.wantsControl = header.control() != 0 && header.controlLength() > 0;
        long count = receive(task, description, socket, buffer, message, flags);
        boolean done = false;
        try {
            if (header.name() != 0) {
                byte[] name = message.address == null ? new byte[0] : message.address;
                Sockets.copyAddress(task, name, header.name(), header.nameLength());
                task.memory().writeInt(headerAddress + MessageHeader.NAME_LENGTH, name.length);
            }
            long used = ControlMessages.write(task, header.control(), Math.max(0, header.controlLength()),
                    (flags & Socket.MSG_CMSG_CLOEXEC) != 0, message);
            task.memory().writeInt(headerAddress + MessageHeader.FLAGS, message.flags | flags & Socket.MSG_CMSG_CLOEXEC);
            task.memory().writeLong(headerAddress + MessageHeader.CONTROL_LENGTH, used);
            done = true;
            return count;
        } finally {
            if (!done) {
                ControlMessages.releaseFiles(message);
            }
        }
    }

    /** Receives one message, or from a stream what there is; with MSG_WAITALL until the buffer is full or something ends it. */
    private static long receive(Task task, FileDescription description, SocketFile socket, IoBuffer buffer, SocketMessage message,
            int flags) throws ErrnoException {
        boolean mayNotWait = description.isNonBlocking() || (flags & Socket.MSG_DONTWAIT) != 0;
        boolean limited = socket.readTimeoutNs() != 0;
        int passed = flags & SOCKET_FLAGS;
        if ((flags & Socket.MSG_ERRQUEUE) != 0) {
            mayNotWait = true;
        }
        message.caller = new TaskCaller(task);
        long deadlineNs = 0;
        long count = socket.receive(buffer, message, passed);
        if (count == OpenFile.WOULD_BLOCK) {
            if (mayNotWait) {
                throw EAGAIN.error();
            }
            deadlineNs = Sockets.deadline(socket.readTimeoutNs());
            count = Sockets.awaitUntil(task, socket, Poll.POLLIN, false, limited, deadlineNs,
                    () -> socket.receive(buffer, message, passed));
        }
        if ((flags & Socket.MSG_WAITALL) == 0 || !socket.isStream() || (flags & (Socket.MSG_PEEK | Socket.MSG_TRUNC)) != 0 || mayNotWait) {
            return count;
        }
        long total = count;
        while (count > 0 && buffer.remaining() > 0 && message.files == null) {
            SocketMessage next = new SocketMessage();
            next.caller = message.caller;
            try {
                if (deadlineNs == 0) {
                    deadlineNs = Sockets.deadline(socket.readTimeoutNs());
                }
                count = Sockets.awaitUntil(task, socket, Poll.POLLIN, false, limited, deadlineNs, () -> socket.receive(buffer, next, passed));
            } catch (ErrnoException end) {
                break;
            }
            if (next.files != null) {
                message.files = new ArrayList<>(next.files);
            }
            total += count;
        }
        return total;
    }
}
