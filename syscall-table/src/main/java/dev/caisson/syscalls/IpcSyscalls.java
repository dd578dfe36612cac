package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.octal;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.abi.Ipc;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.syscalls.ipc.SysMq;
import dev.caisson.syscalls.ipc.SysMsg;
import dev.caisson.syscalls.ipc.SysSem;
import dev.caisson.syscalls.ipc.SysShm;

/** Rows of System V IPC and POSIX message queues. */
final class IpcSyscalls {
    private static final FlagNames GET = FlagNames.maskWithNumber(Ipc.class, "IPC_", 0x1ff);
    private static final FlagNames ATTACH = FlagNames.mask(Ipc.class, "SHM_");

    private IpcSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .partial(29, "shmget", SysShm::shmget, "SHM_HUGETLB is EPERM or EINVAL: there are no huge pages", number("key"),
                        size("size"), flags("shmflg", GET))
                .full(30, "shmat", SysShm::shmat, number("shmid"), address("shmaddr"), flags("shmflg", ATTACH))
                .full(31, "shmctl", SysShm::shmctl, number("shmid"), number("cmd"), address("buf"))
                .full(64, "semget", SysSem::semget, number("key"), number("nsems"), flags("semflg", GET))
                .full(65, "semop", SysSem::semop, number("semid"), address("sops"), size("nsops"))
                .full(66, "semctl", SysSem::semctl, number("semid"), number("semnum"), number("cmd"), address("arg"))
                .full(67, "shmdt", SysShm::shmdt, address("shmaddr"))
                .full(68, "msgget", SysMsg::msgget, number("key"), flags("msgflg", GET))
                .full(69, "msgsnd", SysMsg::msgsnd, number("msqid"), address("msgp"), size("msgsz"), number("msgflg"))
                .full(70, "msgrcv", SysMsg::msgrcv, number("msqid"), address("msgp"), size("msgsz"), size("msgtyp"), number("msgflg"))
                .full(71, "msgctl", SysMsg::msgctl, number("msqid"), number("cmd"), address("buf"))
                .full(220, "semtimedop", SysSem::semtimedop, number("semid"), address("sops"), size("nsops"), timespec("timeout"))
                .full(240, "mq_open", SysMq::mqOpen, path("name"), flags("oflag", Flags.OPEN), octal("mode"), address("attr"))
                .full(241, "mq_unlink", SysMq::mqUnlink, path("name"))
                .full(242, "mq_timedsend", SysMq::mqTimedsend, fd("mqdes"), address("msg_ptr"), size("msg_len"), number("msg_prio"),
                        timespec("abs_timeout"))
                .full(243, "mq_timedreceive", SysMq::mqTimedreceive, fd("mqdes"), address("msg_ptr"), size("msg_len"),
                        address("msg_prio"), timespec("abs_timeout"))
                .partial(244, "mq_notify", SysMq::mqNotify, "SIGEV_THREAD is EINVAL", fd("mqdes"), address("sevp"))
                .full(245, "mq_getsetattr", SysMq::mqGetsetattr, fd("mqdes"), address("newattr"), address("oldattr"));
    }
}
