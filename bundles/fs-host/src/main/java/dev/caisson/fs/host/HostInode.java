package dev.caisson.fs.host;

import static dev.caisson.abi.Errno.EINVAL;
import static dev.caisson.abi.Errno.ENODATA;
import static dev.caisson.abi.Errno.ENOENT;
import static dev.caisson.abi.Errno.ENXIO;
import static dev.caisson.abi.Errno.EOPNOTSUPP;
import static dev.caisson.abi.Errno.ESTALE;

import dev.caisson.abi.Errno;
import dev.caisson.abi.ErrnoException;
import dev.caisson.abi.Fcntl;
import dev.caisson.abi.Stat;
import dev.caisson.host.HostFile;
import dev.caisson.host.HostPath;
import dev.caisson.memory.PageCache;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.lock.LockRank;
import dev.caisson.spi.lock.RankedLock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A host file that is no directory; what directories share with it. */
class HostInode extends Inode {
    private static final int OPEN_FLAGS = Fcntl.O_NOFOLLOW | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_NOCTTY;
    private static final long RESOLVE =
            Fcntl.RESOLVE_BENEATH | Fcntl.RESOLVE_NO_MAGICLINKS | Fcntl.RESOLVE_NO_SYMLINKS;
    private static final long UTIME_OMIT = (1L << 30) - 2;

    private final HostFileSystem fileSystem;
    private final HostDevices.Device device;
    private final long hostDevice;
    private final long hostInode;
    private final long birthNs;
    private final int type;

    /** Content, size and page cache. */
    final RankedLock lock = RankedLock.of(LockRank.INODE);

    /** The shared descriptor. Guarded by the handle cache. */
    HandleCache.Handle handle;

    /** A directory and name that lead here; null parent when none does, and for the root. Written together under this. */
    private volatile HostDirectory parent;
    private volatile String name;

    /** Further names, of hard links. Guarded by this. */
    private List<Name> otherNames = List.of();

    private volatile Attributes attributes;
    /** Counts changes through this mount. */
    private final AtomicInteger version = new AtomicInteger();
    /** The version that {@link #attributes} show, or -1 when the host must be asked. */
    private volatile int freshVersion = -1;
    private volatile String linkTarget;

    /** The pages, once somebody mapped the file. Set under {@link #lock}. */
    private volatile PageCache pages;
    /** Open files. Guarded by this. */
    private int opens;
    /** Keeps the content of an open file that has lost its name. Guarded by this. */
    private HandleCache.Handle pin;

    private record Name(HostDirectory directory, String name) {}

    HostInode(HostFileSystem fileSystem, HostStatus status, HostDevices.Device device) {
        this.fileSystem = fileSystem;
        this.device = device;
        this.hostDevice = status.device();
        this.hostInode = status.inode();
        this.birthNs = status.birthNs();
        this.type = status.mode() & Stat.S_IFMT;
        keep(status, 0);
    }

    /** Whether a status read by name is of this file; an inode number that was used again shows by type or time of birth. */
    final boolean isSameFile(HostStatus status) {
        return status.device() == hostDevice && status.inode() == hostInode && (status.mode() & Stat.S_IFMT) == type
                && status.birthNs() == birthNs;
    }

    /** It was found under a name. */
    final void found(HostStatus status, HostDirectory directory, String as) {
        synchronized (this) {
            if (parent == null) {
                parent = directory;
                name = as;
            } else if (type != Stat.S_IFDIR && (parent != directory || !as.equals(name))) {
                addNameLocked(directory, as);
            } else {
                parent = directory;
                name = as;
            }
        }
        if (freshVersion != version.get()) {
            keep(status, -1); // it may have been read before the last change
        }
    }

    private void addNameLocked(HostDirectory directory, String as) {
        Name found = new Name(directory, as);
        if (!otherNames.contains(found)) {
            List<Name> more = new ArrayList<>(otherNames);
            more.add(found);
            otherNames = more;
        }
    }

    /** It got one more name. */
    final synchronized void linked(HostDirectory directory, String as) {
        if (parent == null) {
            parent = directory;
            name = as;
        } else {
            addNameLocked(directory, as);
        }
        changed();
    }

    /** A name is gone. */
    final synchronized void unnamed(HostDirectory directory, String as) {
        if (parent == directory && as.equals(name)) {
            parent = null;
            if (!otherNames.isEmpty()) {
                List<Name> rest = new ArrayList<>(otherNames);
                Name next = rest.removeFirst();
                otherNames = rest;
                parent = next.directory;
                name = next.name;
            }
        } else if (!otherNames.isEmpty()) {
            List<Name> rest = new ArrayList<>(otherNames);
            rest.remove(new Name(directory, as));
            otherNames = rest;
        }
        changed();
    }

