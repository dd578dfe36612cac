package dev.caisson.syscalls.net;

import static dev.caisson.abi.Errno.EAFNOSUPPORT;
import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EALREADY;
import static dev.caisson.abi.Errno.ECONNABORTED;
import static dev.caisson.abi.Errno.EINPROGRESS;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENOTCONN;
import static dev.caisson.abi.Errno.EOPNOTSUPP;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Socket;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.net.KernelNetwork;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.kernel.unix.UnixSocket;
import dev.caisson.spi.net.SocketFile;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.syscalls.poll.Pair;
import dev.caisson.vfs.FileDescription;

/** socket(2), socketpair(2), bind(2), listen(2), connect(2), accept(2), getsockname(2), getpeername(2), shutdown(2). */
public final class SysSocket {
    private static final int TYPE_MASK = 0xf;
    private static final int TYPE_FLAGS = Socket.SOCK_CLOEXEC | Socket.SOCK_NONBLOCK;
    private static final int MAX_TYPE = 10;

    private SysSocket() {}

    /** socket(2). */
    public static long socket(Task task, SyscallArgs args) throws ErrnoException {
        int type = args.i32(1);
        SocketFile socket = create(task, args.i32(0), type, args.i32(2));
        return task.fds().install(Sockets.describe(task, socket, type), (type & Socket.SOCK_CLOEXEC) != 0);
    }

    private static SocketFile create(Task task, int family, int type, int protocol) throws ErrnoException {
        if ((type & ~TYPE_MASK & ~TYPE_FLAGS) != 0) {
            throw EINVAL.error();
        }
        if (family < 0 || family >= Socket.AF_MAX) {
            throw EAFNOSUPPORT.error();
        }
        if ((type & TYPE_MASK) > MAX_TYPE) {
            throw EINVAL.error();
        }
        return KernelNetwork.of(task.kernel()).create(family, type & TYPE_MASK, protocol, new TaskCaller(task));
    }

    /** socketpair(2): for local sockets only. */
    public static long socketpair(Task task, SyscallArgs args) throws ErrnoException {
        int family = args.i32(0);
        int type = args.i32(1);
        int protocol = args.i32(2);
        SocketFile one = create(task, family, type, protocol);
        SocketFile other = create(task, family, type, protocol);
        if (!(one instanceof UnixSocket first) || !(other instanceof UnixSocket second)) {
            one.close();
            other.close();
            throw EOPNOTSUPP.error();
        }
        KernelNetwork.of(task.kernel()).unixSockets().join(first, second);
        Pair.install(task, Sockets.describe(task, one, type), Sockets.describe(task, other, type), (type & Socket.SOCK_CLOEXEC) != 0,
                args.address(3));
        return 0;
    }

    /** bind(2). */
    public static long bind(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            socket.bind(Sockets.readAddress(task, args.address(1), args.i32(2)), new TaskCaller(task));
            return 0;
        } finally {
            description.release();
        }
    }

    /** listen(2). */
    public static long listen(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            int backlog = args.i32(1);
            Sockets.of(description).listen(backlog < 0 || backlog > Socket.SOMAXCONN ? Socket.SOMAXCONN : backlog, new TaskCaller(task));
            return 0;
        } finally {
            description.release();
        }
    }

    /** connect(2). */
    public static long connect(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            byte[] address = Sockets.readAddress(task, args.address(1), args.i32(2));
            SocketFile socket = Sockets.of(description);
            TaskCaller caller = new TaskCaller(task);
            boolean mayNotWait = description.isNonBlocking();
            long result;
            try {
                result = socket.connect(address, caller);
            } catch (ErrnoException failure) {
                if (failure.errno() != EALREADY || mayNotWait) {
                    throw failure;
                }
                result = SocketFile.IN_PROGRESS; // waits for the attempt that is under way, as a restarted call does
            }
            if (result == OpenFile.WOULD_BLOCK) {
                result = Sockets.await(task, socket, Poll.POLLOUT, mayNotWait, socket.writeTimeoutNs(),
                        () -> socket.connect(address, caller));
            }
            if (result == SocketFile.IN_PROGRESS) {
                finish(task, socket, mayNotWait);
            }
            return 0;
        } finally {
            description.release();
        }
    }

    private static void finish(Task task, SocketFile socket, boolean mayNotWait) throws ErrnoException {
        if (mayNotWait) {
            throw EINPROGRESS.error();
        }
        if (socket.finishConnect() != OpenFile.WOULD_BLOCK) {
            return;
        }
        try {
            Sockets.await(task, socket, Poll.POLLOUT, false, socket.writeTimeoutNs(), socket::finishConnect);
        } catch (ErrnoException failure) {
            throw failure.errno() == EAGAIN ? EINPROGRESS.error() : failure;
        }
    }

    /** accept(2). */
    public static long accept(Task task, SyscallArgs args) throws ErrnoException {
        return accept(task, args.fd(0), args.address(1), args.address(2), 0);
    }

    /** accept4(2). */
    public static long accept4(Task task, SyscallArgs args) throws ErrnoException {
        return accept(task, args.fd(0), args.address(1), args.address(2), args.i32(3));
    }

    private static long accept(Task task, int fd, long address, long lengthAddress, int flags) throws ErrnoException {
        FileDescription description = task.fds().borrow(fd);
        try {
            if ((flags & ~TYPE_FLAGS) != 0) {
                throw EINVAL.error();
            }
            SocketFile listener = Sockets.of(description);
            int reserved = task.fds().reserve((flags & Socket.SOCK_CLOEXEC) != 0);
            try {
                SocketFile accepted = accept(task, description, listener);
                FileDescription made = Sockets.describe(task, accepted, flags);
                try {
                    if (address != 0) {
                        Sockets.writeAddress(task, peerOf(accepted), address, lengthAddress);
                    }
                } catch (ErrnoException failure) {
                    made.release();
                    throw failure;
                }
                task.fds().fill(reserved, made);
                return reserved;
            } catch (ErrnoException failure) {
                task.fds().unreserve(reserved);
                throw failure;
            }
        } finally {
            description.release();
        }
    }

    private static byte[] peerOf(SocketFile accepted) throws ErrnoException {
        try {
            return accepted.remoteAddress();
        } catch (ErrnoException gone) {
            throw gone.errno() == ENOTCONN ? ECONNABORTED.error() : gone;
        }
    }

    private static SocketFile accept(Task task, FileDescription description, SocketFile listener) throws ErrnoException {
        SocketFile accepted = listener.accept();
        if (accepted != null) {
            return accepted;
        }
        SocketFile[] found = new SocketFile[1];
        Sockets.await(task, listener, Poll.POLLIN, description.isNonBlocking(), listener.readTimeoutNs(), () -> {
            found[0] = listener.accept();
            return found[0] == null ? OpenFile.WOULD_BLOCK : 0;
        });
        return found[0];
    }

    /** getsockname(2). */
    public static long getsockname(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Sockets.writeAddress(task, Sockets.of(description).localAddress(), args.address(1), args.address(2));
            return 0;
        } finally {
            description.release();
        }
    }

    /** getpeername(2). */
    public static long getpeername(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            Sockets.writeAddress(task, Sockets.of(description).remoteAddress(), args.address(1), args.address(2));
            return 0;
        } finally {
            description.release();
        }
    }

    /** shutdown(2). */
    public static long shutdown(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            SocketFile socket = Sockets.of(description);
            int how = args.i32(1);
            if (how < Socket.SHUT_RD || how > Socket.SHUT_RDWR) {
                throw EINVAL.error();
            }
            socket.shutdown(how);
            return 0;
        } finally {
            description.release();
        }
    }
}
