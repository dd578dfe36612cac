package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.E2BIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENAMETOOLONG;
import static dev.caisson.abi.Errno.ERANGE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Mount;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.nio.charset.StandardCharsets;

/** The families of setxattr(2), getxattr(2), listxattr(2), removexattr(2). */
final class SysXattr {
    private static final int MAX_BYTES = 65536;
    private static final int MAX_NAME = 255;

    private SysXattr() {}

    private static Location followed(Task task, SyscallArgs args) throws ErrnoException {
        return At.resolve(task, args.address(0), PathWalker.FOLLOW);
    }

    private static Location unfollowed(Task task, SyscallArgs args) throws ErrnoException {
        return At.resolve(task, args.address(0), 0);
    }

    private static Location opened(Task task, SyscallArgs args) throws ErrnoException {
        return At.openPlace(task, args.fd(0));
    }

    /** Finds the file, after the other arguments were checked. */
    @FunctionalInterface
    private interface Finder {
        Location find(Task task, SyscallArgs args) throws ErrnoException;
    }

    private static String name(Task task, long address) throws ErrnoException {
        String name;
        try {
            name = task.memory().readString(address, MAX_NAME + 1);
        } catch (ErrnoException e) {
            throw e.errno() == ENAMETOOLONG ? ERANGE.error() : e;
        }
        if (name.isEmpty()) {
            throw ERANGE.error();
        }
        return name;
    }

    static long setxattr(Task task, SyscallArgs args) throws ErrnoException {
        return set(task, args, SysXattr::followed);
    }

    static long lsetxattr(Task task, SyscallArgs args) throws ErrnoException {
        return set(task, args, SysXattr::unfollowed);
    }

    static long fsetxattr(Task task, SyscallArgs args) throws ErrnoException {
        return set(task, args, SysXattr::opened);
    }

    private static long set(Task task, SyscallArgs args, Finder finder) throws ErrnoException {
        return set(task, args, finder, args.address(1), args.address(2), args.value(3), args.i32(4));
    }

    /** In the order of setxattr_copy: all that is given is looked at before the path. */
    private static long set(Task task, SyscallArgs args, Finder finder, long nameAddress, long value, long size, int flags)
            throws ErrnoException {
        if ((flags & ~(Mount.XATTR_CREATE | Mount.XATTR_REPLACE)) != 0) {
            throw EINVAL.error();
        }
        String name = name(task, nameAddress);
        if (Long.compareUnsigned(size, MAX_BYTES) > 0) {
            throw E2BIG.error();
        }
        byte[] bytes = new byte[(int) size];
        if (size > 0) {
            task.memory().copyIn(value, bytes);
        }
        task.kernel().vfs().extendedAttributes().set(task, finder.find(task, args), name, bytes, flags);
        return 0;
    }

    static long getxattr(Task task, SyscallArgs args) throws ErrnoException {
        return get(task, args, SysXattr::followed);
    }

    static long lgetxattr(Task task, SyscallArgs args) throws ErrnoException {
        return get(task, args, SysXattr::unfollowed);
    }

    static long fgetxattr(Task task, SyscallArgs args) throws ErrnoException {
        return get(task, args, SysXattr::opened);
    }

    private static long get(Task task, SyscallArgs args, Finder finder) throws ErrnoException {
        Location place = finder.find(task, args);
        String name = name(task, args.address(1));
        byte[] value = task.kernel().vfs().extendedAttributes().get(task, place, name);
        return copyOut(task, value, args.address(2), args.value(3));
    }

    /** A size of 0 asks for the size. */
    private static long copyOut(Task task, byte[] bytes, long address, long size) throws ErrnoException {
        if (size == 0) {
            return bytes.length;
        }
        if (Long.compareUnsigned(size, bytes.length) < 0) {
            throw ERANGE.error();
        }
        if (bytes.length > 0) {
            task.memory().copyOut(address, bytes);
        }
        return bytes.length;
    }

    static long listxattr(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, args, SysXattr::followed);
    }

    static long llistxattr(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, args, SysXattr::unfollowed);
    }

    static long flistxattr(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, args, SysXattr::opened);
    }

    private static long list(Task task, SyscallArgs args, Finder finder) throws ErrnoException {
        return list(task, finder.find(task, args), args.address(1), args.value(2));
    }

    private static long list(Task task, Location place, long address, long size) throws ErrnoException {
        StringBuilder names = new StringBuilder();
        for (String name : task.kernel().vfs().extendedAttributes().list(task, place)) {
            names.append(name).append('\0');
        }
        return copyOut(task, names.toString().getBytes(StandardCharsets.ISO_8859_1), address, size);
    }

    static long removexattr(Task task, SyscallArgs args) throws ErrnoException {
        return remove(task, args, SysXattr::followed);
    }

    static long lremovexattr(Task task, SyscallArgs args) throws ErrnoException {
        return remove(task, args, SysXattr::unfollowed);
    }

    static long fremovexattr(Task task, SyscallArgs args) throws ErrnoException {
        return remove(task, args, SysXattr::opened);
    }

    private static long remove(Task task, SyscallArgs args, Finder finder) throws ErrnoException {
        Location place = finder.find(task, args);
        task.kernel().vfs().extendedAttributes().remove(task, place, name(task, args.address(1)));
        return 0;
    }

    // ---- since Linux 6.13: by directory, path and flags, with struct xattr_args {u64 value; u32 size; u32 flags}

    private static final int ARGS_BYTES = 16;

    private static Location placed(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(2);
        if ((flags & ~(Fcntl.AT_SYMLINK_NOFOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        String path = args.address(1) == 0 && (flags & Fcntl.AT_EMPTY_PATH) != 0 ? "" : At.path(task, args.address(1));
        return At.resolve(task, args.fd(0), path, At.how(flags));
    }

    private static void checkArguments(Task task, SyscallArgs args) throws ErrnoException {
        long size = args.value(5);
        if (Long.compareUnsigned(size, ARGS_BYTES) < 0) {
            throw EINVAL.error();
        }
        if (Long.compareUnsigned(size, 4096) > 0) {
            throw E2BIG.error();
        }
        Structures.checkRest(task, args.address(4), ARGS_BYTES, (int) size);
    }

    static long setxattrat(Task task, SyscallArgs args) throws ErrnoException {
        checkArguments(task, args);
        long address = args.address(4);
        long value = task.memory().readLong(address);
        long size = task.memory().readInt(address + 8) & 0xffffffffL;
        int flags = task.memory().readInt(address + 12);
        return set(task, args, SysXattr::placed, args.address(3), value, size, flags);
    }

    static long getxattrat(Task task, SyscallArgs args) throws ErrnoException {
        checkArguments(task, args);
        long address = args.address(4);
        long value = task.memory().readLong(address);
        long size = task.memory().readInt(address + 8) & 0xffffffffL;
        if (task.memory().readInt(address + 12) != 0) {
            throw EINVAL.error();
        }
        Location place = placed(task, args);
        String name = name(task, args.address(3));
        return copyOut(task, task.kernel().vfs().extendedAttributes().get(task, place, name), value, size);
    }

    static long listxattrat(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, placed(task, args), args.address(3), args.value(4));
    }

    static long removexattrat(Task task, SyscallArgs args) throws ErrnoException {
        Location place = placed(task, args);
        task.kernel().vfs().extendedAttributes().remove(task, place, name(task, args.address(3)));
        return 0;
    }
}
