package dev.caisson.syscalls.process;

import static dev.caisson.abi.Errno.EAGAIN;
import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ESRCH;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Layouts;
import dev.caisson.abi.ResourceUsage;
import dev.caisson.abi.SignalInfo;
import dev.caisson.abi.Signals;
import dev.caisson.abi.Wait;
import dev.caisson.kernel.ChildWait;
import dev.caisson.kernel.Pid;
import dev.caisson.kernel.PidFile;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/** wait4(2), waitid(2). */
public final class SysWait {
    private static final int P_ALL = 0;
    private static final int P_PID = 1;
    private static final int P_PGID = 2;
    private static final int P_PIDFD = 3;
    private static final int WAIT4_OPTIONS =
            Wait.WNOHANG | Wait.WUNTRACED | Wait.WCONTINUED | Wait.__WNOTHREAD | Wait.__WCLONE | Wait.__WALL;
    private static final int WAITID_OPTIONS = WAIT4_OPTIONS | Wait.WNOWAIT | Wait.WEXITED | Wait.WSTOPPED;

    private SysWait() {}

    /** wait4(2). */
    public static long wait4(Task task, SyscallArgs args) throws ErrnoException {
        int which = args.i32(0);
        long statusAt = args.address(1);
        int options = args.i32(2);
        long usageAt = args.address(3);
        if ((options & ~WAIT4_OPTIONS) != 0) {
            throw EINVAL.error();
        }
        if (which == Integer.MIN_VALUE) {
            throw ESRCH.error();
        }
        ChildWait.Found found;
        options |= Wait.WEXITED;
        if (which == -1) {
            found = ChildWait.await(task, ChildWait.Which.ANY, null, options);
        } else if (which < 0) {
            found = ChildWait.await(task, ChildWait.Which.GROUP, identity(task, -which), options);
        } else if (which == 0) {
            found = ChildWait.await(task, ChildWait.Which.GROUP, task.process().group().identity(), options);
        } else {
            found = ChildWait.await(task, ChildWait.Which.PROCESS, identity(task, which), options);
        }
        if (found == null) {
            return 0;
        }
        if (statusAt != 0) {
            task.memory().writeInt(statusAt, found.waitStatus());
        }
        if (usageAt != 0) {
            task.memory().write(usageAt, ResourceUsage.CODEC, SysUsage.encode(found.usage()));
        }
        return found.pid();
    }

    private static Pid identity(Task task, int number) {
        return task.pidNamespace().find(number);
    }

    /** waitid(2). */
    public static long waitid(Task task, SyscallArgs args) throws ErrnoException {
        int type = args.i32(0);
        int id = args.i32(1);
        long infoAt = args.address(2);
        int options = args.i32(3);
        long usageAt = args.address(4);
        if ((options & ~WAITID_OPTIONS) != 0
                || (options & (Wait.WEXITED | Wait.WSTOPPED | Wait.WCONTINUED)) == 0) {
            throw EINVAL.error();
        }
        ChildWait.Which which;
        Pid identity = null;
        boolean nonBlocking = false;
        switch (type) {
            case P_ALL -> which = ChildWait.Which.ANY;
            case P_PID -> {
                if (id <= 0) {
                    throw EINVAL.error();
                }
                which = ChildWait.Which.PROCESS;
                identity = identity(task, id);
            }
            case P_PGID -> {
                if (id < 0) {
                    throw EINVAL.error();
                }
                which = ChildWait.Which.GROUP;
                identity = id == 0 ? task.process().group().identity() : identity(task, id);
            }
            case P_PIDFD -> {
                if (id < 0) {
                    throw EINVAL.error();
                }
                which = ChildWait.Which.PROCESS;
                FileDescription description = task.fds().borrow(id);
                try {
                    if (!(description.file() instanceof PidFile file)) {
                        throw EBADF.error();
                    }
                    identity = file.process().identity();
                    nonBlocking = description.isNonBlocking();
                } finally {
                    description.release();
                }
            }
            default -> throw EINVAL.error();
        }
        ChildWait.Found found = ChildWait.await(task, which, identity, nonBlocking ? options | Wait.WNOHANG : options);
        if (found == null && nonBlocking && (options & Wait.WNOHANG) == 0) {
            throw EAGAIN.error();
        }
        if (found != null && usageAt != 0) {
            task.memory().write(usageAt, ResourceUsage.CODEC, SysUsage.encode(found.usage()));
        }
        if (infoAt != 0) {
            // Linux stores the six fields one by one and leaves the rest of siginfo_t as it is.
            MemorySegment scratch = task.scratch();
            SignalInfo info = found == null ? new SignalInfo(0, 0, 0, 0, 0, 0, 0)
                    : SignalInfo.child(Signals.SIGCHLD, found.code(), found.pid(), found.uid(), found.status(), 0, 0);
            SignalInfo.CODEC.write(scratch, 0, info);
            task.memory().copyOut(infoAt, scratch, 0, 12);
            scratch.set(Layouts.U32, 24, info.status());
            task.memory().copyOut(infoAt + 16, scratch, 16, 12);
        }
        return 0;
    }
}
