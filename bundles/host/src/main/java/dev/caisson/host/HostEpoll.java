package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import java.lang.foreign.MemorySegment;

/** epoll(7). */
public final class HostEpoll {
    private static final int EPOLL_CLOEXEC = 0x80000;

    private HostEpoll() {}

    /**
     * epoll_create1(2), closed on exec.
     *
     * @return a descriptor or a negated error number
     */
    public static long create() {
        return HostCalls.call(SyscallNumber.EPOLL_CREATE1, EPOLL_CLOEXEC);
    }

    /**
     * epoll_ctl(2).
     *
     * @param epoll the epoll descriptor
     * @param operation {@code EPOLL_CTL_*}
     * @param fd what to watch
     * @param events {@code EPOLL*}
     * @param data comes back with each event
     * @return 0 or a negated error number
     */
    public static long control(int epoll, int operation, int fd, int events, long data) {
        Scratch scratch = Scratch.mine();
        MemorySegment event = scratch.structure(); // struct epoll_event, packed
        event.set(Layouts.U32, 0, events);
        event.set(Layouts.U64, 4, data);
        return HostCalls.call(SyscallNumber.EPOLL_CTL, epoll, operation, fd, scratch.structureAddress());
    }

    /**
     * epoll_wait(2). Blocks.
     *
     * @param epoll the epoll descriptor
     * @param events address of {@code most} times 12 bytes: events[4] data[8]
     * @param most how many events fit
     * @param timeoutMs milliseconds, -1 for ever
     * @return the number of events or a negated error number
     */
    public static long await(int epoll, long events, int most, int timeoutMs) {
        return HostCalls.call(SyscallNumber.EPOLL_PWAIT, epoll, events, most, timeoutMs, 0, 8);
    }
}
