package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount.Propagation;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;

/** The mount calls that work on descriptors: fsopen(2), fsconfig(2), fsmount(2), fspick(2), move_mount(2), open_tree(2), mount_setattr(2). */
final class SysMountApi {
    private static final int SET_FLAG = 0;
    private static final int SET_STRING = 1;
    private static final int SET_BINARY = 2;
    private static final int SET_PATH = 3;
    private static final int SET_PATH_EMPTY = 4;
    private static final int SET_FD = 5;
    private static final int CREATE = 6;
    private static final int RECONFIGURE = 7;
    private static final int CREATE_EXCL = 8;
    private static final int MOST_BINARY = 1 << 20;
    private static final int MOST_TEXT = 256;

    private static final int CLOEXEC = 1;
    private static final int PICK_NOFOLLOW = 2;
    private static final int PICK_NO_AUTOMOUNT = 4;
    private static final int PICK_EMPTY = 8;
    private static final int OPEN_TREE_CLONE = 1;

    private static final int MOVE_F_SYMLINKS = 1;
    private static final int MOVE_F_EMPTY = 4;
    private static final int MOVE_T_SYMLINKS = 0x10;
    private static final int MOVE_T_EMPTY = 0x40;
    private static final int MOVE_SET_GROUP = 0x100;
    private static final int MOVE_BENEATH = 0x200;
    private static final int MOVE_ALL = 0x377;

    private static final long ATTR_ATIME = 0x70;
    private static final long ATTR_NOATIME = 0x10;
    private static final long ATTR_STRICTATIME = 0x20;
    private static final long ATTR_NODIRATIME = 0x80;
    private static final long ATTR_IDMAP = 0x100000;
    private static final long ATTR_NOSYMFOLLOW = 0x200000;
    /** MOUNT_ATTR_RDONLY to MOUNT_ATTR_NOEXEC have the values of MS_*. */
    private static final long ATTR_SAME = 0xf;
    private static final long ATTR_ALL = ATTR_SAME | ATTR_ATIME | ATTR_NODIRATIME | ATTR_NOSYMFOLLOW;
    private static final int SETATTR_BYTES = 32;

    private SysMountApi() {}

