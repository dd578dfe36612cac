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
import dev.caisson.spi.cred.Credentials;
import dev.caisson.spi.fs.AttributeChange;
import dev.caisson.spi.fs.Attributes;
import dev.caisson.spi.fs.FileClock;
import dev.caisson.spi.fs.FileHandle;
import dev.caisson.spi.fs.FileIdentity;
import dev.caisson.spi.fs.FileSystem;
import dev.caisson.spi.fs.Inode;
import dev.caisson.spi.fs.OpenFile;
import dev.caisson.spi.fs.PosixAcl;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** A host file that is no directory; what directories share with it. */
class HostInode extends Inode {
    private static final long RESOLVE =
            Fcntl.RESOLVE_BENEATH | Fcntl.RESOLVE_NO_MAGICLINKS | Fcntl.RESOLVE_NO_SYMLINKS;
    /** {@code st_blocks} counts these. */
    static final long BLOCK_UNIT = 512;
    private static final Object NO_ACL = new Object();
    private static final long DAY_NS = 86_400_000_000_000L;
    private static final long UTIME_OMIT = (1L << 30) - 2;

    private final HostFileSystem fileSystem;
    private final HostDevices.Device device;
    private final long hostDevice;
    private final long hostInode;
    private final long birthNs;
    private final int type;

    /** The shared descriptor. Guarded by the handle cache. */
    HandleCache.Handle handle;

    private final HostNames names = new HostNames();
    /** Null unless this is a regular file. */
    private final HostContent content;

    /** What this file counts in the layer's budget, besides itself. */
    private final AtomicLong countedBytes = new AtomicLong();
    /** Whether the last name is gone, or going. */
    private volatile boolean isLosingLastName;

    private volatile Attributes attributes;
    /** Counts changes through this mount. */
    private final AtomicInteger version = new AtomicInteger();
    /** The version that {@link #attributes} show, or -1 when the host must be asked. */
    private volatile int freshVersion = -1;
    private volatile String linkTarget;
    /** A {@link PosixAcl}, {@link #NO_ACL}, or null before anybody asked. */
    private volatile Object acl;
    /** Whether there is a default list: null before anybody asked. */
    private volatile Boolean hasDefaultAcl;

    HostInode(HostFileSystem fileSystem, HostStatus status, HostDevices.Device device) {
        this.fileSystem = fileSystem;
        this.device = device;
        this.hostDevice = status.device();
        this.hostInode = status.inode();
        this.birthNs = status.birthNs();
        this.type = status.mode() & Stat.S_IFMT;
        this.content = type == Stat.S_IFREG ? new HostContent(this) : null;
        countedBytes.set(status.blocks() * BLOCK_UNIT);
        keep(status, 0);
    }

    /** A name is about to go. */
    final void losesName() throws ErrnoException {
        isLosingLastName = fileSystem.budget() != null && (type == Stat.S_IFDIR || attributes().links() <= 1);
    }

    /** Nobody uses the file any more: if it has no name either, what it took is free. */
    final void giveRoom() {
        if (isLosingLastName) {
            isLosingLastName = false;
            fileSystem.giveRoom(countedBytes.getAndSet(0) + HostBudget.FILE_BYTES);
        }
    }

    /** Counts what the file takes, after a change of its content or attributes. */
    final void recount() throws ErrnoException {
        if (fileSystem.budget() != null) {
            changed();
            long now = attributes().blocks() * BLOCK_UNIT;
            fileSystem.giveRoom(countedBytes.getAndSet(now) - now);
        }
    }

    /** Whether a status read by name is of this file; an inode number that was used again shows by type or time of birth. */
    final boolean isSameFile(HostStatus status) {
        return status.device() == hostDevice && status.inode() == hostInode && (status.mode() & Stat.S_IFMT) == type
                && status.birthNs() == birthNs;
    }

    /** It was found under a name. */
    final void found(HostStatus status, HostDirectory directory, String as) {
        if (directory != null) {
            names.found(directory, as, type == Stat.S_IFDIR || !fileSystem.isExclusive());
        }
        if (freshVersion != version.get()) {
            keep(status, -1); // it may have been read before the last change
        }
    }

    /** It got one more name. */
    final void linked(HostDirectory directory, String as) {
        names.linked(directory, as);
        changed();
    }

    /** A name is gone. */
    final void unnamed(HostDirectory directory, String as) {
        names.removed(directory, as);
        changed();
    }

    /** One of its names became another one. */
    final void renamed(HostDirectory from, String oldName, HostDirectory to, String newName) {
        names.renamed(from, oldName, to, newName);
        changed();
    }

    /** {@return a name that leads here; null when none does, and for the root} */
    final HostNames.Name name() {
        return names.first();
    }

