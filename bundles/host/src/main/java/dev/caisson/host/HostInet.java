package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Sockets of the host that guests use, one system call a method. They never block; results are counts or negated error numbers. Addresses are the bytes
 * of a {@code struct sockaddr}, at most {@value #ADDRESS_BYTES}.
 */
public final class HostInet {
    /** sizeof(struct sockaddr_storage). */
    public static final int ADDRESS_BYTES = 128;
    /** Longest control data of one message, and longest option. */
    public static final int CONTROL_BYTES = 1024;

    private static final int NON_BLOCKING = 0x80800; // SOCK_NONBLOCK, SOCK_CLOEXEC
    private static final int MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
    private static final long EINVAL = -22;
    /** In the scratch page: struct msghdr, struct iovec, the address, the control data. */
    private static final int NAME = 0, NAME_LENGTH = 8, VECTORS = 16, VECTOR_COUNT = 24, CONTROL_AT = 32, CONTROL_LENGTH = 40, FLAGS = 48, HEADER_BYTES = 56,
            VECTOR = 64, ADDRESS = 128, CONTROL = 256;

    private static volatile Source source = (family, type, protocol) -> HostCalls.call(SyscallNumber.SOCKET, family, type, protocol);

    private HostInet() {}

    /** Makes sockets in the network namespace that is the sandbox's, which need not be that of this process. */
    @FunctionalInterface
    public interface Source {
        /**
         * socket(2).
         *
         * @param family {@code AF_*}
         * @param type {@code SOCK_*} with flags
         * @param protocol of the family
         * @return a descriptor, or a negated error number
         */
        long make(int family, int type, int protocol);
    }

    /** What recvmsg(2) tells beside the data. */
    public static final class Received {
        /** Where it came from; of length 0 when that has no name. */
        public byte[] address;
        /** struct cmsghdr after struct cmsghdr. */
        public byte[] control;
        /** {@code MSG_*}. */
        public int flags;

        /** Makes an empty one. */
        public Received() {}
    }

    /**
     * Says where sockets come from, for all of this process.
     *
     * @param other makes them
     */
    public static void source(Source other) {
        source = other;
    }

    /**
     * A socket that does not block.
     *
     * @param family {@code AF_*}
     * @param type {@code SOCK_*} without flags
     * @param protocol of the family
     * @return a descriptor, or a negated error number
     */
    public static long socket(int family, int type, int protocol) {
        return source.make(family, type | NON_BLOCKING, protocol);
    }

    /**
     * bind(2).
     *
     * @param fd a socket
     * @param address its name
     * @return 0 or a negated error number
     */
    public static long bind(int fd, byte[] address) {
        return withAddress(SyscallNumber.BIND, fd, address);
    }

    /**
     * connect(2).
     *
     * @param fd a socket
     * @param address the peer
     * @return 0 or a negated error number, EINPROGRESS among them
     */
    public static long connect(int fd, byte[] address) {
        return withAddress(SyscallNumber.CONNECT, fd, address);
    }

    private static long withAddress(int number, int fd, byte[] address) {
        if (address.length > ADDRESS_BYTES) {
            return EINVAL;
        }
        Scratch scratch = Scratch.mine();
        MemorySegment.copy(address, 0, scratch.structure(), ValueLayout.JAVA_BYTE, 0, address.length);
        return HostCalls.call(number, fd, scratch.structureAddress(), address.length);
    }

    /**
     * listen(2).
     *
     * @param fd a socket
     * @param backlog how many connections may wait
     * @return 0 or a negated error number
     */
    public static long listen(int fd, int backlog) {
        return HostCalls.call(SyscallNumber.LISTEN, fd, backlog);
    }

    /**
     * accept4(2).
     *
     * @param fd a socket that listens
     * @return a socket that does not block, or a negated error number
     */
    public static long accept(int fd) {
        return HostCalls.call(SyscallNumber.ACCEPT4, fd, 0, 0, NON_BLOCKING);
    }

    /**
     * shutdown(2).
     *
     * @param fd a socket
     * @param how {@code SHUT_*}
     * @return 0 or a negated error number
     */
    public static long shutdown(int fd, int how) {
        return HostCalls.call(SyscallNumber.SHUTDOWN, fd, how);
    }

    /**
     * getsockname(2) or getpeername(2).
     *
     * @param fd a socket
     * @param isPeer which of them
     * @param target takes the address, {@value #ADDRESS_BYTES} bytes
     * @return its length, or a negated error number
     */
    public static long name(int fd, boolean isPeer, byte[] target) {
        Scratch scratch = Scratch.mine();
        MemorySegment page = scratch.structure();
        page.set(Layouts.U32, 0, ADDRESS_BYTES);
        long result = HostCalls.call(isPeer ? SyscallNumber.GETPEERNAME : SyscallNumber.GETSOCKNAME, fd, scratch.structureAddress() + 8,
                scratch.structureAddress());
        return result < 0 ? result : copyOut(page, 8, page.get(Layouts.U32, 0), target);
    }

    /**
     * getsockopt(2).
     *
     * @param fd a socket
     * @param level {@code SOL_*}
     * @param name the option
     * @param target takes the value, as much as it has room for
     * @return the value's length, or a negated error number
     */
    public static long option(int fd, int level, int name, byte[] target) {
        Scratch scratch = Scratch.mine();
        MemorySegment page = scratch.structure();
        int most = Math.min(target.length, CONTROL_BYTES);
        page.set(Layouts.U32, 0, most);
        long result = HostCalls.call(SyscallNumber.GETSOCKOPT, fd, level, name, scratch.structureAddress() + 8, scratch.structureAddress());
        return result < 0 ? result : copyOut(page, 8, page.get(Layouts.U32, 0), target);
    }

    /**
     * setsockopt(2).
     *
     * @param fd a socket
     * @param level {@code SOL_*}
     * @param name the option
     * @param value at most {@value #CONTROL_BYTES} bytes
     * @return 0 or a negated error number
     */
    public static long setOption(int fd, int level, int name, byte[] value) {
        if (value.length > CONTROL_BYTES) {
            return EINVAL;
        }
        Scratch scratch = Scratch.mine();
        MemorySegment.copy(value, 0, scratch.structure(), ValueLayout.JAVA_BYTE, 0, value.length);
        return HostCalls.call(SyscallNumber.SETSOCKOPT, fd, level, name, scratch.structureAddress(), value.length);
    }

    private static long copyOut(MemorySegment page, long at, int length, byte[] target) {
        int copied = Math.clamp(length, 0, target.length);
        MemorySegment.copy(page, ValueLayout.JAVA_BYTE, at, target, 0, copied);
        return copied;
    }

    /**
     * send(2) without waiting and without SIGPIPE.
     *
     * @param fd a socket
     * @param address native address of the data
     * @param bytes how many
     * @param flags {@code MSG_*}
     * @return the number of bytes, or a negated error number, EAGAIN among them
     */
    public static long send(int fd, long address, long bytes, int flags) {
        return HostCalls.call(SyscallNumber.SENDTO, fd, address, bytes, flags | MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    }

    /**
     * recv(2) without waiting.
     *
     * @param fd a socket
     * @param address native address
     * @param bytes how many
     * @param flags {@code MSG_*}
     * @return the number of bytes, or a negated error number, EAGAIN among them
     */
    public static long receive(int fd, long address, long bytes, int flags) {
        return HostCalls.call(SyscallNumber.RECVFROM, fd, address, bytes, flags | MSG_DONTWAIT, 0, 0);
    }

    /**
     * sendmsg(2) of one run, as {@link #send}.
     *
     * @param fd a socket
     * @param data native address of the data
     * @param bytes how many
     * @param to destination, or null
     * @param control struct cmsghdr after struct cmsghdr, at most {@value #CONTROL_BYTES} bytes, or null
     * @param flags {@code MSG_*}
     * @return the number of bytes, or a negated error number
     */
    public static long sendMessage(int fd, long data, long bytes, byte[] to, byte[] control, int flags) {
        if (to != null && to.length > ADDRESS_BYTES || control != null && control.length > CONTROL_BYTES) {
            return EINVAL;
        }
        Scratch scratch = Scratch.mine();
        MemorySegment page = header(scratch, data, bytes);
        if (to != null) {
            MemorySegment.copy(to, 0, page, ValueLayout.JAVA_BYTE, ADDRESS, to.length);
            page.set(Layouts.U64, NAME, scratch.structureAddress() + ADDRESS);
            page.set(Layouts.U32, NAME_LENGTH, to.length);
        }
        if (control != null) {
            MemorySegment.copy(control, 0, page, ValueLayout.JAVA_BYTE, CONTROL, control.length);
            page.set(Layouts.U64, CONTROL_AT, scratch.structureAddress() + CONTROL);
            page.set(Layouts.U64, CONTROL_LENGTH, control.length);
        }
        return HostCalls.call(SyscallNumber.SENDMSG, fd, scratch.structureAddress(), flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    /**
     * recvmsg(2) into one run, as {@link #receive}.
     *
     * @param fd a socket
     * @param data native address
     * @param bytes how many
     * @param flags {@code MSG_*}
     * @param received takes what comes with the data
     * @return the number of bytes, or a negated error number
     */
    public static long receiveMessage(int fd, long data, long bytes, int flags, Received received) {
        Scratch scratch = Scratch.mine();
        MemorySegment page = header(scratch, data, bytes);
        page.set(Layouts.U64, NAME, scratch.structureAddress() + ADDRESS);
        page.set(Layouts.U32, NAME_LENGTH, ADDRESS_BYTES);
        page.set(Layouts.U64, CONTROL_AT, scratch.structureAddress() + CONTROL);
        page.set(Layouts.U64, CONTROL_LENGTH, CONTROL_BYTES);
        long count = HostCalls.call(SyscallNumber.RECVMSG, fd, scratch.structureAddress(), flags | MSG_DONTWAIT);
        if (count >= 0) {
            received.address = new byte[Math.clamp(page.get(Layouts.U32, NAME_LENGTH), 0, ADDRESS_BYTES)];
            copyOut(page, ADDRESS, received.address.length, received.address);
            received.control = new byte[Math.clamp(page.get(Layouts.U64, CONTROL_LENGTH), 0, CONTROL_BYTES)];
            copyOut(page, CONTROL, received.control.length, received.control);
            received.flags = page.get(Layouts.U32, FLAGS);
        }
        return count;
    }

    private static MemorySegment header(Scratch scratch, long data, long bytes) {
        MemorySegment page = scratch.structure();
        page.asSlice(0, HEADER_BYTES).fill((byte) 0);
        page.set(Layouts.U64, VECTORS, scratch.structureAddress() + VECTOR);
        page.set(Layouts.U64, VECTOR_COUNT, 1);
        page.set(Layouts.U64, VECTOR, data);
        page.set(Layouts.U64, VECTOR + 8, bytes);
        return page;
    }
}
