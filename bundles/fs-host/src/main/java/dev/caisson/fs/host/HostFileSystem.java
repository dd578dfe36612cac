package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EINVAL;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Layouts;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.memory.AgedPages;
import dev.caisson.memory.CachedContents;
import dev.caisson.memory.MemoryFile;
import dev.caisson.spi.fs.AnonymousDevices;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.FileSystemStatus;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.NewNode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;

/** A host directory, or a single file of the host, mounted. */
public class HostFileSystem implements FileSystem {
    private static final int IDLE_HANDLES = 384;

    /** What identifies a file of the host. Its methods are written out: those of records are linked at run time, and never compiled as one. */
    private record Key(long device, long inode) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.inode == inode && key.device == device;
        }

        @Override
        public int hashCode() {
            return Long.hashCode(inode * 31 + device);
        }
    }

    private static final class Reference extends WeakReference<HostInode> {
        private final Key key;

        Reference(Key key, HostInode inode, ReferenceQueue<HostInode> queue) {
            super(inode, queue);
            this.key = key;
        }
    }

    private final CacheMode cacheMode;
    private final boolean isReadOnly;
    private final long deviceId;
    private final int rootFd;
    private final long rootDevice;
    private final boolean hasAcls;
    private final HostDevices devices;
    private final HandleCache handles = new HandleCache(IDLE_HANDLES);
    private final HostInode root;
    private volatile byte[] uuid;
    /** Set before anybody sees a file. */
    private HostIds ids = HostIds.SAME;

    private final ConcurrentHashMap<Key, Reference> inodes = new ConcurrentHashMap<>();
    private final ReferenceQueue<HostInode> collected = new ReferenceQueue<>();
    private final CachedContents contents;
    private final AgedPages agedPages;

    /**
     * Mounts.
     *
     * @param path absolute path on the host; of a directory, or of any other file, which is then the root
     * @param cacheMode who else changes the files
     * @param isReadOnly whether every change is EROFS
     * @param memory where cached pages live
     * @throws ErrnoException ENOENT, EACCES, EINVAL for a path that is not absolute
     */
    public HostFileSystem(String path, CacheMode cacheMode, boolean isReadOnly, MemoryFile memory) throws ErrnoException {
        this(path, cacheMode, isReadOnly, memory, AnonymousDevices.next());
    }

    /**
     * Mounts with a device number that is given.
     *
     * @param path as above
     * @param cacheMode who else changes the files
     * @param isReadOnly whether every change is EROFS
     * @param memory where cached pages live
     * @param deviceId {@code st_dev} of the files
     * @throws ErrnoException as above
     */
    public HostFileSystem(String path, CacheMode cacheMode, boolean isReadOnly, MemoryFile memory, long deviceId) throws ErrnoException {
        this(path, cacheMode, isReadOnly, memory, deviceId, AgedPages.AGE_NS);
    }

    /**
     * Mounts with another age of what guests change through mappings.
     *
     * @param path as above
     * @param cacheMode who else changes the files
     * @param isReadOnly whether every change is EROFS
     * @param memory where cached pages live
     * @param deviceId {@code st_dev} of the files
     * @param dirtyAgeNs how long the host may lack it
     * @throws ErrnoException as above
     */
    HostFileSystem(String path, CacheMode cacheMode, boolean isReadOnly, MemoryFile memory, long deviceId, long dirtyAgeNs)
            throws ErrnoException {
        this.deviceId = deviceId;
        this.agedPages = new AgedPages(dirtyAgeNs);
        if (!path.startsWith("/")) {
            throw EINVAL.error("the path of a host directory must be absolute");
        }
        this.cacheMode = cacheMode;
        this.contents = new CachedContents(memory, cacheMode == CacheMode.EXCLUSIVE);
        this.isReadOnly = isReadOnly;
        String directory = path;
        String file = null;
        long fd = HostPath.open(Fcntl.AT_FDCWD, path, Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0);
        if (fd == -Errno.ENOTDIR.number()) {
            int slash = path.lastIndexOf('/');
            directory = slash == 0 ? "/" : path.substring(0, slash);
            file = path.substring(slash + 1);
            fd = HostPath.open(Fcntl.AT_FDCWD, directory, Fcntl.O_PATH | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0);
        }
        this.rootFd = (int) Errno.check(fd);
        try {
            HostStatus status = HostStatus.of(rootFd);
            this.rootDevice = status.device();
            this.devices = new HostDevices(rootDevice);
            this.hasAcls = HostXattrs.hasAcls(rootFd);
            HostDirectory top = top(rootFd, status);
            this.root = file == null ? top : existing(top.lookup(file));
        } catch (ErrnoException | RuntimeException e) {
            HostFile.close(rootFd);
            throw e;
        }
        contents.evictUnderPressure();
    }

    private static HostInode existing(Inode found) throws ErrnoException {
        if (found == null) {
            throw Errno.ENOENT.error();
        }
        return (HostInode) found;
    }

    @Override
    public String typeName() {
        return "hostdir";
    }

    @Override
    public String options() {
        return "cache=" + (cacheMode == CacheMode.EXCLUSIVE ? "exclusive" : "shared");
    }

    @Override
    public long deviceId() {
        return deviceId;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean cachesDentries() {
        return cacheMode == CacheMode.EXCLUSIVE;
    }

    boolean isExclusive() {
        return cacheMode == CacheMode.EXCLUSIVE;
    }

    boolean isReadOnly() {
        return isReadOnly;
    }

    void checkWritable() throws ErrnoException {
        if (isReadOnly) {
            throw Errno.EROFS.error();
        }
    }

    int rootFd() {
        return rootFd;
    }

    /** {@return {@code st_dev} of the root directory on the host} */
    long rootDevice() {
        return rootDevice;
    }

    /** {@return whether files may have access control lists} */
    boolean hasAcls() {
        return hasAcls;
    }

    // ---- what a layer that takes the changes of an overlay does differently

    /** {@return whether the directory belongs to an overlay: with device nodes, all attributes, and nothing half made} */
    boolean isLayer() {
        return false;
    }

    /** {@return where a layer makes files before they get their name} */
    int workFd() {
        throw new UnsupportedOperationException("no layer");
    }

    /** {@return a name that is not used in {@link #workFd}} */
    String temporaryName() {
        throw new UnsupportedOperationException("no layer");
    }

    /** Whether one call makes a file with the owner and mode that are wanted. */
    boolean makesExactly(NewNode node, int directoryMode) {
        return false;
    }

    /** {@return what the files may take, or null for no limit} */
    HostBudget budget() {
        return null;
    }

    /** Counts room for something new: ENOSPC. */
    final void takeRoom(long bytes) throws ErrnoException {
        HostBudget budget = budget();
        if (budget != null) {
            budget.take(bytes);
        }
    }

    final void giveRoom(long bytes) {
        HostBudget budget = budget();
        if (budget != null) {
            budget.give(bytes);
        }
    }

    /** {@return which ids of the host stand for guests' ones} */
    final HostIds ids() {
        return ids;
    }

    /**
     * Sets which ids of the host stand for guests' ones.
     *
     * @param value the ids
     * @return this
     * @throws ErrnoException when the root cannot be looked at
     */
    HostFileSystem ids(HostIds value) throws ErrnoException {
        if (value != ids) {
            ids = value;
            root.changed();
            root.attributes();
        }
        return this;
    }

    /** {@return the UUID of the filesystem that the root directory is on; zeros when the host does not tell} */
    final byte[] uuid() {
        byte[] known = uuid;
        if (known == null) {
            known = HostHandles.uuid(rootFd);
            uuid = known;
        }
        return known;
    }

    HandleCache handles() {
        return handles;
    }

    HostDevices devices() {
        return devices;
    }

    /** {@return files with pages that guests have changed through mappings} */
    AgedPages agedPages() {
        return agedPages;
    }

    CachedContents contents() {
        return contents;
    }

    @Override
    public FileSystemStatus status() throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(120, 8);
            Errno.check(HostFile.fileSystemStatus(rootFd, s.address()));
            return new FileSystemStatus(s.get(Layouts.U64, 0), s.get(Layouts.U64, 8), s.get(Layouts.U64, 16), s.get(Layouts.U64, 24),
                    s.get(Layouts.U64, 32), s.get(Layouts.U64, 40), s.get(Layouts.U64, 48), deviceId, (int) s.get(Layouts.U64, 64));
        }
    }

    /** The one live inode of a host file, with its attributes as just read. */
    HostInode inode(HostStatus status, HostDirectory parent, String name, HostDevices.Device device) {
        purge();
        Key key = new Key(status.device(), status.inode());
        HostInode made = null;
        while (true) {
            Reference reference = inodes.get(key);
            HostInode known = reference == null ? null : reference.get();
            if (known != null && known.isSameFile(status)) {
                known.found(status, parent, name);
                return known;
            }
            if (made == null) {
                made = status.isDirectory() ? new HostDirectory(this, status, device, -1) : new HostInode(this, status, device);
                made.found(status, parent, name);
            }
            Reference fresh = new Reference(key, made, collected);
            if (reference == null ? inodes.putIfAbsent(key, fresh) == null : inodes.replace(key, reference, fresh)) {
                return made;
            }
        }
    }

    /** A directory that is not reached by a name. */
    final HostDirectory top(int fd, HostStatus status) {
        HostDirectory top = new HostDirectory(this, status, new HostDevices.Device(0, false), fd);
        Key key = new Key(status.device(), status.inode());
        inodes.put(key, new Reference(key, top, collected));
        return top;
    }

    /** A file has no name and no user any more; the host may give its number to another one. */
    void forget(HostInode inode) {
        inode.giveRoom();
        leave(inode);
    }

    /** The next lookup of the file makes a new inode. */
    void leave(HostInode inode) {
        Key key = new Key(inode.hostDevice(), inode.hostInode());
        Reference reference = inodes.get(key);
        if (reference != null && reference.get() == inode) {
            inodes.remove(key, reference);
        }
        contents.drop(inode.content());
        handles.forget(inode);
    }

    /** Others have changed the tree: what is found from now on is looked at anew. Files that are in use, and directories that no name leads to, stay. */
    final void forgetAll() {
        inodes.forEach((key, reference) -> {
            HostInode inode = reference.get();
            if (inode == null || inode.topFd() < 0) {
                inodes.remove(key, reference);
            }
            if (inode != null) {
                inode.stale();
                if (inode.topFd() < 0 && (inode.content() == null || !inode.content().isInUse())) {
                    contents.drop(inode.content());
                    handles.forget(inode);
                }
            }
        });
    }

    private void purge() {
        for (Reference gone = (Reference) collected.poll(); gone != null; gone = (Reference) collected.poll()) {
            inodes.remove(gone.key, gone);
        }
    }

    @Override
    public void sync() throws ErrnoException {
        contents.writeBack();
        if (!isReadOnly) {
            long fd = HostPath.open(rootFd, ".", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY | Fcntl.O_CLOEXEC, 0);
            if (fd >= 0) {
                try {
                    Errno.check(HostFile.syncFileSystem((int) fd));
                } finally {
                    HostFile.close((int) fd);
                }
            }
        }
    }

    @Override
    public void publish() throws ErrnoException {
        contents.writeBack();
    }

    @Override
    public void close() {
        agedPages.close();
        contents.close();
        handles.close();
        HostFile.close(rootFd);
    }
}