    /** One of its names became another one. */
    final synchronized void renamed(HostDirectory from, String oldName, HostDirectory to, String newName) {
        if (parent == from && oldName.equals(name)) {
            parent = to;
            name = newName;
            changed();
        } else {
            linked(to, newName);
            unnamed(from, oldName);
        }
    }

    final long hostDevice() {
        return hostDevice;
    }

    final long hostInode() {
        return hostInode;
    }

    final HostDirectory parent() {
        return parent;
    }

    final String name() {
        return name;
    }

    final HostDevices.Device device() {
        return device;
    }

    final HostFileSystem host() {
        return fileSystem;
    }

    private Attributes keep(HostStatus s, int seenVersion) {
        PageCache cache = pages;
        Attributes last = attributes;
        if (cache != null && last != null && !fileSystem.isExclusive()
                && (last.modifyNs() != s.modifyNs() || last.sizeBytes() != s.sizeBytes())) {
            followHost(cache, s.sizeBytes());
        }
        Attributes a = new Attributes(fileSystem.deviceId(), device.number(hostInode), s.mode(), s.links(), s.uid(), s.gid(),
                s.rawDevice(), s.sizeBytes(), s.blockBytes(), s.blocks(), s.accessNs(), s.modifyNs(), s.changeNs(), s.birthNs());
        attributes = a;
        freshVersion = fileSystem.isExclusive() ? seenVersion : -1;
        return a;
    }

    /** Somebody else changed a file that has cached pages. */
    private void followHost(PageCache cache, long sizeBytes) {
        lock.lock();
        try {
            if (cache.sizeBytes() != sizeBytes) {
                cache.resize(sizeBytes);
            }
            cache.invalidate(0, Long.MAX_VALUE);
        } catch (ErrnoException e) {
            changed(); // the next look tries again
        } finally {
            lock.unlock();
        }
    }

    /** The file was changed through this mount. */
    final void changed() {
        version.incrementAndGet();
    }

    @Override
    public FileSystem fileSystem() {
        return fileSystem;
    }

    @Override
    public Attributes attributes() throws ErrnoException {
        int now = version.get();
        if (freshVersion == now) {
            return attributes;
        }
        HandleCache.Handle open = fileSystem.handles().take(this, false);
        if (open != null) {
            try {
                return keep(HostStatus.of(open.fd), now);
            } finally {
                fileSystem.handles().release(open);
            }
        }
        HostDirectory directory = parent;
        if (directory == null) {
            return isTop() ? keep(HostStatus.of(fileSystem.rootFd()), now) : gone(now);
        }
        HandleCache.Handle at = directory.directoryHandle();
        HostStatus status;
        try {
            status = HostStatus.find(at.fd, name);
        } finally {
            fileSystem.handles().release(at);
        }
        if (status == null || !isSameFile(status)) {
            if (fileSystem.isExclusive()) {
                return gone(now);
            }
            throw ESTALE.error("the host has another file under the name");
        }
        return keep(status, now);
    }

    boolean isTop() {
        return false;
    }

    /** The attributes of a file whose last name is gone and that is not open on the host. */
    private Attributes gone(int now) {
        Attributes a = attributes;
        Attributes unlinked = new Attributes(a.deviceId(), a.inode(), a.mode(), 0, a.uid(), a.gid(), a.rawDevice(), a.sizeBytes(),
                a.blockBytes(), a.blocks(), a.accessNs(), a.modifyNs(), a.changeNs(), a.birthNs());
        attributes = unlinked;
        freshVersion = now;
        return unlinked;
    }

    @Override
    public int mode() {
        return attributes.mode();
    }

    @Override
    public int uid() {
        return attributes.uid();
    }

    @Override
    public int gid() {
        return attributes.gid();
    }

    @Override
    public long number() {
        return device.number(hostInode);
    }

    /**
     * A descriptor for the content of this regular file, opened if need be; the caller releases it.
     *
     * @param writable whether it will be written
     */
    HandleCache.Handle contentHandle(boolean writable) throws ErrnoException {
        HandleCache.Handle known = fileSystem.handles().take(this, writable);
        if (known != null) {
            return known;
        }
        HostDirectory directory = parent;
        if (directory == null) {
            throw ESTALE.error("the file has no name any more and was not open");
        }
        HandleCache.Handle at = directory.directoryHandle();
        int fd;
        boolean isWritable = !fileSystem.isReadOnly();
        try {
            long opened = isWritable ? open(at.fd, name, Fcntl.O_RDWR | OPEN_FLAGS) : -Errno.EROFS.number();
            if (opened < 0 && !writable) {
                isWritable = false;
                opened = open(at.fd, name, Fcntl.O_RDONLY | OPEN_FLAGS);
            } else if (opened == -Errno.EACCES.number() && writable) {
                opened = open(at.fd, name, Fcntl.O_WRONLY | OPEN_FLAGS);
                if (opened >= 0) {
                    // Not shared: others could not read through it.
                    checkIdentity((int) opened);
                    return new HandleCache.Handle(this, (int) opened, true);
                }
            }
            fd = (int) Errno.check(opened);
        } finally {
            fileSystem.handles().release(at);
        }
        checkIdentity(fd);
        return fileSystem.handles().offer(this, fd, isWritable);
    }

