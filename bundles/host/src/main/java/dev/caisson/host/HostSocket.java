package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.abi.Socket;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.function.IntConsumer;

/** Stream sockets of the host, and descriptors that travel over them. Calls may block as the socket does; EINTR is not retried. */
public final class HostSocket {
    private static final int AF_UNIX = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int STREAM = 1 | 0x80000; // SOCK_STREAM, SOCK_CLOEXEC
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int IPPROTO_TCP = 6;
    private static final int TCP_NODELAY = 1;
    private static final int SO_REUSEADDR = 2;
    private static final int SO_PEERCRED = 17;
    private static final int SO_DOMAIN = 39;
    private static final int SUN_PATH_BYTES = 108;
    private static final long EINVAL = -22;
    private static final long ENAMETOOLONG = -36;
    private static final long ETIMEDOUT = -110;
    private static final long EINPROGRESS = -115;

    /** struct msghdr, then one or two struct iovec, then control data, in the scratch page. */
    private static final int HEADER_BYTES = 56;
    private static final int VECTOR = 64;
    private static final int CONTROL = 128;
    private static final int CONTROL_HEADER_BYTES = 16;
    /** Room for so many descriptors in one message; the host drops further ones. */
    private static final int MOST_DESCRIPTORS = 4;

    private HostSocket() {}

    /**
     * A stream socket to a UNIX socket.
     *
     * @param path where it listens; a name that starts with "@" is in the abstract namespace
     * @return a descriptor or a negated error number
     */
    public static long connectUnix(String path) {
        return connectUnix(path, 0);
    }

    /**
     * A stream socket to a UNIX socket, within a time.
     *
     * @param path where it listens; a name that starts with "@" is in the abstract namespace
     * @param timeoutMs how long to wait for room among those that the server has not accepted yet; 0 for ever
     * @return a descriptor or a negated error number, EAGAIN when the time is up
     */
    public static long connectUnix(String path, long timeoutMs) {
        return open(AF_UNIX, fd -> {
            setTimeout(fd, timeoutMs);
            long connected = onPath(SyscallNumber.CONNECT, fd, path);
            return connected < 0 ? connected : setTimeout(fd, 0);
        });
    }

    /**
     * A UNIX socket that listens.
     *
     * @param path where; must not exist
     * @param backlog of listen(2)
     * @return a descriptor or a negated error number
     */
    public static long listenUnix(String path, int backlog) {
        return open(AF_UNIX, fd -> {
            long bound = onPath(SyscallNumber.BIND, fd, path);
            return bound < 0 ? bound : HostCalls.call(SyscallNumber.LISTEN, fd, backlog);
        });
    }

    /**
     * A TCP connection, without delay of small segments, within a time.
     *
     * @param address 4 or 16 bytes in network order
     * @param port of the server
     * @param timeoutMs how long to wait for the server's answer; 0 for as long as the host does
     * @return a descriptor or a negated error number, ETIMEDOUT when the time is up
     */
    public static long connectTcp(byte[] address, int port, long timeoutMs) {
        return open(address.length == 4 ? AF_INET : AF_INET6, fd -> {
            setTimeout(fd, timeoutMs);
            long connected = onAddress(SyscallNumber.CONNECT, fd, address, port);
            if (connected < 0) {
                return connected == EINPROGRESS ? ETIMEDOUT : connected; // connect(2) tells the end of SO_SNDTIMEO so
            }
            setTimeout(fd, 0);
            return option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        });
    }

    /**
     * A TCP socket that listens.
     *
     * @param address 4 or 16 bytes in network order
     * @param port 0 for any, see {@link #localPort}
     * @param backlog of listen(2)
     * @return a descriptor or a negated error number
     */
    public static long listenTcp(byte[] address, int port, int backlog) {
        return open(address.length == 4 ? AF_INET : AF_INET6, fd -> {
            option(fd, Socket.SOL_SOCKET, SO_REUSEADDR, 1);
            long bound = onAddress(SyscallNumber.BIND, fd, address, port);
            return bound < 0 ? bound : HostCalls.call(SyscallNumber.LISTEN, fd, backlog);
        });
    }

    /**
     * Sends small segments of a TCP connection at once.
     *
     * @param fd the socket
     * @return 0 or a negated error number; EOPNOTSUPP for other sockets
     */
    public static long setNoDelay(int fd) {
        return option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }

