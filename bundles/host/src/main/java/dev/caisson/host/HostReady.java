package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/** Asks what a descriptor of the host is ready for, without waiting; and transfers that never wait. */
public final class HostReady {
    private static final int POLLNVAL = 32;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;

    private HostReady() {}

    /**
     * poll(2) with a timeout of 0.
     *
     * @param fd descriptor
     * @param events {@code POLL*} mask
     * @return the events that hold, or a negated error number
     */
    public static long poll(int fd, int events) {
        Scratch scratch = Scratch.mine();
        MemorySegment pollFd = scratch.structure();
        pollFd.set(Layouts.U32, 0, fd);
        pollFd.set(Layouts.U16, 4, (short) events);
        pollFd.set(Layouts.U16, 6, (short) 0);
        long count = HostCalls.call(SyscallNumber.POLL, scratch.structureAddress(), 1, 0);
        if (count <= 0) {
            return count;
        }
        int ready = pollFd.get(Layouts.U16, 6) & 0xffff;
        return (ready & POLLNVAL) != 0 ? -9 : ready; // EBADF
    }

    /**
     * recv(2) that does not wait.
     *
     * @param fd a socket
     * @param address native address
     * @param bytes how many
     * @return the number of bytes or a negated error number, EAGAIN among them
     */
    public static long receive(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.RECVFROM, fd, address, bytes, MSG_DONTWAIT, 0, 0);
    }

    /**
     * send(2) that does not wait and raises no SIGPIPE.
     *
     * @param fd a socket
     * @param address native address
     * @param bytes how many
     * @return the number of bytes or a negated error number, EAGAIN among them
     */
    public static long send(int fd, long address, long bytes) {
        return HostCalls.call(SyscallNumber.SENDTO, fd, address, bytes, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    }
}
