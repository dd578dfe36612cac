package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERANGE;
import static dev.caisson.abi.Layouts.U16;
import static dev.caisson.abi.Layouts.U64;
import static dev.caisson.abi.Layouts.U8;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Paths;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** getdents(2), getcwd(2), chdir(2), chroot(2). */
final class SysDirectory {
    /** Most bytes of entries in one call. */
    private static final int MOST_BYTES = 64 << 10;

    private SysDirectory() {}

    /**
     * Builds entries.
     * <pre>
     *  struct linux_dirent64: d_ino u64, d_off u64, d_reclen u16, d_type u8, d_name; aligned to 8
     *  struct linux_dirent:   d_ino u64, d_off u64, d_reclen u16, d_name, and d_type in the last byte
     * </pre>
     */
    private static final class Entries implements DirectorySink {
        private final MemorySegment room;
        private final boolean isNew;
        private long used;
        private boolean tooSmall;

        Entries(MemorySegment room, boolean isNew) {
            this.room = room;
            this.isNew = isNew;
        }

        @Override
        public boolean entry(String name, long inode, int type, long nextPosition) {
            int head = isNew ? 19 : 18;
            int length = head + name.length() + (isNew ? 1 : 2) + 7 & ~7;
            if (length > room.byteSize() - used) {
                tooSmall = used == 0;
                return false;
            }
            room.asSlice(used, length).fill((byte) 0);
            room.set(U64, used, inode);
            room.set(U64, used + 8, nextPosition);
            room.set(U16, used + 16, (short) length);
            for (int i = 0; i < name.length(); i++) {
                room.set(U8, used + head + i, (byte) name.charAt(i));
            }
            room.set(U8, isNew ? used + 18 : used + length - 1, (byte) type);
            used += length;
            return true;
        }
    }

    static long getdents(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, args, false);
    }

    static long getdents64(Task task, SyscallArgs args) throws ErrnoException {
        return list(task, args, true);
    }

    private static long list(Task task, SyscallArgs args, boolean isNew) throws ErrnoException {
        long count = args.value(2) & 0xffffffffL;
        FileDescription description = task.fds().borrow(args.fd(0));
        try (Arena arena = Arena.ofConfined()) {
            long size = Math.min(count, MOST_BYTES);
            MemorySegment room = size <= Task.SCRATCH_BYTES ? task.scratch().asSlice(0, size) : arena.allocate(size, 8);
            Entries entries = new Entries(room, isNew);
            long before = description.offset();
            description.readDirectory(entries);
            if (entries.tooSmall) {
                throw EINVAL.error("no room for one entry");
            }
            if (entries.used > 0) {
                try {
                    task.memory().copyOut(args.address(1), room, 0, entries.used);
                } catch (ErrnoException e) {
                    description.offset(before);
                    throw e;
                }
            }
            return entries.used;
        } finally {
            description.release();
        }
    }

    static long getcwd(Task task, SyscallArgs args) throws ErrnoException {
        String path = Paths.workingDirectory(task.fs().workingDirectory(), task.fs().root());
        int length = path.length() + 1;
        if (length > 4096) {
            throw dev.caisson.abi.Errno.ENAMETOOLONG.error();
        }
        if (Long.compareUnsigned(args.value(1), length) < 0) {
            throw ERANGE.error();
        }
        byte[] bytes = new byte[length];
        byte[] text = path.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(text, 0, bytes, 0, text.length);
        task.memory().copyOut(args.address(0), bytes);
        return length;
    }

    static long chdir(Task task, SyscallArgs args) throws ErrnoException {
        Location place = At.resolve(task, args.address(0), PathWalker.FOLLOW | PathWalker.DIRECTORY);
        task.kernel().vfs().changeDirectory(task, place);
        return 0;
    }

    static long fchdir(Task task, SyscallArgs args) throws ErrnoException {
        task.kernel().vfs().changeDirectory(task, At.place(task, args.fd(0)));
        return 0;
    }

    static long chroot(Task task, SyscallArgs args) throws ErrnoException {
        Location place = At.resolve(task, args.address(0), PathWalker.FOLLOW | PathWalker.DIRECTORY);
        task.kernel().vfs().changeRoot(task, place);
        return 0;
    }
}
