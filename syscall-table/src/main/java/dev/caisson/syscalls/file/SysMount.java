package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EFAULT;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.EPERM;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Mount;
import dev.caisson.abi.StatfsValue;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemProvider;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.MountRequest;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.Mount.Propagation;
import dev.caisson.vfs.MountNamespace;
import dev.caisson.vfs.PathWalker;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/** mount(2), umount2(2), pivot_root(2), statfs(2), ustat(2). */
final class SysMount {
    private static final long MAGIC = 0xc0ed0000L;
    private static final long PROPAGATION = Mount.MS_SHARED | Mount.MS_PRIVATE | Mount.MS_SLAVE | Mount.MS_UNBINDABLE;

    private SysMount() {}

    static long mount(Task task, SyscallArgs args) throws ErrnoException {
        long flags = args.value(3) & 0xffffffffL;
        String type = args.address(2) == 0 ? null : task.memory().readString(args.address(2), 4096);
        String source = args.address(0) == 0 ? null : At.path(task, args.address(0));
        String data = args.address(4) == 0 ? "" : data(task, args.address(4));
        Location target = At.resolve(task, args.address(1), PathWalker.FOLLOW);
        if ((flags & Mount.MS_MGC_MSK & 0xffffffffL) == MAGIC) {
            flags &= ~(Mount.MS_MGC_MSK & 0xffffffffL);
        }
        if ((flags & (Mount.MS_NOUSER & 0xffffffffL)) != 0) {
            throw EINVAL.error();
        }
        checkCapable(task);
        MountNamespace namespace = task.fs().namespace();
        if ((flags & (Mount.MS_REMOUNT | Mount.MS_BIND)) == (Mount.MS_REMOUNT | Mount.MS_BIND)
                || (flags & Mount.MS_REMOUNT) != 0) {
            namespace.remount(target, flags);
        } else if ((flags & Mount.MS_BIND) != 0) {
            bind(task, namespace, source, target, flags);
        } else if ((flags & PROPAGATION) != 0) {
            propagate(namespace, target, flags);
        } else if ((flags & Mount.MS_MOVE) != 0) {
            namespace.move(sourcePlace(task, source), target);
        } else {
            mountNew(task, namespace, type, source, data, target, flags);
        }
        return 0;
    }

    private static void checkCapable(Task task) throws ErrnoException {
        if (!task.credentials().has(Capability.CAP_SYS_ADMIN)) {
            throw EPERM.error();
        }
    }

    /** Options: one page, with or without a NUL; what cannot be read of it does not count. */
    private static String data(Task task, long address) throws ErrnoException {
        byte[] page = new byte[4096];
        MemorySegment bytes = MemorySegment.ofArray(page);
        long got = task.memory().copyInSome(address, bytes, 0, page.length);
        if (got == 0) {
            throw EFAULT.error();
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < got && page[i] != 0; i++) {
            text.append((char) (page[i] & 0xff));
        }
        return text.toString();
    }

    private static Location sourcePlace(Task task, String source) throws ErrnoException {
        if (source == null || source.isEmpty()) {
            throw EINVAL.error();
        }
        return task.kernel().vfs().resolve(task, null, source, PathWalker.FOLLOW);
    }

    private static void bind(Task task, MountNamespace namespace, String source, Location target, long flags)
            throws ErrnoException {
        namespace.bind(sourcePlace(task, source), target, (flags & Mount.MS_REC) != 0);
    }

    private static void propagate(MountNamespace namespace, Location target, long flags) throws ErrnoException {
        long type = flags & ~(long) (Mount.MS_REC | Mount.MS_SILENT);
        Propagation propagation;
        if (type == Mount.MS_SHARED) {
            propagation = Propagation.SHARED;
        } else if (type == Mount.MS_PRIVATE) {
            propagation = Propagation.PRIVATE;
        } else if (type == Mount.MS_SLAVE) {
            propagation = Propagation.SLAVE;
        } else if (type == Mount.MS_UNBINDABLE) {
            propagation = Propagation.UNBINDABLE;
        } else {
            throw EINVAL.error();
        }
        namespace.propagation(target, propagation, (flags & Mount.MS_REC) != 0);
    }

