package dev.caisson.testing.fs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.host.raw.HostCalls;
import dev.caisson.host.raw.SyscallNumber;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.DeviceNumbers;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The host's own kernel, which is the reference: every method is one system call. The thread that makes the object leaves the
 * process's shared working directory and umask (unshare of CLONE_FS), and changes its own credentials around each call that is made as
 * somebody else; credentials of raw system calls are a thread's, not the process's. Needs root for identities other than its own.
 */
public final class HostFileCalls implements FileCalls {
    private static final int TRUNCATE = 76;
    private static final int CLONE_FS = 0x200;
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int STATX_BASIC_AND_BIRTH = 0xfff;
    private static final long SECOND_NS = 1_000_000_000L;
    private static final int PATH_BYTES = 64 << 10;
    private static final int BUFFER_BYTES = 1 << 20;

    private final String directory;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment first = arena.allocate(PATH_BYTES);
    private final MemorySegment second = arena.allocate(PATH_BYTES);
    private final MemorySegment buffer = arena.allocate(BUFFER_BYTES, 8);
    private final MemorySegment small = arena.allocate(4096, 8);
    private final TreeSet<Integer> open = new TreeSet<>();
    private Identity who = Identity.ROOT;

    /**
     * Starts in a directory.
     *
     * @param directory absolute path on the host
     * @throws ErrnoException when it cannot be entered
     */
    public HostFileCalls(String directory) throws ErrnoException {
        this.directory = directory;
        Errno.check(HostCalls.call(SyscallNumber.UNSHARE, CLONE_FS));
        umask(022);
        chdir(CWD, directory);
    }

    /** {@return where it started} */
    String directory() {
        return directory;
    }

    @Override
    public FileCalls another() throws ErrnoException {
        return new HostFileCalls(directory);
    }

    @Override
    public void become(Identity identity) {
        who = identity;
    }

    private static void must(long result) {
        if (result < 0) {
            throw new IllegalStateException("cannot change the thread's credentials: " + Errno.of(-result));
        }
    }

    private long call(long number, long... a) throws ErrnoException {
        boolean foreign = !who.equals(Identity.ROOT);
        if (foreign) {
            enter();
        }
        long result;
        try {
            result = HostCalls.call(number, at(a, 0), at(a, 1), at(a, 2), at(a, 3), at(a, 4), at(a, 5));
        } finally {
            if (foreign) {
                leave();
            }
        }
        return Errno.check(result);
    }

    private static long at(long[] values, int index) {
        return index < values.length ? values[index] : 0;
    }

    /** The saved user stays 0, so that permitted capabilities stay and the way back is open. */
    private void enter() {
        int[] groups = who.groups();
        for (int i = 0; i < groups.length; i++) {
            small.setAtIndex(JAVA_INT_UNALIGNED, i, groups[i]);
        }
        must(HostCalls.call(SyscallNumber.SETGROUPS, groups.length, small.address()));
        must(HostCalls.call(SyscallNumber.SETRESGID, who.gid(), who.gid(), 0));
        must(HostCalls.call(SyscallNumber.SETRESUID, who.uid(), who.uid(), 0));
        capabilities(who.effective());
    }

    private void leave() {
        must(HostCalls.call(SyscallNumber.SETRESUID, 0, 0, 0));
        capabilities(-1);
        must(HostCalls.call(SyscallNumber.SETRESGID, 0, 0, 0));
        must(HostCalls.call(SyscallNumber.SETGROUPS, 0, 0));
    }

    private void capabilities(long wanted) {
        long data = small.address() + 64;
        small.set(JAVA_INT_UNALIGNED, 0, CAPABILITY_VERSION_3);
        small.set(JAVA_INT_UNALIGNED, 4, 0);
        must(HostCalls.call(SyscallNumber.CAPGET, small.address(), data));
        int low = small.get(JAVA_INT_UNALIGNED, 68);
        int high = small.get(JAVA_INT_UNALIGNED, 80);
        small.set(JAVA_INT_UNALIGNED, 64, (int) wanted & low);
        small.set(JAVA_INT_UNALIGNED, 76, (int) (wanted >>> 32) & high);
        must(HostCalls.call(SyscallNumber.CAPSET, small.address(), data));
    }

