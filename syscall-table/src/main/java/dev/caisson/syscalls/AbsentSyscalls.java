package dev.caisson.syscalls;

import static dev.caisson.abi.Errno.ENOSYS;
import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.number;

import dev.caisson.kernel.syscall.SyscallTable;

/** Calls of no family that Caisson implements. */
final class AbsentSyscalls {
    private AbsentSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table.absent(214, "epoll_ctl_old", ENOSYS, "never implemented by Linux")
                .absent(215, "epoll_wait_old", ENOSYS, "never implemented by Linux")
                .absent(459, "lsm_get_self_attr", ENOSYS, "there are no security modules", number("attr"), address("ctx"), address("size"),
                        number("flags"))
                .absent(460, "lsm_set_self_attr", ENOSYS, "there are no security modules", number("attr"), address("ctx"), number("size"),
                        number("flags"))
                .absent(461, "lsm_list_modules", ENOSYS, "there are no security modules", address("ids"), address("size"), number("flags"));
    }
}
