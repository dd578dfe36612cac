package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.signal;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.abi.Signals;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.syscalls.signal.SysSend;
import dev.caisson.syscalls.signal.SysSignal;
import dev.caisson.syscalls.signal.SysSignalWait;

/** Rows of the calls about signals. */
final class SignalSyscalls {
    private static final FlagNames SIGNALFD = FlagNames.mask(Signals.class, "SFD_");

    private SignalSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(13, "rt_sigaction", SysSignal::rtSigaction, signal("signum"), SignalStructures.action("act"),
                        SignalStructures.actionOut("oldact"),
                        size("sigsetsize"))
                .full(14, "rt_sigprocmask", SysSignal::rtSigprocmask, flags("how", Flags.SIGMASK), SignalStructures.set("set"),
                        SignalStructures.setOut("oldset"),
                        size("sigsetsize"))
                .control(15, "rt_sigreturn", SysSignal::rtSigreturn)
                .full(34, "pause", SysSignalWait::pause)
                .full(62, "kill", SysSend::kill, number("pid"), signal("sig"))
                .full(127, "rt_sigpending", SysSignal::rtSigpending, SignalStructures.setOut("set"), size("sigsetsize"))
                .full(128, "rt_sigtimedwait", SysSignalWait::rtSigtimedwait, SignalStructures.set("set"),
                        SignalStructures.infoOut("info"), timespec("timeout"),
                        size("sigsetsize"))
                .full(129, "rt_sigqueueinfo", SysSend::rtSigqueueinfo, number("tgid"), signal("sig"), SignalStructures.info("info"))
                .full(130, "rt_sigsuspend", SysSignalWait::rtSigsuspend, SignalStructures.set("mask"), size("sigsetsize"))
                .full(131, "sigaltstack", SysSignal::sigaltstack, SignalStructures.stack("ss"), SignalStructures.stackOut("old_ss"))
                .full(200, "tkill", SysSend::tkill, number("tid"), signal("sig"))
                .full(219, "restart_syscall", SysSignalWait::restartSyscall)
                .full(234, "tgkill", SysSend::tgkill, number("tgid"), number("tid"), signal("sig"))
                .full(282, "signalfd", SysSignalWait::signalfd, fd("fd"), SignalStructures.set("mask"), size("sizemask"))
                .full(289, "signalfd4", SysSignalWait::signalfd4, fd("fd"), SignalStructures.set("mask"), size("sizemask"),
                        flags("flags", SIGNALFD))
                .full(297, "rt_tgsigqueueinfo", SysSend::rtTgsigqueueinfo, number("tgid"), number("tid"), signal("sig"),
                        SignalStructures.info("info"))
                .full(424, "pidfd_send_signal", SysSend::pidfdSendSignal, fd("pidfd"), signal("sig"), SignalStructures.info("info"), number("flags"));
    }
}
