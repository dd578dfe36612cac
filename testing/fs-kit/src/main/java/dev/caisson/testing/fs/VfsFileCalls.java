package dev.caisson.testing.fs;

import static dev.caisson.abi.Errno.EBADF;
import static dev.caisson.abi.Errno.EFBIG;
import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.EISDIR;
import static dev.caisson.abi.Errno.ENODEV;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.ERANGE;
import static dev.caisson.abi.Errno.ESPIPE;

import dev.caisson.abi.Capability;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.IoBuffer;
import dev.caisson.vfs.ExtendedAttributes;
import dev.caisson.vfs.FdTable;
import dev.caisson.vfs.FileDescription;
import dev.caisson.vfs.FileLocks;
import dev.caisson.vfs.FsContext;
import dev.caisson.vfs.Location;
import dev.caisson.vfs.PathWalker;
import dev.caisson.vfs.Vfs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The VFS over a filesystem under test, called as the system call handlers call it: what Linux checks before it enters the VFS is
 * checked here, the rest is the VFS's and the filesystem's.
 */
public final class VfsFileCalls implements FileCalls {
    /** Bytes of a {@code linux_dirent64} before the name. */
    private static final int ENTRY_HEAD = 19;
    private static final int PROCESS = 1;

    private final Vfs vfs;
    private final FsContext fs;
    private final Location directory;
    private final FdTable descriptors = new FdTable();
    private Guest caller;

    /**
     * Starts in a directory.
     *
     * @param root a caller on the filesystem
     * @param directory where
     */
    public VfsFileCalls(Guest root, Location directory) {
        this.vfs = root.vfs();
        this.directory = directory;
        this.fs = new FsContext(root.fs().namespace(), root.fs().root(), directory, 0022);
        this.caller = new Guest(vfs, fs, Credentials.ROOT);
    }

    /** {@return the name of the directory where it started} */
    String directoryName() {
        return directory.dentry().name();
    }

    @Override
    public FileCalls another() {
        return new VfsFileCalls(caller, directory);
    }

    @Override
    public void become(Identity who) {
        caller = caller.as(who.credentials());
    }

    @Override
    public int umask(int mask) {
        return fs.umask(mask);
    }

    private Location opened(int fd) throws ErrnoException {
        FileDescription description = descriptors.peek(fd);
        if (description == null) {
            throw EBADF.error();
        }
        return description.location();
    }

    private Location start(int dirfd, String path) throws ErrnoException {
        if (dirfd == CWD || path.startsWith("/")) {
            return null;
        }
        return opened(dirfd); // the walk finds out whether it is a directory
    }

    private Location find(int dirfd, String path, int flags) throws ErrnoException {
        if (path.isEmpty() && dirfd != CWD) {
            return opened(dirfd);
        }
        int how = ((flags & Fcntl.AT_SYMLINK_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0);
        return vfs.resolve(caller, start(dirfd, path), path, how);
    }

    /** As {@link #find} for calls that refuse descriptors of O_PATH. */
    private Location findOpen(int dirfd, String path, int flags) throws ErrnoException {
        if (path.isEmpty() && dirfd != CWD) {
            return description(dirfd).location();
        }
        return find(dirfd, path, flags);
    }

    private FileDescription description(int fd) throws ErrnoException {
        FileDescription description = descriptors.peek(fd);
        if (description == null || description.isPath()) {
            throw EBADF.error();
        }
        return description;
    }

    @Override
    public void chdir(int dirfd, String path) throws ErrnoException {
        vfs.changeDirectory(caller, find(dirfd, path, 0));
    }

    @Override
    public int open(int dirfd, String path, int flags, int mode) throws ErrnoException {
        return descriptors.install(vfs.open(caller, start(dirfd, path), path, flags, mode, 0), true);
    }

    @Override
    public void close(int fd) throws ErrnoException {
        descriptors.close(fd);
    }

    @Override
    public String read(int fd, int most, long position) throws ErrnoException {
        FileDescription description = description(fd);
        if (most == 0) {
            description.checkReadableData();
            return "";
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(most);
            IoBuffer target = IoBuffer.of(segment);
            long count = position == AT_OFFSET ? description.read(target) : description.readAt(target, position);
            return new String(segment.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        }
    }

    @Override
    public long write(int fd, String content, long position) throws ErrnoException {
        FileDescription description = description(fd);
        byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length == 0 && description.isWritable()) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(Math.max(bytes.length, 1));
            MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
            IoBuffer source = IoBuffer.of(segment.asSlice(0, bytes.length));
            return position == AT_OFFSET ? description.write(source, caller) : description.writeAt(source, position, caller);
        }
    }