    /** {@return the directory of {@link #name}, or null} */
    final HostDirectory parent() {
        HostNames.Name name = names.first();
        return name == null ? null : name.directory();
    }

    /** {@return what a regular file has; null for others} */
    final HostContent content() {
        return content;
    }

    final long hostDevice() {
        return hostDevice;
    }

    final long hostInode() {
        return hostInode;
    }

    final HostDevices.Device device() {
        return device;
    }

    final HostFileSystem host() {
        return fileSystem;
    }

    private Attributes keep(HostStatus s, int seenVersion) {
        Attributes last = attributes;
        if (content != null && last != null && !fileSystem.isExclusive()
                && (last.modifyNs() != s.modifyNs() || last.sizeBytes() != s.sizeBytes())) {
            content.follow(s.sizeBytes());
        }
        Attributes a = new Attributes(fileSystem.deviceId(), device.number(hostInode), s.mode(), s.links(), fileSystem.ids().user(s.uid()), fileSystem.ids().group(s.gid()),
                s.rawDevice(), s.sizeBytes(), s.blockBytes(), s.blocks(), s.accessNs(), s.modifyNs(), s.changeNs(), s.birthNs());
        attributes = a;
        freshVersion = fileSystem.isExclusive() ? seenVersion : -1;
        return a;
    }

    /** The file was changed through this mount. */
    final void changed() {
        version.incrementAndGet();
    }

