package dev.caisson.fs.host;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.spi.fs.FileHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Names of host files that stay when paths change: name_to_handle_at(2) and the UUID of the filesystem. */
final class HostHandles {
    /** {@code MAX_HANDLE_SZ}. */
    private static final int MOST_BYTES = 128;
    private static final int BYTES_AT = 8;
    private static final int MOUNT_AT = BYTES_AT + MOST_BYTES;
    /** {@code FS_IOC_GETFSUUID}: {@code _IOR(0x15, 0, struct fsuuid2)}; length[1], uuid[16]; linux/fs.h, since Linux 6.9. */
    private static final int GET_UUID = 0x80111500;
    private static final int UUID_BYTES = 16;

    private HostHandles() {}

    /** The handle of a file, or null where the host's filesystem has none. */
    static FileHandle of(HostInode inode) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(MOUNT_AT + 4, 8);
            handle.set(Layouts.U32, 0, MOST_BYTES);
            HostInode.NameCall call = (at, name) -> HostPath.fileHandle(at, name, handle.address(), handle.address() + MOUNT_AT, 0);
            try {
                inode.byName(call, fd -> HostPath.fileHandle(fd, "", handle.address(), handle.address() + MOUNT_AT, Fcntl.AT_EMPTY_PATH));
            } catch (ErrnoException e) {
                if (e.errno() == Errno.EOPNOTSUPP || e.errno() == Errno.EOVERFLOW || e.errno() == Errno.EPERM
                        || e.errno() == Errno.ENOSYS) {
                    return null;
                }
                throw e;
            }
            byte[] bytes = handle.asSlice(BYTES_AT, handle.get(Layouts.U32, 0)).toArray(ValueLayout.JAVA_BYTE);
            return new FileHandle(inode.host().uuid(), handle.get(Layouts.U32, 4), bytes);
        }
    }

    /** The UUID of the filesystem a directory is on; zeros where the host does not tell. */
    static byte[] uuid(int directory) {
        byte[] uuid = new byte[UUID_BYTES];
        long fd = HostPath.open(directory, ".", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0);
        if (fd < 0) {
            return uuid;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(1 + UUID_BYTES);
            if (HostFile.ioctl((int) fd, GET_UUID, answer.address()) == 0) {
                MemorySegment.copy(answer, ValueLayout.JAVA_BYTE, 1, uuid, 0, UUID_BYTES);
            }
        } finally {
            HostFile.close((int) fd);
        }
        return uuid;
    }
}
