package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.ProcessStructures;
import dev.caisson.kernel.syscall.decode.Requests;
import dev.caisson.syscalls.futex.SysFutex;
import dev.caisson.syscalls.futex.SysFutex2;
import dev.caisson.syscalls.futex.SysRobustList;

/** Rows of the calls about futexes. */
final class FutexSyscalls {
    private FutexSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .full(202, "futex", SysFutex::futex, address("uaddr"), Requests.futex("op"), Requests.futexValue("val"),
                        Requests.futexTimeout("timeout"), Requests.futexTarget("uaddr2"), Requests.futexLast("val3"))
                .full(273, "set_robust_list", SysRobustList::setRobustList, address("head"), size("len"))
                .full(274, "get_robust_list", SysRobustList::getRobustList, number("pid"),
                        ProcessStructures.addressOut("head_ptr"), ProcessStructures.addressOut("len_ptr"))
                .full(449, "futex_waitv", SysFutex2::futexWaitv, address("waiters"), number("nr_futexes"), number("flags"),
                        timespec("timeout"), flags("clockid", Flags.CLOCK))
                .full(454, "futex_wake", SysFutex2::futexWake, address("uaddr"), size("mask"), number("nr"), number("flags"))
                .full(455, "futex_wait", SysFutex2::futexWait, address("uaddr"), size("val"), size("mask"), number("flags"),
                        timespec("timeout"), flags("clockid", Flags.CLOCK))
                .full(456, "futex_requeue", SysFutex2::futexRequeue, address("waiters"), number("flags"), number("nr_wake"),
                        number("nr_requeue"));
    }
}
