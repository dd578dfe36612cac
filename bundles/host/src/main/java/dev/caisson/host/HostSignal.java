package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** Signals of this process and others. */
public final class HostSignal {
    private static final int SFD_CLOEXEC = 0x80000;
    private static final int SI_QUEUE = -1;
    private static final int INFO_BYTES = 128;
    /** Offsets in siginfo_t. */
    private static final int INFO_CODE = 8;
    private static final int INFO_VALUE = 24;

    private HostSignal() {}

    /**
     * Changes the calling thread's signal mask (rt_sigprocmask(2)). Never block SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP in a
     * thread that runs Java.
     *
     * @param how {@code SIG_BLOCK}, {@code SIG_UNBLOCK} or {@code SIG_SETMASK}
     * @param mask bit n-1 stands for signal n
     * @return 0 or a negated error number; the mask before is {@link #previousMask}
     */
    public static long changeMask(int how, long mask) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, mask);
        return HostCalls.call(SyscallNumber.RT_SIGPROCMASK, how, scratch.structureAddress(), scratch.structureAddress() + 8, 8);
    }

    /**
     * The mask that the last {@link #changeMask} of this thread replaced, if no other host call came between.
     *
     * @return the mask
     */
    public static long previousMask() {
        return Scratch.mine().structure().get(Layouts.U64, 8);
    }

    /**
     * signalfd4(2), closed on exec.
     *
     * @param fd descriptor of an earlier signalfd to change, or -1
     * @param mask bit n-1 stands for signal n
     * @param flags {@code SFD_NONBLOCK}
     * @return a descriptor or a negated error number
     */
    public static long descriptor(int fd, long mask, int flags) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, mask);
        return HostCalls.call(SyscallNumber.SIGNALFD4, fd, scratch.structureAddress(), 8, flags | SFD_CLOEXEC);
    }

    /**
     * kill(2).
     *
     * @param process process id, or a negated group id
     * @param signal signal number, 0 to ask only
     * @return 0 or a negated error number
     */
    public static long kill(int process, int signal) {
        return HostCalls.call(SyscallNumber.KILL, process, signal);
    }

    /**
     * tgkill(2).
     *
     * @param process process id
     * @param thread thread id
     * @param signal signal number, 0 to ask only
     * @return 0 or a negated error number
     */
    public static long kill(int process, int thread, int signal) {
        return HostCalls.call(SyscallNumber.TGKILL, process, thread, signal);
    }

    /**
     * rt_tgsigqueueinfo(2).
     *
     * @param process process id
     * @param thread thread id
     * @param signal signal number
     * @param value what the handler finds as {@code si_value}
     * @return 0 or a negated error number; EAGAIN when the host has no room for more signals
     */
    public static long queue(int process, int thread, int signal, long value) {
        Scratch scratch = Scratch.mine();
        scratch.structure().asSlice(0, INFO_BYTES).fill((byte) 0);
        scratch.structure().set(Layouts.U32, 0, signal);
        scratch.structure().set(Layouts.U32, INFO_CODE, SI_QUEUE);
        scratch.structure().set(Layouts.U64, INFO_VALUE, value);
        return HostCalls.call(SyscallNumber.RT_TGSIGQUEUEINFO, process, thread, signal, scratch.structureAddress());
    }

    /**
     * Takes one pending signal of the calling thread away, which has it blocked (rt_sigtimedwait(2)); does not wait.
     *
     * @param mask bit n-1 stands for signal n
     * @return the signal, or negated EAGAIN if none is pending
     */
    public static long take(long mask) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U64, 0, mask);
        scratch.structure().set(Layouts.U64, 8, 0); // timeout: seconds and nanoseconds
        scratch.structure().set(Layouts.U64, 16, 0);
        long at = scratch.structureAddress();
        return HostCalls.call(SyscallNumber.RT_SIGTIMEDWAIT, at, 0, at + 8, 8);
    }
}
