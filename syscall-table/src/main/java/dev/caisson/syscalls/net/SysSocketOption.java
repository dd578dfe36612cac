package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EDOM;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOPROTOOPT;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Socket;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.net.SocketOptions;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** getsockopt(2), setsockopt(2). Options that the socket itself need not know are answered here. */
public final class SysSocketOption {
    private static final int MAX_BYTES = 65536;
    private static final int TIMEVAL_BYTES = 16;

    private SysSocketOption() {}

    /** getsockopt(2). */
    public static long getsockopt(Task task, SyscallArgs args) throws ErrnoException {
        long address = args.address(3);
        long lengthAddress = args.address(4);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            int room = task.memory().readInt(lengthAddress);
            if (room < 0) {
                throw EINVAL.error();
            }
            byte[] value = get(socket, args.i32(1), args.i32(2), room);
            if (args.i32(1) == Socket.SOL_SOCKET && args.i32(2) == Socket.SO_BINDTODEVICE && value.length > 0 && room < 16) {
                throw EINVAL.error("no room for any name of an interface");
            }
            int length = Math.min(room, value.length);
            if (length > 0) {
                task.memory().copyOut(address, length == value.length ? value : Arrays.copyOf(value, length));
            }
            task.memory().writeInt(lengthAddress, length);
            return 0;
        } finally {
            description.release();
        }
    }

    private static byte[] get(SocketFile socket, int level, int name, int room) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            switch (name) {
                case Socket.SO_TYPE -> {
                    return SocketOptions.integer(socket.type());
                }
                case Socket.SO_DOMAIN -> {
                    return SocketOptions.integer(socket.family());
                }
                case Socket.SO_PROTOCOL -> {
                    return SocketOptions.integer(socket.protocol());
                }
                case Socket.SO_RCVTIMEO, Socket.SO_RCVTIMEO_NEW -> {
                    return timeval(socket.readTimeoutNs());
                }
                case Socket.SO_SNDTIMEO, Socket.SO_SNDTIMEO_NEW -> {
                    return timeval(socket.writeTimeoutNs());
                }
                default -> { }
            }
        }
        return socket.option(level, name, room);
    }

    private static byte[] timeval(long timeoutNs) {
        byte[] value = new byte[TIMEVAL_BYTES];
        Timespec.TIMEVAL.write(MemorySegment.ofArray(value), 0, Timespec.ofNanos(timeoutNs));
        return value;
    }

    /** setsockopt(2). */
    public static long setsockopt(Task task, SyscallArgs args) throws ErrnoException {
        int level = args.i32(1);
        int name = args.i32(2);
        int length = args.i32(4);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            if (length < 0) {
                throw EINVAL.error();
            }
            byte[] value = new byte[Math.min(length, MAX_BYTES)];
            if (value.length > 0) {
                task.memory().copyIn(args.address(3), value);
            }
            set(task, socket, level, name, value);
            return 0;
        } finally {
            description.release();
        }
    }

    private static void set(Task task, SocketFile socket, int level, int name, byte[] value) throws ErrnoException {
        if (level == Socket.SOL_SOCKET) {
            switch (name) {
                case Socket.SO_TYPE, Socket.SO_DOMAIN, Socket.SO_PROTOCOL, Socket.SO_ERROR, Socket.SO_ACCEPTCONN -> {
                    SocketOptions.integer(value);
                    throw ENOPROTOOPT.error();
                }
                case Socket.SO_RCVTIMEO, Socket.SO_RCVTIMEO_NEW -> {
                    socket.timeout(false, timeout(value));
                    return;
                }
                case Socket.SO_SNDTIMEO, Socket.SO_SNDTIMEO_NEW -> {
                    socket.timeout(true, timeout(value));
                    return;
                }
                default -> { }
            }
        }
        socket.option(level, name, value, new TaskCaller(task));
    }

    private static long timeout(byte[] value) throws ErrnoException {
        if (value.length < TIMEVAL_BYTES) {
            throw EINVAL.error();
        }
        Timespec time = Timespec.TIMEVAL.read(MemorySegment.ofArray(value), 0);
        if (time.nanoseconds() < 0 || time.nanoseconds() >= Timespec.SECOND_NS) {
            throw EDOM.error();
        }
        if (time.seconds() < 0) {
            return 1; // does not wait, as Linux has it
        }
        long timeoutNs = time.toNanos();
        return timeoutNs > Long.MAX_VALUE / 2 ? 0 : timeoutNs;
    }
}
