package dev.caisson.abi;

import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

/**
 * {@code siginfo_t} on amd64: 128 bytes, of which the kernel uses the first 48.
 * <pre>
 *  off size field
 *    0    4 si_signo
 *    4    4 si_errno
 *    8    4 si_code
 *   16    8 word16  kill, queue, child: si_pid (16), si_uid (20); timer: si_timerid (16), si_overrun (20);
 *                   fault: si_addr; poll: si_band; seccomp: si_call_addr
 *   24    8 word24  queue, timer: si_value; child: si_status (24); poll: si_fd (24); seccomp: si_syscall (24), si_arch (28)
 *   32    8 word32  child: si_utime in ticks; timer: si_sys_private, always 0
 *   40    8 word40  child: si_stime in ticks
 *   48   80 zero
 * </pre>
 * Source: include/uapi/asm-generic/siginfo.h.
 *
 * @param signal signal number, 1 to 64
 * @param errno {@code si_errno}
 * @param code {@code si_code}
 * @param word16 bytes 16 to 23
 * @param word24 bytes 24 to 31
 * @param word32 bytes 32 to 39
 * @param word40 bytes 40 to 47
 */
public record SignalInfo(int signal, int errno, int code, long word16, long word24, long word32, long word40) {
    /** Size in bytes. */
    public static final int BYTES = 128;

    /** Reads and writes the structure; the writer leaves bytes 12 to 15 and 48 to 127 as they are. */
    public static final StructCodec<SignalInfo> CODEC = StructCodec.of(BYTES,
            (seg, at) -> new SignalInfo(seg.get(U32, at), seg.get(U32, at + 4), seg.get(U32, at + 8), seg.get(U64, at + 16),
                    seg.get(U64, at + 24), seg.get(U64, at + 32), seg.get(U64, at + 40)),
            (seg, at, info) -> {
                seg.set(U32, at, info.signal);
                seg.set(U32, at + 4, info.errno);
                seg.set(U32, at + 8, info.code);
                seg.set(U64, at + 16, info.word16);
                seg.set(U64, at + 24, info.word24);
                seg.set(U64, at + 32, info.word32);
                seg.set(U64, at + 40, info.word40);
            });

    private static long pair(int low, int high) {
        return Integer.toUnsignedLong(low) | (long) high << 32;
    }

    /**
     * A signal of the kernel itself (SI_KERNEL).
     *
     * @param signal signal number
     * @return the information
     */
    public static SignalInfo kernel(int signal) {
        return new SignalInfo(signal, 0, SignalCodes.SI_KERNEL, 0, 0, 0, 0);
    }

    /**
     * A signal that a process sent.
     *
     * @param signal signal number
     * @param code SI_USER or SI_TKILL
     * @param pid the sender, as the receiver knows it; 0 when it cannot
     * @param uid real user of the sender
     * @return the information
     */
    public static SignalInfo sent(int signal, int code, int pid, int uid) {
        return new SignalInfo(signal, 0, code, pair(pid, uid), 0, 0, 0);
    }

    /**
     * A processor fault.
     *
     * @param signal SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP
     * @param code {@code si_code}
     * @param address {@code si_addr}
     * @return the information
     */
    public static SignalInfo fault(int signal, int code, long address) {
        return new SignalInfo(signal, 0, code, address, 0, 0, 0);
    }

    /**
     * A change of a child's state.
     *
     * @param signal SIGCHLD, or the exit signal that clone(2) set
     * @param code {@code CLD_*}
     * @param pid the child
     * @param uid its real user
     * @param status exit code, or the signal that killed, stopped or continued it
     * @param userTicks user time in ticks of 10 ms
     * @param systemTicks system time in ticks of 10 ms
     * @return the information
     */
    public static SignalInfo child(int signal, int code, int pid, int uid, int status, long userTicks, long systemTicks) {
        return new SignalInfo(signal, 0, code, pair(pid, uid), Integer.toUnsignedLong(status), userTicks, systemTicks);
    }

    /**
     * An expired POSIX timer.
     *
     * @param signal signal number
     * @param timerId the timer
     * @param overrun expirations that were not signalled
     * @param value {@code sigev_value}
     * @return the information
     */
    public static SignalInfo timer(int signal, int timerId, int overrun, long value) {
        return new SignalInfo(signal, 0, SignalCodes.SI_TIMER, pair(timerId, overrun), value, 0, 0);
    }

    /**
     * Readiness of a descriptor with O_ASYNC.
     *
     * @param signal SIGIO, or what F_SETSIG set
     * @param code {@code POLL_*}
     * @param band poll(2) mask
     * @param fd the descriptor
     * @return the information
     */
    public static SignalInfo io(int signal, int code, long band, int fd) {
        return new SignalInfo(signal, 0, code, band, Integer.toUnsignedLong(fd), 0, 0);
    }

    /**
     * A system call that a filter of seccomp(2) refused.
     *
     * @param address of the instruction after the call
     * @param call number of the system call
     * @param arch {@code AUDIT_ARCH_*}
     * @param data what the filter says, for {@code si_errno}
     * @return the information
     */
    public static SignalInfo seccomp(long address, int call, int arch, int data) {
        return new SignalInfo(Signals.SIGSYS, data, SignalCodes.SYS_SECCOMP, address, pair(call, arch), 0, 0);
    }

    /**
     * A system call that comes back to the program (PR_SET_SYSCALL_USER_DISPATCH).
     *
     * @param address of the instruction after the call
     * @param call number of the system call
     * @param arch {@code AUDIT_ARCH_*}
     * @return the information
     */
    public static SignalInfo userDispatch(long address, int call, int arch) {
        return new SignalInfo(Signals.SIGSYS, 0, SignalCodes.SYS_USER_DISPATCH, address, pair(call, arch), 0, 0);
    }

    /** {@return {@code si_pid}, or {@code si_timerid}} */
    public int pid() {
        return (int) word16;
    }

    /** {@return {@code si_uid}, or {@code si_overrun}} */
    public int uid() {
        return (int) (word16 >>> 32);
    }

    /** {@return {@code si_status}} */
    public int status() {
        return (int) word24;
    }

    /** {@return {@code si_addr}} */
    public long address() {
        return word16;
    }

    /** {@return whether a process made it (SI_FROMUSER), so that permissions count} */
    public boolean isFromUser() {
        return code <= 0;
    }
}