    @Override
    public long seek(int fd, long distance, int whence) throws ErrnoException {
        return description(fd).seek(distance, whence);
    }

    @Override
    public void truncate(String path, long sizeBytes) throws ErrnoException {
        if (sizeBytes < 0) {
            throw EINVAL.error();
        }
        vfs.truncate(caller, find(CWD, path, 0), sizeBytes);
    }

    @Override
    public void truncate(int fd, long sizeBytes) throws ErrnoException {
        if (sizeBytes < 0) {
            throw EINVAL.error();
        }
        vfs.truncate(caller, description(fd), sizeBytes);
    }

    /** In the order of vfs_fallocate. */
    @Override
    public void allocate(int fd, int mode, long position, long lengthBytes) throws ErrnoException {
        FileDescription description = description(fd);
        if (position < 0 || lengthBytes <= 0) {
            throw EINVAL.error();
        }
        int known = Fcntl.FALLOC_FL_KEEP_SIZE | Fcntl.FALLOC_FL_PUNCH_HOLE | Fcntl.FALLOC_FL_COLLAPSE_RANGE
                | Fcntl.FALLOC_FL_ZERO_RANGE | Fcntl.FALLOC_FL_INSERT_RANGE | Fcntl.FALLOC_FL_UNSHARE_RANGE;
        boolean punch = (mode & Fcntl.FALLOC_FL_PUNCH_HOLE) != 0;
        if ((mode & ~known) != 0
                || punch && ((mode & Fcntl.FALLOC_FL_ZERO_RANGE) != 0 || (mode & Fcntl.FALLOC_FL_KEEP_SIZE) == 0)) {
            throw EOPNOTSUPP.error();
        }
        if ((mode & Fcntl.FALLOC_FL_COLLAPSE_RANGE) != 0 && mode != Fcntl.FALLOC_FL_COLLAPSE_RANGE
                || (mode & Fcntl.FALLOC_FL_INSERT_RANGE) != 0 && mode != Fcntl.FALLOC_FL_INSERT_RANGE) {
            throw EINVAL.error();
        }
        if (!description.isWritable()) {
            throw EBADF.error();
        }
        switch (description.inode().mode() & Stat.S_IFMT) {
            case Stat.S_IFIFO -> throw ESPIPE.error();
            case Stat.S_IFDIR -> throw EISDIR.error();
            case Stat.S_IFREG, Stat.S_IFBLK -> {}
            default -> throw ENODEV.error();
        }
        if (position + lengthBytes < 0) {
            throw EFBIG.error();
        }
        description.file().allocate(mode, position, lengthBytes);
    }

    @Override
    public void sync(int fd, boolean dataOnly) throws ErrnoException {
        description(fd).file().sync(dataOnly);
    }

    @Override
    public void statusFlags(int fd, int flags) throws ErrnoException {
        description(fd).statusFlags(flags);
    }

    @Override
    public void mkdir(int dirfd, String path, int mode) throws ErrnoException {
        vfs.mkdir(caller, start(dirfd, path), path, mode);
    }

    @Override
    public void mknod(int dirfd, String path, int mode, long device) throws ErrnoException {
        vfs.mknod(caller, start(dirfd, path), path, mode, device);
    }

    @Override
    public void symlink(String target, int dirfd, String path) throws ErrnoException {
        vfs.symlink(caller, target, start(dirfd, path), path);
    }

