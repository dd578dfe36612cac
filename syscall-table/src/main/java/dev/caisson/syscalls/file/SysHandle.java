package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.EOVERFLOW;
import static dev.caisson.abi.Errno.EPERM;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.vfs.Dentry;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * name_to_handle_at(2), open_by_handle_at(2). A handle is the number of the file; the kernel remembers under which name it was seen.
 * <pre>
 *  struct file_handle
 *  off size field
 *    0    4 handle_bytes
 *    4    4 handle_type   1
 *    8   12 f_handle      generation, always 0; st_ino
 * </pre>
 */
final class SysHandle {
    private static final int BYTES = 12;
    private static final int MOST_BYTES = 128;
    private static final int TYPE = 1;
    private static final int AT_HANDLE_MNT_ID_UNIQUE = 1;
    private static final int AT_HANDLE_FID = 0x200;
    /** Filesystems of the kernel's own, whose files no handle brings back. */
    private static final Set<String> NOT_EXPORTED = Set.of("proc", "devpts", "pipefs", "sockfs", "anon_inodefs", "nsfs");
    private static final int MOST_KNOWN = 65536;

    private SysHandle() {}

    private record Key(long device, long inode) {}

    /** Where a file was when its handle was made: by its dentry while that lives, else by its path. */
    private record Known(WeakReference<Dentry> dentry, String path) {}

    /** The files that have handles; of very many, the first are forgotten (ESTALE). */
    private static final class Handles {
        private final Map<Key, Known> known = new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Key, Known> eldest) {
                return size() > MOST_KNOWN;
            }
        };

        synchronized void add(Dentry dentry) {
            StringBuilder path = new StringBuilder();
            for (Dentry at = dentry; !at.isRoot() && at.parent() != at; at = at.parent()) {
                path.insert(0, at.name()).insert(0, '/');
            }
            known.put(new Key(dentry.fileSystem().deviceId(), dentry.inode().number()),
                    new Known(new WeakReference<>(dentry), path.isEmpty() ? "" : path.substring(1)));
        }

        synchronized Known find(Key key) {
            return known.get(key);
        }
    }

    private static Handles handles(Task task) {
        return task.kernel().services().of(Handles.class, Handles::new);
    }

    static long nameToHandleAt(Task task, SyscallArgs args) throws ErrnoException {
        int flags = args.i32(4);
        int known = Fcntl.AT_SYMLINK_FOLLOW | Fcntl.AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE;
        if ((flags & ~known) != 0) {
            throw EINVAL.error();
        }
        int how = ((flags & Fcntl.AT_SYMLINK_FOLLOW) != 0 ? PathWalker.FOLLOW : 0)
                | ((flags & Fcntl.AT_EMPTY_PATH) != 0 ? PathWalker.EMPTY : 0);
        Location place = At.resolve(task, args.fd(0), At.path(task, args.address(1)), how);
        if (NOT_EXPORTED.contains(place.dentry().fileSystem().typeName()) && (flags & AT_HANDLE_FID) == 0) {
            throw EOPNOTSUPP.error();
        }
        long address = args.address(2);
        int room = task.memory().readInt(address);
        if (Integer.compareUnsigned(room, MOST_BYTES) > 0) {
            throw EINVAL.error();
        }
        if ((flags & AT_HANDLE_MNT_ID_UNIQUE) != 0) {
            task.memory().writeLong(args.address(3), place.mount().uniqueId());
        } else {
            task.memory().writeInt(args.address(3), place.mount().id());
        }
        task.memory().writeInt(address, BYTES);
        if (room < BYTES) {
            throw EOVERFLOW.error();
        }
        byte[] handle = new byte[4 + BYTES];
        MemorySegment bytes = MemorySegment.ofArray(handle);
        bytes.set(Layouts.U32, 0, TYPE);
        bytes.set(Layouts.U64, 8, place.inode().number());
        task.memory().copyOut(address + 4, handle);
        handles(task).add(place.dentry());
        return 0;
    }

    static long openByHandleAt(Task task, SyscallArgs args) throws ErrnoException {
        int dirfd = args.fd(0);
        Location anchor = dirfd == Fcntl.AT_FDCWD ? task.fs().workingDirectory() : At.place(task, dirfd);
        int size = task.memory().readInt(args.address(1));
        int type = task.memory().readInt(args.address(1) + 4);
        if (size == 0 || Integer.compareUnsigned(size, MOST_BYTES) > 0) {
            throw EINVAL.error();
        }
        if (!task.credentials().has(Capability.CAP_DAC_READ_SEARCH)) {
            throw EPERM.error();
        }
        byte[] handle = new byte[size];
        task.memory().copyIn(args.address(1) + 8, handle);
        if (size != BYTES || type != TYPE) {
            throw ESTALE.error();
        }
        long inode = MemorySegment.ofArray(handle).get(Layouts.U64, 4);
        Location place = find(task, anchor, inode);
        int flags = dev.caisson.vfs.OpenFlags.check(args.i32(2) & ~(Fcntl.O_CREAT | Fcntl.O_EXCL));
        if ((flags & Fcntl.O_DIRECTORY) != 0 && !place.dentry().isDirectory()) {
            throw dev.caisson.abi.Errno.ENOTDIR.error();
        }
        FileDescription description = task.kernel().vfs().openAt(task, place,
                (flags & Fcntl.O_PATH) == 0 ? flags | Fcntl.O_LARGEFILE : flags);
        return task.fds().install(description, (flags & Fcntl.O_CLOEXEC) != 0);
    }

    private static Location find(Task task, Location anchor, long inode) throws ErrnoException {
        Known known = handles(task).find(new Key(anchor.mount().fileSystem().deviceId(), inode));
        if (known == null) {
            throw ESTALE.error();
        }
        Dentry dentry = known.dentry().get();
        if (dentry != null && !dentry.isDeleted() && dentry.inode() != null && dentry.inode().number() == inode) {
            return new Location(anchor.mount(), dentry);
        }
        if (anchor.mount().root().isRoot()) {
            try {
                Location top = new Location(anchor.mount(), anchor.mount().root());
                Location again = known.path().isEmpty() ? top : task.kernel().vfs().resolve(task, top, known.path(), 0);
                if (again.mount() == anchor.mount() && again.inode().number() == inode) {
                    return again;
                }
            } catch (ErrnoException gone) {
                throw ESTALE.error();
            }
        }
        throw ESTALE.error();
    }
}
