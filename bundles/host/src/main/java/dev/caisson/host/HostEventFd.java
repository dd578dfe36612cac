package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** eventfd(2). */
public final class HostEventFd {
    private static final int EFD_CLOEXEC = 0x80000;

    private HostEventFd() {}

    /**
     * eventfd2(2), closed on exec.
     *
     * @param initial first value of the counter
     * @param flags {@code EFD_NONBLOCK}, {@code EFD_SEMAPHORE}
     * @return a descriptor or a negated error number
     */
    public static long create(int initial, int flags) {
        return HostCalls.call(SyscallNumber.EVENTFD2, initial, flags | EFD_CLOEXEC);
    }

    /**
     * Adds to the counter.
     *
     * @param fd descriptor
     * @param value what to add
     * @return 8 or a negated error number
     */
    public static long add(int fd, long value) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, value);
        return HostCalls.call(SyscallNumber.WRITE, fd, scratch.structureAddress(), 8);
    }

    /**
     * Takes the counter, or one from it with {@code EFD_SEMAPHORE}. Blocks while it is 0, unless non-blocking.
     *
     * @param fd descriptor
     * @return the value or a negated error number
     */
    public static long take(int fd) {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.READ, fd, scratch.structureAddress(), 8);
        return result < 0 ? result : scratch.structure().get(Layouts.U64, 0);
    }
}