    private static void mountNew(Task task, MountNamespace namespace, String type, String source, String data, Location target,
            long flags) throws ErrnoException {
        if (type == null || type.isEmpty()) {
            throw EINVAL.error();
        }
        FileSystemProvider provider = task.kernel().fileSystems().find(type);
        if (provider == null) {
            throw ENODEV.error();
        }
        if (!provider.isGuestMountable()) {
            throw EPERM.error();
        }
        String name = source == null ? "none" : source;
        FileSystem fileSystem = provider.mount(new MountRequest(name, flags, options(data), task.credentials()));
        namespace.mount(fileSystem, name, flags, target);
    }

    static Map<String, String> options(String data) {
        Map<String, String> options = new LinkedHashMap<>();
        for (String option : data.split(",")) {
            if (!option.isEmpty()) {
                int equals = option.indexOf('=');
                options.put(equals < 0 ? option : option.substring(0, equals), equals < 0 ? null : option.substring(equals + 1));
            }
        }
        return options;
    }

    static long umount2(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(1);
        if ((flags & ~(Mount.MNT_FORCE | Mount.MNT_DETACH | Mount.MNT_EXPIRE | Mount.UMOUNT_NOFOLLOW)) != 0) {
            throw EINVAL.error();
        }
        Location target = At.resolve(task, args.address(0), (flags & Mount.UMOUNT_NOFOLLOW) != 0 ? 0 : PathWalker.FOLLOW);
        checkCapable(task);
        if ((flags & Mount.MNT_EXPIRE) != 0 && (flags & (Mount.MNT_FORCE | Mount.MNT_DETACH)) != 0) {
            throw EINVAL.error();
        }
        task.fs().namespace().unmount(target, task.fs().root(), flags);
        return 0;
    }

    static long pivotRoot(Task task, SyscallArgs args) throws ErrnoException {
        checkCapable(task);
        Location fresh = At.resolve(task, args.address(0), PathWalker.FOLLOW | PathWalker.DIRECTORY);
        Location old = At.resolve(task, args.address(1), PathWalker.FOLLOW | PathWalker.DIRECTORY);
        task.fs().namespace().pivotRoot(fresh, old, task.fs().root());
        return 0;
    }

    static long statfs(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.resolve(task, args.address(0), PathWalker.FOLLOW), args.address(1));
    }

    static long fstatfs(Task task, SyscallArgs args) throws ErrnoException {
        return write(task, At.place(task, args.fd(0)), args.address(1));
    }

    private static long write(Task task, Location place, long address) throws ErrnoException {
        task.memory().write(address, StatfsValue.CODEC, value(place.dentry().fileSystem().status(), place.mount().flags()));
        return 0;
    }

    private static StatfsValue value(FileSystemStatus s, long mountFlags) {
        // ST_RDONLY to ST_NOEXEC have the values of MS_*
        long flags = StatfsValue.ST_VALID | mountFlags & (Mount.MS_RDONLY | Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC
                | Mount.MS_NOATIME | Mount.MS_NODIRATIME);
        if ((mountFlags & Mount.MS_RELATIME) != 0) {
            flags |= 0x1000;
        }
        if ((mountFlags & Mount.MS_NOSYMFOLLOW) != 0) {
            flags |= 0x2000;
        }
        return new StatfsValue(s.magic() & 0xffffffffL, s.blockBytes(), s.blocks(), s.freeBlocks(), s.availableBlocks(), s.files(),
                s.freeFiles(), s.id(), s.nameBytes(), flags);
    }

    /** ustat(2): the filesystem whose files have this device number. */
    static long ustat(Task task, SyscallArgs args) throws ErrnoException {
        long device = args.value(0) & 0xffffffffL;
        for (dev.caisson.vfs.Mount mount : task.fs().namespace().mounts()) {
            if (mount.fileSystem().deviceId() == device) {
                task.memory().write(args.address(1), StatfsValue.USTAT, value(mount.fileSystem().status(), 0));
                return 0;
            }
        }
        throw EINVAL.error();
    }
}