    static long open(int directory, String name, int flags) {
        long fd;
        do {
            fd = HostPath.open(directory, name, flags, 0, RESOLVE);
        } while (fd == -Errno.EAGAIN.number());
        return fd;
    }

    private void checkIdentity(int fd) throws ErrnoException {
        HostStatus status = HostStatus.of(fd);
        if (!isSameFile(status)) {
            HostFile.close(fd);
            throw ESTALE.error("the host has another file under the name");
        }
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        if (type != Stat.S_IFREG) {
            throw ENXIO.error("special files of the host are not opened");
        }
        if ((flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY) {
            fileSystem.checkWritable();
        }
        synchronized (this) {
            opens++;
        }
        return new HostRegularFile(this, flags);
    }

    /** An open file was closed. */
    final void closed() {
        boolean isLast;
        HandleCache.Handle unused = null;
        synchronized (this) {
            isLast = --opens == 0;
            if (isLast) {
                unused = pin;
                pin = null;
            }
        }
        if (unused != null) {
            fileSystem.handles().release(unused);
        }
        if (isLast && parent == null) {
            fileSystem.forget(this);
        }
    }

    /** Before a name goes: an open file keeps its content by a descriptor, which it may not have needed so far. */
    final void pinContent() {
        if (type != Stat.S_IFREG || !isInUse()) {
            return;
        }
        try {
            keepOpen(contentHandle(false));
        } catch (ErrnoException e) {
            // Then reading it would have failed as well.
        }
    }

    /** Keeps a descriptor open until the last open file is closed. */
    final void keepOpen(HandleCache.Handle open) {
        synchronized (this) {
            if (pin == null) {
                pin = open;
                return;
            }
        }
        fileSystem.handles().release(open);
    }

    final synchronized boolean isInUse() {
        return opens > 0;
    }

    final PageCache pages() {
        return pages;
    }

    /** The page cache, made if there is none. */
    final PageCache makePages() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            return cache;
        }
        lock.lock();
        try {
            cache = pages;
            if (cache == null) {
                cache = new PageCache(fileSystem.memory(), new HostPages(this), PageCache.WritePolicy.THROUGH, this);
                pages = cache;
            }
        } finally {
            lock.unlock();
        }
        fileSystem.hasPages(this);
        return cache;
    }

    /** Lets go of the pages; false when the file is open or mapped. */
    final boolean dropPages() {
        lock.lock();
        try {
            PageCache cache = pages;
            if (cache == null) {
                return true;
            }
            if (isInUse() || cache.isMapped()) {
                return false;
            }
            pages = null;
            cache.close();
            return true;
        } catch (ErrnoException e) {
            return true; // all is released; what could not be written had its fsync to tell
        } finally {
            lock.unlock();
        }
    }

    final void evictPages() {
        PageCache cache = pages;
        if (cache != null) {
            cache.evict();
        }
    }

    final void writeBack() throws ErrnoException {
        PageCache cache = pages;
        if (cache != null) {
            cache.writeBack();
            changed();
        }
    }

    @Override
    public String readLink() throws ErrnoException {
        if (type != Stat.S_IFLNK) {
            throw EINVAL.error();
        }
        String target = linkTarget;
        if (target != null) {
            return target; // the text of a link never changes
        }
        HostDirectory directory = parent;
        if (directory == null) {
            throw ESTALE.error();
        }
        HandleCache.Handle at = directory.directoryHandle();
        try {
            target = HostPath.link(at.fd, name);
        } finally {
            fileSystem.handles().release(at);
        }
        if (target == null) {
            throw Errno.EIO.error("the host does not tell where the link leads");
        }
        linkTarget = target;
        return target;
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        fileSystem.checkWritable();
        try {
            if (change.has(AttributeChange.SIZE)) {
                truncate(change.sizeBytes());
            }
            if (change.has(AttributeChange.UID) || change.has(AttributeChange.GID)) {
                int uid = change.has(AttributeChange.UID) ? change.uid() : -1;
                int gid = change.has(AttributeChange.GID) ? change.gid() : -1;
                byName((at, as) -> HostPath.changeOwner(at, as, uid, gid, Fcntl.AT_SYMLINK_NOFOLLOW),
                        fd -> HostFile.changeOwner(fd, uid, gid));
            }
            if (change.has(AttributeChange.MODE)) {
                if (type == Stat.S_IFLNK) {
                    throw EOPNOTSUPP.error("a symbolic link has no mode");
                }
                // fchmodat follows links; in a directory that others change too, only a descriptor is sure to be the file.
                byName((at, as) -> HostPath.changeMode(at, as, change.mode()), fd -> HostFile.changeMode(fd, change.mode()));
            }
            if (change.has(AttributeChange.ACCESS_TIME) || change.has(AttributeChange.MODIFY_TIME)) {
                changeTimes(change);
            }
        } finally {
            changed();
            attributes(); // mode and owner are asked for without a chance to ask the host
        }
    }

    private void changeTimes(AttributeChange change) throws ErrnoException {
        boolean access = change.has(AttributeChange.ACCESS_TIME);
        boolean modify = change.has(AttributeChange.MODIFY_TIME);
        long accessSeconds = Math.floorDiv(change.accessNs(), 1_000_000_000L);
        long accessNanos = access ? Math.floorMod(change.accessNs(), 1_000_000_000L) : UTIME_OMIT;
        long modifySeconds = Math.floorDiv(change.modifyNs(), 1_000_000_000L);
        long modifyNanos = modify ? Math.floorMod(change.modifyNs(), 1_000_000_000L) : UTIME_OMIT;
        byName((at, as) -> HostPath.changeTimes(at, as, accessSeconds, accessNanos, modifySeconds, modifyNanos,
                Fcntl.AT_SYMLINK_NOFOLLOW),
                fd -> HostFile.changeTimes(fd, accessSeconds, accessNanos, modifySeconds, modifyNanos));
    }

    private void truncate(long sizeBytes) throws ErrnoException {
        HandleCache.Handle open = contentHandle(true);
        lock.lock();
        try {
            Errno.check(HostFile.truncate(open.fd, sizeBytes));
            PageCache cache = pages;
            if (cache != null) {
                cache.resize(sizeBytes);
            }
        } finally {
            lock.unlock();
            fileSystem.handles().release(open);
        }
    }

    /** A host call on a name in a directory. */
    @FunctionalInterface
    interface NameCall {
        long call(int directory, String name);
    }

    /** A host call on a descriptor. */
    @FunctionalInterface
    interface DescriptorCall {
        long call(int fd);
    }

    /** Does something to this file through its open descriptor if it has one (it may have no name any more), else by its name. */
    final long byName(NameCall named, DescriptorCall open) throws ErrnoException {
        HandleCache.Handle own = type == Stat.S_IFREG && open != null ? fileSystem.handles().take(this, false) : null;
        if (own != null) {
            try {
                return Errno.check(open.call(own.fd));
            } finally {
                fileSystem.handles().release(own);
            }
        }
        HostDirectory directory = parent;
        if (directory == null) {
            if (!isTop()) {
                throw ENOENT.error("the file has no name any more");
            }
            return Errno.check(named.call(fileSystem.rootFd(), "."));
        }
        HandleCache.Handle at = directory.directoryHandle();
        try {
            return Errno.check(named.call(at.fd, name));
        } finally {
            fileSystem.handles().release(at);
        }
    }

    @Override
    public byte[] getXattr(String attribute) throws ErrnoException {
        if (!HostXattrs.isReadable(attribute, type)) {
            throw attribute.startsWith("system.") ? EOPNOTSUPP.error() : ENODATA.error();
        }
        return HostXattrs.with(this, fd -> HostXattrs.get(fd, attribute));
    }

    @Override
    public void setXattr(String attribute, byte[] value, int flags) throws ErrnoException {
        fileSystem.checkWritable();
        if (!HostXattrs.isWritable(attribute, type)) {
            throw attribute.startsWith("user.") ? Errno.EPERM.error() : EOPNOTSUPP.error();
        }
        HostXattrs.with(this, fd -> HostXattrs.set(fd, attribute, value, flags));
        changed();
    }

    @Override
    public List<String> listXattrs() throws ErrnoException {
        if (type != Stat.S_IFREG && type != Stat.S_IFDIR) {
            return List.of();
        }
        return HostXattrs.with(this, HostXattrs::list);
    }

    @Override
    public void removeXattr(String attribute) throws ErrnoException {
        fileSystem.checkWritable();
        if (!HostXattrs.isWritable(attribute, type)) {
            throw attribute.startsWith("user.") ? Errno.EPERM.error() : EOPNOTSUPP.error();
        }
        HostXattrs.with(this, fd -> {
            Errno.check(HostFile.removeAttribute(fd, attribute));
            return null;
        });
        changed();
    }

    final int type() {
        return type;
    }
}
