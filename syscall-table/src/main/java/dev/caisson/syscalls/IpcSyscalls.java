package dev.caisson.syscalls;

import static dev.caisson.kernel.syscall.Arguments.address;
import static dev.caisson.kernel.syscall.Arguments.fd;
import static dev.caisson.kernel.syscall.Arguments.flags;
import static dev.caisson.kernel.syscall.Arguments.input;
import static dev.caisson.kernel.syscall.Arguments.intOut;
import static dev.caisson.kernel.syscall.Arguments.number;
import static dev.caisson.kernel.syscall.Arguments.output;
import static dev.caisson.kernel.syscall.Arguments.path;
import static dev.caisson.kernel.syscall.Arguments.size;
import static dev.caisson.kernel.syscall.Arguments.timespec;

import dev.caisson.abi.Ipc;
import dev.caisson.kernel.syscall.FlagNames;
import dev.caisson.kernel.syscall.Flags;
import dev.caisson.kernel.syscall.SyscallTable;
import dev.caisson.kernel.syscall.decode.FileStructures;
import dev.caisson.kernel.syscall.decode.IpcStructures;
import dev.caisson.kernel.syscall.decode.SignalStructures;
import dev.caisson.syscalls.ipc.SysMq;
import dev.caisson.syscalls.ipc.SysMsg;
import dev.caisson.syscalls.ipc.SysSem;
import dev.caisson.syscalls.ipc.SysShm;

/** Rows of System V IPC and POSIX message queues. */
final class IpcSyscalls {
    private static final FlagNames ATTACH = FlagNames.mask(Ipc.class, "SHM_").without("SHM_LOCK", "SHM_UNLOCK", "SHM_STAT", "SHM_INFO", "SHM_W", "SHM_R",
            "SHM_D", "SHM_H", "SHM_N").with("SHM_RDONLY", 0x1000);

    private IpcSyscalls() {}

    static void declare(SyscallTable.Builder table) {
        table
                .partial(29, "shmget", SysShm::shmget, "SHM_HUGETLB is EPERM or EINVAL: there are no huge pages", IpcStructures.key("key"),
                        size("size"), IpcStructures.creation("shmflg"))
                .full(30, "shmat", SysShm::shmat, number("shmid"), address("shmaddr"), flags("shmflg", ATTACH))
                .full(31, "shmctl", SysShm::shmctl, number("shmid"), IpcStructures.command("cmd", "SHM_"), address("buf"))
                .full(64, "semget", SysSem::semget, IpcStructures.key("key"), number("nsems"), IpcStructures.creation("semflg"))
                .full(65, "semop", SysSem::semop, number("semid"), IpcStructures.operations("sops"), size("nsops"))
                .full(66, "semctl", SysSem::semctl, number("semid"), number("semnum"), IpcStructures.command("cmd", "SEM_", "GET", "SET"), address("arg"))
                .full(67, "shmdt", SysShm::shmdt, address("shmaddr"))
                .full(68, "msgget", SysMsg::msgget, IpcStructures.key("key"), IpcStructures.creation("msgflg"))
                .full(69, "msgsnd", SysMsg::msgsnd, number("msqid"), IpcStructures.message("msgp"), size("msgsz"),
                        IpcStructures.messageFlags("msgflg"))
                .full(70, "msgrcv", SysMsg::msgrcv, number("msqid"), IpcStructures.messageOut("msgp"), size("msgsz"), size("msgtyp"),
                        IpcStructures.messageFlags("msgflg"))
                .full(71, "msgctl", SysMsg::msgctl, number("msqid"), IpcStructures.command("cmd", "MSG_"), address("buf"))
                .full(220, "semtimedop", SysSem::semtimedop, number("semid"), IpcStructures.operations("sops"), size("nsops"), timespec("timeout"))
                .full(240, "mq_open", SysMq::mqOpen, path("name"), flags("oflag", Flags.OPEN), FileStructures.creationMode("mode", 1), IpcStructures.queue("attr"))
                .full(241, "mq_unlink", SysMq::mqUnlink, path("name"))
                .full(242, "mq_timedsend", SysMq::mqTimedsend, fd("mqdes"), input("msg_ptr", 2), size("msg_len"), number("msg_prio"),
                        timespec("abs_timeout"))
                .full(243, "mq_timedreceive", SysMq::mqTimedreceive, fd("mqdes"), output("msg_ptr"), size("msg_len"),
                        intOut("msg_prio"), timespec("abs_timeout"))
                .full(244, "mq_notify", SysMq::mqNotify, fd("mqdes"), SignalStructures.event("sevp"))
                .full(245, "mq_getsetattr", SysMq::mqGetsetattr, fd("mqdes"), IpcStructures.queue("newattr"),
                        IpcStructures.queueOut("oldattr"));
    }
}