    /**
     * The port that a TCP socket is bound to.
     *
     * @param fd the socket
     * @return the port or a negated error number
     */
    public static long localPort(int fd) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, 28);
        long result = HostCalls.call(SyscallNumber.GETSOCKNAME, fd, scratch.structureAddress() + 8, scratch.structureAddress());
        return result < 0 ? result : Short.reverseBytes(scratch.structure().get(Layouts.U16, 10)) & 0xffff;
    }

    /**
     * Who connected to a UNIX socket ({@code SO_PEERCRED}).
     *
     * @param fd the connected socket
     * @return the user id in the low half and the group id in the high half, or a negated error number, which is never a user with
     *     group 0xffffffff
     */
    public static long peerUser(int fd) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, 12);
        long result = HostCalls.call(SyscallNumber.GETSOCKOPT, fd, Socket.SOL_SOCKET, SO_PEERCRED, scratch.structureAddress() + 8,
                scratch.structureAddress());
        return result < 0 ? result : scratch.structure().get(Layouts.U64, 12); // pid[4] uid[4] gid[4]
    }

    /**
     * Whether a socket is a UNIX socket ({@code SO_DOMAIN}).
     *
     * @param fd any descriptor
     * @return whether it is
     */
    public static boolean isUnix(int fd) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, Integer.BYTES);
        long result = HostCalls.call(SyscallNumber.GETSOCKOPT, fd, Socket.SOL_SOCKET, SO_DOMAIN, scratch.structureAddress() + 8,
                scratch.structureAddress());
        return result == 0 && scratch.structure().get(Layouts.U32, 8) == AF_UNIX;
    }

    /**
     * Two stream sockets that are connected with each other.
     *
     * @return one descriptor in the low half and one in the high half, or a negated error number
     */
    public static long pair() {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.SOCKETPAIR, AF_UNIX, STREAM, 0, scratch.structureAddress());
        return result < 0 ? result : scratch.structure().get(Layouts.U64, 0);
    }

    /**
     * accept4(2), closed on exec. Blocks.
     *
     * @param fd a socket that listens
     * @return a descriptor or a negated error number
     */
    public static long accept(int fd) {
        return HostCalls.call(SyscallNumber.ACCEPT4, fd, 0, 0, 0x80000);
    }

    /**
     * shutdown(2) of both directions: whoever waits for the peer wakes up.
     *
     * @param fd a connected socket
     * @return 0 or a negated error number
     */
    public static long shutdown(int fd) {
        return HostCalls.call(SyscallNumber.SHUTDOWN, fd, 2);
    }

    /**
     * Bounds how long a transfer waits: {@code SO_RCVTIMEO}, {@code SO_SNDTIMEO}. It then ends with EAGAIN.
     *
     * @param fd a socket
     * @param timeoutMs milliseconds, 0 for ever
     * @return 0 or a negated error number
     */
    public static long setTimeout(int fd, long timeoutMs) {
        Scratch scratch = Scratch.mine();
        long result = 0;
        for (int name : new int[] {Socket.SO_RCVTIMEO, Socket.SO_RCVTIMEO + 1}) {
            scratch.structure().set(Layouts.U64, 0, timeoutMs / 1000);
            scratch.structure().set(Layouts.U64, 8, timeoutMs % 1000 * 1000);
            result = Math.min(result,
                    HostCalls.call(SyscallNumber.SETSOCKOPT, fd, Socket.SOL_SOCKET, name, scratch.structureAddress(), 16));
        }
        return result;
    }

    /**
     * sendmsg(2) of up to two runs and a descriptor.
     *
     * @param fd a stream socket
     * @param first address of the first run
     * @param firstBytes its length, at least 1
     * @param second address of the second run
     * @param secondBytes its length, 0 for none
     * @param donated a descriptor that goes along (SCM_RIGHTS), or -1
     * @return bytes sent, possibly fewer than wanted (the descriptor is then sent), or a negated error number
     */
    public static long send(int fd, long first, long firstBytes, long second, long secondBytes, int donated) {
        Scratch scratch = Scratch.mine();
        MemorySegment header = header(scratch, first, firstBytes, second, secondBytes);
        if (donated >= 0) {
            header.set(Layouts.U64, 32, scratch.structureAddress() + CONTROL);
            header.set(Layouts.U64, 40, CONTROL_HEADER_BYTES + Long.BYTES);
            header.set(Layouts.U64, CONTROL, CONTROL_HEADER_BYTES + Integer.BYTES);
            header.set(Layouts.U32, CONTROL + 8, Socket.SOL_SOCKET);
            header.set(Layouts.U32, CONTROL + 12, Socket.SCM_RIGHTS);
            header.set(Layouts.U64, CONTROL + 16, donated);
        }
        return HostCalls.call(SyscallNumber.SENDMSG, fd, scratch.structureAddress(), MSG_NOSIGNAL);
    }

    /**
     * recvmsg(2) of bytes and of the descriptors that came with them.
     *
     * @param fd a stream socket
     * @param address native address
     * @param bytes how many at most
     * @param descriptors takes each descriptor (closed on exec), which is then its own to close
     * @return bytes received, 0 at the end of the stream, or a negated error number
     */
    public static long receive(int fd, long address, long bytes, IntConsumer descriptors) {
        Scratch scratch = Scratch.mine();
        MemorySegment header = header(scratch, address, bytes, 0, 0);
        header.set(Layouts.U64, 32, scratch.structureAddress() + CONTROL);
        header.set(Layouts.U64, 40, CONTROL_HEADER_BYTES + MOST_DESCRIPTORS * Integer.BYTES);
        long count = HostCalls.call(SyscallNumber.RECVMSG, fd, scratch.structureAddress(), Socket.MSG_CMSG_CLOEXEC);
        if (count < 0 || header.get(Layouts.U64, 40) < CONTROL_HEADER_BYTES + Integer.BYTES) {
            return count;
        }
        if (header.get(Layouts.U32, CONTROL + 8) == Socket.SOL_SOCKET && header.get(Layouts.U32, CONTROL + 12) == Socket.SCM_RIGHTS) {
            long dataBytes = header.get(Layouts.U64, CONTROL) - CONTROL_HEADER_BYTES;
            int[] received = new int[(int) Math.min(MOST_DESCRIPTORS, dataBytes / Integer.BYTES)];
            for (int i = 0; i < received.length; i++) {
                received[i] = header.get(Layouts.U32, CONTROL + CONTROL_HEADER_BYTES + (long) i * Integer.BYTES);
            }
            for (int descriptor : received) {
                descriptors.accept(descriptor); // may use the scratch page
            }
        }
        return count;
    }

    private static MemorySegment header(Scratch scratch, long first, long firstBytes, long second, long secondBytes) {
        MemorySegment header = scratch.structure();
        header.asSlice(0, HEADER_BYTES).fill((byte) 0);
        header.set(Layouts.U64, 16, scratch.structureAddress() + VECTOR);
        header.set(Layouts.U64, 24, secondBytes > 0 ? 2 : 1);
        header.set(Layouts.U64, VECTOR, first);
        header.set(Layouts.U64, VECTOR + 8, firstBytes);
        header.set(Layouts.U64, VECTOR + 16, second);
        header.set(Layouts.U64, VECTOR + 24, secondBytes);
        return header;
    }

    /** What is done with a new socket. */
    @FunctionalInterface
    private interface Use {
        long on(int fd);
    }

    private static long open(int family, Use use) {
        long fd = HostCalls.call(SyscallNumber.SOCKET, family, STREAM, 0);
        if (fd < 0) {
            return fd;
        }
        long result = use.on((int) fd);
        if (result < 0) {
            HostFile.close((int) fd);
            return result;
        }
        return fd;
    }

    private static long onPath(int number, int fd, String path) {
        byte[] name = path.getBytes(StandardCharsets.ISO_8859_1);
        if (name.length == 0 || path.indexOf('\0') >= 0) {
            return EINVAL;
        }
        if (name.length >= SUN_PATH_BYTES) {
            return ENAMETOOLONG;
        }
        Scratch scratch = Scratch.mine();
        MemorySegment address = scratch.structure();
        address.set(Layouts.U16, 0, (short) AF_UNIX);
        MemorySegment.copy(name, 0, address, ValueLayout.JAVA_BYTE, 2, name.length);
        boolean isAbstract = name[0] == '@';
        address.set(Layouts.U8, isAbstract ? 2 : 2 + name.length, (byte) 0);
        return HostCalls.call(number, fd, scratch.structureAddress(), 2 + name.length + (isAbstract ? 0 : 1));
    }

    private static long onAddress(int number, int fd, byte[] host, int port) {
        Scratch scratch = Scratch.mine();
        MemorySegment address = scratch.structure();
        boolean isVersion4 = host.length == 4;
        address.asSlice(0, 28).fill((byte) 0);
        address.set(Layouts.U16, 0, (short) (isVersion4 ? AF_INET : AF_INET6));
        address.set(Layouts.U16, 2, Short.reverseBytes((short) port));
        MemorySegment.copy(host, 0, address, ValueLayout.JAVA_BYTE, isVersion4 ? 4 : 8, host.length);
        return HostCalls.call(number, fd, scratch.structureAddress(), isVersion4 ? 16 : 28);
    }

    private static long option(int fd, int level, int name, int value) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, value);
        return HostCalls.call(SyscallNumber.SETSOCKOPT, fd, level, name, scratch.structureAddress(), Integer.BYTES);
    }
}
