package dev.caisson.host;

import dev.caisson.abi.Layouts;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** Processes and threads of the host. */
public final class HostProcess {
    private static final long ESRCH = -3;
    private static final int TIOCGPGRP = 0x540f;
    private static final int TIOCSPGRP = 0x5410;
    private static final int RLIMIT_NOFILE = 7;

    private HostProcess() {}

    /**
     * getpid(2).
     *
     * @return this process
     */
    public static int processId() {
        return (int) HostCalls.call(SyscallNumber.GETPID);
    }

    /**
     * gettid(2).
     *
     * @return the calling thread
     */
    public static int threadId() {
        return (int) HostCalls.call(SyscallNumber.GETTID);
    }

    /**
     * wait4(2). Blocks unless the options have {@code WNOHANG}.
     *
     * @param process process or thread id, -1 for any child
     * @param status address of 4 bytes, or 0
     * @param options {@code WNOHANG}, {@code __WALL}, ...
     * @return the id, 0 with {@code WNOHANG}, or a negated error number
     */
    public static long await(int process, long status, int options) {
        return HostCalls.call(SyscallNumber.WAIT4, process, status, options & 0xffff_ffffL, 0);
    }

    /**
     * prctl(2).
     *
     * @param option {@code PR_*}
     * @param a2 second argument
     * @param a3 third argument
     * @param a4 fourth argument
     * @param a5 fifth argument
     * @return as the option says, or a negated error number
     */
    public static long control(int option, long a2, long a3, long a4, long a5) {
        return HostCalls.call(SyscallNumber.PRCTL, option, a2, a3, a4, a5);
    }

    /**
     * setpgid(2).
     *
     * @param process process id, 0 for this one
     * @param group group id, 0 for the process's own
     * @return 0 or a negated error number
     */
    public static long setGroup(int process, int group) {
        return HostCalls.call(SyscallNumber.SETPGID, process, group);
    }

    /**
     * getpgid(2).
     *
     * @param process process id, 0 for this one
     * @return the group or a negated error number
     */
    public static long group(int process) {
        return HostCalls.call(SyscallNumber.GETPGID, process);
    }

    /**
     * setsid(2).
     *
     * @return the session or a negated error number
     */
    public static long newSession() {
        return HostCalls.call(SyscallNumber.SETSID);
    }

    /**
     * The foreground group of a terminal: {@code TIOCGPGRP}.
     *
     * @param terminal descriptor
     * @return the group or a negated error number
     */
    public static long foregroundGroup(int terminal) {
        Scratch scratch = Scratch.mine();
        long result = HostCalls.call(SyscallNumber.IOCTL, terminal, TIOCGPGRP, scratch.structureAddress());
        return result < 0 ? result : scratch.structure().get(Layouts.U32, 0);
    }

    /**
     * Sets the foreground group of a terminal: {@code TIOCSPGRP}.
     *
     * @param terminal descriptor
     * @param group the group
     * @return 0 or a negated error number
     */
    public static long setForegroundGroup(int terminal, int group) {
        Scratch scratch = Scratch.mine();
        scratch.structure().set(Layouts.U32, 0, group);
        return HostCalls.call(SyscallNumber.IOCTL, terminal, TIOCSPGRP, scratch.structureAddress());
    }

    /**
     * pidfd_open(2), closed on exec.
     *
     * @param process process id
     * @param flags {@code PIDFD_*}
     * @return a descriptor or a negated error number
     */
    public static long descriptor(int process, int flags) {
        return HostCalls.call(SyscallNumber.PIDFD_OPEN, process, flags);
    }

    /**
     * close_range(2).
     *
     * @param first lowest descriptor
     * @param last highest descriptor
     * @param flags {@code CLOSE_RANGE_*}
     * @return 0 or a negated error number
     */
    public static long closeRange(int first, int last, int flags) {
        return HostCalls.call(SyscallNumber.CLOSE_RANGE, first & 0xffff_ffffL, last & 0xffff_ffffL, flags);
    }

    /** {@return how many descriptors this process may have open (the soft {@code RLIMIT_NOFILE})} */
    public static long descriptorLimit() {
        Scratch scratch = Scratch.mine();
        HostCalls.call(SyscallNumber.PRLIMIT64, 0, RLIMIT_NOFILE, 0, scratch.structureAddress());
        return scratch.structure().get(Layouts.U64, 0);
    }

    /**
     * Whether a process has its memory still: it neither is gone nor a zombie (process_vm_readv(2) of one byte). When the host
     * does not want to tell, it has.
     *
     * @param process process id of a process that this one may trace
     * @param readable an address that is readable in it
     * @return whether it has
     */
    public static boolean isAlive(int process, long readable) {
        Scratch scratch = Scratch.mine();
        long at = scratch.structureAddress();
        scratch.structure().set(Layouts.U64, 0, at + 64); // local iovec
        scratch.structure().set(Layouts.U64, 8, 1);
        scratch.structure().set(Layouts.U64, 16, readable); // remote iovec
        scratch.structure().set(Layouts.U64, 24, 1);
        return HostCalls.call(SyscallNumber.PROCESS_VM_READV, process, at, 1, at + 16, 1, 0) != ESRCH;
    }
}
