package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.timespec;
import static dev.caisson.kernel.syscall.Arguments.timespecOut;

import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.syscalls.time.SysClock;
import dev.caisson.syscalls.time.SysIntervalTimer;
import dev.caisson.syscalls.time.SysPosixTimer;
import dev.caisson.syscalls.time.SysSleep;
import dev.caisson.syscalls.time.SysTimerFile;

/** Rows of the calls about time. */
final class TimeSyscalls {
    private static final String READ_ONLY = "the clocks are the host's: changing them is EPERM";

    private TimeSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(35, "nanosleep", SysSleep::nanosleep, timespec("req"), address("rem"))
                .full(36, "getitimer", SysIntervalTimer::getitimer, flags("which", Flags.ITIMER), address("curr_value"))
                .full(37, "alarm", SysIntervalTimer::alarm, number("seconds"))
                .full(38, "setitimer", SysIntervalTimer::setitimer, flags("which", Flags.ITIMER), address("new_value"),
                        address("old_value"))
                .full(96, "gettimeofday", SysClock::gettimeofday, address("tv"), address("tz"))
                .partial(159, "adjtimex", SysClock::adjtimex, READ_ONLY, address("buf"))
                .partial(164, "settimeofday", SysClock::settimeofday, READ_ONLY, address("tv"), address("tz"))
                .full(201, "time", SysClock::time, address("tloc"))
                .full(222, "timer_create", SysPosixTimer::timerCreate, flags("clockid", Flags.CLOCK), address("sevp"),
                        address("timerid"))
                .full(223, "timer_settime", SysPosixTimer::timerSettime, number("timerid"), number("flags"), address("new_value"),
                        address("old_value"))
                .full(224, "timer_gettime", SysPosixTimer::timerGettime, number("timerid"), address("curr_value"))
                .full(225, "timer_getoverrun", SysPosixTimer::timerGetoverrun, number("timerid"))
                .full(226, "timer_delete", SysPosixTimer::timerDelete, number("timerid"))
                .partial(227, "clock_settime", SysClock::clockSettime, READ_ONLY, flags("clockid", Flags.CLOCK), timespec("tp"))
                .full(228, "clock_gettime", SysClock::clockGettime, flags("clockid", Flags.CLOCK), timespecOut("tp"))
                .full(229, "clock_getres", SysClock::clockGetres, flags("clockid", Flags.CLOCK), timespecOut("res"))
                .full(230, "clock_nanosleep", SysSleep::clockNanosleep, flags("clockid", Flags.CLOCK), number("flags"),
                        timespec("request"), address("remain"))
                .full(283, "timerfd_create", SysTimerFile::timerfdCreate, flags("clockid", Flags.CLOCK), flags("flags", Flags.OPEN))
                .partial(286, "timerfd_settime", SysTimerFile::timerfdSettime,
                        "TFD_TIMER_CANCEL_ON_SET is accepted, but a step of the host's clock cancels nothing", fd("fd"), number("flags"),
                        address("new_value"), address("old_value"))
                .full(287, "timerfd_gettime", SysTimerFile::timerfdGettime, fd("fd"), address("curr_value"))
                .partial(305, "clock_adjtime", SysClock::clockAdjtime, READ_ONLY, flags("clk_id", Flags.CLOCK), address("buf"));
    }
}
