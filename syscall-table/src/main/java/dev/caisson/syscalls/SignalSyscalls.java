package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.signal;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.syscalls.signal.SysSend;
import dev.caisson.syscalls.signal.SysSignal;
import dev.caisson.syscalls.signal.SysSignalWait;

/** Rows of the calls about signals. */
final class SignalSyscalls {
    private SignalSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(13, "rt_sigaction", SysSignal::rtSigaction, signal("signum"), address("act"), address("oldact"),
                        size("sigsetsize"))
                .full(14, "rt_sigprocmask", SysSignal::rtSigprocmask, flags("how", Flags.SIGMASK), address("set"), address("oldset"),
                        size("sigsetsize"))
                .control(15, "rt_sigreturn", SysSignal::rtSigreturn)
                .full(34, "pause", SysSignalWait::pause)
                .full(62, "kill", SysSend::kill, number("pid"), signal("sig"))
                .full(127, "rt_sigpending", SysSignal::rtSigpending, address("set"), size("sigsetsize"))
                .full(128, "rt_sigtimedwait", SysSignalWait::rtSigtimedwait, address("set"), address("info"), timespec("timeout"),
                        size("sigsetsize"))
                .full(129, "rt_sigqueueinfo", SysSend::rtSigqueueinfo, number("tgid"), signal("sig"), address("info"))
                .full(130, "rt_sigsuspend", SysSignalWait::rtSigsuspend, address("mask"), size("sigsetsize"))
                .full(131, "sigaltstack", SysSignal::sigaltstack, address("ss"), address("old_ss"))
                .full(200, "tkill", SysSend::tkill, number("tid"), signal("sig"))
                .full(219, "restart_syscall", SysSignalWait::restartSyscall)
                .full(234, "tgkill", SysSend::tgkill, number("tgid"), number("tid"), signal("sig"))
                .full(282, "signalfd", SysSignalWait::signalfd, fd("fd"), address("mask"), size("sizemask"))
                .full(289, "signalfd4", SysSignalWait::signalfd4, fd("fd"), address("mask"), size("sizemask"),
                        flags("flags", Flags.OPEN))
                .full(297, "rt_tgsigqueueinfo", SysSend::rtTgsigqueueinfo, number("tgid"), number("tid"), signal("sig"),
                        address("info"))
                .full(424, "pidfd_send_signal", SysSend::pidfdSendSignal, fd("pidfd"), signal("sig"), address("info"), number("flags"));
    }
}
