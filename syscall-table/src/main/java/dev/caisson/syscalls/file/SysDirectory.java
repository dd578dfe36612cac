package dev.caisson.syscalls.file;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ERANGE;

import dev.caisson.abi.ErrnoException;
import dev.caisson.kernel.Task;
import dev.caisson.kernel.syscall.SyscallArgs;
import dev.caisson.spi.fs.DirectorySink;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Paths;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

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
        private static final int FIRST_BYTES = 2048;

        private final int limit;
        private final boolean isNew;
        /** Grows up to the limit: plain bytes, which go to the guest in one copy. */
        private byte[] room;
        private int used;
        private boolean tooSmall;

        Entries(int limit, boolean isNew) {
            this.limit = limit;
            this.isNew = isNew;
            this.room = new byte[Math.min(limit, FIRST_BYTES)];
        }

        @Override
        public boolean entry(String name, long inode, int type, long nextPosition) {
            byte[] text = name.getBytes(StandardCharsets.ISO_8859_1);
            int head = isNew ? 19 : 18;
            int length = head + text.length + (isNew ? 1 : 2) + 7 & ~7;
            if (length > limit - used) {
                tooSmall = used == 0;
                return false;
            }
            if (length > room.length - used) {
                room = Arrays.copyOf(room, Math.min(limit, Math.max(2 * room.length, used + length)));
            }
            byte[] to = room;
            int at = used;
            put(to, at, inode);
            put(to, at + 8, nextPosition);
            to[at + 16] = (byte) length;
            to[at + 17] = (byte) (length >>> 8);
            System.arraycopy(text, 0, to, at + head, text.length);
            to[isNew ? at + 18 : at + length - 1] = (byte) type;
            used = at + length;
            return true;
        }

        private static void put(byte[] to, int at, long word) {
            for (int i = 0; i < Long.BYTES; i++) {
                to[at + i] = (byte) (word >>> 8 * i);
            }
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
        try {
            Entries entries = new Entries((int) Math.min(count, MOST_BYTES), isNew);
            long before = description.offset();
            description.readDirectory(entries);
            if (entries.tooSmall) {
                throw EINVAL.error("no room for one entry");
            }
            if (entries.used > 0) {
                try {
                    task.memory().copyOut(args.address(1), entries.room, 0, entries.used);
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
