package dev.caisson.host;

import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;

/** ptrace(2). The tracer is the thread that seized, not its process: all other calls are made on that same thread. */
public final class HostPtrace {
    /** {@code PTRACE_O_TRACESYSGOOD}. */
    public static final int O_TRACESYSGOOD = 1;
    /** {@code PTRACE_O_EXITKILL}: the tracee dies with its tracer. */
    public static final int O_EXITKILL = 0x100000;
    /** {@code PTRACE_EVENT_STOP}: the stop that {@link #interrupt} causes. */
    public static final int EVENT_STOP = 128;
    /** {@code NT_X86_XSTATE}. */
    public static final int NT_X86_XSTATE = 0x202;

    private static final int CONT = 7;
    private static final int GETREGS = 12;
    private static final int SETREGS = 13;
    private static final int DETACH = 17;
    private static final int SYSEMU = 31;
    private static final int GETSIGINFO = 0x4202;
    private static final int GETREGSET = 0x4204;
    private static final int SETREGSET = 0x4205;
    private static final int SEIZE = 0x4206;
    private static final int INTERRUPT = 0x4207;
    private static final int SETSIGMASK = 0x420b;
    private static final int GET_SYSCALL_INFO = 0x420e;

    private HostPtrace() {}

    /**
     * {@code PTRACE_SEIZE}. From now on only the calling thread can trace the other.
     *
     * @param thread thread id
     * @param options {@code PTRACE_O_*}
     * @return 0 or a negated error number
     */
    public static long seize(int thread, int options) {
        return HostCalls.call(SyscallNumber.PTRACE, SEIZE, thread, 0, options);
    }

    /**
     * {@code PTRACE_INTERRUPT}: makes a traced thread stop soon.
     *
     * @param thread a thread that the calling thread traces
     * @return 0 or a negated error number
     */
    public static long interrupt(int thread) {
        return HostCalls.call(SyscallNumber.PTRACE, INTERRUPT, thread, 0, 0);
    }

    /**
     * {@code PTRACE_DETACH}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param signal signal to deliver, or 0
     * @return 0 or a negated error number
     */
    public static long detach(int thread, int signal) {
        return HostCalls.call(SyscallNumber.PTRACE, DETACH, thread, 0, signal);
    }

    /**
     * {@code PTRACE_SYSEMU}: goes on until a signal or a system call, which is not executed.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param signal signal to deliver, or 0
     * @return 0 or a negated error number
     */
    public static long emulate(int thread, int signal) {
        return HostCalls.call(SyscallNumber.PTRACE, SYSEMU, thread, 0, signal);
    }

    /**
     * {@code PTRACE_CONT}: goes on until a signal; system calls are executed by the host.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param signal signal to deliver, or 0
     * @return 0 or a negated error number
     */
    public static long proceed(int thread, int signal) {
        return HostCalls.call(SyscallNumber.PTRACE, CONT, thread, 0, signal);
    }

    /**
     * {@code PTRACE_GETREGS}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param registers address of struct user_regs_struct, 216 bytes
     * @return 0 or a negated error number
     */
    public static long registers(int thread, long registers) {
        return HostCalls.call(SyscallNumber.PTRACE, GETREGS, thread, 0, registers);
    }

    /**
     * {@code PTRACE_SETREGS}. EIO for selectors or bases that no user can have.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param registers address of struct user_regs_struct, 216 bytes
     * @return 0 or a negated error number
     */
    public static long setRegisters(int thread, long registers) {
        return HostCalls.call(SyscallNumber.PTRACE, SETREGS, thread, 0, registers);
    }

    /**
     * {@code PTRACE_GETREGSET}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param kind {@code NT_*}
     * @param vector address of a struct iovec, whose length is updated
     * @return 0 or a negated error number
     */
    public static long registerSet(int thread, int kind, long vector) {
        return HostCalls.call(SyscallNumber.PTRACE, GETREGSET, thread, kind, vector);
    }

    /**
     * {@code PTRACE_SETREGSET}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param kind {@code NT_*}
     * @param vector address of a struct iovec
     * @return 0 or a negated error number
     */
    public static long setRegisterSet(int thread, int kind, long vector) {
        return HostCalls.call(SyscallNumber.PTRACE, SETREGSET, thread, kind, vector);
    }

    /**
     * {@code PTRACE_GETSIGINFO}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param siginfo address of 128 bytes
     * @return 0 or a negated error number
     */
    public static long signalInformation(int thread, long siginfo) {
        return HostCalls.call(SyscallNumber.PTRACE, GETSIGINFO, thread, 0, siginfo);
    }

    /**
     * {@code PTRACE_SETSIGMASK}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param mask address of 8 bytes
     * @return 0 or a negated error number
     */
    public static long setSignalMask(int thread, long mask) {
        return HostCalls.call(SyscallNumber.PTRACE, SETSIGMASK, thread, 8, mask);
    }

    /**
     * {@code PTRACE_GET_SYSCALL_INFO}.
     *
     * @param thread a thread that the calling thread traces and that is stopped
     * @param bytes size of the buffer
     * @param information address of it
     * @return the size there would be or a negated error number
     */
    public static long syscallInformation(int thread, long bytes, long information) {
        return HostCalls.call(SyscallNumber.PTRACE, GET_SYSCALL_INFO, thread, bytes, information);
    }
}
