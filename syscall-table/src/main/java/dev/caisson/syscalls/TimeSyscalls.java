package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.intOut;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.timespec;
import static dev.caisson.kernel.syscall.Arguments.timespecOut;

import dev.caisson.abi.Poll;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.kernel.syscall.decode.Times;
import dev.caisson.syscalls.time.SysClock;
import dev.caisson.syscalls.time.SysIntervalTimer;
import dev.caisson.syscalls.time.SysPosixTimer;
import dev.caisson.syscalls.time.SysSleep;
import dev.caisson.syscalls.time.SysTimerFile;

/** Rows of the calls about time. */
final class TimeSyscalls {
    private static final FlagNames TIMERFD = FlagNames.mask(Poll.class, "TFD_TIMER_");
    private static final FlagNames TIMERFD_CREATE = FlagNames.mask(Poll.class, "TFD_").without("TFD_TIMER_");
    private static final String READ_ONLY = "the clocks are the host's: changing them is EPERM";
    private static final String KEPT = "the values are kept; the clock is the host's, and ADJ_SETOFFSET is EPERM";

    private TimeSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(35, "nanosleep", SysSleep::nanosleep, timespec("req"), Times.remaining("rem"))
                .full(36, "getitimer", SysIntervalTimer::getitimer, flags("which", Flags.ITIMER), Times.itimervalOut("curr_value"))
                .full(37, "alarm", SysIntervalTimer::alarm, number("seconds"))
                .full(38, "setitimer", SysIntervalTimer::setitimer, flags("which", Flags.ITIMER), Times.itimerval("new_value"),
                        Times.itimervalOut("old_value"))
                .full(96, "gettimeofday", SysClock::gettimeofday, Times.timevalOut("tv"), Times.timezoneOut("tz"))
                .partial(159, "adjtimex", SysClock::adjtimex, KEPT, Times.timex("buf"))
                .partial(164, "settimeofday", SysClock::settimeofday, READ_ONLY, Times.timeval("tv"), Times.timezone("tz"))
                .full(201, "time", SysClock::time, Times.seconds("tloc"))
                .full(222, "timer_create", SysPosixTimer::timerCreate, Times.clock("clockid"), SignalStructures.event("sevp"),
                        intOut("timerid"))
                .full(223, "timer_settime", SysPosixTimer::timerSettime, number("timerid"), Times.absolute("flags"),
                        Times.itimerspec("new_value"), Times.itimerspecOut("old_value"))
                .full(224, "timer_gettime", SysPosixTimer::timerGettime, number("timerid"), Times.itimerspecOut("curr_value"))
                .full(225, "timer_getoverrun", SysPosixTimer::timerGetoverrun, number("timerid"))
                .full(226, "timer_delete", SysPosixTimer::timerDelete, number("timerid"))
                .partial(227, "clock_settime", SysClock::clockSettime, READ_ONLY, Times.clock("clockid"), timespec("tp"))
                .full(228, "clock_gettime", SysClock::clockGettime, Times.clock("clockid"), timespecOut("tp"))
                .full(229, "clock_getres", SysClock::clockGetres, Times.clock("clockid"), timespecOut("res"))
                .full(230, "clock_nanosleep", SysSleep::clockNanosleep, Times.clock("clockid"), Times.absolute("flags"),
                        timespec("request"), Times.remaining("remain"))
                .full(283, "timerfd_create", SysTimerFile::timerfdCreate, Times.clock("clockid"), flags("flags", TIMERFD_CREATE))
                .partial(286, "timerfd_settime", SysTimerFile::timerfdSettime,
                        "TFD_TIMER_CANCEL_ON_SET is accepted, but a step of the host's clock cancels nothing", fd("fd"), flags("flags", TIMERFD),
                        Times.itimerspec("new_value"), Times.itimerspecOut("old_value"))
                .full(287, "timerfd_gettime", SysTimerFile::timerfdGettime, fd("fd"), Times.itimerspecOut("curr_value"))
                .partial(305, "clock_adjtime", SysClock::clockAdjtime, KEPT, Times.clock("clk_id"), Times.timex("buf"));
    }
}