    private static void checkCapable(Task task) throws ErrnoException {
        if (!task.credentials().has(Capability.CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
    }

    private static String text(Task task, long address) throws ErrnoException {
        try {
            return task.memory().readString(address, MOST_TEXT);
        } catch (ErrnoException e) {
            throw e.errno() == dev.caisson.abi.Errno.ENAMETOOLONG ? EINVAL.error() : e;
        }
    }

    static long fsopen(Task task, SyscallArgs args) throws ErrnoException {
        checkCapable(task);
        if ((args.i32(1) & ~CLOEXEC) != 0) {
            throw EINVAL.error();
        }
        FileSystemProvider provider = task.kernel().fileSystems().find(text(task, args.address(0)));
        if (provider == null) {
            throw ENODEV.error();
        }
        return install(task, new MountContext(provider), (args.i32(1) & CLOEXEC) != 0);
    }

    private static long install(Task task, MountContext context, boolean closeOnExec) throws ErrnoException {
        FileDescription description = task.kernel().vfs().anonymous().describe("[fscontext]", context, Fcntl.O_RDWR, task.credentials());
        return task.fds().install(description, closeOnExec);
    }

    static long fspick(Task task, SyscallArgs args) throws ErrnoException {
        checkCapable(task);
        int flags = args.i32(2);
        if ((flags & ~(CLOEXEC | PICK_NOFOLLOW | PICK_NO_AUTOMOUNT | PICK_EMPTY)) != 0) {
            throw EINVAL.error();
        }
        Location place = At.resolve(task, args.fd(0), At.path(task, args.address(1)),
                ((flags & PICK_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0) | ((flags & PICK_EMPTY) != 0 ? PathWalker.EMPTY : 0));
        if (place.dentry() != place.mount().root()) {
            throw EINVAL.error();
        }
        return install(task, new MountContext(place), (flags & CLOEXEC) != 0);
    }

    static long fsconfig(Task task, SyscallArgs args) throws ErrnoException {
        int fd = args.fd(0);
        int command = args.i32(1);
        long key = args.address(2);
        long value = args.address(3);
        int aux = args.i32(4);
        boolean fits = switch (command) {
            case SET_FLAG -> key != 0 && value == 0 && aux == 0;
            case SET_STRING -> key != 0 && value != 0 && aux == 0;
            case SET_BINARY -> key != 0 && value != 0 && aux > 0 && aux <= MOST_BINARY;
            case SET_PATH, SET_PATH_EMPTY -> key != 0 && value != 0 && (aux == Fcntl.AT_FDCWD || aux >= 0);
            case SET_FD -> key != 0 && value == 0 && aux >= 0;
            case CREATE, CREATE_EXCL, RECONFIGURE -> key == 0 && value == 0 && aux == 0;
            default -> throw fd < 0 ? EINVAL.error() : EOPNOTSUPP.error();
        };
        if (fd < 0 || !fits) {
            throw EINVAL.error();
        }
        FileDescription description = task.fds().borrow(fd);
        try {
            if (!(description.file() instanceof MountContext context)) {
                throw EINVAL.error();
            }
            switch (command) {
                case SET_FLAG -> context.set(text(task, key), null);
                case SET_STRING -> context.set(text(task, key), text(task, value));
                case SET_PATH, SET_PATH_EMPTY -> context.set(text(task, key), At.path(task, value));
                case SET_BINARY, SET_FD -> throw EINVAL.error("no filesystem here takes these");
                case RECONFIGURE -> context.reconfigure(task);
                default -> context.create(task);
            }
            return 0;
        } finally {
            description.release();
        }
    }

    static long fsmount(Task task, SyscallArgs args) throws ErrnoException {
        checkCapable(task);
        int flags = args.i32(1);
        long attributes = args.i32(2) & 0xffffffffL;
        if ((flags & ~CLOEXEC) != 0 || (attributes & ~ATTR_ALL) != 0) {
            throw EINVAL.error();
        }
        long mountFlags = msFlags(attributes);
        FileDescription context = task.fds().borrow(args.fd(0));
        try {
            if (!(context.file() instanceof MountContext made)) {
                throw EINVAL.error();
            }
            return openDetached(task, made.mount(mountFlags), (flags & CLOEXEC) != 0);
        } finally {
            context.release();
        }
    }

    /** MS_* of MOUNT_ATTR_*; EINVAL for two policies of access times at once. */
    private static long msFlags(long attributes) throws ErrnoException {
        long atime = attributes & ATTR_ATIME;
        if (atime != 0 && atime != ATTR_NOATIME && atime != ATTR_STRICTATIME) {
            throw EINVAL.error();
        }
        return attributes & ATTR_SAME | (atime == ATTR_NOATIME ? Mount.MS_NOATIME : 0)
                | (atime == ATTR_STRICTATIME ? Mount.MS_STRICTATIME : 0)
                | ((attributes & ATTR_NODIRATIME) != 0 ? Mount.MS_NODIRATIME : 0)
                | ((attributes & ATTR_NOSYMFOLLOW) != 0 ? Mount.MS_NOSYMFOLLOW : 0);
    }

    /** MOUNT_ATTR_* of MS_*, for statmount(2). */
    static long attributes(long flags) {
        return flags & ATTR_SAME | ((flags & Mount.MS_NOATIME) != 0 ? ATTR_NOATIME : 0)
                | ((flags & Mount.MS_STRICTATIME) != 0 ? ATTR_STRICTATIME : 0)
                | ((flags & Mount.MS_NODIRATIME) != 0 ? ATTR_NODIRATIME : 0)
                | ((flags & Mount.MS_NOSYMFOLLOW) != 0 ? ATTR_NOSYMFOLLOW : 0);
    }

    /** A descriptor that keeps a mount which is nowhere; with the last reference the mount goes unless it was moved somewhere. */
    private static long openDetached(Task task, dev.caisson.vfs.Mount mount, boolean closeOnExec) throws ErrnoException {
        FileDescription description;
        try {
            description = task.kernel().vfs().openAt(task, new Location(mount, mount.root()), Fcntl.O_PATH);
        } catch (ErrnoException e) {
            MountNamespace.dissolve(mount);
            throw e;
        }
        description.onClose(() -> MountNamespace.dissolve(mount));
        return task.fds().install(description, closeOnExec);
    }

    static long openTree(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        boolean clone = (flags & OPEN_TREE_CLONE) != 0;
        boolean recursive = (flags & Fcntl.AT_RECURSIVE) != 0;
        int known = Fcntl.AT_EMPTY_PATH | Fcntl.AT_NO_AUTOMOUNT | Fcntl.AT_RECURSIVE | Fcntl.AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE
                | Fcntl.O_CLOEXEC;
        if ((flags & ~known) != 0 || recursive && !clone) {
            throw EINVAL.error();
        }
        if (clone) {
            checkCapable(task);
        }
        Location place = At.resolve(task, args.fd(0), At.path(task, args.address(1)), At.how(flags));
        boolean closeOnExec = (flags & Fcntl.O_CLOEXEC) != 0;
        if (clone) {
            return openDetached(task, task.fs().namespace().copyOf(place, recursive), closeOnExec);
        }
        return task.fds().install(task.kernel().vfs().openAt(task, place, Fcntl.O_PATH), closeOnExec);
    }

    static long moveMount(Task task, SyscallArgs args) throws ErrnoException {
        checkCapable(task);
        int flags = args.i32(4);
        if ((flags & ~MOVE_ALL) != 0 || (flags & (MOVE_BENEATH | MOVE_SET_GROUP)) == (MOVE_BENEATH | MOVE_SET_GROUP)) {
            throw EINVAL.error();
        }
        Location to = At.resolve(task, args.fd(2), At.path(task, args.address(3)),
                ((flags & MOVE_T_SYMLINKS) != 0 ? PathWalker.FOLLOW : 0) | ((flags & MOVE_T_EMPTY) != 0 ? PathWalker.EMPTY : 0));
        Location from = At.resolve(task, args.fd(0), At.path(task, args.address(1)),
                ((flags & MOVE_F_SYMLINKS) != 0 ? PathWalker.FOLLOW : 0) | ((flags & MOVE_F_EMPTY) != 0 ? PathWalker.EMPTY : 0));
        if ((flags & (MOVE_BENEATH | MOVE_SET_GROUP)) != 0) {
            throw EINVAL.error("neither beneath nor joining a peer group");
        }
        if (from.dentry() != from.mount().root() || from.dentry().isDirectory() != to.dentry().isDirectory()) {
            throw EINVAL.error();
        }
        task.fs().namespace().move(from, to);
        return 0;
    }

    static long mountSetattr(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        long size = args.value(4);
        int known = Fcntl.AT_EMPTY_PATH | Fcntl.AT_RECURSIVE | Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_NO_AUTOMOUNT;
        if ((flags & ~known) != 0) {
            throw EINVAL.error();
        }
        if (Long.compareUnsigned(size, 4096) > 0) {
            throw E2BIG.error();
        }
        if (size < SETATTR_BYTES) {
            throw EINVAL.error();
        }
        checkCapable(task);
        Structures.checkRest(task, args.address(3), SETATTR_BYTES, (int) size);
        long set = task.memory().readLong(args.address(3));
        long clear = task.memory().readLong(args.address(3) + 8);
        long propagation = task.memory().readLong(args.address(3) + 16);
        if (set == 0 && clear == 0 && propagation == 0) {
            return 0;
        }
        Propagation type = propagation(propagation);
        if (((set | clear) & ~ATTR_ALL) != 0) {
            throw (set & ATTR_IDMAP) != 0 ? EINVAL.error("no user namespaces") : EINVAL.error();
        }
        if ((clear & ATTR_ATIME) != 0 ? (clear & ATTR_ATIME) != ATTR_ATIME : (set & ATTR_ATIME) != 0) {
            throw EINVAL.error("the policy of access times changes as a whole");
        }
        long added = msFlags(set);
        long removed = msFlags(clear & ~ATTR_ATIME)
                | ((clear & ATTR_ATIME) != 0 ? Mount.MS_NOATIME | Mount.MS_STRICTATIME | Mount.MS_RELATIME : 0);
        Location place = At.resolve(task, args.fd(0), At.path(task, args.address(1)), At.how(flags));
        task.fs().namespace().change(place, added, removed, type, (flags & Fcntl.AT_RECURSIVE) != 0);
        return 0;
    }

    private static Propagation propagation(long type) throws ErrnoException {
        if (type == 0) {
            return null;
        }
        return switch ((int) type) {
            case Mount.MS_SHARED -> Propagation.SHARED;
            case Mount.MS_PRIVATE -> Propagation.PRIVATE;
            case Mount.MS_SLAVE -> Propagation.SLAVE;
            case Mount.MS_UNBINDABLE -> Propagation.UNBINDABLE;
            default -> throw EINVAL.error();
        };
    }
}