    private static long put(MemorySegment at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(bytes, 0, at, JAVA_BYTE, 0, bytes.length);
        at.set(JAVA_BYTE, bytes.length, (byte) 0);
        return at.address();
    }

    private long path(String path) {
        return put(first, path);
    }

    private String text(long bytes) {
        return new String(buffer.asSlice(0, bytes).toArray(JAVA_BYTE), StandardCharsets.ISO_8859_1);
    }

    @Override
    public int umask(int mask) {
        return (int) HostCalls.call(SyscallNumber.UMASK, mask);
    }

    @Override
    public void chdir(int dirfd, String path) throws ErrnoException {
        if (path.isEmpty() && dirfd != CWD) {
            call(SyscallNumber.FCHDIR, dirfd);
        } else {
            call(SyscallNumber.CHDIR, path(path));
        }
    }

    @Override
    public int open(int dirfd, String path, int flags, int mode) throws ErrnoException {
        int fd = (int) call(SyscallNumber.OPENAT, dirfd, path(path), flags | Fcntl.O_CLOEXEC, mode);
        open.add(fd);
        return fd;
    }

    @Override
    public void close(int fd) throws ErrnoException {
        open.remove(fd);
        call(SyscallNumber.CLOSE, fd);
    }

    @Override
    public String read(int fd, int most, long position) throws ErrnoException {
        return text(position == AT_OFFSET ? call(SyscallNumber.READ, fd, buffer.address(), most)
                : call(SyscallNumber.PREAD64, fd, buffer.address(), most, position));
    }

    @Override
    public long write(int fd, String content, long position) throws ErrnoException {
        put(buffer, content);
        return position == AT_OFFSET ? call(SyscallNumber.WRITE, fd, buffer.address(), content.length())
                : call(SyscallNumber.PWRITE64, fd, buffer.address(), content.length(), position);
    }

    @Override
    public long seek(int fd, long distance, int whence) throws ErrnoException {
        return call(SyscallNumber.LSEEK, fd, distance, whence);
    }

    @Override
    public void truncate(String path, long sizeBytes) throws ErrnoException {
        call(TRUNCATE, path(path), sizeBytes);
    }

    @Override
    public void truncate(int fd, long sizeBytes) throws ErrnoException {
        call(SyscallNumber.FTRUNCATE, fd, sizeBytes);
    }

    @Override
    public void allocate(int fd, int mode, long position, long lengthBytes) throws ErrnoException {
        call(SyscallNumber.FALLOCATE, fd, mode, position, lengthBytes);
    }

    @Override
    public void sync(int fd, boolean dataOnly) throws ErrnoException {
        call(dataOnly ? SyscallNumber.FDATASYNC : SyscallNumber.FSYNC, fd);
    }

    @Override
    public void statusFlags(int fd, int flags) throws ErrnoException {
        call(SyscallNumber.FCNTL, fd, Fcntl.F_SETFL, flags);
    }

    @Override
    public void mkdir(int dirfd, String path, int mode) throws ErrnoException {
        call(SyscallNumber.MKDIRAT, dirfd, path(path), mode);
    }

    @Override
    public void mknod(int dirfd, String path, int mode, long device) throws ErrnoException {
        call(SyscallNumber.MKNODAT, dirfd, path(path), mode, device);
    }

    @Override
    public void symlink(String target, int dirfd, String path) throws ErrnoException {
        call(SyscallNumber.SYMLINKAT, put(second, target), dirfd, path(path));
    }

    @Override
    public String readlink(int dirfd, String path) throws ErrnoException {
        return text(call(SyscallNumber.READLINKAT, dirfd, path(path), buffer.address(), 4096));
    }