    @Override
    public String readlink(int dirfd, String path) throws ErrnoException {
        Location place = find(dirfd, path, Fcntl.AT_SYMLINK_NOFOLLOW);
        if (path.isEmpty() && (place.inode().mode() & Stat.S_IFMT) != Stat.S_IFLNK) {
            throw ENOENT.error();
        }
        return vfs.readLink(caller, place);
    }

    @Override
    public void link(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException {
        if ((flags & ~(Fcntl.AT_SYMLINK_FOLLOW | Fcntl.AT_EMPTY_PATH)) != 0) {
            throw EINVAL.error();
        }
        boolean emptyAllowed = (flags & Fcntl.AT_EMPTY_PATH) != 0;
        if (oldPath.isEmpty() && (!emptyAllowed || !caller.credentials().has(Capability.CAP_DAC_READ_SEARCH))) {
            throw ENOENT.error();
        }
        Location file = find(oldDirfd, oldPath, (flags & Fcntl.AT_SYMLINK_FOLLOW) != 0 ? 0 : Fcntl.AT_SYMLINK_NOFOLLOW);
        vfs.link(caller, file, start(dirfd, path), path);
    }

    @Override
    public void unlink(int dirfd, String path, boolean isDirectory) throws ErrnoException {
        if (isDirectory) {
            vfs.rmdir(caller, start(dirfd, path), path);
        } else {
            vfs.unlink(caller, start(dirfd, path), path);
        }
    }

    @Override
    public void rename(int oldDirfd, String oldPath, int dirfd, String path, int flags) throws ErrnoException {
        vfs.rename(caller, start(oldDirfd, oldPath), oldPath, start(dirfd, path), path, flags);
    }

    @Override
    public void chmod(int dirfd, String path, int mode) throws ErrnoException {
        vfs.chmod(caller, findOpen(dirfd, path, 0), mode);
    }

    @Override
    public void chown(int dirfd, String path, int uid, int gid, int flags) throws ErrnoException {
        vfs.chown(caller, findOpen(dirfd, path, flags), uid, gid);
    }

    @Override
    public void setTimes(int dirfd, String path, long accessNs, long modifyNs, int flags) throws ErrnoException {
        if (accessNs == Vfs.OMIT && modifyNs == Vfs.OMIT) {
            return; // Linux does not even look at the path
        }
        vfs.setTimes(caller, findOpen(dirfd, path, flags), accessNs, modifyNs);
    }

    @Override
    public void access(int dirfd, String path, int mask, int flags) throws ErrnoException {
        if ((mask & ~7) != 0) {
            throw EINVAL.error();
        }
        Credentials real = caller.credentials();
        if ((flags & Fcntl.AT_EACCESS) == 0) {
            // access(2) asks for what the real user could do: no capabilities unless that is root
            long effective = real.uid() == 0 ? Credentials.ALL_CAPABILITIES : 0;
            real = new Credentials(real.uid(), real.euid(), real.suid(), real.uid(), real.gid(), real.egid(), real.sgid(), real.gid(),
                    real.groups(), effective, effective, 0, real.bounding(), 0, 0);
        }
        int how = (flags & Fcntl.AT_SYMLINK_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0;
        vfs.access(vfs.resolve(fs, real, start(dirfd, path), path, how), mask, real);
    }

    @Override
    public Attributes stat(int dirfd, String path, int flags) throws ErrnoException {
        if (path.isEmpty()) {
            return vfs.attributes(find(dirfd, path, flags));
        }
        return vfs.attributes(caller, start(dirfd, path), path, (flags & Fcntl.AT_SYMLINK_NOFOLLOW) == 0 ? PathWalker.FOLLOW : 0);
    }

    @Override
    public FileSystemStatus status(String path) throws ErrnoException {
        return vfs.status(find(CWD, path, 0));
    }

    @Override
    public List<Entry> entries(int fd, int bytes) throws ErrnoException {
        List<Entry> entries = new ArrayList<>();
        int[] room = {bytes};
        boolean[] refused = {false};
        description(fd).readDirectory((name, inode, type, next) -> {
            int length = (ENTRY_HEAD + name.length() + 1 + 7) & ~7;
            if (length > room[0]) {
                refused[0] = true;
                return false;
            }
            room[0] -= length;
            entries.add(new Entry(name, inode, type, next));
            return true;
        });
        if (entries.isEmpty() && refused[0]) {
            throw EINVAL.error();
        }
        return entries;
    }

    private Location place(int fd, String path, boolean follow) throws ErrnoException {
        return path == null ? description(fd).location() : find(CWD, path, follow ? 0 : Fcntl.AT_SYMLINK_NOFOLLOW);
    }

    private static String checked(String name) throws ErrnoException {
        if (name.isEmpty() || name.length() > 255) {
            throw ERANGE.error();
        }
        return name;
    }

    private ExtendedAttributes extended() {
        return vfs.extendedAttributes();
    }

    @Override
    public String getXattr(int fd, String path, boolean follow, String name) throws ErrnoException {
        byte[] value = extended().get(caller, place(fd, path, follow), checked(name));
        return new String(value, StandardCharsets.ISO_8859_1);
    }

    @Override
    public void setXattr(int fd, String path, boolean follow, String name, String value, int flags) throws ErrnoException {
        if ((flags & ~3) != 0) {
            throw EINVAL.error();
        }
        String known = checked(name);
        if (value.length() > 64 << 10) {
            throw dev.caisson.abi.Errno.E2BIG.error();
        }
        extended().set(caller, place(fd, path, follow), known, value.getBytes(StandardCharsets.ISO_8859_1), flags);
    }

    @Override
    public void removeXattr(int fd, String path, boolean follow, String name) throws ErrnoException {
        extended().remove(caller, place(fd, path, follow), checked(name));
    }

    @Override
    public List<String> listXattrs(int fd, String path, boolean follow) throws ErrnoException {
        return extended().list(caller, place(fd, path, follow));
    }

    @Override
    public void flock(int fd, int operation) throws ErrnoException {
        FileDescription description = description(fd);
        if (operation != Fcntl.LOCK_SH && operation != Fcntl.LOCK_EX && operation != Fcntl.LOCK_UN) {
            throw EINVAL.error();
        }
        FileLocks.of(description.inode()).flock(description, PROCESS, operation, null);
    }

    private static long end(long start, long lengthBytes) throws ErrnoException {
        if (start < 0 || lengthBytes < 0) {
            throw EINVAL.error(); // negative lengths are the system call's business
        }
        return lengthBytes == 0 ? FileLocks.TO_END : start + lengthBytes - 1;
    }

    @Override
    public void lock(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException {
        FileDescription description = description(fd);
        long end = end(start, lengthBytes);
        FileLocks locks = FileLocks.of(description.inode());
        Object owner = ofDescription ? description : descriptors;
        if (type == Fcntl.F_UNLCK) {
            locks.unlock(owner, start, end);
            return;
        }
        if (type == Fcntl.F_WRLCK ? !description.isWritable() : !description.isReadable()) {
            throw EBADF.error();
        }
        locks.lock(owner, ofDescription ? -1 : PROCESS, type == Fcntl.F_WRLCK, start, end, null);
    }

    @Override
    public String lockInTheWay(int fd, boolean ofDescription, int type, long start, long lengthBytes) throws ErrnoException {
        FileDescription description = description(fd);
        FileLocks.Range found = FileLocks.of(description.inode())
                .test(ofDescription ? description : descriptors, type == Fcntl.F_WRLCK, start, end(start, lengthBytes));
        return found == null ? "none" : (found.exclusive() ? "write" : "read") + "," + found.start() + ","
                + (found.end() == FileLocks.TO_END ? 0 : found.end() - found.start() + 1);
    }

    @Override
    public void close() {
        descriptors.release();
        fs.release();
    }
}
