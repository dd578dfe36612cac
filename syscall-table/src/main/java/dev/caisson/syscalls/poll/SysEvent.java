package dev.caisson.syscalls.poll;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Poll;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.event.EventFile;
import dev.caisson.kernel.event.InotifyFile;
import dev.caisson.kernel.event.InotifyHub;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;

/** eventfd(2), inotify(7). */
public final class SysEvent {
    /** Bits of a mask that ask for something; IN_ISDIR and the output-only bits are among them, as on Linux. */
    private static final int ALL_INOTIFY = Poll.IN_ALL_EVENTS | Poll.IN_UNMOUNT | Poll.IN_Q_OVERFLOW | Poll.IN_IGNORED | Poll.IN_ONLYDIR
            | Poll.IN_DONT_FOLLOW | Poll.IN_EXCL_UNLINK | Poll.IN_MASK_ADD | Poll.IN_MASK_CREATE | Poll.IN_ISDIR | Poll.IN_ONESHOT;

    private SysEvent() {}

    /** eventfd(2). */
    public static long eventfd(Task task, SyscallArgs args) throws ErrnoException {
        return create(task, args.i32(0), 0);
    }

    /** eventfd2(2). */
    public static long eventfd2(Task task, SyscallArgs args) throws ErrnoException {
        return create(task, args.i32(0), args.i32(1));
    }

    private static long create(Task task, int initial, int flags) throws ErrnoException {
        if ((flags & ~(Poll.EFD_SEMAPHORE | Poll.EFD_CLOEXEC | Poll.EFD_NONBLOCK)) != 0) {
            throw EINVAL.error();
        }
        FileDescription description = task.kernel().vfs().anonymous().describe("[eventfd]",
                new EventFile(initial, (flags & Poll.EFD_SEMAPHORE) != 0), Fcntl.O_RDWR | flags & Poll.EFD_NONBLOCK, task.credentials());
        return task.fds().install(description, (flags & Poll.EFD_CLOEXEC) != 0);
    }

    /** inotify_init(2). */
    public static long inotifyInit(Task task, SyscallArgs args) throws ErrnoException {
        return inotify(task, 0);
    }

    /** inotify_init1(2). */
    public static long inotifyInit1(Task task, SyscallArgs args) throws ErrnoException {
        return inotify(task, args.i32(0));
    }

    private static long inotify(Task task, int flags) throws ErrnoException {
        if ((flags & ~(Poll.IN_CLOEXEC | Poll.IN_NONBLOCK)) != 0) {
            throw EINVAL.error();
        }
        InotifyHub hub = task.kernel().services().of(InotifyHub.class, () -> new InotifyHub(task.kernel().vfs().watches()));
        InotifyFile instance = new InotifyFile(hub, task.kernel().user(task.credentials().euid()).inotify());
        FileDescription description = task.kernel().vfs().anonymous().describe("inotify", instance,
                Fcntl.O_RDONLY | flags & Poll.IN_NONBLOCK, task.credentials());
        return task.fds().install(description, (flags & Poll.IN_CLOEXEC) != 0);
    }

    /** inotify_add_watch(2). */
    public static long inotifyAddWatch(Task task, SyscallArgs args) throws ErrnoException {
        int mask = args.i32(2);
        if ((mask & ALL_INOTIFY) == 0) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if ((mask & Poll.IN_MASK_ADD) != 0 && (mask & Poll.IN_MASK_CREATE) != 0
                    || !(description.file() instanceof InotifyFile inotify)) {
                throw EINVAL.error();
            }
            int how = ((mask & Poll.IN_DONT_FOLLOW) == 0 ? PathWalker.FOLLOW : 0)
                    | ((mask & Poll.IN_ONLYDIR) != 0 ? PathWalker.DIRECTORY : 0);
            String path = task.memory().readString(args.address(1), PathWalker.PATH_MAX);
            Location location = task.kernel().vfs().resolve(task, null, path, how);
            location.inode().checkAccess(Fcntl.R_OK, task.credentials());
            location.dentry().pin();
            return inotify.watch(location.inode(), mask);
        } finally {
            description.release();
        }
    }

    /** inotify_rm_watch(2). */
    public static long inotifyRmWatch(Task task, SyscallArgs args) throws ErrnoException {
        FileDescription description = task.fds().borrow(args.fd(0));
        try {
            if (!(description.file() instanceof InotifyFile inotify)) {
                throw EINVAL.error();
            }
            inotify.unwatch(args.i32(1));
            return 0;
        } finally {
            description.release();
        }
    }
}