    @Override
    public void link(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException {
        call(SyscallNumber.LINKAT, oldDirfd, put(second, oldPath), dirfd, path(path), flags);
    }

    @Override
    public void unlink(int dirfd, String path, boolean directory) throws ErrnoException {
        call(SyscallNumber.UNLINKAT, dirfd, path(path), directory ? Fcntl.AT_REMOVEDIR : 0);
    }

    @Override
    public void rename(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException {
        call(SyscallNumber.RENAMEAT2, oldDirfd, put(second, oldPath), dirfd, path(path), flags);
    }

    @Override
    public void chmod(int dirfd, String path, int mode) throws ErrnoException {
        if (path.isEmpty() && dirfd != CWD) {
            call(SyscallNumber.FCHMOD, dirfd, mode);
        } else {
            call(SyscallNumber.FCHMODAT, dirfd, path(path), mode);
        }
    }

    @Override
    public void chown(int dirfd, String path, int uid, int gid, int flags) throws ErrnoException {
        if (path.isEmpty() && dirfd != CWD) {
            call(SyscallNumber.FCHOWN, dirfd, uid, gid);
        } else {
            call(SyscallNumber.FCHOWNAT, dirfd, path(path), uid, gid, flags);
        }
    }

    @Override
    public void setTimes(int dirfd, String path, long accessNs, long modifyNs, int flags) throws ErrnoException {
        putTime(0, accessNs);
        putTime(16, modifyNs);
        boolean byDescriptor = path.isEmpty() && dirfd != CWD;
        call(SyscallNumber.UTIMENSAT, dirfd, byDescriptor ? 0 : path(path), buffer.address(), flags);
    }

    private void putTime(long offset, long ns) {
        boolean special = ns == Vfs.NOW || ns == Vfs.OMIT;
        buffer.set(JAVA_LONG_UNALIGNED, offset, special ? 0 : Math.floorDiv(ns, SECOND_NS));
        buffer.set(JAVA_LONG_UNALIGNED, offset + 8,
                ns == Vfs.NOW ? Fcntl.UTIME_NOW : ns == Vfs.OMIT ? Fcntl.UTIME_OMIT : Math.floorMod(ns, SECOND_NS));
    }

    @Override
    public void access(int dirfd, String path, int mask, int flags) throws ErrnoException {
        call(SyscallNumber.FACCESSAT2, dirfd, path(path), mask, flags);
    }

    @Override
    public Attributes stat(int dirfd, String path, int flags) throws ErrnoException {
        boolean byDescriptor = path.isEmpty() && dirfd != CWD;
        call(SyscallNumber.STATX, dirfd, path(path), flags | (byDescriptor ? Fcntl.AT_EMPTY_PATH : 0), STATX_BASIC_AND_BIRTH,
                buffer.address());
        return new Attributes(device(136), buffer.get(JAVA_LONG_UNALIGNED, 32), buffer.get(JAVA_SHORT_UNALIGNED, 28) & 0xffff,
                buffer.get(JAVA_INT_UNALIGNED, 16), buffer.get(JAVA_INT_UNALIGNED, 20), buffer.get(JAVA_INT_UNALIGNED, 24), device(128),
                buffer.get(JAVA_LONG_UNALIGNED, 40), buffer.get(JAVA_INT_UNALIGNED, 4), buffer.get(JAVA_LONG_UNALIGNED, 48), time(64),
                time(112), time(96), time(80));
    }

    private long device(long offset) {
        return DeviceNumbers.of(buffer.get(JAVA_INT_UNALIGNED, offset), buffer.get(JAVA_INT_UNALIGNED, offset + 4));
    }

    private long time(long offset) {
        return buffer.get(JAVA_LONG_UNALIGNED, offset) * SECOND_NS + buffer.get(JAVA_INT_UNALIGNED, offset + 8);
    }

    @Override
    public FileSystemStatus status(String path) throws ErrnoException {
        call(SyscallNumber.STATFS, path(path), buffer.address());
        return new FileSystemStatus(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7), (int) word(8));
    }

    private long word(int index) {
        return buffer.get(JAVA_LONG_UNALIGNED, index * 8L);
    }

    @Override
    public List<Entry> entries(int fd, int bytes) throws ErrnoException {
        long filled = call(SyscallNumber.GETDENTS64, fd, buffer.address(), bytes);
        List<Entry> entries = new ArrayList<>();
        for (long at = 0; at < filled; at += buffer.get(JAVA_SHORT_UNALIGNED, at + 16)) {
            entries.add(new Entry(buffer.getString(at + 19, StandardCharsets.ISO_8859_1), buffer.get(JAVA_LONG_UNALIGNED, at),
                    buffer.get(JAVA_BYTE, at + 18), buffer.get(JAVA_LONG_UNALIGNED, at + 8)));
        }
        return entries;
    }

    private static int number(String path, boolean follow, int followed, int unfollowed, int opened) {
        return path == null ? opened : follow ? followed : unfollowed;
    }

    private long target(int fd, String path) {
        return path == null ? fd : path(path);
    }

    @Override
    public String getXattr(int fd, String path, boolean follow, String name) throws ErrnoException {
        int number = number(path, follow, SyscallNumber.GETXATTR, SyscallNumber.LGETXATTR, SyscallNumber.FGETXATTR);
        return text(call(number, target(fd, path), put(second, name), buffer.address(), 64 << 10));
    }

    @Override
    public void setXattr(int fd, String path, boolean follow, String name, String value, int flags) throws ErrnoException {
        int number = number(path, follow, SyscallNumber.SETXATTR, SyscallNumber.LSETXATTR, SyscallNumber.FSETXATTR);
        put(buffer, value);
        call(number, target(fd, path), put(second, name), buffer.address(), value.length(), flags);
    }

    @Override
    public void removeXattr(int fd, String path, boolean follow, String name) throws ErrnoException {
        int number = number(path, follow, SyscallNumber.REMOVEXATTR, SyscallNumber.LREMOVEXATTR, SyscallNumber.FREMOVEXATTR);
        call(number, target(fd, path), put(second, name));
    }

    @Override
    public List<String> listXattrs(int fd, String path, boolean follow) throws ErrnoException {
        int number = number(path, follow, SyscallNumber.LISTXATTR, SyscallNumber.LLISTXATTR, SyscallNumber.FLISTXATTR);
        long bytes = call(number, target(fd, path), buffer.address(), 64 << 10);
        return bytes == 0 ? List.of() : List.of(text(bytes).split("\0"));
    }

    @Override
    public void flock(int fd, int operation) throws ErrnoException {
        call(SyscallNumber.FLOCK, fd, operation | Fcntl.LOCK_NB);
    }

    private void putLock(int type, long start, long lengthBytes) {
        buffer.asSlice(0, 32).fill((byte) 0);
        buffer.set(JAVA_SHORT_UNALIGNED, 0, (short) type);
        buffer.set(JAVA_LONG_UNALIGNED, 8, start);
        buffer.set(JAVA_LONG_UNALIGNED, 16, lengthBytes);
    }

    @Override
    public void lock(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException {
        putLock(type, start, lengthBytes);
        call(SyscallNumber.FCNTL, fd, ofDescription ? Fcntl.F_OFD_SETLK : Fcntl.F_SETLK, buffer.address());
    }

    @Override
    public String lockInTheWay(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException {
        putLock(type, start, lengthBytes);
        call(SyscallNumber.FCNTL, fd, ofDescription ? Fcntl.F_OFD_GETLK : Fcntl.F_GETLK, buffer.address());
        int found = buffer.get(JAVA_SHORT_UNALIGNED, 0);
        return found == Fcntl.F_UNLCK ? "none" : (found == Fcntl.F_WRLCK ? "write" : "read") + "," + word(1) + "," + word(2);
    }

    @Override
    public void close() {
        who = Identity.ROOT;
        open.forEach(fd -> HostCalls.call(SyscallNumber.CLOSE, fd));
        open.clear();
        HostCalls.call(SyscallNumber.CHDIR, put(first, "/"));
        arena.close();
    }
}