    /** The file may have been changed by others. */
    final void stale() {
        acl = null;
        hasDefaultAcl = null;
        changed();
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
        HostNames.Name as = names.first();
        if (as == null) {
            return topFd() >= 0 ? keep(HostStatus.of(topFd()), now) : gone(now);
        }
        HandleCache.Handle at = as.directory().directoryHandle();
        HostStatus status;
        try {
            status = HostStatus.find(at.fd, as.text());
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

    /** {@return the descriptor of a directory that is not reached by a name; -1 for all others} */
    int topFd() {
        return -1;
    }

    /** The attributes of a file whose last name is gone and that is not open on the host. */
    private Attributes gone(int now) {
        Attributes last = attributes;
        Attributes unlinked = last.unlinked(last.sizeBytes());
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

    static long open(int directory, String name, int flags) {
        long fd;
        do {
            fd = HostPath.open(directory, name, flags, 0, RESOLVE);
        } while (fd == -Errno.EAGAIN.number());
        return fd;
    }

    @Override
    public OpenFile open(int flags) throws ErrnoException {
        if (type != Stat.S_IFREG) {
            throw ENXIO.error("special files of the host are not opened");
        }
        if ((flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY) {
            fileSystem.checkWritable();
        }
        boolean isWritable = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        content.opened(isWritable);
        // Otherwise the host's descriptor is taken at the first use; where others may replace the file, that would be too late.
        if (!fileSystem.isExclusive() || content.isLosingName()) {
            content.openAtOnce(isWritable);
        }
        return new HostRegularFile(this, flags);
    }

    @Override
    public String readLink() throws ErrnoException {
        if (type != Stat.S_IFLNK) {
            throw EINVAL.error();
        }
        String target = linkTarget;
        if (target != null && !isAccessDue()) {
            return target; // the text of a link never changes
        }
        HostNames.Name as = names.first();
        if (as == null) {
            throw ESTALE.error();
        }
        HandleCache.Handle at = as.directory().directoryHandle();
        try {
            target = HostPath.link(at.fd, as.text());
        } finally {
            fileSystem.handles().release(at);
        }
        if (target == null) {
            throw Errno.EIO.error("the host does not tell where the link leads");
        }
        linkTarget = target;
        accessed(true);
        return target;
    }

    /** Whether the host will note an access, by what is known of the file: its relatime rule. */
    private boolean isAccessDue() {
        if (fileSystem.isReadOnly()) {
            return false;
        }
        Attributes a = attributes;
        return a.accessNs() <= a.modifyNs() || a.accessNs() <= a.changeNs() || FileClock.nowNs() - a.accessNs() >= DAY_NS;
    }

    /** The host keeps access times; what is known of the file may be behind now. */
    @Override
    public void accessed(boolean relative) {
        if (fileSystem.isExclusive() && isAccessDue()) {
            changed();
        }
    }

    @Override
    public void change(AttributeChange change) throws ErrnoException {
        fileSystem.checkWritable();
        if (type == Stat.S_IFDIR && topFd() < 0 && names.first() == null) {
            changeRemoved(change);
            return;
        }
        try {
            if (change.has(AttributeChange.SIZE)) {
                if (content == null) {
                    throw EINVAL.error("only a regular file has a size");
                }
                content.truncate(change.sizeBytes());
            }
            if (change.has(AttributeChange.UID) || change.has(AttributeChange.GID)) {
                int uid = change.has(AttributeChange.UID) ? fileSystem.ids().hostUser(change.uid()) : -1;
                int gid = change.has(AttributeChange.GID) ? fileSystem.ids().hostGroup(change.gid()) : -1;
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
            acl = null;
            changed();
            attributes(); // mode and owner are asked for without a chance to ask the host
        }
    }

    /** A removed directory that somebody has open: nothing reaches it on the host. */
    private void changeRemoved(AttributeChange change) throws ErrnoException {
        Attributes a = attributes();
        attributes = new Attributes(a.deviceId(), a.inode(), change.modeAfter(a.mode()), 0, change.uidAfter(a.uid()),
                change.gidAfter(a.gid()), a.rawDevice(), a.sizeBytes(), a.blockBytes(), a.blocks(), change.accessAfter(a.accessNs()),
                change.modifyAfter(a.modifyNs()), change.changeNs(), a.birthNs());
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
        HostNames.Name as = names.first();
        if (as == null) {
            if (topFd() < 0) {
                throw ENOENT.error("the file has no name any more");
            }
            return Errno.check(named.call(topFd(), "."));
        }
        HandleCache.Handle at = as.directory().directoryHandle();
        try {
            return Errno.check(named.call(at.fd, as.text()));
        } finally {
            fileSystem.handles().release(at);
        }
    }

    @Override
    public byte[] getXattr(String attribute) throws ErrnoException {
        HostXattrs.checkReadable(this, attribute);
        return HostXattrs.get(this, attribute);
    }

    @Override
    public void setXattr(String attribute, byte[] value, int flags) throws ErrnoException {
        fileSystem.checkWritable();
        HostXattrs.checkWritable(this, attribute);
        fileSystem.takeRoom(value.length);
        try {
            HostXattrs.set(this, attribute, value, flags);
        } finally {
            fileSystem.giveRoom(value.length);
        }
        recount();
        aclChanged(attribute);
    }

    @Override
    public List<String> listXattrs() throws ErrnoException {
        return HostXattrs.list(this);
    }

    @Override
    public void removeXattr(String attribute) throws ErrnoException {
        fileSystem.checkWritable();
        HostXattrs.checkWritable(this, attribute);
        HostXattrs.remove(this, attribute);
        aclChanged(attribute);
    }

    @Override
    public final boolean hasDefaultAcl() throws ErrnoException {
        if (!fileSystem.hasAcls()) {
            return false;
        }
        Boolean known = hasDefaultAcl;
        if (known == null || !fileSystem.isExclusive()) {
            try {
                known = HostXattrs.get(this, PosixAcl.DEFAULT).length > 0;
            } catch (ErrnoException e) {
                if (e.errno() != ENODATA && e.errno() != EOPNOTSUPP) {
                    throw e;
                }
                known = false;
            }
            hasDefaultAcl = known;
        }
        return known;
    }

    private void aclChanged(String attribute) throws ErrnoException {
        acl = null;
        hasDefaultAcl = null;
        changed();
        if (attribute.equals(PosixAcl.ACCESS)) {
            attributes(); // its mask is the mode's group bits, which are asked for without a chance to ask the host
        }
    }

    @Override
    public void checkAccess(int mask, Credentials credentials) throws ErrnoException {
        int bits = mode();
        // As in Linux: the owner's rights are those of the mode, and without group bits there is no list that grants more.
        if (credentials.fsuid() != uid() && (bits & 070) != 0 && fileSystem.hasAcls() && type != Stat.S_IFLNK) {
            Object list = acl;
            if (list == null || !fileSystem.isExclusive()) {
                list = readAcl();
                acl = list;
            }
            if (list instanceof PosixAcl found) {
                found.check(bits, uid(), gid(), mask, credentials);
                return;
            }
        }
        super.checkAccess(mask, credentials);
    }

    private Object readAcl() throws ErrnoException {
        try {
            PosixAcl found = PosixAcl.parse(HostXattrs.get(this, PosixAcl.ACCESS));
            return found != null ? found : NO_ACL;
        } catch (ErrnoException e) {
            if (e.errno() == ENODATA || e.errno() == EOPNOTSUPP || e.errno() == ENOENT || e.errno() == ESTALE) {
                return NO_ACL;
            }
            throw e;
        }
    }

    @Override
    public long changes() {
        return version.get() & 0xffff_ffffL;
    }

    @Override
    public void forget() {
        fileSystem.leave(this);
    }

    @Override
    public FileIdentity identity() throws ErrnoException {
        freshVersion = -1;
        return FileIdentity.of(hostDevice, hostInode, attributes());
    }

    @Override
    public FileHandle fileHandle() throws ErrnoException {
        return hostDevice == fileSystem.rootDevice() ? HostHandles.of(this) : null;
    }

    final int type() {
        return type;
    }
}
