package dev.caisson.syscalls.signal;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.SignalCodes;
import dev.caisson.abi.SignalInfo;
import dev.caisson.kernel.GuestProcess;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.signal.SignalSender;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.syscalls.process.SysPidFd;
import dev.caisson.vfs.FileDescription;

/** kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2), pidfd_send_signal(2). */
public final class SysSend {
    private SysSend() {}

    /** kill(2). */
    public static long kill(Task task, SyscallArgs args) throws ErrnoException {
        int pid = args.i32(0);
        if (pid == Integer.MIN_VALUE) {
            throw ESRCH.error("its negation is no group");
        }
        SignalSender.kill(task, pid, args.i32(1));
        return 0;
    }

    /** tkill(2). */
    public static long tkill(Task task, SyscallArgs args) throws ErrnoException {
        int tid = args.i32(0);
        if (tid <= 0) {
            throw EINVAL.error();
        }
        SignalSender.toThread(task, thread(task, 0, tid), args.i32(1), null);
        return 0;
    }

    /** tgkill(2). */
    public static long tgkill(Task task, SyscallArgs args) throws ErrnoException {
        int group = args.i32(0);
        int tid = args.i32(1);
        if (group <= 0 || tid <= 0) {
            throw EINVAL.error();
        }
        SignalSender.toThread(task, thread(task, group, tid), args.i32(2), null);
        return 0;
    }

    /** rt_sigqueueinfo(2). */
    public static long rtSigqueueinfo(Task task, SyscallArgs args) throws ErrnoException {
        int pid = args.i32(0);
        int signal = args.i32(1);
        SignalInfo info = info(task, args.address(2), signal);
        checkCode(task, info, pid);
        if (pid <= 0) {
            throw ESRCH.error();
        }
        SignalSender.toProcess(task, SignalSender.process(task.pidNamespace(), pid), signal, info);
        return 0;
    }

    /** rt_tgsigqueueinfo(2). */
    public static long rtTgsigqueueinfo(Task task, SyscallArgs args) throws ErrnoException {
        int group = args.i32(0);
        int tid = args.i32(1);
        int signal = args.i32(2);
        SignalInfo info = info(task, args.address(3), signal);
        if (group <= 0 || tid <= 0) {
            throw EINVAL.error();
        }
        checkCode(task, info, tid);
        SignalSender.toThread(task, thread(task, group, tid), signal, info);
        return 0;
    }

    /** pidfd_send_signal(2). */
    public static long pidfdSendSignal(Task task, SyscallArgs args) throws ErrnoException {
        int signal = args.i32(1);
        if (args.i32(3) != 0) {
            throw EINVAL.error("pidfd_send_signal: unknown flag");
        }
        GuestProcess target = byDescriptor(task, args.fd(0));
        SignalInfo info = null;
        if (args.address(2) != 0) {
            info = info(task, args.address(2), signal);
            if (task.memory().readInt(args.address(2)) != signal) {
                throw EINVAL.error("pidfd_send_signal: si_signo is another signal");
            }
            checkCode(task, info, target.pid());
        }
        if (target.isReaped()) {
            throw ESRCH.error();
        }
        SignalSender.toProcess(task, target, signal, info);
        return 0;
    }

    /** A pidfd, or a directory /proc/PID as it was before there were pidfds. */
    private static GuestProcess byDescriptor(Task task, int fd) throws ErrnoException {
        FileDescription description = task.fds().borrow(fd);
        try {
            GuestProcess process = description.inode() == null ? null : description.inode().attachment(GuestProcess.class, null);
            return process != null ? process : SysPidFd.process(task, fd);
        } finally {
            description.release();
        }
    }

    private static Task thread(Task task, int group, int tid) throws ErrnoException {
        Task target = task.pidNamespace().task(tid);
        if (target == null || group != 0 && target.process().identity().in(task.pidNamespace()) != group) {
            throw ESRCH.error();
        }
        return target;
    }

    private static SignalInfo info(Task task, long address, int signal) throws ErrnoException {
        SignalInfo given = task.memory().read(address, SignalInfo.CODEC);
        return new SignalInfo(signal, given.errno(), given.code(), given.word16(), given.word24(), given.word32(), given.word40());
    }

    /** Nobody may pretend to be the kernel or kill(2) towards others. */
    private static void checkCode(Task task, SignalInfo info, int target) throws ErrnoException {
        if ((info.code() >= 0 || info.code() == SignalCodes.SI_TKILL) && task.tid() != target) {
            throw EPERM.error();
        }
    }
}
