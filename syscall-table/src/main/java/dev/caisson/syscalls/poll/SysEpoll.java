package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINTR;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Layouts.U32;
import static dev.caisson.abi.Layouts.U64;

import dev.caisson.abi.EpollEvent;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.abi.Timespec;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EpollFile;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import java.lang.foreign.MemorySegment;

/** epoll_create(2), epoll_ctl(2), epoll_wait(2). */
public final class SysEpoll {
    private static final int MAX_EVENTS = Integer.MAX_VALUE / EpollEvent.BYTES;

    private SysEpoll() {}

    /** epoll_create(2): the size is only checked. */
    public static long epollCreate(Task task, SyscallArgs args) throws ErrnoException {
        if (args.i32(0) <= 0) {
            throw EINVAL.error();
        }
        return create(task, false);
    }

    /** epoll_create1(2). */
    public static long epollCreate1(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(0);
        if ((flags & ~Poll.EPOLL_CLOEXEC) != 0) {
            throw EINVAL.error();
        }
        return create(task, flags != 0);
    }

    private static long create(Task task, boolean cloexec) throws ErrnoException {
        FileDescription description = task.kernel().vfs().anonymous()
                .describe("[eventpoll]", new EpollFile(), Fcntl.O_RDWR, task.credentials());
        return task.fds().install(description, cloexec);
    }

    /** epoll_ctl(2). */
    public static long epollCtl(Task task, SyscallArgs args) throws ErrnoException {
        int operation = args.i32(1);
        int fd = args.fd(2);
        EpollEvent event = operation == Poll.EPOLL_CTL_DEL ? null : task.memory().read(args.address(3), EpollEvent.CODEC);
        FileDescription own = task.fds().borrow(args.fd(0));
        try {
            FileDescription target = task.fds().borrow(fd);
            try {
                EpollFile.checkWatchable(target.file());
                if (own.file() == target.file() || !(own.file() instanceof EpollFile epoll)) {
                    throw EINVAL.error();
                }
                switch (operation) {
                    case Poll.EPOLL_CTL_ADD -> epoll.add(target, fd, event.events(), event.data());
                    case Poll.EPOLL_CTL_MOD -> epoll.modify(target, fd, event.events(), event.data());
                    case Poll.EPOLL_CTL_DEL -> epoll.remove(target, fd);
                    default -> throw EINVAL.error();
                }
                return 0;
            } finally {
                target.release();
            }
        } finally {
            own.release();
        }
    }

    /** epoll_wait(2). */
    public static long epollWait(Task task, SyscallArgs args) throws ErrnoException {
        return await(task, args, Timeouts.deadlineOfMillis(args.i32(3)));
    }

    /** epoll_pwait(2). */
    public static long epollPwait(Task task, SyscallArgs args) throws ErrnoException {
        return masked(task, args, Timeouts.deadlineOfMillis(args.i32(3)));
    }

    /** epoll_pwait2(2): a timeout in nanoseconds. */
    public static long epollPwait2(Task task, SyscallArgs args) throws ErrnoException {
        return masked(task, args, Timeouts.deadline(task, args.address(3), Timespec.CODEC));
    }

    private static long masked(Task task, SyscallArgs args, long deadlineNs) throws ErrnoException {
        Timeouts.suspend(task, args.address(4), args.value(5));
        boolean interrupted = false;
        try {
            return await(task, args, deadlineNs);
        } catch (ErrnoException failure) {
            interrupted = failure.errno() == EINTR;
            throw failure;
        } finally {
            if (!interrupted) {
                task.signals().restoreMask();
            }
        }
    }

    private static long await(Task task, SyscallArgs args, long deadlineNs) throws ErrnoException {
        long address = args.address(1);
        int max = args.i32(2);
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (max <= 0 || max > MAX_EVENTS) {
                throw EINVAL.error();
            }
            if (address < 0) {
                throw EFAULT.error(); // memory of the kernel; what lies below is found out when it is written
            }
            if (!(description.file() instanceof EpollFile epoll)) {
                throw EINVAL.error();
            }
            GuestArray events = new GuestArray(task, address);
            int count = epoll.collect(max, events);
            if (count > 0 || deadlineNs == 0) {
                return count;
            }
            epoll.waitQueue().add(task.waiter(), Poll.POLLIN);
            try {
                while (true) {
                    count = epoll.collect(max, events);
                    if (count > 0) {
                        return count;
                    }
                    boolean told;
                    try {
                        told = task.block(deadlineNs);
                    } catch (ErrnoException interrupted) {
                        throw EINTR.error(); // never restarted, signal(7)
                    }
                    if (!told) {
                        return epoll.collect(max, events);
                    }
                }
            } finally {
                epoll.waitQueue().remove(task.waiter());
            }
        } finally {
            description.release();
        }
    }

    /** Writes events into the guest's array. */
    private static final class GuestArray implements EpollFile.Sink {
        private final Task task;
        private final MemorySegment scratch;
        private long next;

        GuestArray(Task task, long address) {
            this.task = task;
            this.scratch = task.scratch();
            this.next = address;
        }

        @Override
        public void accept(int events, long data) throws ErrnoException {
            scratch.set(U32, EpollEvent.EVENTS, events);
            scratch.set(U64, EpollEvent.DATA, data);
            task.memory().copyOut(next, scratch, 0, EpollEvent.BYTES);
            next += EpollEvent.BYTES;
        }
    }
}
